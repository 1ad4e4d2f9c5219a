/* stria predict: the classes of pictures, or of some images of a data source with the true ones beside. */
#include "cli/json.h"
#include "cli/names.h"
#include "cli/picture.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"
#include "report/out.h"

#include <stdlib.h>
#include <string.h>

enum { DRAWN_MAX = 64 };

/* The k most probable classes, as text or JSON. */
typedef struct ranking {
    stria_predictor *predictor;
    int classes, top;
    float *probabilities; /* [classes] */
    int *best;            /* [top] */
    const stria_model *model;
    bool untrained;
    bool warned, warned_made; /* of the model; of what is made of its pictures */
    json_t *list;             /* NULL: text is printed, or lines of JSON */
    bool lines;               /* each picture's JSON by itself, as it comes */
    bool table;               /* rows are wanted */
    out csv;                  /* those so far */
    int64_t told;             /* pictures */
    int failed;               /* of them, those that could not be judged */
} ranking;

static bool as_json(const ranking *r) {
    return r->list || r->lines;
}

static void ranking_release(ranking *r) {
    free(r->probabilities);
    free(r->best);
    json_decref(r->list);
    out_release(&r->csv);
    stria_predictor_free(r->predictor);
}

static stria_status ranking_init(ranking *r, const options *given, const stria_model *model, stria_error *error) {
    stria_inference_options run = source_inference(given, "predicting");
    stria_status status = stria_predictor_new(&r->predictor, model, &run, error);
    if (status != STRIA_OK) return status;
    stria_classifier c = {.size = sizeof c};
    r->model = model;
    status = stria_model_classifier(model, &c, error);
    if (status != STRIA_OK) return status;
    r->untrained = c.untrained;
    r->classes = stria_predictor_classes(r->predictor);
    r->top = (int)option_integer(given, "top");
    if (r->top > r->classes) r->top = r->classes;
    r->probabilities = malloc(((size_t)r->classes + 1) * sizeof *r->probabilities);
    r->best = malloc(((size_t)r->top + 1) * sizeof *r->best);
    if (r->probabilities && r->best) return STRIA_OK;
    return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d classes", r->classes);
}

static json_t *ranking_json(const ranking *r) {
    json_t *list = json_array();
    class_best(r->probabilities, r->classes, r->top, r->best);
    for (int k = 0; k < r->top; k++)
        json_array_append_new(list, json_pack("{s:i,s:o,s:o}", "class", r->best[k], "name",
                                              json_text(stria_predictor_class_name(r->predictor, r->best[k])),
                                              "probability", json_number((double)r->probabilities[r->best[k]])));
    return list;
}

static void ranking_print(const ranking *r) {
    class_best(r->probabilities, r->classes, r->top, r->best);
    for (int k = 0; k < r->top; k++)
        printf("  %s%5.1f %%  %s%s\n", k == 0 ? term_begin(stdout, STYLE_BOLD) : "",
               100 * (double)r->probabilities[r->best[k]],
               show_name(stria_predictor_class_name(r->predictor, r->best[k])), k == 0 ? term_end(stdout) : "");
}

/* ---- rows ---- */

/* A field of RFC 4180: quoted where it must be. */
static void csv_field(out *o, const char *text, char end) {
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) out_raw(o, "\"");
    for (; *text; text++) out_bytes(o, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    if (quoted) out_raw(o, "\"");
    out_bytes(o, &end, 1);
}

static void csv_heading(ranking *r) {
    out_raw(&r->csv, "image,label,error");
    for (int k = 1; k <= r->top; k++) out_printf(&r->csv, ",class%d,probability%d", k, k);
    out_raw(&r->csv, "\n");
}

/* image, label, error, then class and probability of the best ones; without an error r->best is set. */
static void csv_row(ranking *r, const char *image, const char *label, const char *error) {
    out *o = &r->csv;
    if (!r->table) return;
    if (!o->length) csv_heading(r);
    csv_field(o, image, ',');
    csv_field(o, label, ',');
    csv_field(o, error, r->top ? ',' : '\n');
    for (int k = 0; k < r->top; k++) {
        char end = k + 1 < r->top ? ',' : '\n';
        csv_field(o, *error ? "" : stria_predictor_class_name(r->predictor, r->best[k]), ',');
        if (!*error) out_printf(o, "%.6g", (double)r->probabilities[r->best[k]]);
        out_bytes(o, &end, 1);
    }
}

/* The document of one picture, now or later. */
static void json_give(ranking *r, json_t *entry) {
    if (!r->lines) {
        json_array_append_new(r->list, entry);
        return;
    }
    json_finish(entry);
    fflush(stdout);
}

/* A picture that cannot be judged is said, and the next ones are tried; other errors end the work. */
static stria_status picture_failed(ranking *r, const char *image, const stria_error *error) {
    if (!source_one_picture(error->status)) return error->status;
    bool named = strstr(error->text, image) || strstr(error->text, "standard input"); /* as "-" is called */
    term_say("%s%s%s", named ? "" : image, named ? "" : ": ", error->text);
    if (as_json(r)) json_give(r, json_pack("{s:o,s:o}", "image", json_text(image), "error", json_text(error->text)));
    csv_row(r, image, "", error->text);
    r->failed++;
    return STRIA_OK;
}

/* What should be known of the answers, once there are some. */
static void answers_warn(ranking *r, int64_t channels, int64_t height, int64_t width) {
    if (!r->warned) source_warn(r->model, false);
    r->warned = true;
    if (!r->warned_made && channels) r->warned_made = source_warn_made(r->model, channels, height, width);
}

/* The same of the i-th of n pictures that were predicted together. */
static void picture_warn(ranking *r, int64_t i, int64_t n) {
    int64_t channels, height, width;
    if (n == 1) stria_predictor_picture(r->predictor, &channels, &height, &width);
    else stria_predictor_picture_at(r->predictor, i, &channels, &height, &width);
    answers_warn(r, channels, height, width);
}

static json_t *picture_json(const ranking *r, const char *image) {
    return json_pack("{s:o,s:o,s:b}", "image", json_text(image), "predictions", ranking_json(r), "untrained",
                     r->untrained);
}

static void picture_tell(ranking *r, const char *image) {
    class_best(r->probabilities, r->classes, r->top, r->best);
    if (as_json(r)) json_give(r, picture_json(r, image));
    else {
        printf("%s%s\n", r->told ? "\n" : "", show_name(image));
        ranking_print(r);
    }
    csv_row(r, image, "", "");
    r->told++;
}

/* What stria_predict_files gives for some pictures. */
typedef struct answers {
    ranking *r;
    int64_t most; /* at once */
    float *probabilities;
    stria_error *errors;
} answers;

static stria_status several_predict(const answers *a, char *const *paths, int64_t n, stria_error *error) {
    ranking *r = a->r;
    stria_status status;
    if (n == 1) { /* a batch would be work for nothing */
        a->errors[0] = (stria_error){0};
        a->errors[0].status = stria_predict_file(r->predictor, paths[0], a->probabilities, &a->errors[0]);
        status = STRIA_OK;
    } else
        status = stria_predict_files(r->predictor, (const char *const *)paths, n, a->probabilities, a->errors, error);
    if (status != STRIA_OK) return status;
    for (int64_t i = 0; i < n; i++) {
        if (a->errors[i].status == STRIA_OK) picture_warn(r, i, n);
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

/* Pictures and folders of them, and those that a list names. */
static stria_status named_predict(const options *given, const answers *a, stria_error *error) {
    names n = {0};
    answers some = *a;
    const char *list = option_text(given, "list");
    stria_status status = STRIA_OK;
    for (int i = 1; i < given->operand_count && status == STRIA_OK; i++)
        status = names_add(&n, given->operands[i], option_given(given, "recursive"), error);
    if (status == STRIA_OK) status = names_predict(&n, &some, error);
    names_release(&n);
    if (status != STRIA_OK || !list) return status;
    return names_read(list, strcmp(list, "-") == 0 ? 1 : a->most, names_predict, &some, error);
}

static stria_status predict_files(const options *given, ranking *r, stria_error *error) {
    answers a = {.r = r, .most = option_integer(given, "batch")};
    a.probabilities = calloc((size_t)(a.most * r->classes), sizeof *a.probabilities);
    a.errors = calloc((size_t)a.most, sizeof *a.errors);
    stria_status status =
        a.probabilities && a.errors
            ? named_predict(given, &a, error)
            : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for %lld pictures at once", (long long)a.most);
    free(a.probabilities);
    free(a.errors);
    return status;
}

static void labelled_say(ranking *r, const char *image, const stria_dataset *data, int64_t label) {
    class_best(r->probabilities, r->classes, r->top, r->best);
    bool right = class_matches(r->predictor, r->best[0], data, label);
    if (!r->warned) {
        int64_t channels, height, width;
        stria_dataset_shape(data, &channels, &height, &width);
        answers_warn(r, channels, height, width);
    }
    const char *truth = stria_dataset_class_name(data, (int)label);
    csv_row(r, image, truth, "");
    if (as_json(r)) {
        json_t *entry = picture_json(r, image);
        json_object_set_new(entry, "label", json_text(truth));
        json_object_set_new(entry, "right", json_boolean(right));
        json_give(r, entry);
        return;
    }
    printf("%s  true: %s  predicted: %s  %.1f %%%s\n", show_name(image), show_name(truth),
           show_name(stria_predictor_class_name(r->predictor, r->best[0])), 100 * (double)r->probabilities[r->best[0]],
           right ? "" : "  wrong");
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
        status = pictures_predict(stdout, r->predictor, data, (int)stria_dataset_count(data), false, error);
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

/* The document of what was judged, also when a picture was none; not of nothing. */
static int predict_finish(ranking *r, int code) {
    json_t *list = r->list;
    r->list = NULL;
    if (code == EXIT_DONE && r->failed) code = EXIT_FAILED;
    if (list && (code == EXIT_DONE || json_array_size(list) > 0)) {
        int written = json_finish(list);
        return code == EXIT_DONE ? written : code;
    }
    json_decref(list);
    return code;
}

/* What was told until now, also where something ended the work; then not of nothing. */
static stria_status csv_write(const options *given, ranking *r, stria_status work, stria_error *error) {
    const char *file = option_text(given, "csv");
    if (!r->table || (work != STRIA_OK && !r->csv.length && !r->csv.failed)) return STRIA_OK;
    if (!r->csv.length) csv_heading(r);
    if (r->csv.failed) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file);
    return stria_file_write(file, r->csv.data, r->csv.length, error);
}

static int predict_run(const options *given) {
    ranking r = {0};
    stria_model *model = NULL;
    stria_error error = {0};
    int code = predict_usage(given);
    if (code != EXIT_DONE) return code;
    r.lines = option_given(given, "json-lines");
    r.table = option_given(given, "csv");
    if (option_given(given, "json") && !r.lines && !(r.list = json_array())) return term_no_memory("predictions");
    bool files = given->operand_count > 1 || option_given(given, "list");
    stria_status status = source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK) status = ranking_init(&r, given, model, &error);
    if (status == STRIA_OK && files) source_check_range(model, NULL);
    if (status == STRIA_OK) status = files ? predict_files(given, &r, &error) : predict_data(given, &r, &error);
    code = predict_finish(&r, status == STRIA_OK ? EXIT_DONE : term_fail(&error));
    if (csv_write(given, &r, status, &error) != STRIA_OK) code = term_fail(&error);
    ranking_release(&r);
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
     .help = "how many classes are named"},
    OPTION_DATA("images of a data source instead of files, with their true labels beside; for a run folder, by default "
                "its own"),
    {.name = "recursive", .kind = OPTION_FLAG, .help = "of a folder, also the pictures in the folders in it"},
    {.name = "list",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "names of pictures, one per line; - is standard input, answered line by line"},
    {.name = "csv",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "also writes a row for each picture: image, label, error, "
             "classes and probabilities"},
    {.name = "json-lines", .kind = OPTION_FLAG, .help = "a JSON document per picture and line, as they come"},
    OPTION_BATCH("16", "pictures at once"),
    OPTION_SPLIT("test"),
    OPTION_LAYOUT("of --data npy:X.npy,Y.npy: nhwc reads [N,H,W,C]"),
    OPTION_DIMS,
    OPTION_LIMIT("8",
                 "with --data: at most this many images, 0: all; of a folder a fixed random choice, else the first"),
    OPTIONS_READING,
    OPTION_FAST_DECODE,
    OPTION_TTA,
    OPTIONS_DIVISION("X", "the validation share, where the data have no validation part; a run folder knows its own"),
    OPTIONS_PREPROCESS,
    {0},
};

const verb verb_predict = {
    .name = "predict",
    .usage = "MODEL IMAGE|FOLDER… [--recursive] [options]\nMODEL --list FILE [options]\nMODEL --data DATA [--split "
             "test] [--limit 8] [options]",
    .about = "the most probable classes of pictures, with names and probabilities",
    .text =
        "IMAGE is a PNG, JPEG, WebP, TIFF, BMP or PNM file, or - for standard input; FOLDER holds such files. How it "
        "becomes a tensor is stored "
        "in "
        "models that Stria trained. A picture that cannot be read is reported, the others are still judged, and the "
        "exit code is 1. Probabilities are those of a softmax, or of each class by itself where the network ends in "
        "sigmoids.",
    .examples = "# a picture of your own\n"
                "stria predict runs/lenet5-1 shoe.png\n"
                "# a folder of pictures, to be read by a spreadsheet\n"
                "stria predict runs/lenet5-1 photos --recursive --csv classes.csv --top 3\n"
                "# names from a pipe, answers line by line\n"
                "find photos -name \"*.png\" | stria predict runs/lenet5-1 --list - --json-lines\n"
                "# eight test images, drawn in the terminal\n"
                "stria predict runs/lenet5-1 --data fashion-mnist --split test --limit 8",
    .operands_min = 1,
    .operands_max = 1 << 20,
    .rows = predict_rows,
    .run = predict_run,
};
