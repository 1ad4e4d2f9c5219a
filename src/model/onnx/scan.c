/* Before a graph is built: which names there are, who makes them, in which order, and what the initialisers are. */
#include "model/onnx/importer.h"

#include "base/hash.h"
#include "op/op.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- names ---- */

static int *slot_of(const importer *im, const char *name) {
    size_t i = (size_t)hash_name(name) & im->slot_mask;
    while (im->slots[i] && strcmp(im->definitions[im->slots[i] - 1].name, name) != 0) i = (i + 1) & im->slot_mask;
    return &im->slots[i];
}

definition *definition_find(const importer *im, const char *name) {
    if (!name_given(name)) return NULL;
    int i = *slot_of(im, name);
    return i ? &im->definitions[i - 1] : NULL;
}

static stria_status define(importer *im, const char *name, definition_kind kind, size_t index, stria_error *err) {
    int *slot = slot_of(im, name);
    if (*slot) FAIL(err, STRIA_BAD_FILE, "two tensors are named '%s'", name);
    assert(im->definitions);
    im->definitions[im->definition_count++] = (definition){.name = name, .kind = kind, .index = (int)index};
    *slot = im->definition_count;
    return STRIA_OK;
}

static stria_status tables_new(importer *im, stria_error *err) {
    const Onnx__GraphProto *f = im->file;
    size_t count = f->n_input + f->n_initializer, slots = 64;
    for (size_t i = 0; i < f->n_node; i++) count += f->node[i]->n_output;
    if (count >= INT32_MAX / 4) FAIL(err, STRIA_UNSUPPORTED, "%zu tensors are too many", count);
    while (slots < 2 * count) slots *= 2;
    im->slot_mask = slots - 1;
    TRY(mem_new(&im->slots, slots, sizeof *im->slots, "the model's names", err));
    TRY(mem_new(&im->definitions, count + 1, sizeof *im->definitions, "the model's names", err));
    return mem_new(&im->order, f->n_node + 1, sizeof *im->order, "the model's nodes", err);
}

const char *node_label(const Onnx__NodeProto *n, char buffer[256]) {
    const char *name = name_given(n->name) ? n->name : n->n_output ? n->output[0] : "";
    snprintf(buffer, 256, "'%.120s' (%.100s)", name, n->op_type ? n->op_type : "");
    return buffer;
}

static stria_status mark_used(importer *im, const char *name, const Onnx__NodeProto *reader, stria_error *err) {
    char label[256];
    definition *d = definition_find(im, name);
    if (!d && reader)
        FAIL(err, STRIA_BAD_FILE, "node %s reads '%s', which nothing computes", node_label(reader, label), name);
    if (!d) FAIL(err, STRIA_BAD_FILE, "output '%s' is computed by nothing", name);
    d->used = true;
    return STRIA_OK;
}

static stria_status node_define(importer *im, const Onnx__NodeProto *n, size_t index, stria_error *err) {
    char label[256];
    if (!name_given(n->op_type)) FAIL(err, STRIA_BAD_FILE, "node %s has no operator", node_label(n, label));
    for (size_t o = 0; o < n->n_output; o++)
        if (name_given(n->output[o])) TRY(define(im, n->output[o], FROM_NODE, index, err));
    return STRIA_OK;
}

stria_status scan_definitions(importer *im, stria_error *err) {
    const Onnx__GraphProto *f = im->file;
    TRY(tables_new(im, err));
    for (size_t i = 0; i < f->n_initializer; i++) {
        if (!name_given(f->initializer[i]->name)) FAIL(err, STRIA_BAD_FILE, "an initialiser has no name");
        TRY(define(im, f->initializer[i]->name, FROM_INITIALIZER, i, err));
    }
    for (size_t i = 0; i < f->n_input; i++) {
        if (!name_given(f->input[i]->name)) FAIL(err, STRIA_BAD_FILE, "an input has no name");
        definition *d = definition_find(im, f->input[i]->name);
        if (d && d->kind == FROM_INITIALIZER) {
            d->optional = im->model->ir_version >= 4; /* older files list every initialiser */
            continue;
        }
        TRY(define(im, f->input[i]->name, FROM_INPUT, i, err));
    }
    for (size_t i = 0; i < f->n_node; i++) TRY(node_define(im, f->node[i], i, err));
    for (size_t i = 0; i < f->n_node; i++)
        for (size_t k = 0; k < f->node[i]->n_input; k++)
            if (name_given(f->node[i]->input[k])) TRY(mark_used(im, f->node[i]->input[k], f->node[i], err));
    for (size_t i = 0; i < f->n_output; i++) {
        if (!name_given(f->output[i]->name)) FAIL(err, STRIA_BAD_FILE, "an output has no name");
        TRY(mark_used(im, f->output[i]->name, NULL, err));
    }
    return STRIA_OK;
}

/* ---- order ---- */

static size_t conditions(const importer *im, int n) {
    size_t count = 0;
    for (int i = im->branch_of ? im->branch_of[n] : -1; i >= 0; i = im->branches[i].outer) count++;
    return count;
}

/* What node n must come after: its inputs, and the conditions of the branches that it stands in. */
static const char *needed(const importer *im, int n, size_t k) {
    size_t inputs = im->file->node[n]->n_input;
    if (k < inputs) return im->file->node[n]->input[k];
    int i = im->branch_of[n];
    while (k-- > inputs) i = im->branches[i].outer;
    return im->branches[i].condition;
}

/* The node that makes the k-th of these, or −1. */
static int maker(const importer *im, int n, size_t k) {
    const definition *d = definition_find(im, needed(im, n, k));
    return d && d->kind == FROM_NODE ? d->index : -1;
}

static stria_status circle(const Onnx__NodeProto *a, const Onnx__NodeProto *b, stria_error *err) {
    char from[256], to[256];
    FAIL(err, STRIA_BAD_FILE, "nodes %s and %s need each other's results", node_label(a, from), node_label(b, to));
}

enum { UNSEEN = 0, OPEN, DONE };

/* Depth first without recursion; a file that is in order stays in it. stack[i] reads from stack[i + 1]. */
static stria_status visit(importer *im, int first, uint8_t *state, int *stack, size_t *next, int *count,
                          stria_error *err) {
    int depth = 0;
    stack[0] = first;
    state[first] = OPEN;
    while (depth >= 0) {
        int n = stack[depth];
        if (next[n] == im->file->node[n]->n_input + conditions(im, n)) {
            state[n] = DONE;
            im->order[(*count)++] = n;
            depth--;
            continue;
        }
        int m = maker(im, n, next[n]++);
        if (m < 0 || state[m] == DONE) continue;
        if (state[m] == OPEN) return circle(im->file->node[m], im->file->node[n], err);
        state[m] = OPEN;
        stack[++depth] = m;
    }
    return STRIA_OK;
}

stria_status scan_order(importer *im, stria_error *err) {
    size_t n = im->file->n_node, *next = NULL;
    uint8_t *state = NULL;
    int *stack = NULL, count = 0;
    stria_status status = mem_new(&state, n + 1, sizeof *state, "the model's nodes", err);
    if (status == STRIA_OK) status = mem_new(&stack, n + 1, sizeof *stack, "the model's nodes", err);
    if (status == STRIA_OK) status = mem_new(&next, n + 1, sizeof *next, "the model's nodes", err);
    for (size_t i = 0; status == STRIA_OK && i < n; i++)
        if (state[i] == UNSEEN) status = visit(im, (int)i, state, stack, next, &count, err);
    mem_free(state);
    mem_free(stack);
    mem_free(next);
    return status;
}

/* ---- roles ---- */

/* Nodes through which a parameter is still itself: another shape, order or type of the same numbers. */
static bool is_view(const op_def *op) {
    return op->view || op == &op_Transpose || op == &op_Cast;
}

static const op_def *operator_of(const Onnx__NodeProto *n) {
    return n->op_type ? op_find(n->domain ? n->domain : "", n->op_type) : NULL;
}

/* The initialiser that `name` is, or a view of; a view of a view … is followed at most as far as there are nodes. */
static definition *initializer_behind(const importer *im, const char *name) {
    definition *d = definition_find(im, name);
    for (size_t steps = 0; d && d->kind == FROM_NODE; steps++) {
        const Onnx__NodeProto *n = im->file->node[d->index];
        const op_def *op = operator_of(n);
        if (!op || !is_view(op) || !n->n_input || steps > 64) return NULL;
        d = definition_find(im, n->input[0]);
    }
    return d && d->kind == FROM_INITIALIZER ? d : NULL;
}

static void mark_roles(importer *im, const Onnx__NodeProto *n, const op_def *op) {
    for (size_t k = 0; k < n->n_input && k < 32; k++) {
        value_role role = (op->learnable_inputs >> k) & 1   ? ROLE_PARAMETER
                          : (op->statistic_inputs >> k) & 1 ? ROLE_STATISTIC
                                                            : ROLE_NONE;
        if (role == ROLE_NONE) continue;
        definition *d = initializer_behind(im, n->input[k]);
        if (d && d->role != ROLE_PARAMETER && dtype_is_float((dtype)im->file->initializer[d->index]->data_type))
            d->role = role;
    }
}

void scan_roles(importer *im) {
    for (size_t i = 0; i < im->file->n_node; i++) {
        const op_def *op = operator_of(im->file->node[i]);
        if (op) mark_roles(im, im->file->node[i], op);
    }
}

/* ---- shapes ---- */

static bool decides_shapes(const importer *im, const Onnx__NodeProto *n) {
    for (size_t o = 0; o < n->n_output; o++) {
        const definition *d = definition_find(im, n->output[o]);
        if (d && d->decides) return true;
    }
    return false;
}

/* Inputs of which the shape rule reads the contents. Upsample and the first Resize had their scales where Resize has
 * its crop today. */
static uint32_t value_inputs_of(const importer *im, const Onnx__NodeProto *n, const op_def *op) {
    if (!n->op_type) return 0;
    if (strcmp(n->op_type, "If") == 0) return 1 << 0;
    if (strcmp(n->op_type, "Upsample") == 0 || (op == &op_Resize && im->opset < 11)) return 1 << 1;
    return op ? op->value_inputs : 0;
}

void scan_shapes(importer *im) {
    for (size_t i = im->file->n_node; i-- > 0;) {
        const Onnx__NodeProto *n = im->file->node[im->order[i]];
        const op_def *op = operator_of(n);
        bool all = decides_shapes(im, n);
        if (im->opsets) im->opset = im->opsets[im->order[i]];
        for (size_t k = 0; k < n->n_input && k < 32; k++) {
            definition *d = definition_find(im, n->input[k]);
            bool value = value_inputs_of(im, n, op) >> k & 1, shape_only = op && (op->shape_inputs >> k) & 1;
            if (d && (value || (all && !shape_only))) d->decides = true;
        }
    }
}
