/* What the tests of model share: cmocka, a folder that goes away, small graphs and ONNX files made by hand. */
#ifndef TESTS_MODEL_SUPPORT_H
#define TESTS_MODEL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "graph/op_def.h"

static char model_folder[256];

static inline int folder_setup(void **state) {
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(model_folder, sizeof model_folder, "%s/stria-model-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(model_folder) ? 0 : -1;
}

static inline int folder_teardown(void **state) {
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", model_folder);
    return system(command);
}

/* PATH inside the folder; valid until the fourth next call. */
static inline const char *in_folder(const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ & 3];
    snprintf(path, sizeof paths[0], "%s/%s", model_folder, name);
    return path;
}

/* The call must fail with this status, and its sentence must contain `words`. */
#define assert_fails(call, expected, words)                                                                            \
    do {                                                                                                               \
        stria_error err = {0};                                                                                         \
        stria_status status = (call);                                                                                  \
        if (status != (expected) || !strstr(err.text, (words)))                                                        \
            print_error("status %d, sentence: %s\n", status, err.text);                                                \
        assert_int_equal(status, (expected));                                                                          \
        assert_int_equal(err.status, (expected));                                                                      \
        assert_non_null(strstr(err.text, (words)));                                                                    \
    } while (0)

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        stria_error err = {0};                                                                                         \
        stria_status status = (call);                                                                                  \
        if (status != STRIA_OK) print_error("%s\n", err.text);                                                         \
        assert_int_equal(status, STRIA_OK);                                                                            \
    } while (0)

static inline void assert_same_value(const value *a, const value *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->frozen, b->frozen);
    assert_int_equal(a->type, b->type);
    assert_true(shape_equal(&a->shape, &b->shape));
    for (int i = 0; i < a->shape.rank; i++) {
        assert_int_equal(a->symbol[i] != NULL, b->symbol[i] != NULL);
        if (a->symbol[i]) assert_string_equal(a->symbol[i], b->symbol[i]);
    }
}

/* Whether a node pads by a word: writing says it by numbers where sizes are fixed. */
static inline bool pads_by_word(const node *n) {
    for (const attr_field *f = n->op->fields; f->name; f++)
        if (strcmp(f->name, "auto_pad") == 0)
            return strcmp(*(const char *const *)(const void *)((const char *)n->attributes + f->offset), "NOTSET") != 0;
    return false;
}

/* Names, shapes, roles, operators, attributes and connections; with `contents`, tensors too. */
static inline void assert_same_graph(const graph *a, const graph *b, bool contents) {
    assert_int_equal(a->value_count, b->value_count);
    assert_int_equal(a->node_count, b->node_count);
    assert_int_equal(a->output_count, b->output_count);
    assert_string_equal(a->name, b->name);
    for (int i = 0; i < a->value_count; i++) {
        const value *v = a->values[i], *w = graph_find_value(b, v->name);
        assert_non_null(w);
        assert_same_value(v, w);
        if (v->data && (contents || v->kind == VALUE_CONSTANT))
            assert_memory_equal(v->data->data, w->data->data, v->data->bytes);
    }
    for (int i = 0; i < a->node_count; i++) {
        const node *n = a->nodes[i], *m = b->nodes[i];
        assert_string_equal(n->name, m->name);
        assert_ptr_equal(n->op, m->op);
        assert_true(n->stream == m->stream);
        if (pads_by_word(n) && !pads_by_word(m)) assert_true(shape_equal(&n->out[0]->shape, &m->out[0]->shape));
        else assert_true(attributes_equal(n->op, n->attributes, m->attributes));
        for (int k = 0; k < n->in_count; k++)
            if (n->in[k]) assert_string_equal(n->in[k]->name, m->in[k]->name);
    }
    for (int i = 0; i < a->output_count; i++) assert_string_equal(a->outputs[i]->name, b->outputs[i]->name);
}

#endif
