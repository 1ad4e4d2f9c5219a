/* stria diff: whether two models compute the same, layer by layer. */
#include "cli/layer_diff.h"
#include "cli/sample.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct diff_job {
    const options *given;
    stria_model *model[2];
    tensors inputs[2];
    const char *input; /* what they are, in words */
    layer_diff found;
} diff_job;

static void job_release(diff_job *j) {
    for (int which = 0; which < 2; which++) {
        tensors_release(&j->inputs[which]);
        stria_model_free(j->model[which]);
    }
    layer_diff_release(&j->found);
}

/* A network without weights of its own. */
static bool is_bare(const char *spec) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(spec, ":"), spec);
    return source_ends(spec, ".net") || stria_zoo_about(name);
}

/* Which model the k-th --weights is of; -1: both. */
static int weights_of(const options *given, int k) {
    if (option_each(given, "weights", 1)) return k;
    bool first = is_bare(given->operands[0]), second = is_bare(given->operands[1]);
    return first == second ? -1 : second;
}

/* What was given, as if this model were the only one; values[value_count] becomes part of it. */
static options alone(const options *given, int which, option_value *values) {
    options one = *given;
    one.values = values;
    one.value_count = 0;
    for (int i = 0, k = 0; i < given->value_count; i++) {
        bool weights = strcmp(given->values[i].row->name, "weights") == 0;
        int of = weights ? weights_of(given, k++) : -1;
        if (of < 0 || of == which) values[one.value_count++] = given->values[i];
    }
    return one;
}

/* Opens a model for the arrays of --input, or for those that the other model gets. */
static stria_status one_open(diff_job *j, int which, stria_model **whole, stria_error *error) {
    const char *spec = j->given->operands[which];
    option_value *values = calloc((size_t)j->given->value_count + 1, sizeof *values);
    stria_named_array *arrays = tensors_named(&j->inputs[0]);
    stria_open_options chosen = stria_open_options_default();
    stria_status status = STRIA_OK;
    if (!values || !arrays) status = source_refuse(error, STRIA_NO_MEMORY, "out of memory for model '%s'", spec);
    chosen.arrays = arrays;
    chosen.array_count = which ? j->inputs[0].count : 0;
    chosen.keep_batch = true;
    if (status == STRIA_OK) {
        options one = alone(j->given, which, values);
        if (option_given(j->given, "input")) status = tensors_open_model(&j->inputs[which], &one, spec, whole, error);
        else status = source_model_with(&one, spec, &chosen, NULL, whole, error);
    }
    free(arrays);
    free(values);
    return status;
}

static stria_status model_open(diff_job *j, int which, stria_error *error) {
    stria_model *whole = NULL;
    stria_status status = one_open(j, which, &whole, error);
    if (status == STRIA_OK) status = stria_model_without_heads(&j->model[which], whole, error);
    stria_model_free(whole);
    return status;
}

/* The first model's inputs. */
static stria_status first_inputs(diff_job *j, stria_error *error) {
    const char *picture = option_text(j->given, "image");
    bool drawn;
    j->input = picture ? picture : option_text(j->given, "input");
    if (picture) {
        stria_array read = {0};
        stria_status status = sample_picture(&j->inputs[0], j->model[0], &read, picture, 1, error);
        stria_array_release(&read);
        return status;
    }
    if (j->input) return STRIA_OK;
    uint64_t seed = (uint64_t)option_integer(j->given, "seed");
    stria_status status = sample_drawn(&j->inputs[0], j->model[0], seed, &drawn, error);
    j->input = drawn ? "a drawn picture" : "random numbers";
    return status;
}

/* The second model's: the same numbers, by name, else by position. */
static stria_status second_inputs(diff_job *j, stria_error *error) {
    const tensors *from = &j->inputs[0];
    for (int i = 0; !option_given(j->given, "input") && i < stria_model_input_count(j->model[1]); i++) {
        stria_port port = *stria_model_input(j->model[1], i);
        const tensor *source = tensors_find(from, port.name);
        if (!source && i < from->count) source = &from->items[i];
        if (!source)
            return source_refuse(error, STRIA_BAD_SHAPE, "'%s' has %d input%s, '%s' has %d", j->given->operands[1],
                                 stria_model_input_count(j->model[1]), show_s(stria_model_input_count(j->model[1])),
                                 j->given->operands[0], from->count);
        tensor *t = tensors_add(&j->inputs[1], port.name, error);
        if (!t) return STRIA_NO_MEMORY;
        t->array = source->array;
        stria_status status = tensor_allocate(t, error);
        if (status != STRIA_OK) return status;
        memcpy(t->array.data, source->array.data, t->array.bytes);
        status = tensor_fit(&port, t, j->given->operands[0], error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

static stria_status job_run(diff_job *j, stria_error *error) {
    tensors_way way = tensors_way_default();
    way.session.threads = (int)option_integer(j->given, "threads");
    way.session.seed = (uint64_t)option_integer(j->given, "seed");
    way.testing.reference = option_given(j->given, "reference");
    const compare_bound bound = {.rtol = option_real(j->given, "rtol"),
                                 .atol = option_real(j->given, "atol"),
                                 .of_tensor = true,
                                 .any_type = true};
    stria_status status = model_open(j, 0, error);
    if (status == STRIA_OK) status = first_inputs(j, error);
    if (status == STRIA_OK) status = model_open(j, 1, error);
    if (status == STRIA_OK) status = second_inputs(j, error);
    if (status != STRIA_OK) return status;
    return layer_diff_run(j->model[0], &j->inputs[0], j->model[1], &j->inputs[1], &way, &bound, &j->found, error);
}

/* A number or a fraction; without scale, mean and std 1/255 (docs/metadata.md). */
static double scale_of(const stria_model *model) {
    const char *scale = stria_model_metadata(model, "stria.scale");
    char *end;
    double above = scale ? strtod(scale, &end) : 0;
    if (scale) return *end == '/' ? above / strtod(end + 1, NULL) : above;
    bool other = stria_model_metadata(model, "stria.mean") || stria_model_metadata(model, "stria.std");
    return other ? 1 : 1.0 / 255;
}

static bool same_said(const diff_job *j, const char *key, const char *a, const char *b) {
    if (strcmp(key, "stria.scale") != 0) return strcmp(a ? a : "", b ? b : "") == 0;
    double x = scale_of(j->model[0]), y = scale_of(j->model[1]);
    return fabs(x - y) <= 1e-6 * fabs(x);
}

/* A network without weights beside one that has been trained: what was forgotten is --weights. */
static void untrained_warn(const diff_job *j) {
    bool untrained[2];
    for (int which = 0; which < 2; which++) {
        stria_classifier c = {.size = sizeof c};
        stria_error none;
        if (stria_model_classifier(j->model[which], &c, &none) != STRIA_OK) return;
        untrained[which] = c.untrained;
    }
    if (untrained[0] != untrained[1])
        term_say("warning: '%s' is untrained, so its weights are random numbers; --weights gives it those of a file",
                 show_name(j->given->operands[untrained[1]]));
}

/* Predictions differ where pictures become inputs otherwise, although both get the same input here. Different words may
 * say the same, so what both make of one picture decides. */
static void preprocessing_warn(const diff_job *j) {
    if (sample_same_pictures(j->model[0], j->model[1])) return;
    static const char *const keys[] = {"stria.resize", "stria.crop", "stria.channels",
                                       "stria.scale",  "stria.mean", "stria.std"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *a = stria_model_metadata(j->model[0], keys[i]), *b = stria_model_metadata(j->model[1], keys[i]);
        if (same_said(j, keys[i], a, b)) continue;
        term_say("warning: %s is '%s' and '%s': pictures become other inputs; both models ran on that of the first",
                 keys[i], show_name(a ? a : ""), show_name(b ? b : ""));
    }
}

static void diff_print(const diff_job *j) {
    const layer_diff *found = &j->found;
    printf("input: %s\n", show_name(j->input));
    layer_diff_print(found, 0, true);
    for (int which = 0; which < 2; which++)
        if (found->alone_count[which])
            printf("%d layer%s of %s without a counterpart\n", found->alone_count[which],
                   show_s(found->alone_count[which]), show_name(j->given->operands[which]));
    layer_diff_print_first(found);
    printf("%s\n", found->passed           ? "the same within the bounds"
                   : found->outputs_passed ? "layers DIFFER; the outputs are the same within the bounds"
                                           : "the models DIFFER");
}

static int diff_json(const diff_job *j) {
    json_t *document =
        json_pack("{s:o,s:o,s:o,s:b}", "a", json_text(j->given->operands[0]), "b", json_text(j->given->operands[1]),
                  "input", json_text(j->input), "passed", j->found.passed);
    layer_diff_json(&j->found, document);
    return json_finish(document);
}

static int diff_run(const options *given) {
    diff_job job = {.given = given};
    stria_error error = {0};
    int code = EXIT_DONE;
    if (option_given(given, "image") && option_given(given, "input")) {
        term_say("diff: --image and --input are given; give one of the two");
        return EXIT_USAGE;
    }
    if (option_each(given, "weights", 2)) {
        term_say("diff: --weights is given more than twice, for two models");
        return EXIT_USAGE;
    }
    if (job_run(&job, &error) != STRIA_OK) code = term_fail(&error);
    else {
        preprocessing_warn(&job);
        untrained_warn(&job);
        if (option_given(given, "json")) code = diff_json(&job);
        else diff_print(&job);
        if (!job.found.passed) code = EXIT_FAILED;
    }
    job_release(&job);
    return code;
}

static const option_row diff_rows[] = {
    {.name = "image", .kind = OPTION_TEXT, .type = "FILE", .help = "the input: a picture, preprocessed as A stores it"},
    {.name = "input",
     .kind = OPTION_TEXT,
     .type = "[NAME=]FILE",
     .help = "the input of both as a tensor: .npy, .npz or .pb; once per input, in order or by name"},
    {.name = "weights",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "weights of the model that is a built-in network or .net; given twice: A's, then B's"},
    OPTION_LAYOUT("layout of four-dimensional arrays; nhwc: channels last, as in NumPy and TensorFlow"),
    OPTION_DIMS,
    {.name = "rtol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-4",
     .help = "tolerated difference, relative to the layer's largest value"},
    {.name = "atol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-6",
     .help = "tolerated absolute difference, added to it"},
    {.name = "reference", .kind = OPTION_FLAG, .help = "computes every operator by its float64 reference formula"},
    {0},
};

const verb verb_diff = {
    .name = "diff",
    .usage = "A B [--image FILE | --input [NAME=]FILE…] [options]",
    .about = "compares two models layer by layer and shows where they first differ",
    .text = "A and B are any MODELs. Both run on the same input: --image, --input, or else a fixed random picture "
            "(random numbers for models that are not image classifiers). Layers with equal name and shape are "
            "compared; the remaining layers are matched by shape, in order, those with equal values first. Layers "
            "differ if the difference is larger than --rtol times the largest value of A's layer, plus --atol.\n"
            "The exit code is 0 if all layers and outputs agree, 1 if one differs or a model cannot be run, 2 for "
            "wrong usage. Layers that only one of the two models has are counted, but do not count as a difference.",
    .examples = "# PyTorch's weights in the built-in network, against a file made from them\n"
                "stria diff lenet5 lenet5.onnx --weights lenet5.pth\n"
                "# on a picture\n"
                "stria diff lenet5 lenet5.onnx --weights lenet5.pth --image cat.jpg\n"
                "# in float64, to exclude rounding as the cause\n"
                "stria diff lenet5 lenet5.onnx --weights lenet5.pth --reference\n"
                "# for programs\n"
                "stria diff lenet5 lenet5.onnx --weights lenet5.pth --input x.npy --json",
    .operands_min = 2,
    .operands_max = 2,
    .rows = diff_rows,
    .run = diff_run,
};
