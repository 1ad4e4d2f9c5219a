/* The call of a layer: its row, its options, its name; or an operator by its ONNX name. */
#include "op/build_options.h"

#include <string.h>

#include "base/text.h"

static const layer_def *layer_find(const char *name) {
    for (const layer_def *l = layer_all(); l->name; l++)
        if (strcmp(l->name, name) == 0) return l;
    return NULL;
}

static stria_status check_call(layer_call *c, int count, stria_error *err) {
    if (count != c->layer->in)
        FAIL(err, STRIA_BAD_ARGUMENT, "expected %d input%s, not %d", c->layer->in, text_s(c->layer->in), count);
    for (int i = 0; i < count; i++)
        if (!c->in[i]) FAIL(err, STRIA_BAD_ARGUMENT, "input %d is missing", i + 1);
    if (!c->layer->numbers && c->number_count > 0) FAIL(err, STRIA_BAD_ARGUMENT, "it takes no plain numbers");
    return STRIA_OK;
}

/* The name that was given, in its scope, or the next number of the layer's kind there; NULL without memory. */
static const char *name_of(const layer_call *c) {
    const char *name = graph_scoped_name(c->g, c->name ? c->name : c->layer->name);
    if (c->name || !name) return name;
    return layer_is_block(c->layer) ? graph_scope_name(c->g, name) : graph_numbered_name(c->g, name);
}

static stria_status layer_of_table(layer_call *c, int count, const char *options, stria_error *err) {
    c->g->failure_named = false;
    stria_status status = layer_options(c, options, err);
    c->name = name_of(c);
    if (status == STRIA_OK && !c->name) status = layer_no_memory(err);
    if (status == STRIA_OK) status = check_call(c, count, err);
    if (status == STRIA_OK && graph_find_node(c->g, c->name))
        status = error_set(err, STRIA_BAD_ARGUMENT, "two layers are named '%s'", c->name);
    int before = c->g->node_count;
    if (status == STRIA_OK) status = c->layer->build(c, err);
    if (status == STRIA_OK || c->g->node_count != before || c->g->failure_named) return status;
    error_prefix(err, "layer '%s' (%s): ", c->name ? c->name : "", c->layer->name);
    return status;
}

/* An operator's attributes and its node's name (NULL: not said) from "key=value key=value". */
static stria_status operator_options(graph *g, const op_def *op, const char *options, void *attributes,
                                     const char **name, stria_error *err) {
    const char *key, *words;
    bool given[64] = {false};
    spec pairs = spec_open_list("", options);
    for (;;) {
        TRY(layer_option_next(g, &pairs, &key, &words, err));
        if (!key) break;
        if (strcmp(key, "name") == 0) {
            *name = words;
            continue;
        }
        TRY(attribute_set(op, attributes, key, words, &g->arena, err));
        for (int i = 0; i < 64 && op->fields[i].name; i++) given[i] |= strcmp(op->fields[i].name, key) == 0;
    }
    for (int i = 0; i < 64 && op->fields[i].name; i++)
        if (op->fields[i].required && !given[i])
            FAIL(err, STRIA_BAD_ARGUMENT, "attribute '%s' is missing", op->fields[i].name);
    return STRIA_OK;
}

static stria_status operator_add(graph *g, const op_def *op, value *const *in, int count, const char *options,
                                 void *attributes, value **out, stria_error *err) {
    const char *name = NULL;
    TRY(operator_options(g, op, options, attributes, &name, err));
    if (g->scope) name = name ? graph_scoped_name(g, name) : graph_fresh_name(g, graph_scoped_name(g, op->name));
    if (g->scope && !name) return layer_no_memory(err);
    node *n;
    TRY(graph_add_node(g, op, name, in, count, attributes, 0, NULL, &n, err));
    *out = n->out[0];
    return STRIA_OK;
}

/* Any operator by its ONNX name. */
static stria_status operator_build(graph *g, const char *op_name, value *const *in, int count, const char *options,
                                   value **out, stria_error *err) {
    const op_def *op;
    TRY(op_find_any(op_name, &op, err));
    void *attributes = arena_alloc(&g->arena, op->attribute_bytes + 1);
    if (!attributes) return layer_no_memory(err);
    TRY(attributes_default(op, attributes, &g->arena, err));
    stria_status status = operator_add(g, op, in, count, options, attributes, out, err);
    attributes_release(op, attributes);
    return status;
}

static stria_status layer_unknown(const char *layer, stria_error *err) {
    const char *names[512];
    int count = 0;
    for (const layer_def *l = layer_all(); l->name; l++) names[count++] = l->name;
    for (const op_def *const *op = op_all(); *op && count < 512; op++) names[count++] = (*op)->name;
    const char *near = text_nearest(layer, names, count);
    if (near) FAIL(err, STRIA_BAD_ARGUMENT, "there is no layer '%s'; did you mean '%s'?", layer, near);
    FAIL(err, STRIA_BAD_ARGUMENT, "there is no layer '%s'", layer);
}

stria_status layer_build(graph *g, const char *layer, value *const *in, int count, const int64_t *numbers,
                         int number_count, const char *options, uint64_t seed, value **out, stria_error *err) {
    const op_def *op;
    layer_call c = {
        .g = g, .layer = layer_find(layer), .in = in, .numbers = numbers, .number_count = number_count, .seed = seed};
    if (!options) options = "";
    if (c.layer) {
        TRY(layer_of_table(&c, count, options, err));
        *out = c.out;
        return STRIA_OK;
    }
    if (op_find_any(layer, &op, NULL) != STRIA_OK) return layer_unknown(layer, err);
    stria_status status = STRIA_OK;
    g->failure_named = false;
    if (number_count > 0) status = error_set(err, STRIA_BAD_ARGUMENT, "it takes no plain numbers");
    if (status == STRIA_OK) status = operator_build(g, layer, in, count, options, out, err);
    if (status != STRIA_OK && !g->failure_named) error_prefix(err, "%s: ", layer);
    return status;
}
