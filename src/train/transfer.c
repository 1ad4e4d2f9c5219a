#include "train/transfer.h"

#include "data/preprocess.h"
#include "model/model.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMES_SAID 5 /* of tensors that were not taken */

static bool is_weight(const value *v) {
    return v->kind == VALUE_STATE && dtype_is_float(v->type) && v->role != ROLE_OPTIMIZER;
}

/* ---- freezing ---- */

/* Marks the values that v is computed from, itself included; marked[value_count]. Nodes come after the producers of
 * their inputs, so one way back over them is enough. */
static void sources_mark(const graph *g, const value *v, bool *marked) {
    marked[v->id] = true;
    for (int k = g->node_count - 1; k >= 0; k--) {
        const node *n = g->nodes[k];
        bool wanted = false;
        for (int i = 0; i < n->out_count; i++) wanted |= n->out[i] && marked[n->out[i]->id];
        for (int i = 0; wanted && i < n->in_count; i++)
            if (n->in[i]) marked[n->in[i]->id] = true;
    }
}

/* All but what lies on the way from the last product's picture-side input to the output. */
static stria_status mark_body(graph *g, bool *marked, stria_error *err) {
    last_product last;
    TRY(last_product_find(g, &last, err));
    sources_mark(g, last.product->in[0], marked);
    return STRIA_OK;
}

static stria_status mark_until(const graph *g, const char *name, bool *marked, stria_error *err) {
    const node *n = graph_find_node(g, name);
    const value *v = n ? NULL : graph_find_value(g, name);
    if (!n && !v)
        FAIL(err, STRIA_BAD_ARGUMENT, "--freeze until:%s: model '%s' has no such layer or value", name, g->name);
    for (int i = 0; n && i < n->out_count; i++)
        if (n->out[i]) sources_mark(g, n->out[i], marked);
    if (v) sources_mark(g, v, marked);
    return STRIA_OK;
}

bool weights_match(const graph *g, const char *pattern, bool *marked) {
    bool any = false;
    for (int i = 0; i < g->value_count; i++)
        if (is_weight(g->values[i]) && fnmatch(pattern, g->values[i]->name, 0) == 0) any = marked[i] = true;
    for (int k = 0; k < g->node_count; k++) {
        const node *n = g->nodes[k];
        if (fnmatch(pattern, n->name, 0) != 0) continue;
        for (int i = 0; i < n->in_count; i++)
            if (n->in[i] && is_weight(n->in[i])) any = marked[n->in[i]->id] = true;
    }
    return any;
}

static stria_status mark_globs(const graph *g, const char *patterns, bool *marked, stria_error *err) {
    char pattern[256];
    do {
        size_t length = strcspn(patterns, ",");
        if (length == 0 || length >= sizeof pattern)
            FAIL(err, STRIA_BAD_ARGUMENT, "--freeze: a pattern of %zu characters; expected 1 to %zu", length,
                 sizeof pattern - 1);
        memcpy(pattern, patterns, length);
        pattern[length] = 0;
        if (!weights_match(g, pattern, marked))
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "--freeze: no weights of model '%s', and no layer that has some, are called '%s'", g->name, pattern);
        patterns += length;
    } while (*patterns++ == ',');
    return STRIA_OK;
}

static stria_status marks_make(graph *g, const char *what, bool *marked, stria_error *err) {
    if (strcmp(what, "all-but-head") == 0) return mark_body(g, marked, err);
    if (strncmp(what, "until:", 6) == 0) return mark_until(g, what + 6, marked, err);
    return mark_globs(g, what, marked, err);
}

stria_status weights_freeze(graph *g, const char *what, int64_t *count, stria_error *err) {
    bool *marked, none = strcmp(what, "none") == 0;
    TRY(mem_new(&marked, (size_t)g->value_count + 1, sizeof *marked, "freezing", err));
    stria_status status = none ? STRIA_OK : marks_make(g, what, marked, err);
    *count = 0;
    for (int i = 0; status == STRIA_OK && i < g->value_count; i++) {
        value *v = g->values[i];
        if (!is_weight(v)) continue;
        v->frozen = !none && (v->frozen || marked[i]);
        if (v->frozen && v->role == ROLE_PARAMETER) *count += shape_count(&v->shape);
    }
    mem_free(marked);
    return status;
}

/* ---- taking weights ---- */

typedef struct taking {
    int taken, all;
    int64_t numbers, all_numbers;
    text others; /* names of those that were not taken */
    int other_count;
} taking;

static void other_add(taking *t, const value *v, const value *there) {
    char a[192], b[192];
    if (t->other_count++ >= NAMES_SAID) return;
    text_printf(&t->others, "%s%s", t->other_count > 1 ? ", " : "", v->name);
    if (there) text_printf(&t->others, " (%s, there %s)", shape_text(&v->shape, a), shape_text(&there->shape, b));
}

static stria_status contents_take(value *v, const tensor *from, stria_error *err) {
    tensor *copy;
    TRY(tensor_raw(&copy, v->type, &v->shape, v->name, err));
    if (from->type == copy->type) memcpy(copy->data, from->data, copy->bytes);
    else
        for (int64_t i = 0; i < shape_count(&v->shape); i++) tensor_put(copy, i, tensor_f64(from, i));
    tensor_release(v->data);
    v->data = copy;
    return STRIA_OK;
}

static stria_status value_take(taking *t, value *v, const graph *from, stria_error *err) {
    const value *there = graph_find_value(from, v->name);
    bool found = there && there->data && dtype_is_float(there->type);
    t->all++;
    t->all_numbers += shape_count(&v->shape);
    if (!found || !shape_equal(&there->shape, &v->shape)) {
        other_add(t, v, found ? there : NULL);
        return STRIA_OK;
    }
    t->taken++;
    t->numbers += shape_count(&v->shape);
    return contents_take(v, there->data, err);
}

static bool has_preprocess(const graph *g) {
    char key[64];
    for (int i = 0; i < preprocess_keys(); i++) {
        snprintf(key, sizeof key, "stria.%s", preprocess_key(i));
        if (graph_metadata(g, key)) return true;
    }
    return false;
}

/* How pictures became the numbers that the weights know. */
static stria_status preprocess_take(graph *g, const graph *from, stria_error *err) {
    char key[64];
    if (has_preprocess(g)) return STRIA_OK;
    for (int i = 0; i < preprocess_keys(); i++) {
        snprintf(key, sizeof key, "stria.%s", preprocess_key(i));
        const char *stored = graph_metadata(from, key);
        bool size = strcmp(preprocess_key(i), "resize") == 0 || strcmp(preprocess_key(i), "crop") == 0;
        if (stored && !size) TRY(graph_set_metadata(g, key, stored, err));
    }
    return STRIA_OK;
}

static stria_status report_make(const taking *t, const graph *from, text *report, stria_error *err) {
    char numbers[32], all[32];
    text_printf(report, "%d of %d tensors (%s of %s numbers) are those of '%s'", t->taken, t->all,
                text_thousands(t->numbers, numbers), text_thousands(t->all_numbers, all), from->name);
    if (t->other_count) text_printf(report, "; not %s", text_string(&t->others));
    if (t->other_count > NAMES_SAID) text_printf(report, " and %d more", t->other_count - NAMES_SAID);
    TRY(text_check(&t->others, err));
    return text_check(report, err);
}

stria_status weights_take(graph *g, const graph *from, text *report, stria_error *err) {
    taking t = {0};
    stria_status status = STRIA_OK;
    for (int i = 0; i < g->value_count && status == STRIA_OK; i++)
        if (is_weight(g->values[i])) status = value_take(&t, g->values[i], from, err);
    if (status == STRIA_OK && t.taken == 0)
        status = error_set(err, STRIA_BAD_ARGUMENT, "no weights of '%s' fit '%s' by name and shape: not %s", from->name,
                           g->name, text_string(&t.others));
    if (status == STRIA_OK) status = preprocess_take(g, from, err);
    if (status == STRIA_OK) status = report_make(&t, from, report, err);
    if (status == STRIA_OK) graph_drop_metadata(g, MODEL_WEIGHTS);
    text_release(&t.others);
    return status;
}
