/* stria predict: the classes of pictures, or of some images of a data source with the true ones beside. */
#include "cli/json.h"
#include "cli/picture.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>

enum { DRAWN_MAX = 64 };

/* The k likeliest classes, as text or JSON. */
typedef struct ranking {
    stria_predictor *predictor;
    int classes, top;
    float *probabilities; /* [classes] */
    int *best;            /* [top] */
} ranking;

static void ranking_release(ranking *r) {
    free(r->probabilities);
    free(r->best);
    stria_predictor_free(r->predictor);
}

static stria_status ranking_init(ranking *r, const options *given, const stria_model *model, stria_error *error) {
    stria_inference_options run = source_inference(given, "predicting");
    stria_status status = stria_predictor_new(&r->predictor, model, &run, error);
    if (status != STRIA_OK) return status;
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
    for (int k = 0; k < r->top; k++) {
        char name[128];
        snprintf(name, sizeof name, "%s", stria_predictor_class_name(r->predictor, r->best[k]));
        printf("  %s%5.1f %%  %s%s\n", k == 0 ? term_begin(stdout, STYLE_BOLD) : "",
               100 * (double)r->probabilities[r->best[k]], text_clean(name), k == 0 ? term_end(stdout) : "");
    }
}

static stria_status predict_files(const options *given, const ranking *r, json_t *list, stria_error *error) {
    for (int i = 0; i < given->operand_count - 1; i++) {
        const char *path = given->operands[i + 1];
        stria_status status = term_stopped() ? source_refuse(error, STRIA_INTERRUPTED, "interrupted")
                                             : stria_predict_file(r->predictor, path, r->probabilities, error);
        if (status != STRIA_OK) return status;
        if (list) {
            json_array_append_new(list,
                                  json_pack("{s:o,s:o}", "image", json_text(path), "predictions", ranking_json(r)));
            continue;
        }
        printf("%s%s\n", i ? "\n" : "", show_name(path));
        ranking_print(r);
    }
    return STRIA_OK;
}

/* Images of a data source: "fashion-mnist/test/3" names one. */
static stria_status predict_list(const options *given, const ranking *r, const char *source, const stria_dataset *data,
                                 json_t *list, stria_error *error) {
    for (int64_t i = 0; i < stria_dataset_count(data); i++) {
        char image[4200];
        int64_t label = 0;
        snprintf(image, sizeof image, "%s/%s/%lld", source, option_text(given, "split"), (long long)i);
        stria_status status = term_stopped() ? source_refuse(error, STRIA_INTERRUPTED, "interrupted")
                                             : stria_dataset_read(data, i, NULL, 0, &label, error);
        if (status == STRIA_OK) status = stria_predict_item(r->predictor, data, i, r->probabilities, error);
        if (status != STRIA_OK) return status;
        class_best(r->probabilities, r->classes, 1, r->best);
        bool right = class_matches(r->predictor, r->best[0], data, label);
        const char *truth = stria_dataset_class_name(data, (int)label);
        if (list) {
            json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:b}", "image", json_text(image), "predictions",
                                                  ranking_json(r), "label", json_text(truth), "right", right));
            continue;
        }
        printf("%s  true: %s  seen: %s  %.1f %%%s\n", show_name(image), show_name(truth),
               show_name(stria_predictor_class_name(r->predictor, r->best[0])),
               100 * (double)r->probabilities[r->best[0]], right ? "" : "  wrong");
    }
    return STRIA_OK;
}

static stria_status predict_data(const options *given, const ranking *r, json_t *list, stria_error *error) {
    char source[4096];
    stria_dataset *data = NULL;
    stria_status status = source_spec(given, given->operands[0], source, sizeof source, error);
    if (status == STRIA_OK)
        status = source_data(source, source_split(given), option_integer(given, "limit"), &data, error);
    if (status == STRIA_OK && !list && stria_dataset_count(data) <= DRAWN_MAX)
        status = pictures_predict(stdout, r->predictor, data, (int)stria_dataset_count(data), error);
    else if (status == STRIA_OK) status = predict_list(given, r, source, data, list, error);
    stria_dataset_free(data);
    return status;
}

static int predict_run(const options *given) {
    bool files = given->operand_count > 1;
    if (files && option_given(given, "data")) {
        term_say("predict: pictures and --data are given; one of the two is wanted");
        return EXIT_USAGE;
    }
    if (!files && !option_given(given, "data") && !source_is_folder(given->operands[0])) {
        term_say("predict: pictures or --data are missing; usage: stria predict MODEL IMAGE…");
        return EXIT_USAGE;
    }
    ranking r = {0};
    stria_model *model = NULL;
    stria_error error = {0};
    json_t *list = option_given(given, "json") ? json_array() : NULL;
    stria_status status = source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK) status = ranking_init(&r, given, model, &error);
    if (status == STRIA_OK) source_warn(model);
    if (status == STRIA_OK)
        status = files ? predict_files(given, &r, list, &error) : predict_data(given, &r, list, &error);
    int code = status == STRIA_OK ? EXIT_DONE : term_fail(&error);
    if (list && code == EXIT_DONE) code = json_finish(list);
    else json_decref(list);
    ranking_release(&r);
    stria_model_free(model);
    return code;
}

static const option_row predict_rows[] = {
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
    OPTION_LIMIT("8", "with --data: the first so many images, 0: all"),
    OPTIONS_PREPROCESS,
    {0},
};

const verb verb_predict = {
    .name = "predict",
    .usage = "MODEL IMAGE… [options]\nMODEL --data DATA [--split test] [--limit 8] [options]",
    .about = "the likeliest classes of pictures, with names and probabilities",
    .text = "IMAGE is a PNG, JPEG, BMP or PNM file, or - for standard input. How it becomes a tensor is stored in "
            "models that Stria trained.",
    .examples = "# a picture of one's own\n"
                "stria predict runs/lenet5-1 shoe.png\n"
                "# eight test images, drawn in the terminal\n"
                "stria predict runs/lenet5-1 --data fashion-mnist --split test --limit 8",
    .operands_min = 1,
    .operands_max = 1 << 20,
    .rows = predict_rows,
    .run = predict_run,
};
