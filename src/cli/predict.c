/* stria predict: the classes of pictures, or of some images of a data source with the true ones beside. */
#include "cli/names.h"
#include "cli/picture.h"
#include "cli/predict_back.h"
#include "cli/ranking.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

enum { DRAWN_MAX = 64 };

/* What stria_predict_files gives for some pictures. */
typedef struct answers {
    ranking *r;
    int64_t most; /* per batch */
    float *probabilities;
    stria_error *errors;
} answers;

static stria_status several_predict(const answers *a, char *const *paths, int64_t n, stria_error *error) {
    ranking *r = a->r;
    stria_status status =
        stria_predict_files(r->predictor, (const char *const *)paths, n, a->probabilities, a->errors, error);
    if (status != STRIA_OK) return status;
    for (int64_t i = 0; i < n; i++) {
        int64_t channels, height, width;
        stria_predictor_picture_at(r->predictor, i, &channels, &height, &width);
        if (a->errors[i].status == STRIA_OK) answers_warn(r, channels, height, width);
        if (a->errors[i].status != STRIA_OK) {
            *error = a->errors[i];
            status = picture_failed(r, paths[i], error);
            if (status != STRIA_OK) return status;
            continue;
        }
        memcpy(r->probabilities, a->probabilities + i * r->classes, (size_t)r->classes * sizeof *r->probabilities);
        picture_tell(r, paths[i]);
    }
    return STRIA_OK;
}

static stria_status names_predict(const names *n, void *context, stria_error *error) {
    const answers *a = context;
    for (int64_t at = 0; at < n->count; at += a->most) {
        int64_t some = n->count - at < a->most ? n->count - at : a->most;
        if (term_stopped()) return source_refuse(error, STRIA_INTERRUPTED, "interrupted");
        stria_status status = several_predict(a, n->list + at, some, error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

/* Standard input, a pipe or a device, which is waited for because the user typed its name. */
static stria_status stream_predict(const answers *a, const char *path, stria_error *error) {
    ranking *r = a->r;
    int64_t channels, height, width;
    stria_status status = stria_predict_file(r->predictor, path, r->probabilities, error);
    if (status != STRIA_OK) return picture_failed(r, path, error);
    stria_predictor_picture(r->predictor, &channels, &height, &width);
    answers_warn(r, channels, height, width);
    picture_tell(r, path);
    return STRIA_OK;
}

/* Pictures and folders of them, and those that a list names. A folder of which there is nothing to predict is told like
 * a picture that cannot be read: the others are predicted. */
static stria_status named_predict(const options *given, const answers *a, stria_error *error) {
    names n = {0};
    answers some = *a;
    const char *list = option_text(given, "list");
    stria_status status = STRIA_OK;
    for (int i = 1; i < given->operand_count && status == STRIA_OK; i++) {
        const char *path = given->operands[i];
        if (names_stream(path)) {
            status = names_predict(&n, &some, error);
            names_release(&n);
            if (status == STRIA_OK) status = stream_predict(a, path, error);
            continue;
        }
        status = names_add(&n, path, option_given(given, "recursive"), error);
        if (status != STRIA_OK) status = picture_failed(a->r, path, error);
    }
    if (status == STRIA_OK) status = names_predict(&n, &some, error);
    names_release(&n);
    if (status != STRIA_OK || !list) return status;
    return names_read(list, strcmp(list, "-") == 0 ? 1 : a->most, names_predict, &some, error);
}

static stria_status predict_files(const options *given, ranking *r, stria_error *error) {
    answers a = {.r = r, .most = option_integer(given, "batch")};
    a.probabilities = calloc((size_t)(a.most * r->classes), sizeof *a.probabilities);
    a.errors = calloc((size_t)a.most, sizeof *a.errors);
    stria_status status = a.probabilities && a.errors
                              ? named_predict(given, &a, error)
                              : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for batches of %lld pictures",
                                              (long long)a.most);
    free(a.probabilities);
    free(a.errors);
    return status;
}

/* Images of a data source. */
static stria_status predict_list(const options *given, ranking *r, const char *source, const stria_dataset *data,
                                 stria_error *error) {
    for (int64_t i = 0; i < stria_dataset_count(data); i++) {
        char image[4200];
        int64_t label = 0;
        source_image(given, source, data, i, image, sizeof image);
        if (term_stopped()) return source_refuse(error, STRIA_INTERRUPTED, "interrupted");
        stria_status status = stria_dataset_read(data, i, NULL, 0, &label, error);
        if (status == STRIA_OK) status = stria_predict_item(r->predictor, data, i, r->probabilities, error);
        if (status == STRIA_OK) labelled_say(r, image, data, label);
        else status = picture_failed(r, image, error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

/* Pictures of one size, all in memory already. */
static bool drawn(const ranking *r, const stria_dataset *data) {
    int64_t channels, height, width;
    stria_dataset_shape(data, &channels, &height, &width);
    return !as_json(r) && !r->table && height && width && stria_dataset_count(data) <= DRAWN_MAX &&
           !stria_dataset_file(data, 0);
}

static stria_status predict_data(const options *given, ranking *r, stria_error *error) {
    char source[4096];
    stria_dataset *data = NULL;
    stria_status status = source_spec(given, given->operands[0], source, sizeof source, error);
    if (status == STRIA_OK)
        status = source_data(given, source, source_split(given), option_integer(given, "limit"), &data, error);
    if (status == STRIA_OK) source_check_range(r->model, data);
    if (status == STRIA_OK && drawn(r, data)) {
        int64_t channels, height, width;
        stria_dataset_shape(data, &channels, &height, &width);
        answers_warn(r, channels, height, width);
        status = pictures_predict(stdout, r->predictor, data, (int)stria_dataset_count(data), r->skip_bad, error);
    } else if (status == STRIA_OK) status = predict_list(given, r, source, data, error);
    stria_dataset_free(data);
    return status;
}

static int predict_usage(const options *given) {
    bool files = given->operand_count > 1 || option_given(given, "list");
    if (files && option_given(given, "data")) {
        term_say("predict: pictures and --data are given; give one of the two");
        return EXIT_USAGE;
    }
    if (files && option_given(given, "layout")) {
        term_say("predict: --layout is given, but not --data npy:X.npy,Y.npy");
        return EXIT_USAGE;
    }
    if (!files && !option_given(given, "data") && !source_is_folder(given->operands[0])) {
        term_say("predict: pictures or --data are missing; usage: stria predict MODEL IMAGE…");
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* Whether the model gives pictures back: then all is done, and *code says how it went. */
static bool gives_back(const options *given, const stria_model *model, int *code) {
    pairs_maker *maker = NULL;
    stria_error error = {0};
    stria_status status = pairs_maker_new(&maker, model, (int)option_integer(given, "threads"), &error);
    if (status != STRIA_OK && status != STRIA_NO_MEMORY) return false;
    *code = status == STRIA_OK ? predict_back(given, maker) : term_fail(&error);
    pairs_maker_free(maker);
    return true;
}

/* Classes of pictures. */
static int classes_predict(const options *given, const stria_model *model) {
    ranking r = {0};
    stria_error error = {0};
    r.lines = option_given(given, "json-lines");
    r.table = option_given(given, "csv");
    r.skip_bad = option_given(given, "skip-bad");
    if (option_given(given, "json") && !r.lines && !(r.list = json_array())) return term_no_memory("predictions");
    bool files = given->operand_count > 1 || option_given(given, "list");
    stria_status status = ranking_init(&r, given, model, &error);
    if (status == STRIA_OK && files) source_check_range(model, NULL);
    if (status == STRIA_OK) status = files ? predict_files(given, &r, &error) : predict_data(given, &r, &error);
    if (status == STRIA_OK) status = skipped_say(&r, &error);
    int code = ranking_finish(&r, status == STRIA_OK ? EXIT_DONE : term_fail(&error));
    if (csv_write(given, &r, status, &error) != STRIA_OK) code = term_fail(&error);
    ranking_release(&r);
    return code;
}

static int predict_run(const options *given) {
    stria_model *model = NULL;
    stria_error error = {0};
    int code = predict_usage(given);
    if (code != EXIT_DONE) return code;
    if (source_model(given, given->operands[0], &model, &error) != STRIA_OK) return term_fail(&error);
    if (!gives_back(given, model, &code)) {
        if (option_given(given, "out")) {
            term_say("predict: --out is for networks that give pictures back; the model tells classes apart");
            code = EXIT_USAGE;
        } else code = classes_predict(given, model);
    }
    stria_model_free(model);
    return code;
}

static const option_row predict_rows[] = {
    OPTION_WEIGHTS,
    {.name = "top",
     .kind = OPTION_INTEGER,
     .type = "K",
     .standard = "5",
     .minimum = 1,
     .maximum = 100000,
     .help = "number of classes to show"},
    OPTION_DATA("predicts images of a data source instead of files, and shows the true labels; default for a run "
                "folder: its own data"),
    {.name = "recursive", .kind = OPTION_FLAG, .help = "also reads the pictures in subfolders"},
    {.name = "list",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "file with picture names, one per line; - reads standard input and answers line by line"},
    {.name = "csv",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "also writes a CSV file with a row per picture: image, label, error, classes and probabilities"},
    {.name = "out",
     .kind = OPTION_TEXT,
     .type = "FOLDER",
     .help = "for a reconstruction network: a new folder for the reconstructed pictures, as PNG"},
    {.name = "json-lines",
     .kind = OPTION_FLAG,
     .help = "prints a JSON document per picture, one per line, as soon as it is ready"},
    OPTION_BATCH("16", "images per batch"),
    OPTION_SPLIT("test"),
    OPTION_LAYOUT("layout of the arrays of --data npy:X.npy,Y.npy: nhwc reads [N,H,W,C]"),
    OPTION_DIMS,
    OPTION_LIMIT("8",
                 "with --data: at most this many images, 0: all; a fixed random choice from a folder, else the first"),
    OPTIONS_READING,
    OPTION_FAST_DECODE,
    OPTION_TTA,
    OPTION_SKIP_BAD("a row for each and exit code 1"),
    OPTIONS_DIVISION("X", "validation share of data without a validation split (default: the run folder's, else a "
                          "fifth for folders and a twelfth for others)"),
    OPTIONS_PREPROCESS,
    {0},
};

const verb verb_predict = {
    .name = "predict",
    .usage = "MODEL IMAGE|FOLDER… [--recursive] [options]\nMODEL --list FILE [options]\nMODEL --data DATA [--split "
             "test] [--limit 8] [options]",
    .about = "the most probable classes of pictures, with names and probabilities",
    .text =
        "IMAGE is a PNG, JPEG, WebP, TIFF, BMP or PNM file, or - for standard input; FOLDER holds such files. "
        "Models that Stria trained store their preprocessing. A picture that cannot be read is reported, the "
        "others are still predicted, and the exit code is 1, unless --skip-bad skips it. Probabilities come from a "
        "softmax, or from one sigmoid per class if the network ends in sigmoids. A reconstruction network's pictures "
        "are written into --out FOLDER.",
    .examples = "# a picture of your own\n"
                "stria predict runs/lenet5-1 shoe.png\n"
                "# a folder of pictures, as a table for a spreadsheet\n"
                "stria predict runs/lenet5-1 photos --recursive --csv classes.csv --top 3\n"
                "# names from a pipe, answers line by line\n"
                "find photos -name \"*.png\" | stria predict runs/lenet5-1 --list - --json-lines\n"
                "# what an autoencoder makes of photos\n"
                "stria predict runs/autoencoder-1 photos --recursive --out back\n"
                "# eight test images, drawn in the terminal\n"
                "stria predict runs/lenet5-1 --data fashion-mnist --split test --limit 8",
    .operands_min = 1,
    .operands_max = 1 << 20,
    .rows = predict_rows,
    .run = predict_run,
};
