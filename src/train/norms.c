#include "train/norms.h"

#include "op/reduce.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "stria.square/" /* and the parameter's name */

stria_status norms_append(graph *g, value *const *x, value *const *dx, int n, stria_error *err) {
    builder b = {.g = g, .origin = "norms", .err = err};
    for (int i = 0; i < n; i++) {
        if (!dx[i]) continue;
        value *square = build1(&b, &op_ReduceSumSquare, dx[i], &(reduce_attributes){.keepdims = 0});
        TRY(b.status);
        const char *name = arena_printf(&g->arena, PREFIX "%s", x[i]->name);
        if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a training step");
        TRY(graph_add_output(g, square, name, err));
    }
    return STRIA_OK;
}

static bool is_square(const graph *g, int output) {
    const char *name = g->output_names[output];
    return name && strncmp(name, PREFIX, strlen(PREFIX)) == 0;
}

const char *norms_parameter(const graph *g, const value *v) {
    for (int i = 0; i < g->output_count; i++) {
        const node *n = g->outputs[i]->producer;
        if (is_square(g, i) && n && n->in[0] == v) return g->output_names[i] + strlen(PREFIX);
    }
    return NULL;
}

stria_status norms_find(norms *out, const session *s, const state_set *states, stria_error *err) {
    const graph *g = session_program(s)->g;
    int count = 0;
    for (int i = 0; i < g->output_count; i++) count += is_square(g, i);
    TRY(mem_new(&out->norm, (size_t)count + 1, sizeof *out->norm, "norms", err));
    TRY(mem_new(&out->row, (size_t)count + 1, sizeof *out->row, "norms", err));
    TRY(mem_new(&out->squares, (size_t)count + 1, sizeof *out->squares, "norms", err));
    TRY(mem_new(&out->weight, (size_t)count + 1, sizeof *out->weight, "norms", err));
    for (int i = 0; i < g->output_count; i++) {
        if (!is_square(g, i)) continue;
        const char *name = g->output_names[i] + strlen(PREFIX);
        const float *square = session_host(s, g->output_names[i]);
        const tensor *weight = state_set_find(states, name);
        if (!square || !weight || weight->type != STRIA_FLOAT32) continue;
        out->squares[out->count] = square;
        out->weight[out->count] = weight;
        out->row[out->count] = &out->norm[out->count];
        out->norm[out->count++] = (stria_norm){.name = name, .gradient = NAN};
    }
    return STRIA_OK;
}

void norms_release(norms *n) {
    mem_free(n->norm);
    mem_free((void *)n->row);
    mem_free((void *)n->squares);
    mem_free((void *)n->weight);
    *n = (norms){0};
}

double norms_take(norms *n) {
    double sum = 0;
    for (int i = 0; i < n->count; i++) {
        double square = (double)*n->squares[i];
        n->norm[i].gradient = sqrt(square);
        sum += square;
    }
    return sqrt(sum);
}

static double weight_norm(const tensor *t) {
    const float *x = t->data;
    double sum = 0;
    for (size_t i = 0; i < t->bytes / sizeof *x; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

void norms_weigh(norms *n) {
    for (int i = 0; i < n->count; i++) n->norm[i].weight = weight_norm(n->weight[i]);
}

void norms_write(const norms *n, text *out) {
    for (int i = 0; i < n->count; i++) text_printf(out, "%s%a", i ? " " : "", n->norm[i].gradient);
}

void norms_read(norms *n, const char *words) {
    if (!words) words = "";
    for (int i = 0; i < n->count; i++) {
        char word[40];
        double x;
        size_t length = strcspn(words, " ");
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), words);
        n->norm[i].gradient = text_to_double(word, &x) && x >= 0 ? x : (double)NAN;
        words += length + (words[length] == ' ');
    }
}
