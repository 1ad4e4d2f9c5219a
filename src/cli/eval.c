/* stria eval: how good a model is on labelled images. */
#include "cli/json.h"
#include "cli/mistakes.h"
#include "cli/score.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

/* The score, and what it was measured of. */
static json_t *eval_json(const stria_model *model, const stria_evaluation *score) {
    json_t *document = score_json(score);
    stria_classifier c = {.size = sizeof c};
    stria_error none;
    if (!document || stria_model_classifier(model, &c, &none) != STRIA_OK) return document;
    json_object_set_new(document, "output", json_string(c.probabilities ? "probabilities" : "logits"));
    json_object_set_new(document, "relation", json_string(source_relation(c.relation)));
    json_object_set_new(document, "untrained", json_boolean(c.untrained));
    return document;
}

/* What should be known of the score, once there is one. */
static void score_warn(const stria_model *model, const stria_dataset *data) {
    int64_t channels, height, width;
    stria_dataset_shape(data, &channels, &height, &width);
    source_warn(model, false);
    source_warn_made(model, channels, height, width);
}

/* Everything that was found out, on stdout. */
static int tell(const options *given, const stria_model *model, const char *source, const stria_dataset *data,
                const stria_evaluation *score, const mistakes *wrong) {
    json_t *document = option_given(given, "json") ? eval_json(model, score) : NULL;
    if (!document) score_print(stdout, score);
    if (document && wrong->most)
        json_object_set_new(document, "mistakes", mistakes_json(wrong, given, source, data, score));
    else if (wrong->most) mistakes_print(wrong, given, source, data, score);
    return document ? json_finish(document) : EXIT_DONE;
}

static int eval_run(const options *given) {
    const char *spec = given->operands[0];
    stria_model *model = NULL;
    stria_dataset *data = NULL;
    stria_evaluation score = {.size = sizeof score};
    stria_inference_options run = source_inference(given, "evaluating");
    stria_error error = {0};
    mistakes wrong = {0};
    char source[4096];
    int code = EXIT_DONE;
    stria_status status = source_model(given, spec, &model, &error);
    if (status == STRIA_OK && !mistakes_init(&wrong, (int)option_integer(given, "mistakes")))
        status = source_refuse(&error, STRIA_NO_MEMORY, "not enough memory for %d mistakes", wrong.most);
    run.judge = wrong.most ? mistakes_see : NULL;
    run.judge_context = &wrong;
    if (status == STRIA_OK) status = source_spec(given, spec, source, sizeof source, &error);
    if (status == STRIA_OK)
        status = source_data(given, source, source_split(given), option_integer(given, "limit"), &data, &error);
    if (status == STRIA_OK) source_check_range(model, data);
    if (status == STRIA_OK) status = stria_evaluate(model, data, &run, &score, &error);
    if (status == STRIA_OK && wrong.most && !score.classes)
        status = source_refuse(&error, STRIA_BAD_ARGUMENT, "--mistakes lists classes; the model gives pictures back");
    if (status == STRIA_OK) score_warn(model, data);
    if (status != STRIA_OK) code = term_fail(&error);
    else code = tell(given, model, source, data, &score, &wrong);
    mistakes_release(&wrong);
    stria_evaluation_release(&score);
    stria_dataset_free(data);
    stria_model_free(model);
    return code;
}

static const option_row eval_rows[] = {
    OPTION_WEIGHTS,
    OPTION_DATA("labelled images, NAME or NAME:PATH; for a run folder, by default its own"),
    OPTION_SPLIT("test"),
    OPTION_LAYOUT("layout of the arrays of --data npy:X.npy,Y.npy: nhwc reads [N,H,W,C]"),
    OPTION_LIMIT("0", "at most this many images, 0: all"),
    OPTIONS_DIVISION("X", "validation share of data without a validation split (default: the run folder's, else a "
                          "fifth for folders and a twelfth for others)"),
    OPTION_BATCH(NULL, "images per batch (default: automatic)"),
    OPTIONS_READING,
    OPTION_FAST_DECODE,
    OPTION_TTA,
    OPTION_SKIP_BAD("stopping at the first"),
    {.name = "mistakes",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "0",
     .maximum = 100000,
     .help = "also lists the N most confident mistakes, with their pictures"},
    OPTIONS_PREPROCESS,
    {0},
};

const verb verb_eval = {
    .name = "eval",
    .usage = "MODEL --data DATA [options]",
    .about = "loss, top-1, top-5, calibration, per-class table and confusion matrix on labelled images",
    .text = "Every image of the split is evaluated once. Precision is the fraction of images predicted as a class that "
            "belong to it, recall the fraction of a class's images that are predicted as it, F1 their harmonic mean. "
            "The calibration error is the mean difference between confidence and accuracy over 15 bins. If every class "
            "has its own sigmoid, the prediction is the most probable class, and the loss is the binary cross-entropy "
            "averaged over classes. For reconstruction networks, the mean squared error (MSE) and the peak "
            "signal-to-noise ratio (PSNR) are reported.",
    .examples = "# the test images of the run's own data\n"
                "stria eval runs/lenet5-1\n"
                "# the most confident mistakes, averaging ten views of each picture\n"
                "stria eval runs/lenet5-1 --mistakes 10 --tta ten-crop --limit 100\n"
                "# a folder with some damaged pictures\n"
                "stria eval model.onnx --data folder:photos --skip-bad\n"
                "# the accuracy alone, for a script\n"
                "stria eval model.onnx --data fashion-mnist --json | jq .top1",
    .operands_min = 1,
    .operands_max = 1,
    .rows = eval_rows,
    .run = eval_run,
};
