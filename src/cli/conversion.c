#include "cli/conversion.h"

#include "cli/sample.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>

/* What was written, opened for inputs of these sizes: a file keeps the names of open dimensions, not the sizes that the
 * model was planned with. */
static stria_status sized_open(stria_model **out, const char *file, const tensors *inputs, stria_error *error) {
    stria_open_options chosen = stria_open_options_default();
    stria_named_array *arrays = tensors_named(inputs);
    if (!arrays) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d inputs", inputs->count);
    chosen.arrays = arrays;
    chosen.array_count = inputs->count;
    chosen.keep_batch = true;
    chosen.by_contents = true;
    stria_status status = stria_model_open_with(out, file, &chosen, NULL, error);
    free(arrays);
    return status;
}

/* What was written as a model: the file, or for weights IN again with those of the file. */
static stria_status after_open(stria_model **out, const char *file, const conversion *c, const tensors *inputs,
                               stria_error *error) {
    if (source_ends(c->given->operands[1], ".onnx")) return sized_open(out, file, inputs, error);
    stria_status status = source_used(c->given, c->given->operands[0], out, error);
    if (status == STRIA_OK) status = stria_model_load_weights(*out, file, NULL, error);
    return status;
}

static stria_status inputs_make(tensors *inputs, conversion *c, int64_t batch, stria_error *error) {
    const char *picture = option_text(c->given, "image");
    c->input = picture ? picture : "random numbers";
    if (picture) return sample_picture(inputs, c->before, &c->picture, picture, batch, error);
    return tensors_random(inputs, c->before, batch, (uint64_t)option_integer(c->given, "seed"), error);
}

enum { LAYERS_COMPARED = 4096 }; /* at most; keeping each result of more takes long */

#define RTOL 1e-5 /* of weights that stay what they are */

/* --rtol, or what fits the type of the weights: 128 times half of its last place. Trained networks were seen to make 35
 * (MobileNet 0.25) and less of it. */
static double rtol_of(const conversion *c) {
    if (option_given(c->given, "rtol")) return option_real(c->given, "rtol");
    return c->weights == STRIA_FLOAT16 ? 0x1p-4 : c->weights == STRIA_BFLOAT16 ? 0x1p-1 : RTOL;
}

static bool has_parameters(const stria_model *model) {
    stria_summary s = {.size = sizeof s};
    bool has = stria_summarize(model, 1, &s, NULL) != STRIA_OK || s.parameters > 0;
    stria_summary_release(&s);
    return has;
}

/* Rounded weights hide what else differs. So IN with the weights of what was written must give the same numbers, which
 * take the place of what IN gives with its own. */
static stria_status rounded_check(const conversion *c, const stria_model *after, const tensors_way *way,
                                  const tensors *inputs, const tensors *got, comparison *found, tensors *of_in,
                                  stria_error *error) {
    stria_model *rounded = NULL;
    tensors wanted = {0};
    comparison exact = {0};
    const compare_bound bound = {.rtol = RTOL, .atol = option_real(c->given, "atol"), .of_tensor = true};
    stria_status status = stria_model_take_weights(&rounded, c->before, after, NULL, error);
    if (status == STRIA_BAD_ARGUMENT && !has_parameters(c->before)) return STRIA_OK;
    if (status == STRIA_OK) status = tensors_run(rounded, way, inputs, 0, NULL, &wanted, error);
    if (status == STRIA_OK) status = compare_tensors(got, &wanted, &bound, &exact, error);
    for (int i = 0; status == STRIA_OK && i < found->count; i++) {
        if (exact.items[i].passed) continue;
        found->passed = found->items[i].passed = false;
        snprintf(found->items[i].reason, sizeof found->items[i].reason, "by more than the rounding of weights");
    }
    compare_release(&exact);
    tensors_release(status == STRIA_OK ? of_in : &wanted);
    if (status == STRIA_OK) *of_in = wanted;
    stria_model_free(rounded);
    return status;
}

/* Both models on the same input at this batch: outputs as any session computes them, and, where wanted, every layer. */
static stria_status parity_at(conversion *c, const char *file, int64_t batch, comparison *found, layer_diff *layers,
                              stria_error *error) {
    stria_model *after = NULL;
    tensors inputs = {0}, wanted = {0}, got = {0};
    tensors_way way = tensors_way_default();
    const compare_bound of_layers = {.rtol = rtol_of(c), .atol = option_real(c->given, "atol"), .of_tensor = true};
    compare_bound of_outputs = of_layers;
    of_outputs.of_tensor = c->weights != 0; /* rounded weights move small elements by more than their share */
    way.session.threads = (int)option_integer(c->given, "threads");
    stria_status status = inputs_make(&inputs, c, batch, error);
    if (status == STRIA_OK) status = tensors_run(c->before, &way, &inputs, 0, NULL, &wanted, error);
    if (status == STRIA_OK) status = after_open(&after, file, c, &inputs, error);
    if (status == STRIA_OK) status = tensors_run(after, &way, &inputs, 0, NULL, &got, error);
    if (status == STRIA_OK) status = compare_tensors(&got, &wanted, &of_outputs, found, error);
    if (status == STRIA_OK && c->weights) status = rounded_check(c, after, &way, &inputs, &got, found, &wanted, error);
    if (status == STRIA_OK && layers)
        status = layer_diff_run(c->before, &inputs, after, &inputs, &way, &of_layers, layers, error);
    stria_model_free(after);
    tensors_release(&got);
    if (batch == 1) {
        c->inputs = inputs;
        c->wanted = wanted;
        return status;
    }
    tensors_release(&inputs);
    tensors_release(&wanted);
    return status;
}

/* Whether the model takes two rows of every input; fails only for want of memory. */
static stria_status takes_two(const stria_model *model, bool *takes, stria_error *error) {
    stria_session *session = NULL;
    stria_session_options chosen = stria_session_options_default();
    *takes = true;
    for (int i = 0; i < stria_model_input_count(model) && *takes; i++) {
        const stria_port *port = stria_model_input(model, i);
        *takes = port->rank > 0 && port->shape[0] == 0;
    }
    if (!*takes) return STRIA_OK;
    chosen.batch = 2;
    stria_status status = stria_session_new(&session, model, &chosen, error);
    stria_session_free(session);
    *takes = status == STRIA_OK;
    return status == STRIA_NO_MEMORY ? status : STRIA_OK;
}

/* At one and, where IN takes it, at two rows: an operator that was written for one only would show. */
static stria_status parity_run(conversion *c, const char *file, stria_error *error) {
    comparison two = {0}, *found = &c->outputs;
    bool takes = false;
    stria_node_row row = {.size = sizeof row};
    c->by_layer = !stria_model_node(c->before, LAYERS_COMPARED, &row);
    stria_status status = parity_at(c, file, 1, found, c->by_layer ? &c->layers : NULL, error);
    if (status == STRIA_OK) status = takes_two(c->before, &takes, error);
    if (status == STRIA_OK && takes) status = parity_at(c, file, 2, &two, NULL, error);
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
    c->passed = found->passed && (!c->by_layer || c->layers.passed);
    return status;
}

/* Parameters, work and outputs. */
static stria_status structure_compare(const stria_model *before, const stria_model *after, bool *same,
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

static stria_status structure_run(conversion *c, const char *file, stria_error *error) {
    stria_model *after = NULL;
    stria_open_options chosen = stria_open_options_default();
    chosen.by_contents = true;
    chosen.seed = (uint64_t)option_integer(c->given, "seed");
    stria_status status = stria_model_open_with(&after, file, &chosen, NULL, error);
    if (status == STRIA_OK) status = structure_compare(c->before, after, &c->passed, error);
    stria_model_free(after);
    return status;
}

stria_status conversion_check(const char *file, void *context, stria_error *error) {
    conversion *c = context;
    stria_status status = c->text ? structure_run(c, file, error) : parity_run(c, file, error);
    if (status != STRIA_OK) return status;
    c->checked = true;
    if (c->passed) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_FILE, "'%s' would not do what '%s' does; it is not written",
                         c->given->operands[1], c->given->operands[0]);
}

void conversion_release(conversion *c) {
    stria_array_release(&c->picture);
    tensors_release(&c->inputs);
    tensors_release(&c->wanted);
    compare_release(&c->outputs);
    layer_diff_release(&c->layers);
}

/* ---- what it says ---- */

enum { LAYERS_SHOWN = 8 };

static void tables_print(const conversion *c) {
    printf("input: %s%s\n", show_name(c->input),
           option_given(c->given, "image") ? "" : "; --image FILE compares on a picture");
    compare_print(&c->outputs);
    if (c->by_layer) {
        layer_diff_print(&c->layers, LAYERS_SHOWN, false);
        layer_diff_print_first(&c->layers);
    } else {
        printf("layers are not compared one by one: there are more than %d\n", LAYERS_COMPARED);
    }
}

static void text_print(const conversion *c) {
    printf("%s: parameters, multiply-adds and outputs %s; a .net file holds no weights\n",
           c->passed ? "passed" : "FAILED", c->passed ? "are the same" : "differ");
}

static json_t *conversion_json(const conversion *c) {
    json_t *document =
        json_pack("{s:o,s:o,s:o}", "in", json_text(c->given->operands[0]), "out", json_text(c->given->operands[1]),
                  "input", c->text ? json_null() : json_text(c->input));
    if (!c->text) layer_diff_json(&c->layers, document);
    document = compare_document(&c->outputs, document);
    json_object_set_new(document, "passed", json_boolean(c->passed));
    return document;
}

int conversion_finish(const conversion *c) {
    int code = EXIT_DONE;
    if (option_given(c->given, "json")) code = json_finish(conversion_json(c));
    else {
        printf("%s %s %s\n", show_name(c->given->operands[0]), term_arrow(), show_name(c->given->operands[1]));
        if (c->text) text_print(c);
        else tables_print(c);
    }
    return c->passed ? code : EXIT_FAILED;
}
