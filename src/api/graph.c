/* The builder calls: each does nothing once an error sticks. */
#include "api/api.h"
#include "base/text.h"
#include "op/build.h"
#include "op/op.h"
#include "transform/transform.h"

#include <stdio.h>
#include <string.h>

static value *in(stria_value *v) {
    return (value *)v;
}
static stria_value *out(value *v) {
    return (stria_value *)v;
}

static bool stuck(const stria_graph *g) {
    return !g || g->error.status != STRIA_OK;
}

/* The value, or NULL after a failure. */
static stria_value *result(stria_graph *g, stria_status status, value *v) {
    g->error.status = status;
    return status == STRIA_OK ? out(v) : NULL;
}

stria_graph *stria_graph_new(const char *name) {
    stria_graph *g = mem_zalloc(1, sizeof *g);
    if (g && graph_new(&g->g, name, &g->error) != STRIA_OK) {
        mem_free(g);
        return NULL;
    }
    return g;
}

stria_status stria_graph_from_model(stria_graph **out, const stria_model *model, int64_t batch, stria_error *err) {
    stria_graph *g;
    if (batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)batch);
    TRY(mem_new(&g, 1, sizeof *g, "a graph", err));
    stria_status status = graph_for_batch(model->g, batch, &g->g, err);
    if (status == STRIA_OK) *out = g;
    else mem_free(g);
    return status;
}

void stria_graph_free(stria_graph *g) {
    if (!g) return;
    graph_free(g->g);
    mem_free(g);
}

stria_status stria_graph_status(const stria_graph *g, stria_error *err) {
    if (!g) FAIL(err, STRIA_NO_MEMORY, "there is no graph");
    if (err) *err = g->error;
    return g->error.status;
}

void stria_graph_seed(stria_graph *g, uint64_t seed) {
    if (g) g->seed = seed;
}

void stria_scope(stria_graph *g, const char *name) {
    if (stuck(g)) return;
    if (name) g->error.status = graph_scope_enter(g->g, name, &g->error);
    else graph_scope_leave(g->g);
}

/* In the innermost scope; NULL (a name is to be made) stays NULL. */
static stria_status scoped(stria_graph *g, const char **name) {
    if (!*name) return STRIA_OK;
    *name = graph_scoped_name(g->g, *name);
    if (!*name) FAIL(&g->error, STRIA_NO_MEMORY, "not enough memory for a name");
    return STRIA_OK;
}

/* ---- raw level ---- */

static stria_status shape_take(int rank, const int64_t *dims, int64_t zero, shape *s, const char *name,
                               stria_error *err) {
    if (rank < 0 || rank > RANK_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "'%s': rank %d is not in 0 to %d", name, rank, RANK_MAX);
    if (rank && !dims) FAIL(err, STRIA_BAD_SHAPE, "'%s': rank %d without dimensions", name, rank);
    s->rank = rank;
    for (int i = 0; i < rank; i++) {
        s->dim[i] = dims[i] == 0 && zero ? zero : dims[i];
        if (s->dim[i] < 0) FAIL(err, STRIA_BAD_SHAPE, "'%s': dimension %d is %lld", name, i, (long long)dims[i]);
    }
    return STRIA_OK;
}

stria_value *stria_input(stria_graph *g, const char *name, stria_type type, int rank, const int64_t *dims) {
    value *v = NULL;
    shape s = {0};
    if (stuck(g)) return NULL;
    if (!name || !dtype_bytes(type))
        return result(g, error_set(&g->error, STRIA_BAD_ARGUMENT, "an input needs a name and a type"), NULL);
    stria_status status = shape_take(rank, dims, 1, &s, name, &g->error);
    if (status == STRIA_OK) status = graph_add_input(g->g, name, type, &s, &v, &g->error);
    for (int i = 0; status == STRIA_OK && i < rank; i++)
        if (dims[i] == 0) v->symbol[i] = "batch";
    return result(g, status, v);
}

/* A tensor of the caller's data; NULL data: zeros. */
static stria_status tensor_take(const char *name, stria_type type, int rank, const int64_t *dims, const void *data,
                                tensor **t, stria_error *err) {
    shape s = {0};
    TRY(shape_take(rank, dims, 0, &s, name ? name : "a tensor", err));
    if (!dtype_bytes(type))
        FAIL(err, STRIA_BAD_ARGUMENT, "'%s': there is no type %d", name ? name : "a tensor", (int)type);
    TRY(tensor_new(t, type, &s, name ? name : "a tensor", err));
    if (data) memcpy((*t)->data, data, (*t)->bytes);
    return STRIA_OK;
}

stria_value *stria_constant(stria_graph *g, const char *name, stria_type type, int rank, const int64_t *dims,
                            const void *data) {
    tensor *t = NULL;
    value *v = NULL;
    if (stuck(g)) return NULL;
    stria_status status = scoped(g, &name);
    if (status == STRIA_OK) status = tensor_take(name, type, rank, dims, data, &t, &g->error);
    if (status == STRIA_OK) status = graph_add_constant(g->g, name, t, &v, &g->error);
    tensor_release(t);
    return result(g, status, v);
}

stria_value *stria_variable(stria_graph *g, const char *name, stria_type type, int rank, const int64_t *dims,
                            const void *data) {
    tensor *t = NULL;
    value *v = NULL;
    if (stuck(g)) return NULL;
    stria_status status = scoped(g, &name);
    if (status == STRIA_OK) status = tensor_take(name, type, rank, dims, data, &t, &g->error);
    if (status == STRIA_OK)
        status = graph_add_state(g->g, name, dtype_is_float(type) ? ROLE_PARAMETER : ROLE_NONE, t, &v, &g->error);
    tensor_release(t);
    return result(g, status, v);
}

static stria_value *layer(stria_graph *g, const char *name, stria_value *const *inputs, int count,
                          const int64_t *numbers, int number_count, const char *options) {
    value *v = NULL;
    if (stuck(g)) return NULL;
    stria_status status = layer_build(g->g, name, (value *const *)inputs, count, numbers, number_count, options,
                                      g->seed, &v, &g->error); /* before v is read: arguments have no order */
    return result(g, status, v);
}

stria_value *stria_node(stria_graph *g, const char *op, stria_value *const *inputs, int count, const char *options) {
    return layer(g, op, inputs, count, NULL, 0, options);
}

typedef stria_status differentiation(graph *g, value *y, value *const *x, int count, value **dx, stria_error *err);

static stria_status gradients(graph *g, differentiation *by, value *y, value *const *x, int count, value **dx,
                              stria_error *err) {
    TRY(by(g, y, x, count, dx, err));
    for (int i = 0; i < count; i++) {
        builder b = {.g = g, .origin = x[i]->name, .err = err};
        if (!dx[i]) dx[i] = build_filled(&b, x[i]->type, &x[i]->shape, 0);
        TRY(b.status);
    }
    return STRIA_OK;
}

static void gradients_by(stria_graph *g, differentiation *by, stria_value *y, stria_value *const *x, int count,
                         stria_value **dx) {
    bool whole = y != NULL;
    for (int i = 0; i < count; i++) {
        whole = whole && x[i];
        dx[i] = NULL;
    }
    if (stuck(g)) return;
    g->error.status = whole ? gradients(g->g, by, in(y), (value *const *)x, count, (value **)dx, &g->error)
                            : error_set(&g->error, STRIA_BAD_ARGUMENT, "a gradient needs two values");
    for (int i = 0; i < count && g->error.status != STRIA_OK; i++) dx[i] = NULL;
}

void stria_gradients(stria_graph *g, stria_value *y, stria_value *const *x, int count, stria_value **dx) {
    gradients_by(g, autodiff, y, x, count, dx);
}

stria_value *stria_gradient_guided(stria_graph *g, stria_value *y, stria_value *x) {
    stria_value *dx = NULL;
    gradients_by(g, autodiff_guided, y, &x, 1, &dx);
    return dx;
}

stria_value *stria_gradient(stria_graph *g, stria_value *y, stria_value *x) {
    stria_value *dx = NULL;
    stria_gradients(g, y, &x, 1, &dx);
    return dx;
}

void stria_assign(stria_graph *g, stria_value *variable, stria_value *next) {
    if (stuck(g)) return;
    g->error.status = !variable || !next
                          ? error_set(&g->error, STRIA_BAD_ARGUMENT, "an assignment needs a variable and a value")
                          : graph_add_update(g->g, in(variable), in(next), &g->error);
}

void stria_output(stria_graph *g, stria_value *v, const char *name) {
    if (stuck(g)) return;
    g->error.status = !v ? error_set(&g->error, STRIA_BAD_ARGUMENT, "output '%s' has no value", name ? name : "")
                         : graph_add_output(g->g, in(v), name, &g->error);
}

/* Which output is called so; −1 and an error where none is. */
static int output_index(stria_graph *g, const char *name) {
    for (int i = 0; name && i < g->g->output_count; i++) {
        const char *is = g->g->output_names[i] ? g->g->output_names[i] : g->g->outputs[i]->name;
        if (strcmp(is, name) == 0) return i;
    }
    g->error.status = error_set(&g->error, STRIA_BAD_ARGUMENT, "the graph has no output '%s'", name ? name : "");
    return -1;
}

void stria_graph_remove_output(stria_graph *g, const char *name) {
    int i = stuck(g) ? -1 : output_index(g, name);
    if (i >= 0) graph_remove_output(g->g, i);
}

void stria_graph_replace_output(stria_graph *g, const char *name, stria_value *v) {
    int i = stuck(g) ? -1 : output_index(g, name);
    if (i < 0) return;
    if (!v) g->error.status = error_set(&g->error, STRIA_BAD_ARGUMENT, "output '%s' has no value", name);
    else g->error.status = graph_replace_output(g->g, i, in(v), &g->error);
}

stria_value *stria_find(const stria_graph *g, const char *name) {
    if (stuck(g)) return NULL;
    for (int i = 0; i < g->g->output_count; i++)
        if (g->g->output_names[i] && strcmp(g->g->output_names[i], name) == 0) return out(g->g->outputs[i]);
    return out(graph_find_value(g->g, name));
}

stria_value *stria_graph_input(const stria_graph *g, int index) {
    return stuck(g) || index < 0 || index >= g->g->input_count ? NULL : out(g->g->inputs[index]);
}

stria_value *stria_graph_parameter(const stria_graph *g, int index) {
    for (int i = 0; !stuck(g) && i < g->g->value_count; i++)
        if (g->g->values[i]->role == ROLE_PARAMETER && index-- == 0) return out(g->g->values[i]);
    return NULL;
}

const char *stria_value_name(const stria_value *v) {
    return v ? ((const value *)v)->name : "";
}
stria_type stria_value_type(const stria_value *v) {
    return v ? ((const value *)v)->type : (stria_type)0;
}

int stria_value_shape(const stria_value *v, int64_t *dims) {
    if (!v) return 0;
    const shape *s = &((const value *)v)->shape;
    for (int i = 0; i < s->rank; i++) dims[i] = s->dim[i];
    return s->rank;
}

/* ---- layers ---- */

stria_value *stria_conv(stria_graph *g, stria_value *x, int64_t channels, const char *options) {
    return layer(g, "conv", &x, 1, &channels, 1, options);
}

stria_value *stria_dense(stria_graph *g, stria_value *x, int64_t units, const char *options) {
    return layer(g, "dense", &x, 1, &units, 1, options);
}

stria_value *stria_max_pool(stria_graph *g, stria_value *x, const char *options) {
    return layer(g, "max_pool", &x, 1, NULL, 0, options);
}
stria_value *stria_average_pool(stria_graph *g, stria_value *x, const char *options) {
    return layer(g, "average_pool", &x, 1, NULL, 0, options);
}
stria_value *stria_relu(stria_graph *g, stria_value *x) {
    return layer(g, "relu", &x, 1, NULL, 0, NULL);
}
stria_value *stria_sigmoid(stria_graph *g, stria_value *x) {
    return layer(g, "sigmoid", &x, 1, NULL, 0, NULL);
}
stria_value *stria_tanh(stria_graph *g, stria_value *x) {
    return layer(g, "tanh", &x, 1, NULL, 0, NULL);
}
stria_value *stria_softmax(stria_graph *g, stria_value *x) {
    return layer(g, "softmax", &x, 1, NULL, 0, NULL);
}
stria_value *stria_flatten(stria_graph *g, stria_value *x) {
    return layer(g, "flatten", &x, 1, NULL, 0, NULL);
}
stria_value *stria_reshape(stria_graph *g, stria_value *x, int rank, const int64_t *dims) {
    return layer(g, "reshape", &x, 1, dims, rank, NULL);
}

static stria_value *layer2(stria_graph *g, const char *name, stria_value *a, stria_value *b) {
    return layer(g, name, (stria_value *[]){a, b}, 2, NULL, 0, NULL);
}

stria_value *stria_add(stria_graph *g, stria_value *a, stria_value *b) {
    return layer2(g, "add", a, b);
}
stria_value *stria_sub(stria_graph *g, stria_value *a, stria_value *b) {
    return layer2(g, "sub", a, b);
}
stria_value *stria_mul(stria_graph *g, stria_value *a, stria_value *b) {
    return layer2(g, "mul", a, b);
}
stria_value *stria_div(stria_graph *g, stria_value *a, stria_value *b) {
    return layer2(g, "div", a, b);
}
stria_value *stria_matmul(stria_graph *g, stria_value *a, stria_value *b) {
    return layer2(g, "matmul", a, b);
}

stria_value *stria_softmax_cross_entropy(stria_graph *g, stria_value *logits, stria_value *labels) {
    return layer2(g, "softmax_cross_entropy", logits, labels);
}

/* ---- blocks ---- */

stria_value *stria_conv_bn_relu(stria_graph *g, stria_value *x, int64_t channels, const char *options) {
    return layer(g, "conv_bn_relu", &x, 1, &channels, 1, options);
}
stria_value *stria_residual(stria_graph *g, stria_value *x, int64_t channels, const char *options) {
    return layer(g, "residual", &x, 1, &channels, 1, options);
}
stria_value *stria_bottleneck(stria_graph *g, stria_value *x, int64_t channels, const char *options) {
    return layer(g, "bottleneck", &x, 1, &channels, 1, options);
}
stria_value *stria_depthwise_separable(stria_graph *g, stria_value *x, int64_t channels, const char *options) {
    return layer(g, "depthwise_separable", &x, 1, &channels, 1, options);
}
stria_value *stria_inverted_residual(stria_graph *g, stria_value *x, int64_t channels, const char *options) {
    return layer(g, "inverted_residual", &x, 1, &channels, 1, options);
}
stria_value *stria_fire(stria_graph *g, stria_value *x, int64_t squeeze, int64_t one, int64_t three,
                        const char *options) {
    return layer(g, "fire", &x, 1, (int64_t[]){squeeze, one, three}, 3, options);
}
stria_value *stria_inception(stria_graph *g, stria_value *x, const int64_t *channels, const char *options) {
    return layer(g, "inception", &x, 1, channels, 6, options);
}
