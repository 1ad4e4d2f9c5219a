/* The computation: a graph of Gather, Concat and Conv for each call, run once in a session. */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/tensors.h"

#include <stdlib.h>
#include <string.h>

stria_status filter_graph_init(filter_graph *g, stria_type type, int threads, stria_error *error) {
    *g = (filter_graph){.graph = stria_graph_new("filter"), .type = type, .threads = threads};
    return g->graph ? STRIA_OK : source_refuse(error, STRIA_NO_MEMORY, "out of memory for a graph");
}

void filter_graph_release(filter_graph *g) {
    stria_session_free(g->session);
    stria_graph_free(g->graph);
}

stria_status filter_graph_ready(filter_graph *g, stria_error *error) {
    stria_model *model = NULL;
    stria_session_options chosen = stria_session_options_default();
    if (g->lost) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for a graph");
    chosen.threads = g->threads;
    stria_status status = stria_model_from_graph(&model, g->graph, error);
    if (status != STRIA_OK) return status;
    g->graph = NULL; /* it is the model's now */
    status = stria_session_new(&g->session, model, &chosen, error);
    stria_model_free(model);
    return status;
}

/* values as the graph's type: themselves, or a copy in float32 that *own keeps. */
static const void *typed_copy(stria_type type, const double *values, int64_t count, float **own) {
    *own = NULL;
    if (type == STRIA_FLOAT64) return values;
    *own = malloc((size_t)(count + 1) * sizeof **own);
    for (int64_t i = 0; *own && i < count; i++) (*own)[i] = (float)values[i];
    return *own;
}

stria_status filter_graph_set(filter_graph *g, const char *name, const double *values, int64_t count,
                              stria_error *error) {
    float *own;
    const void *data = typed_copy(g->type, values, count, &own);
    if (!data) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %lld values", (long long)count);
    stria_status status = stria_session_set(g->session, name, data, (size_t)count * stria_type_bytes(g->type), error);
    free(own);
    return status;
}

stria_status filter_graph_get(const filter_graph *g, const char *name, double *values, int64_t count,
                              stria_error *error) {
    stria_array a = {.type = g->type, .bytes = (size_t)count * stria_type_bytes(g->type)};
    a.data = malloc(a.bytes + 1);
    if (!a.data) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %lld values", (long long)count);
    stria_status status = stria_session_get(g->session, name, a.data, a.bytes, error);
    for (int64_t i = 0; status == STRIA_OK && i < count; i++) values[i] = tensor_value(&a, i);
    free(a.data);
    return status;
}

stria_value *filter_constant(filter_graph *g, const char *name, const int64_t shape[4], const double *values) {
    float *own;
    const void *data = typed_copy(g->type, values, shape[0] * shape[1] * shape[2] * shape[3], &own);
    stria_value *v = data ? stria_constant(g->graph, name, g->type, 4, shape, data) : NULL;
    free(own);
    g->lost |= !data;
    return v;
}

/* ---- borders ---- */

/* x and after it, along the axis, one element of the pad value: what a border gathers. */
static stria_value *append_value(filter_graph *g, stria_value *x, int axis, double value) {
    int64_t shape[STRIA_RANK_MAX], count = 1;
    char text[64];
    stria_value_shape(x, shape);
    shape[axis] = 1;
    for (int d = 0; d < 4; d++) count *= shape[d];
    double *values = malloc((size_t)(count + 1) * sizeof *values);
    for (int64_t i = 0; values && i < count; i++) values[i] = value;
    snprintf(text, sizeof text, "pad_value_%d", axis);
    stria_value *constant = values ? filter_constant(g, text, shape, values) : NULL;
    free(values);
    g->lost |= !values;
    snprintf(text, sizeof text, "axis=%d", axis);
    return stria_node(g->graph, "Concat", (stria_value *[]){x, constant}, 2, text);
}

/* x with `before` and `after` elements around it along the axis. */
static stria_value *extend(filter_graph *g, stria_value *x, int axis, int64_t before, int64_t after, const window *w) {
    int64_t shape[STRIA_RANK_MAX];
    char text[64];
    if (before + after == 0 || !x) return x;
    stria_value_shape(x, shape);
    int64_t n = shape[axis], count = before + n + after;
    int64_t *from = malloc((size_t)count * sizeof *from);
    for (int64_t i = 0; from && i < count; i++) {
        from[i] = window_source(w->boundary, i - before, n);
        if (from[i] < 0) from[i] = n;
    }
    if (w->boundary == BOUNDARY_FILL) x = append_value(g, x, axis, w->pad_value);
    snprintf(text, sizeof text, "border_%d", axis);
    g->lost |= !from;
    stria_value *indices = from ? stria_constant(g->graph, text, STRIA_INT64, 1, &count, from) : NULL;
    free(from);
    snprintf(text, sizeof text, "axis=%d", axis);
    return stria_node(g->graph, "Gather", (stria_value *[]){x, indices}, 2, text);
}

stria_value *filter_border(filter_graph *g, stria_value *x, const window *w, int64_t pads[4]) {
    bool zeros = w->boundary == BOUNDARY_FILL && w->pad_value == 0; /* Conv's own padding */
    for (int d = 0; d < 4; d++) pads[d] = zeros ? w->pad[d] : 0;
    if (zeros) return x;
    x = extend(g, x, 2, w->pad[0], w->pad[2], w);
    return extend(g, x, 3, w->pad[1], w->pad[3], w);
}

stria_value *filter_conv(filter_graph *g, stria_value *x, stria_value *kernel, stria_value *bias, const window *w) {
    int64_t p[4];
    char text[256];
    x = filter_border(g, x, w, p);
    snprintf(text, sizeof text, "strides=%lld,%lld dilations=%lld,%lld pads=%lld,%lld,%lld,%lld",
             (long long)w->stride[0], (long long)w->stride[1], (long long)w->dilation[0], (long long)w->dilation[1],
             (long long)p[0], (long long)p[1], (long long)p[2], (long long)p[3]);
    return stria_node(g->graph, "Conv", (stria_value *[]){x, kernel, bias}, bias ? 3 : 2, text);
}

/* ---- filtering ---- */

static bool filter_is_shared(const grid *x, const bank *b) {
    return b->channels == 1 && x->maps > 1;
}

/* [batch, kernels, oh, ow] → [kernels, batch, oh, ow] → with magnitude √Σ over the kernels. */
static stria_value *collect(filter_graph *g, stria_value *y, bool magnitude) {
    y = stria_node(g->graph, "Transpose", &y, 1, "perm=1,0,2,3");
    if (!magnitude) return y;
    stria_value *axis = stria_constant(g->graph, "axis", STRIA_INT64, 1, &(int64_t){1}, &(int64_t){0});
    y = stria_mul(g->graph, y, y);
    y = stria_node(g->graph, "ReduceSum", (stria_value *[]){y, axis}, 2, "keepdims=1");
    return stria_node(g->graph, "Sqrt", &y, 1, NULL);
}

/* Memory that the extended input and the result need, refused before any is taken. */
static stria_status sizes_check(const grid *x, const window *w, int64_t maps, stria_error *error) {
    grid text = {.rank = x->rank, .height = w->out[0], .width = w->out[1], .maps = 1};
    char size[96];
    int64_t padded = (x->height + w->pad[0] + w->pad[2]) * (x->width + w->pad[1] + w->pad[3]), held;
    if (!__builtin_mul_overflow(padded, x->maps, &held) && held <= FILTER_VALUES_MAX &&
        w->out[0] * w->out[1] <= FILTER_VALUES_MAX / maps)
        return STRIA_OK;
    return source_refuse(error, STRIA_UNSUPPORTED,
                         "the result of %lld x %s values, or its padded input, is more than the %d that are computed",
                         (long long)maps, grid_size(&text, size), FILTER_VALUES_MAX);
}

static stria_status build(filter_graph *g, const grid *x, const bank *b, const window *w, const double *bias,
                          stria_error *error) {
    bool shared = filter_is_shared(x, b);
    int64_t shape[4] = {shared ? x->maps : 1, shared ? 1 : x->maps, x->height, x->width};
    stria_value *in = stria_input(g->graph, "x", g->type, 4, shape), *offset = NULL;
    if (bias) {
        stria_value *row = filter_constant(g, "bias", (int64_t[]){1, 1, 1, b->count}, bias);
        offset = stria_reshape(g->graph, row, 1, &(int64_t){b->count});
    }
    int64_t kernels[4] = {b->count, b->channels, b->w.height, b->w.width};
    stria_value *y = filter_conv(g, in, filter_constant(g, "kernel", kernels, b->w.values), offset, w);
    stria_output(g->graph, collect(g, y, w->magnitude), "y");
    return filter_graph_ready(g, error);
}

stria_status filter_apply(const grid *x, const bank *b, const window *w, const double *bias, grid *y,
                          stria_error *error) {
    filter_graph g;
    int64_t maps = (w->magnitude ? 1 : b->count) * (filter_is_shared(x, b) ? x->maps : 1);
    stria_status status = sizes_check(x, w, filter_is_shared(x, b) ? b->count * x->maps : b->count, error);
    if (status == STRIA_OK) status = grid_new(y, x->rank, maps, w->out[0], w->out[1], "the result", error);
    if (status != STRIA_OK) return status;
    y->picture = x->picture;
    status = filter_graph_init(&g, x->picture ? STRIA_FLOAT32 : STRIA_FLOAT64, w->threads, error);
    if (status == STRIA_OK) status = build(&g, x, b, w, bias, error);
    if (status == STRIA_OK) status = filter_graph_set(&g, "x", x->values, x->maps * x->height * x->width, error);
    if (status == STRIA_OK) status = stria_session_run(g.session, error);
    if (status == STRIA_OK) status = filter_graph_get(&g, "y", y->values, maps * w->out[0] * w->out[1], error);
    filter_graph_release(&g);
    return status;
}
