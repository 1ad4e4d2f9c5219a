/* stria convert: one model format into another, and proof that it is still the same network. */
#include "cli/compare.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

static bool holds_weights(const char *path) {
    return source_ends(path, ".safetensors") || source_ends(path, ".npz");
}

/* What was written, opened for inputs of these sizes: a file keeps the names of open dimensions, not the sizes that the
 * model was planned with. */
static stria_status sized_open(stria_model **out, const char *path, const tensors *inputs, stria_error *error) {
    stria_open_options chosen = stria_open_options_default();
    stria_named_array *arrays = calloc((size_t)inputs->count + 1, sizeof *arrays);
    if (!arrays) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d inputs", inputs->count);
    for (int i = 0; i < inputs->count; i++) {
        snprintf(arrays[i].name, sizeof arrays[i].name, "%s", inputs->items[i].name);
        arrays[i].array = inputs->items[i].array;
    }
    chosen.arrays = arrays;
    chosen.array_count = inputs->count;
    chosen.keep_batch = true;
    stria_status status = stria_model_open_with(out, path, &chosen, NULL, error);
    free(arrays);
    return status;
}

/* What was written as a model: OUT, or for weights IN again with the weights of OUT. */
static stria_status after_open(stria_model **out, const char *path, const options *given, const tensors *inputs,
                               stria_error *error) {
    if (!holds_weights(path)) return sized_open(out, path, inputs, error);
    stria_status status = source_used(given, given->operands[0], out, error);
    if (status == STRIA_OK) status = stria_model_load_weights(*out, path, NULL, error);
    return status;
}

/* Both models on the same random input at this batch. */
static stria_status parity_at(const stria_model *before, const char *path, const options *given, int64_t batch,
                              comparison *found, stria_error *error) {
    stria_model *after = NULL;
    tensors inputs = {0}, wanted = {0}, got = {0};
    tensors_way chosen = tensors_way_default();
    chosen.session.threads = (int)option_integer(given, "threads");
    stria_status status = tensors_random(&inputs, before, batch, (uint64_t)option_integer(given, "seed"), error);
    if (status == STRIA_OK) status = tensors_run(before, &chosen, &inputs, 0, NULL, &wanted, error);
    if (status == STRIA_OK) status = after_open(&after, path, given, &inputs, error);
    if (status == STRIA_OK) status = tensors_run(after, &chosen, &inputs, 0, NULL, &got, error);
    if (status == STRIA_OK)
        status = compare_tensors(&got, &wanted, option_real(given, "rtol"), option_real(given, "atol"), found, error);
    stria_model_free(after);
    tensors_release(&inputs);
    tensors_release(&wanted);
    tensors_release(&got);
    return status;
}

/* Whether the model takes two rows of every input. */
static bool takes_two(const stria_model *model) {
    stria_session *session = NULL;
    stria_session_options chosen = stria_session_options_default();
    stria_error error;
    for (int i = 0; i < stria_model_input_count(model); i++) {
        const stria_port *port = stria_model_input(model, i);
        if (port->rank == 0 || port->shape[0] != 0) return false;
    }
    chosen.batch = 2;
    bool takes = stria_session_new(&session, model, &chosen, &error) == STRIA_OK;
    stria_session_free(session);
    return takes;
}

/* At one and, where IN takes it, at two rows: an operator that was written for one only would show. */
static stria_status parity_run(const stria_model *before, const char *path, const options *given, comparison *found,
                               stria_error *error) {
    comparison two = {0};
    stria_status status = parity_at(before, path, given, 1, found, error);
    if (status != STRIA_OK || !takes_two(before)) return status;
    status = parity_at(before, path, given, 2, &two, error);
    for (int i = 0; status == STRIA_OK && i < found->count && i < two.count; i++) {
        compared *a = &found->items[i];
        const compared *b = &two.items[i];
        if (a->passed && !b->passed) snprintf(a->reason, sizeof a->reason, "%.120s at batch 2", b->reason);
        if (!(b->max_abs_error <= a->max_abs_error)) a->max_abs_error = b->max_abs_error;
        if (!(b->max_rel_error <= a->max_rel_error)) a->max_rel_error = b->max_rel_error;
        a->passed = a->passed && b->passed;
        found->passed = found->passed && a->passed;
    }
    compare_release(&two);
    return status;
}

/* A .net file has no weights, so there only the structure can be the same: parameters, work and outputs. */
static stria_status parity_structure(const stria_model *before, const stria_model *after, bool *same,
                                     stria_error *error) {
    stria_summary a = {.size = sizeof a}, b = {.size = sizeof b};
    stria_status status = stria_summarize(before, 1, &a, error);
    if (status == STRIA_OK) status = stria_summarize(after, 1, &b, error);
    int outputs = stria_model_output_count(before);
    *same = a.parameters == b.parameters && a.multiply_adds == b.multiply_adds &&
            outputs == stria_model_output_count(after);
    for (int i = 0; i < outputs && *same; i++) {
        stria_port p = *stria_model_output(before, i), q = *stria_model_output(after, i);
        *same = p.type == q.type && p.rank == q.rank;
        for (int d = 0; d < p.rank && *same; d++) *same = p.shape[d] == q.shape[d];
    }
    stria_summary_release(&a);
    stria_summary_release(&b);
    return status;
}

static int structure_finish(bool same, bool json, json_t *document) {
    int code = EXIT_DONE;
    if (json) {
        json_object_set_new(document, "passed", json_boolean(same));
        json_object_set_new(document, "outputs", json_array());
        code = json_finish(document);
    } else {
        json_decref(document);
        printf("%s: parameters, multiply-adds and outputs %s; a .net file holds no weights\n",
               same ? "passed" : "FAILED", same ? "are the same" : "differ");
    }
    return same ? code : EXIT_FAILED;
}

static stria_status model_write(const options *given, const stria_model *model, const char *path, stria_error *error) {
    stria_save_options chosen = stria_save_options_default();
    if (option_given(given, "opset")) chosen.opset = (int)option_integer(given, "opset");
    return stria_model_save_with(model, path, &chosen, error);
}

static int convert_run(const options *given) {
    const char *in = given->operands[0], *path = given->operands[1];
    bool text = source_ends(path, ".net"), same = false, json = option_given(given, "json");
    if (!text && !source_ends(path, ".onnx") && !holds_weights(path)) {
        term_say("convert: '%s' does not end in .onnx, .net, .safetensors or .npz, so its format is not known", path);
        return EXIT_USAGE;
    }
    stria_model *before = NULL, *after = NULL;
    stria_error error = {0};
    comparison found = {.passed = true};
    stria_status status = source_used(given, in, &before, &error);
    if (status == STRIA_OK) status = model_write(given, before, path, &error);
    if (status == STRIA_OK && text)
        status = stria_model_open(&after, path, (uint64_t)option_integer(given, "seed"), &error);
    if (status == STRIA_OK)
        status =
            text ? parity_structure(before, after, &same, &error) : parity_run(before, path, given, &found, &error);
    int code;
    if (status != STRIA_OK) {
        code = term_fail(&error);
    } else {
        json_t *document = json ? json_pack("{s:o,s:o}", "in", json_text(in), "out", json_text(path)) : NULL;
        if (!json) printf("%s %s %s\n", show_name(in), term_arrow(), show_name(path));
        code = text ? structure_finish(same, json, document) : compare_finish(&found, json, document);
        if (code != EXIT_DONE) term_say("'%s' does not do what '%s' does", path, in);
    }
    compare_release(&found);
    stria_model_free(after);
    stria_model_free(before);
    return code;
}

static const option_row convert_rows[] = {
    {.name = "opset",
     .kind = OPTION_INTEGER,
     .type = "N",
     .minimum = 13,
     .maximum = 28,
     .help = "of an .onnx file; newer operators are spelt in older ones; by default the lowest that has them"},
    OPTION_DIMS,
    {.name = "rtol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-5",
     .help = "relative error allowed between both"},
    {.name = "atol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-6",
     .help = "absolute error allowed between both"},
    OPTIONS_PREPROCESS,
    OPTIONS_NETWORK,
    {0},
};

const verb verb_convert = {
    .name = "convert",
    .usage = "IN OUT.onnx|OUT.net|OUT.safetensors|OUT.npz [options]",
    .about = "model formats, with a check that both compute the same",
    .text =
        "IN is any MODEL. After writing, OUT is read again and both run on the same random input, of one row and "
        "of two where IN takes them; a .net file holds no "
        "weights, so there parameters, work and outputs are compared. Files of weights go in by --weights, and come "
        "out "
        "as .safetensors and .npz. What is said of pictures and classes is stored "
        "in OUT. Auxiliary heads, which only training has, are left out.",
    .examples = "# a network built in, with fresh weights, for other programs\n"
                "stria convert lenet5 lenet5.onnx --seed 1\n"
                "# names and preprocessing for a model from elsewhere, stored for good\n"
                "stria convert resnet.onnx named.onnx --labels names.txt --preprocess imagenet\n"
                "# PyTorch's weights, with the network that they are of\n"
                "stria convert lenet5 lenet5.onnx --weights lenet5.pth\n"
                "# weights for other programs\n"
                "stria convert runs/lenet5-1 lenet5.safetensors\n"
                "# for programs that know no newer operators\n"
                "stria convert lenet5 old.onnx --opset 13\n"
                "# the structure of a trained network as text\n"
                "stria convert runs/lenet5-1 lenet5.net",
    .operands_min = 2,
    .operands_max = 2,
    .rows = convert_rows,
    .run = convert_run,
};
