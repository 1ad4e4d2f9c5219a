#include "cli/gradient.h"

#include "cli/source.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "d." /* of the outputs' names: the gradient of x is d.x */

typedef struct gradient {
    stria_graph *graph;
    stria_value **x, **dx;
    int count;
} gradient;

static void gradient_release(gradient *g) {
    stria_graph_free(g->graph);
    free(g->x);
    free(g->dx);
}

static stria_status no_memory(stria_error *error) {
    return source_refuse(error, STRIA_NO_MEMORY, "out of memory for gradients");
}

static bool is_float(stria_type type) {
    return type == STRIA_FLOAT32 || type == STRIA_FLOAT64 || type == STRIA_FLOAT16 || type == STRIA_BFLOAT16;
}

static stria_status wrt_add(gradient *g, stria_value *x, stria_error *error) {
    stria_value **grown = realloc(g->x, ((size_t)g->count + 1) * sizeof *grown);
    if (!grown) return no_memory(error);
    g->x = grown;
    g->x[g->count++] = x;
    return STRIA_OK;
}

static stria_status wrt_all(gradient *g, stria_error *error) {
    stria_value *(*const sources[])(const stria_graph *, int) = {stria_graph_input, stria_graph_parameter};
    stria_status status = STRIA_OK;
    stria_value *v;
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; status == STRIA_OK && (v = sources[kind](g->graph, i)); i++)
            if (is_float(stria_value_type(v))) status = wrt_add(g, v, error);
    return status;
}

static stria_status wrt_named(gradient *g, const char *names, stria_error *error) {
    char *list = strdup(names);
    stria_status status = list ? STRIA_OK : no_memory(error);
    for (char *rest = list, *name; status == STRIA_OK && (name = strsep(&rest, ","));) {
        stria_value *v = stria_find(g->graph, name);
        status = v ? wrt_add(g, v, error)
                   : source_refuse(error, STRIA_BAD_ARGUMENT, "--wrt: the model has no tensor '%s'", name);
    }
    free(list);
    return status;
}

static stria_status output_find(const gradient *g, const stria_model *model, const char *of, stria_value **y,
                                stria_error *error) {
    *y = stria_find(g->graph, of);
    if (*y) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_ARGUMENT, "--grad: the model has no output '%s'; it has '%s'", of,
                         stria_model_output(model, 0)->name);
}

/* y weighed by the seed, which must be of its shape. */
static stria_status seed_apply(const gradient *g, const char *file, stria_value **y, stria_error *error) {
    stria_array array = {0}, fitted = {0};
    int64_t shape[STRIA_RANK_MAX];
    stria_status status = stria_array_read(file, &array, error);
    if (status == STRIA_OK) status = stria_array_convert(&array, stria_value_type(*y), &fitted, error);
    if (status == STRIA_OK) {
        int rank = stria_value_shape(*y, shape);
        if (rank != fitted.rank || memcmp(shape, fitted.shape, (size_t)rank * sizeof *shape) != 0)
            status =
                source_refuse(error, STRIA_BAD_SHAPE, "'%s' has not the shape of '%s'", file, stria_value_name(*y));
        else *y = stria_mul(g->graph, *y, stria_constant(g->graph, NULL, fitted.type, rank, shape, fitted.data));
    }
    stria_array_release(&array);
    stria_array_release(&fitted);
    return status;
}

/* Appends the gradients to the graph, and an output for each. */
static stria_status gradients_build(gradient *g, stria_value *y, stria_error *error) {
    g->dx = calloc((size_t)g->count + 1, sizeof *g->dx);
    if (!g->dx) return no_memory(error);
    stria_gradients(g->graph, y, g->x, g->count, g->dx);
    for (int i = 0; i < g->count; i++) {
        char name[300];
        snprintf(name, sizeof name, PREFIX "%s", stria_value_name(g->x[i]));
        stria_output(g->graph, g->dx[i], name);
    }
    return stria_graph_status(g->graph, error);
}

/* How many images the inputs hold. */
static int64_t batch_of(const stria_model *model, const tensors *inputs) {
    for (int i = 0; i < stria_model_input_count(model); i++) {
        stria_port port = *stria_model_input(model, i);
        const tensor *t = tensors_find(inputs, port.name);
        if (t && port.rank > 0 && port.shape[0] == 0 && t->array.rank > 0) return t->array.shape[0];
    }
    return 1;
}

stria_status gradient_run(const stria_model *model, const tensors_way *way, const tensors *inputs, const char *of,
                          const char *wrt, const char *seed, tensors *outputs, stria_error *error) {
    gradient g = {0};
    stria_model *with = NULL;
    stria_value *y = NULL;
    stria_status status = stria_graph_from_model(&g.graph, model, batch_of(model, inputs), error);
    if (status == STRIA_OK) status = output_find(&g, model, of, &y, error);
    if (status == STRIA_OK) status = wrt ? wrt_named(&g, wrt, error) : wrt_all(&g, error);
    if (status == STRIA_OK && seed) status = seed_apply(&g, seed, &y, error);
    if (status == STRIA_OK) status = gradients_build(&g, y, error);
    if (status == STRIA_OK) status = stria_model_from_graph(&with, g.graph, error);
    if (status == STRIA_OK) g.graph = NULL;
    if (status == STRIA_OK) status = tensors_run(with, way, inputs, 0, NULL, outputs, error);
    stria_model_free(with);
    gradient_release(&g);
    return status;
}
