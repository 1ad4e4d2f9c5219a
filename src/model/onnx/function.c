/* A model's own functions (ModelProto.functions): a node that calls one is replaced by the nodes of its body, before
 * anything else sees the file. Formal inputs and outputs become the caller's names, a body's own names get a prefix,
 * and attributes that refer to the function's (ref_attr_name) become the caller's or the function's defaults. A
 * function comes before an operator of the same name, as in ONNX Runtime. */
#include "model/onnx/expansion.h"

#include <stdlib.h>
#include <string.h>

/* A few short functions that call each other twice are as many nodes as one likes. */
#define NODES_MAX     200000
#define WORDS_MAX     2000000            /* nodes, inputs, outputs and attributes that are gone through */
#define BYTES_MAX     ((size_t)64 << 20) /* of names that are made */
#define WORK_MAX      ((int64_t)1 << 25) /* comparisons of names, which takes seconds at most */
#define FUNCTIONS_MAX 4096
#define FORMALS_MAX   256 /* inputs and outputs of a function */

stria_status expansion_no_memory(const expansion *e, stria_error *err) {
    if (e->bytes > BYTES_MAX) FAIL(err, STRIA_UNSUPPORTED, "the names in its functions are too long");
    FAIL(err, STRIA_NO_MEMORY, "not enough memory for the functions of a model");
}

/* Searches are by comparing names in lists of the file's own length. */
stria_status expansion_spend(expansion *e, size_t comparisons, stria_error *err) {
    e->work += (int64_t)comparisons + 1;
    if (e->work > WORK_MAX) FAIL(err, STRIA_UNSUPPORTED, "its functions call each other too often to be expanded");
    return STRIA_OK;
}

static bool same_name(const char *a, const char *b) {
    return strcmp(name_given(a) ? a : "", name_given(b) ? b : "") == 0;
}

/* "" and "ai.onnx" are one domain. */
static bool same_domain(const char *a, const char *b) {
    static const char own[] = "ai.onnx";
    return strcmp(name_given(a) ? a : own, name_given(b) ? b : own) == 0;
}

static const Onnx__FunctionProto *function_find(const importer *im, const Onnx__NodeProto *n) {
    for (size_t i = 0; i < im->model->n_functions; i++) {
        const Onnx__FunctionProto *f = im->model->functions[i];
        if (name_given(f->name) && same_name(f->name, n->op_type) && same_domain(f->domain, n->domain) &&
            same_name(f->overload, n->overload))
            return f;
    }
    return NULL;
}

/* ---- names ---- */

static size_t size_max(size_t a, size_t b) {
    return a > b ? a : b;
}

static int position(char *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (name_given(list[i]) && strcmp(list[i], name) == 0) return (int)i;
    return -1;
}

/* NULL without memory, or where names get too long. */
static char *prefixed(expansion *e, const scope *s, const char *name) {
    e->bytes += strlen(s->prefix) + strlen(e->between) + strlen(name) + 1;
    return e->bytes > BYTES_MAX ? NULL : arena_printf(&e->im->arena, "%s%s%s", s->prefix, e->between, name);
}

/* What `name` of a body is called outside: an input that the caller leaves out is "". NULL without memory. */
char *expansion_outside(expansion *e, const scope *s, const char *name) {
    static char none[] = "";
    int i;
    if (!name_given(name)) return none;
    if (s->own) {
        bool own = bsearch(&name, s->own, s->own_count, sizeof *s->own, branch_name_order) != NULL;
        return own ? prefixed(e, s, name) : expansion_outside(e, s->outer, name);
    }
    if (!s->f) return (char *)(uintptr_t)name;
    if ((i = position(s->f->input, s->f->n_input, name)) >= 0)
        return i < (int)s->call->n_input ? s->call->input[i] : none;
    if ((i = position(s->f->output, s->f->n_output, name)) >= 0 && i < (int)s->call->n_output &&
        name_given(s->call->output[i]))
        return s->call->output[i];
    return prefixed(e, s, name);
}

static stria_status names_map(expansion *e, const scope *s, char **from, size_t count, char ***to, stria_error *err) {
    *to = arena_alloc(&e->im->arena, sizeof **to * (count + 1));
    if (!*to) return expansion_no_memory(e, err);
    for (size_t i = 0; i < count; i++) {
        TRY(expansion_spend(e, s->f ? s->f->n_input + s->f->n_output : 0, err));
        if (!((*to)[i] = expansion_outside(e, s, from[i]))) return expansion_no_memory(e, err);
    }
    return STRIA_OK;
}

/* ---- attributes ---- */

/* What ref_attr_name means in this call: the caller's attribute, else the default; NULL: neither. */
static const Onnx__AttributeProto *referred(const scope *s, const char *name) {
    const Onnx__AttributeProto *given = onnx_attribute_find(s->call, name);
    if (given) return given;
    for (size_t i = 0; i < s->f->n_attribute_proto; i++)
        if (same_name(s->f->attribute_proto[i]->name, name)) return s->f->attribute_proto[i];
    return NULL;
}

static stria_status attributes_map(expansion *e, const scope *s, Onnx__NodeProto *n, stria_error *err) {
    Onnx__AttributeProto **list = arena_alloc(&e->im->arena, sizeof *list * (n->n_attribute + 1));
    size_t count = 0;
    if (!list) return expansion_no_memory(e, err);
    for (size_t i = 0; i < n->n_attribute; i++) {
        Onnx__AttributeProto *p = n->attribute[i], *copy = p;
        const scope *of = s;
        while (of && !of->f) of = of->outer; /* a branch of a function refers to the function's */
        if (of && name_given(p->ref_attr_name)) {
            TRY(expansion_spend(e, of->call->n_attribute + of->f->n_attribute_proto, err));
            const Onnx__AttributeProto *to = referred(of, p->ref_attr_name);
            if (!to) continue; /* it is optional, and its operator has a default */
            if (!(copy = arena_copy(&e->im->arena, to, sizeof *to))) return expansion_no_memory(e, err);
            copy->name = p->name;
        }
        list[count++] = copy;
    }
    n->attribute = list;
    n->n_attribute = count;
    return STRIA_OK;
}

/* ---- nodes ---- */

stria_status expansion_append(expansion *e, Onnx__NodeProto *n, int64_t opset, stria_error *err) {
    if (e->count >= NODES_MAX) FAIL(err, STRIA_UNSUPPORTED, "its functions have more than %d nodes", NODES_MAX);
    TRY(mem_reserve(&e->nodes, &e->node_capacity, e->count + 1, sizeof *e->nodes, "the model's nodes", err));
    TRY(mem_reserve(&e->im->opsets, &e->opset_capacity, e->count + 1, sizeof *e->im->opsets, "the model's nodes", err));
    TRY(mem_reserve(&e->im->branch_of, &e->branch_capacity, e->count + 1, sizeof(int), "the model's nodes", err));
    e->nodes[e->count] = n;
    e->im->branch_of[e->count] = e->branch;
    e->im->opsets[e->count++] = opset;
    return STRIA_OK;
}

stria_status expansion_words(expansion *e, size_t count, stria_error *err) {
    e->words += (int64_t)count;
    if (e->words > WORDS_MAX) FAIL(err, STRIA_UNSUPPORTED, "its functions have more than %d names in all", WORDS_MAX);
    return STRIA_OK;
}

/* A copy of the node as it is seen outside of the call. */
stria_status expansion_node_map(expansion *e, const scope *s, const Onnx__NodeProto *from, Onnx__NodeProto **out,
                                stria_error *err) {
    Onnx__NodeProto *n = arena_copy(&e->im->arena, from, sizeof *from);
    if (!n) return expansion_no_memory(e, err);
    TRY(expansion_words(e, 1 + n->n_input + n->n_output + n->n_attribute, err));
    TRY(names_map(e, s, from->input, from->n_input, &n->input, err));
    TRY(names_map(e, s, from->output, from->n_output, &n->output, err));
    TRY(attributes_map(e, s, n, err));
    if ((s->f || s->own) && name_given(n->name) && !(n->name = prefixed(e, s, n->name)))
        return expansion_no_memory(e, err);
    *out = n;
    return STRIA_OK;
}

/* An output of a function that is an input of it, too, or another output: no node of the body makes it. */
static stria_status output_pass(expansion *e, const scope *s, size_t k, stria_error *err) {
    const char *name = s->f->output[k];
    int input = position(s->f->input, s->f->n_input, name), first = position(s->f->output, k, name);
    if ((input < 0 && first < 0) || k >= s->call->n_output || !name_given(s->call->output[k])) return STRIA_OK;
    Onnx__NodeProto *n = arena_alloc(&e->im->arena, sizeof *n);
    char **ends = arena_alloc(&e->im->arena, sizeof *ends * 2);
    if (!n || !ends || !(ends[0] = expansion_outside(e, s, name))) return expansion_no_memory(e, err);
    onnx__node_proto__init(n);
    ends[1] = s->call->output[k];
    n->op_type = (char *)(uintptr_t) "Identity";
    n->input = ends, n->output = ends + 1;
    n->n_input = n->n_output = 1;
    return expansion_append(e, n, OPSET_NEWEST, err);
}

static stria_status call_check(const expansion *e, const Onnx__FunctionProto *f, const Onnx__NodeProto *call,
                               stria_error *err) {
    char label[256];
    if (call->n_input > f->n_input || call->n_output > f->n_output)
        FAIL(err, STRIA_BAD_FILE, "node %s has %zu input%s and %zu output%s, its function has %zu and %zu",
             node_label(call, label), call->n_input, text_s((int64_t)call->n_input), call->n_output,
             text_s((int64_t)call->n_output), f->n_input, f->n_output);
    if (f->n_input + f->n_output > FORMALS_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "function '%s' has more than %d inputs and outputs", f->name, FORMALS_MAX);
    for (int i = 0; i < e->depth; i++)
        if (e->stack[i] == f) FAIL(err, STRIA_BAD_FILE, "function '%s' calls itself", f->name);
    if (e->depth == DEPTH_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "functions call each other more than %d deep, up to '%s'", DEPTH_MAX, f->name);
    return STRIA_OK;
}

/* The caller's names are already those of the graph. */
static stria_status call_expand(expansion *e, const Onnx__FunctionProto *f, const Onnx__NodeProto *call, int64_t opset,
                                stria_error *err) {
    const char *name = name_given(call->name) ? call->name : f->name;
    TRY(call_check(e, f, call, err));
    TRY(expansion_spend(e, f->n_opset_import, err));
    e->bytes += strlen(name) + 12;
    scope s = {.f = f, .call = call};
    if (e->bytes <= BYTES_MAX) s.prefix = arena_printf(&e->im->arena, "%s_%d", name, ++e->calls);
    if (!s.prefix) return expansion_no_memory(e, err);
    TRY(opset_among(f->opset_import, f->n_opset_import, opset, &s.opset, err));
    e->stack[e->depth++] = f;
    for (size_t i = 0; i < f->n_node; i++) {
        Onnx__NodeProto *n;
        TRY(expansion_node_map(e, &s, f->node[i], &n, err));
        TRY(expansion_node(e, &s, n, err));
    }
    for (size_t k = 0; k < f->n_output; k++) TRY(output_pass(e, &s, k, err));
    e->depth--;
    return STRIA_OK;
}

stria_status expansion_node(expansion *e, const scope *s, Onnx__NodeProto *n, stria_error *err) {
    size_t length = name_given(n->op_type) ? strlen(n->op_type) : 0; /* names may differ at the end only */
    TRY(expansion_spend(e, e->im->model->n_functions * (1 + length / 16), err));
    const Onnx__FunctionProto *f = function_find(e->im, n);
    if (f) return call_expand(e, f, n, s->opset, err);
    return branch_is_if(n) ? branch_expand(e, s, n, err) : expansion_append(e, n, s->opset, err);
}

static size_t slashes_in(const char *name) {
    size_t most = 0, run = 0;
    for (; name && *name; name++) {
        run = *name == '/' ? run + 1 : 0;
        if (run > most) most = run;
    }
    return most;
}

static stria_status slashes_in_branches(importer *im, const Onnx__NodeProto *n, int depth, size_t *most,
                                        stria_error *err) {
    static const char *const sides[] = {"then_branch", "else_branch"};
    if (!branch_is_if(n)) return STRIA_OK;
    if (depth == DEPTH_MAX) FAIL(err, STRIA_UNSUPPORTED, "branches stand in each other more than %d deep", DEPTH_MAX);
    for (int k = 0; k < 2; k++) {
        Onnx__GraphProto *g;
        TRY(branch_graph(im, n, sides[k], &g, err));
        for (size_t i = 0; i < g->n_initializer; i++) *most = size_max(*most, slashes_in(g->initializer[i]->name));
        TRY(expansion_slashes(im, g->node, g->n_node, depth + 1, most, err));
    }
    return STRIA_OK;
}

stria_status expansion_slashes(importer *im, Onnx__NodeProto *const *nodes, size_t count, int depth, size_t *most,
                               stria_error *err) {
    for (size_t i = 0; i < count; i++) {
        const Onnx__NodeProto *n = nodes[i];
        *most = size_max(*most, slashes_in(n->name));
        for (size_t k = 0; k < n->n_input; k++) *most = size_max(*most, slashes_in(n->input[k]));
        for (size_t k = 0; k < n->n_output; k++) *most = size_max(*most, slashes_in(n->output[k]));
        TRY(slashes_in_branches(im, n, depth, most, err));
    }
    return STRIA_OK;
}

static stria_status between_find(expansion *e, stria_error *err) {
    const Onnx__ModelProto *m = e->im->model;
    const Onnx__GraphProto *g = e->im->file;
    size_t most = 0;
    TRY(expansion_slashes(e->im, g->node, g->n_node, 0, &most, err));
    for (size_t i = 0; i < m->n_functions; i++) {
        const Onnx__FunctionProto *f = m->functions[i];
        most = size_max(most, slashes_in(f->name));
        TRY(expansion_slashes(e->im, f->node, f->n_node, 0, &most, err));
    }
    for (size_t i = 0; i < g->n_input; i++) most = size_max(most, slashes_in(g->input[i]->name));
    for (size_t i = 0; i < g->n_initializer; i++) most = size_max(most, slashes_in(g->initializer[i]->name));
    if (!(e->between = arena_alloc(&e->im->arena, most + 2))) return expansion_no_memory(e, err);
    memset(e->between, '/', most + 1);
    e->between[most + 1] = 0;
    return STRIA_OK;
}

static bool has_if(const Onnx__GraphProto *g) {
    for (size_t i = 0; i < g->n_node; i++)
        if (branch_is_if(g->node[i])) return true;
    return false;
}

/* Initialisers of branches after the graph's own. */
static stria_status tensors_append(const expansion *e, Onnx__GraphProto *g, stria_error *err) {
    size_t count = g->n_initializer + (size_t)e->tensor_count;
    Onnx__TensorProto **list = arena_alloc(&e->im->arena, sizeof *list * (count + 1));
    if (!list) return expansion_no_memory(e, err);
    if (g->n_initializer) memcpy(list, g->initializer, sizeof *list * g->n_initializer);
    if (e->tensor_count) memcpy(list + g->n_initializer, e->tensors, sizeof *list * (size_t)e->tensor_count);
    g->initializer = list;
    g->n_initializer = count;
    return STRIA_OK;
}

stria_status functions_expand(importer *im, stria_error *err) {
    expansion e = {.im = im, .branch = -1};
    scope outermost = {.opset = im->opset};
    stria_status status = STRIA_OK;
    if (!im->model->n_functions && !has_if(im->file)) return STRIA_OK;
    if (im->model->n_functions > FUNCTIONS_MAX)
        FAIL(err, STRIA_UNSUPPORTED, "%zu functions, at most %d are expanded", im->model->n_functions, FUNCTIONS_MAX);
    TRY_DONE(between_find(&e, err));
    for (size_t i = 0; i < im->file->n_node; i++) TRY_DONE(expansion_node(&e, &outermost, im->file->node[i], err));
    Onnx__GraphProto *expanded = arena_copy(&im->arena, im->file, sizeof *im->file);
    Onnx__NodeProto **nodes = arena_alloc(&im->arena, sizeof *nodes * ((size_t)e.count + 1));
    if (!expanded || !nodes) TRY_DONE(expansion_no_memory(&e, err));
    if (e.count) memcpy(nodes, e.nodes, sizeof *nodes * (size_t)e.count);
    TRY_DONE(tensors_append(&e, expanded, err));
    expanded->node = nodes;
    expanded->n_node = (size_t)e.count;
    im->file = expanded;
done:
    mem_free(e.nodes);
    mem_free(e.tensors);
    return status;
}
