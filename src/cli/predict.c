/* stria predict: the classes of pictures, or of some images of a data source with the true ones beside. */
#include "cli/json.h"
#include "cli/picture.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

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
    json_t *list;             /* NULL: text is printed */
    int failed;               /* pictures that could not be judged */
} ranking;

static void ranking_release(ranking *r) {
    free(r->probabilities);
    free(r->best);
    json_decref(r->list);
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

/* A picture that cannot be judged is said, and the next ones are tried; other errors end the work. */
static stria_status picture_failed(ranking *r, const char *image, stria_error *error) {
    if (!source_one_picture(error->status)) return error->status;
    bool named = strstr(error->text, image) || strstr(error->text, "standard input"); /* as "-" is called */
    term_say("%s%s%s", named ? "" : image, named ? "" : ": ", error->text);
    if (r->list)
        json_array_append_new(r->list,
                              json_pack("{s:o,s:o}", "image", json_text(image), "error", json_text(error->text)));
    r->failed++;
    return STRIA_OK;
}

/* What should be known of the answers, once there are some. */
static void answers_warn(ranking *r, int64_t channels, int64_t height, int64_t width) {
    if (!r->warned) source_warn(r->model, false);
    r->warned = true;
    if (!r->warned_made && channels) r->warned_made = source_warn_made(r->model, channels, height, width);
}

/* The same of the picture that was predicted last. */
static void picture_warn(ranking *r) {
    int64_t channels, height, width;
    stria_predictor_picture(r->predictor, &channels, &height, &width);
    answers_warn(r, channels, height, width);
}

static json_t *picture_json(const ranking *r, const char *image) {
    return json_pack("{s:o,s:o,s:b}", "image", json_text(image), "predictions", ranking_json(r), "untrained",
                     r->untrained);
}

static stria_status predict_files(const options *given, ranking *r, stria_error *error) {
    bool first = true;
    for (int i = 1; i < given->operand_count; i++) {
        const char *path = given->operands[i];
        if (term_stopped()) return source_refuse(error, STRIA_INTERRUPTED, "interrupted");
        stria_status status = stria_predict_file(r->predictor, path, r->probabilities, error);
        if (status != STRIA_OK) {
            status = picture_failed(r, path, error);
            if (status != STRIA_OK) return status;
            continue;
        }
        picture_warn(r);
        if (r->list) json_array_append_new(r->list, picture_json(r, path));
        else {
            printf("%s%s\n", first ? "" : "\n", show_name(path));
            ranking_print(r);
        }
        first = false;
    }
    return STRIA_OK;
}

static void labelled_say(ranking *r, const char *image, const stria_dataset *data, int64_t label) {
    class_best(r->probabilities, r->classes, 1, r->best);
    bool right = class_matches(r->predictor, r->best[0], data, label);
    if (!r->warned) {
        int64_t channels, height, width;
        stria_dataset_shape(data, &channels, &height, &width);
        answers_warn(r, channels, height, width);
    }
    const char *truth = stria_dataset_class_name(data, (int)label);
    if (r->list) {
        json_t *entry = picture_json(r, image);
        json_object_set_new(entry, "label", json_text(truth));
        json_object_set_new(entry, "right", json_boolean(right));
        json_array_append_new(r->list, entry);
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
    return !r->list && height && width && stria_dataset_count(data) <= DRAWN_MAX && !stria_dataset_file(data, 0);
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
    bool files = given->operand_count > 1;
    if (files && option_given(given, "data")) {
        term_say("predict: pictures and --data are given; give one of the two");
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

static int predict_run(const options *given) {
    ranking r = {0};
    stria_model *model = NULL;
    stria_error error = {0};
    int code = predict_usage(given);
    if (code != EXIT_DONE) return code;
    if (option_given(given, "json") && !(r.list = json_array())) return term_no_memory("predictions");
    stria_status status = source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK) status = ranking_init(&r, given, model, &error);
    if (status == STRIA_OK && given->operand_count > 1) source_check_range(model, NULL);
    if (status == STRIA_OK)
        status = given->operand_count > 1 ? predict_files(given, &r, &error) : predict_data(given, &r, &error);
    code = predict_finish(&r, status == STRIA_OK ? EXIT_DONE : term_fail(&error));
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
    OPTION_SPLIT("test"),
    OPTION_DIMS,
    OPTION_LIMIT("8",
                 "with --data: at most this many images, 0: all; of a folder a fixed random choice, else the first"),
    OPTION_MAX_PIXELS,
    OPTION_TTA,
    OPTIONS_DIVISION("X", "the validation share, where the data have no validation part; a run folder knows its own"),
    OPTIONS_PREPROCESS,
    {0},
};

const verb verb_predict = {
    .name = "predict",
    .usage = "MODEL IMAGE… [options]\nMODEL --data DATA [--split test] [--limit 8] [options]",
    .about = "the most probable classes of pictures, with names and probabilities",
    .text =
        "IMAGE is a PNG, JPEG, WebP, TIFF, BMP or PNM file, or - for standard input. How it becomes a tensor is stored "
        "in "
        "models that Stria trained. A picture that cannot be read is reported, the others are still judged, and the "
        "exit code is 1. Probabilities are those of a softmax, or of each class by itself where the network ends in "
        "sigmoids.",
    .examples = "# a picture of your own\n"
                "stria predict runs/lenet5-1 shoe.png\n"
                "# eight test images, drawn in the terminal\n"
                "stria predict runs/lenet5-1 --data fashion-mnist --split test --limit 8",
    .operands_min = 1,
    .operands_max = 1 << 20,
    .rows = predict_rows,
    .run = predict_run,
};
