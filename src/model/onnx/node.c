/* One node of the file: looked up, checked, appended to the graph. */
#include "model/onnx/importer.h"

#include "base/text.h"
#include "op/shape.h"

#include <string.h>

stria_status import_constant(importer *im, const char *stem, tensor *data, value **out, stria_error *err) {
    const char *name = import_value_name(im, stem);
    stria_status status = name ? graph_add_constant(im->g, name, data, out, err)
                               : error_set(err, STRIA_NO_MEMORY, "not enough memory for a constant");
    tensor_release(data);
    return status;
}

/* ---- Constant nodes ---- */

static stria_status constant_tensor(const constant_attributes *a, const Onnx__NodeProto *n, const char *name,
                                    tensor **out, stria_error *err) {
    int64_t count;
    shape s = {0};
    if (onnx_attribute_find(n, "value")) {
        *out = tensor_retain(a->value);
        return STRIA_OK;
    }
    if (onnx_attribute_find(n, "value_float")) {
        TRY(tensor_new(out, STRIA_FLOAT32, &s, name, err));
        *(float *)(*out)->data = a->value_float;
        return STRIA_OK;
    }
    bool whole = onnx_attribute_find(n, "value_ints"), real = onnx_attribute_find(n, "value_floats");
    if (!whole && !real && !onnx_attribute_find(n, "value_int"))
        FAIL(err, STRIA_BAD_FILE, "constant '%s' has no value", name);
    count = whole ? a->value_ints.count : a->value_floats.count;
    if (whole || real) s = shape_of(1, &count);
    TRY(tensor_new(out, real ? STRIA_FLOAT32 : STRIA_INT64, &s, name, err));
    if ((*out)->bytes)
        memcpy((*out)->data,
               whole  ? (const void *)a->value_ints.value
               : real ? (const void *)a->value_floats.value
                      : (const void *)&a->value_int,
               (*out)->bytes);
    return STRIA_OK;
}

static stria_status import_constant_node(importer *im, const Onnx__NodeProto *n, stria_error *err) {
    constant_attributes a;
    if (n->n_output != 1 || n->n_input || !name_given(n->output[0]))
        FAIL(err, STRIA_BAD_FILE, "a constant has one output and no inputs");
    TRY(onnx_attributes_decode(&op_Constant, &a, n, &im->files, &im->arena, err));
    tensor *t = NULL;
    stria_status status = constant_tensor(&a, n, n->output[0], &t, err);
    onnx_attributes_release(&op_Constant, &a);
    if (status != STRIA_OK) return status;
    return import_constant(im, n->output[0], t, &definition_find(im, n->output[0])->value, err);
}

/* ---- all others ---- */

static stria_status operator_find(const importer *im, const Onnx__NodeProto *n, const op_def **out, stria_error *err) {
    const char *domain = name_given(n->domain) ? n->domain : "ai.onnx", *names[512];
    int count = 0;
    if ((*out = op_find(domain, n->op_type))) return STRIA_OK;
    bool loops = strcmp(n->op_type, "Loop") == 0 || strcmp(n->op_type, "Scan") == 0;
    if (loops && strcmp(domain, "ai.onnx") == 0)
        FAIL(err, STRIA_UNSUPPORTED,
             "Stria does not run operator '%s': how often its body runs depends on data, and Stria plans every step "
             "before "
             "it runs; exporters unroll a loop whose count is fixed",
             n->op_type);
    for (const op_def *const *op = op_all(); *op && count < 512; op++)
        if (strcmp((*op)->domain, "stria") != 0) names[count++] = (*op)->name;
    const char *nearest = text_nearest(n->op_type, names, count);
    FAIL(err, STRIA_UNSUPPORTED, "Stria has no operator '%s' of domain '%s', opset %lld%s%s%s", n->op_type, domain,
         (long long)im->opset, nearest ? "; the nearest is '" : "", nearest ? nearest : "", nearest ? "'" : "");
}

/* The last output that is there and read by somebody, but at least the operator's first ones: Dropout's mask and the
 * like are not asked for in vain. Operators with any number of outputs (Split) keep theirs. */
static int output_count(const importer *im, const Onnx__NodeProto *n, const op_def *op) {
    int count = (int)n->n_output;
    while (count > op->out_min && op->out_max != OP_UNBOUNDED) {
        const definition *d = definition_find(im, n->output[count - 1]);
        if (d && d->used) break;
        count--;
    }
    return count;
}

typedef struct parts {
    const op_def *op;
    const char *name;
    value **in;
    int in_count, out_count;
    const char **out_names;
    void *attributes;
} parts;

static stria_status parts_alloc(importer *im, const Onnx__NodeProto *n, int extra_inputs, parts *p, stria_error *err) {
    p->in_count = (int)n->n_input > extra_inputs ? (int)n->n_input : extra_inputs;
    p->in = arena_alloc(&im->arena, sizeof *p->in * (size_t)(p->in_count + 1));
    p->out_names = arena_alloc(&im->arena, sizeof *p->out_names * (n->n_output + 1));
    p->attributes = arena_alloc(&im->arena, p->op->attribute_bytes + 1);
    p->name = import_node_name(im, name_given(n->name) ? n->name : n->op_type);
    if (!p->in || !p->out_names || !p->attributes || !p->name)
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node");
    return STRIA_OK;
}

static stria_status inputs_resolve(importer *im, upgraded *u, parts *p, stria_error *err) {
    for (size_t i = 0; i < u->node.n_input; i++) {
        definition *d = definition_find(im, u->node.input[i]);
        if (d && d->kind == FROM_INITIALIZER) TRY(import_initializer(im, d, err));
        p->in[i] = d ? d->value : NULL;
        if (d && !d->value) FAIL(err, STRIA_BAD_FILE, "input '%s' is not there yet", u->node.input[i]);
    }
    for (int i = 0; i < u->input_count; i++) {
        if (!u->input[i].data) continue;
        const char *stem = arena_printf(&im->arena, "%s.%s", p->name, u->input[i].name);
        if (!stem) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node");
        if (p->in[i]) FAIL(err, STRIA_BAD_FILE, "attribute '%s' is also an input", u->input[i].name);
        TRY(import_constant(im, stem, tensor_retain(u->input[i].data), &p->in[i], err));
    }
    while (p->in_count && !p->in[p->in_count - 1]) p->in_count--;
    return STRIA_OK;
}

static stria_status outputs_name(importer *im, const Onnx__NodeProto *n, parts *p, stria_error *err) {
    if (!n->n_output) FAIL(err, STRIA_BAD_FILE, "it has no output");
    p->out_count = output_count(im, n, p->op);
    if (p->out_count > p->op->out_max || p->out_count < p->op->out_min)
        FAIL(err, STRIA_UNSUPPORTED, "%d of its outputs are used, it has %d", p->out_count, p->op->out_max);
    for (int i = 0; i < p->out_count; i++) {
        const char *name = i < (int)n->n_output ? n->output[i] : "";
        if (!name_given(name) && i < p->op->out_min) name = p->name; /* made but not read: an LSTM's Y */
        p->out_names[i] = name_given(name) ? import_value_name(im, name) : "";
        if (!p->out_names[i]) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a name");
    }
    return STRIA_OK;
}

static void outputs_bind(importer *im, const Onnx__NodeProto *n, const node *made) {
    for (int i = 0; i < made->out_count && i < (int)n->n_output; i++)
        if (made->out[i] && name_given(n->output[i])) definition_find(im, n->output[i])->value = made->out[i];
}

/* Adds the node; with `after`, a Reshape to that shape after it takes its output's name. */
static stria_status node_add(importer *im, const Onnx__NodeProto *n, parts *p, value *after, stria_error *err) {
    node *made;
    if (!after) {
        TRY(graph_add_node(im->g, p->op, p->name, p->in, p->in_count, p->attributes, p->out_count, p->out_names, &made,
                           err));
    } else {
        TRY(graph_add_node(im->g, p->op, p->name, p->in, p->in_count, p->attributes, 1, NULL, &made, err));
        const char *stem = arena_printf(&im->arena, "%s.reshape", p->name);
        const char *name = stem ? import_node_name(im, stem) : NULL;
        if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a node");
        value *in[2] = {made->out[0], after};
        TRY(graph_add_node(im->g, &op_Reshape, name, in, 2, NULL, 1, p->out_names, &made, err));
    }
    outputs_bind(im, n, made);
    return STRIA_OK;
}

static stria_status upgraded_import(importer *im, upgraded *u, stria_error *err) {
    const Onnx__NodeProto *n = &u->node;
    parts p = {0};
    value *after = NULL;
    if (n->n_input > 0xffff || n->n_output > 0xffff) FAIL(err, STRIA_UNSUPPORTED, "it has too many inputs or outputs");
    TRY(operator_find(im, n, &p.op, err));
    TRY(parts_alloc(im, n, u->input_count, &p, err));
    TRY(inputs_resolve(im, u, &p, err));
    if (!*p.op->domain) TRY(old_operator_before(im, u, p.name, p.in, p.in_count, &after, err));
    TRY(outputs_name(im, n, &p, err));
    TRY(onnx_attributes_decode(p.op, p.attributes, n, &im->files, &im->arena, err));
    stria_status status = node_add(im, n, &p, after, err);
    onnx_attributes_release(p.op, p.attributes);
    return status;
}

stria_status import_node(importer *im, const Onnx__NodeProto *n, stria_error *err) {
    upgraded u = {0};
    char label[256];
    bool own = !name_given(n->domain) || strcmp(n->domain, "ai.onnx") == 0;
    stria_status status;
    im->g->failure_named = false;
    if (own && strcmp(n->op_type, "Constant") == 0) status = import_constant_node(im, n, err);
    else if (own && strcmp(n->op_type, "If") == 0) status = branch_join(im, n, err);
    else {
        status = upgrade_node(im, n, &u, err);
        if (status == STRIA_OK) status = upgraded_import(im, &u, err);
        upgrade_release(&u);
    }
    if (status != STRIA_OK && !im->g->failure_named) error_prefix(err, "node %s: ", node_label(n, label));
    return status;
}
