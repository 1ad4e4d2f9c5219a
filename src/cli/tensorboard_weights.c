/* A model's parameters, and their gradients on some images. */
#include "cli/tensorboard.h"

#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model with an output for each parameter, w.0, w.1, …, and for its gradient, d.0, …. */
typedef struct weighing {
    const stria_model *model;
    stria_graph *graph;
    stria_value **x, **dx;
    char **name;
    size_t *elements;
    int count;
    bool gradients;
    stria_session *session;
} weighing;

static void weighing_release(weighing *w) {
    for (int i = 0; w->name && i < w->count; i++) free(w->name[i]);
    stria_session_free(w->session);
    stria_graph_free(w->graph);
    free(w->x);
    free(w->dx);
    free(w->name);
    free(w->elements);
}

static stria_status no_memory(stria_error *error) {
    return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for histograms");
}

static stria_status parameters_find(weighing *w, stria_error *error) {
    int64_t shape[STRIA_RANK_MAX];
    int all = 0;
    while (stria_graph_parameter(w->graph, all)) all++;
    w->x = calloc((size_t)all + 1, sizeof *w->x);
    w->dx = calloc((size_t)all + 1, sizeof *w->dx);
    w->name = calloc((size_t)all + 1, sizeof *w->name);
    w->elements = calloc((size_t)all + 1, sizeof *w->elements);
    if (!w->x || !w->dx || !w->name || !w->elements) return no_memory(error);
    for (int i = 0; i < all; i++) {
        stria_value *v = stria_graph_parameter(w->graph, i);
        if (stria_value_type(v) != STRIA_FLOAT32) continue;
        w->x[w->count] = v;
        w->name[w->count] = strdup(stria_value_name(v));
        w->elements[w->count] = 1;
        for (int d = stria_value_shape(v, shape) - 1; d >= 0; d--) w->elements[w->count] *= (size_t)shape[d];
        if (!w->name[w->count++]) return no_memory(error);
    }
    return STRIA_OK;
}

/* The mean cross-entropy of the scores against labels; of probabilities p, softmax(log p) is p. */
static void gradients_add(weighing *w, const stria_classifier *c) {
    stria_value *y = stria_find(w->graph, stria_model_output(w->model, 0)->name);
    int64_t open[] = {0}, flat[] = {0, c->classes};
    if (c->probabilities) y = stria_node(w->graph, "Log", &y, 1, NULL);
    y = stria_reshape(w->graph, y, 2, flat);
    stria_value *labels = stria_input(w->graph, "stria.target", STRIA_INT64, 1, open);
    stria_gradients(w->graph, stria_softmax_cross_entropy(w->graph, y, labels), w->x, w->count, w->dx);
}

static stria_status session_make(weighing *w, int64_t images, int threads, stria_error *error) {
    stria_model *with = NULL;
    stria_session_options options = stria_session_options_default();
    options.threads = threads;
    options.batch = images;
    for (int i = 0; i < w->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "w.%d", i);
        stria_output(w->graph, w->x[i], name);
        snprintf(name, sizeof name, "d.%d", i);
        if (w->gradients) stria_output(w->graph, w->dx[i], name);
    }
    stria_status status = stria_model_from_graph(&with, w->graph, error);
    if (status == STRIA_OK) w->graph = NULL;
    if (status == STRIA_OK) status = stria_session_new(&w->session, with, &options, error);
    stria_model_free(with);
    return status;
}

/* ---- images ---- */

/* The model's class that is called like the data's. −1: none. */
static int64_t class_of(char **names, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

typedef struct batch {
    int64_t images, elements; /* of one image */
    float *x;
    int64_t *labels;
} batch;

static stria_status image_add(const weighing *w, batch *b, const stria_dataset *data, int64_t index, char **names,
                              int count, stria_error *error) {
    stria_view_options view = stria_view_options_default();
    stria_array picture = {0}, x = {0};
    int64_t label = 0, slot = b->images;
    stria_status status = stria_dataset_view(data, index, &view, &picture, error);
    if (status == STRIA_OK) status = stria_dataset_read(data, index, NULL, 0, &label, error);
    if (status == STRIA_OK) status = stria_model_picture(w->model, &picture, &x, error);
    int64_t own = status == STRIA_OK ? class_of(names, count, stria_dataset_class_name(data, (int)label)) : -1;
    if (status == STRIA_OK && x.bytes == (size_t)b->elements * sizeof(float) && own >= 0) {
        memcpy(b->x + slot * b->elements, x.data, x.bytes);
        b->labels[slot] = own;
        b->images++;
    }
    stria_array_release(&picture);
    stria_array_release(&x);
    return status;
}

/* Some images, spread over the data. Data that cannot be looked at as pictures give none. */
static stria_status batch_read(const weighing *w, batch *b, const stria_dataset *data, int64_t images,
                               stria_error *error) {
    stria_port port = *stria_model_input(w->model, 0);
    int64_t all = stria_dataset_count(data);
    char **names = NULL;
    int count = 0;
    stria_error none;
    if (images > all) images = all;
    if (port.shape[0] != 0 && images > port.shape[0]) images = port.shape[0]; /* the model fixes its batch */
    b->elements = 1;
    for (int d = 1; d < port.rank; d++) b->elements *= port.shape[d];
    if (b->elements < 1 || port.type != STRIA_FLOAT32) return STRIA_OK;
    b->x = calloc((size_t)images * (size_t)b->elements + 1, sizeof *b->x);
    b->labels = calloc((size_t)images + 1, sizeof *b->labels);
    if (!b->x || !b->labels) return no_memory(error);
    if (stria_model_class_names(&names, &count, w->model, &none) != STRIA_OK) return STRIA_OK;
    for (int64_t i = 0; i < images; i++) (void)image_add(w, b, data, i * all / images, names, count, &none);
    stria_class_names_free(names);
    return STRIA_OK;
}

static stria_status batch_set(weighing *w, const batch *b, stria_error *error) {
    size_t bytes = (size_t)b->images * (size_t)b->elements * sizeof *b->x;
    stria_status status = stria_session_set(w->session, stria_model_input(w->model, 0)->name, b->x, bytes, error);
    if (status != STRIA_OK) return status;
    return stria_session_set(w->session, "stria.target", b->labels, (size_t)b->images * sizeof *b->labels, error);
}

static stria_status take_all(const weighing *w, weights_take *take, void *context, stria_error *error) {
    stria_status status = STRIA_OK;
    for (int k = 0; status == STRIA_OK && k < (w->gradients ? 2 : 1) * w->count; k++) {
        int i = k % w->count;
        char name[32];
        float *x = calloc(w->elements[i] + 1, sizeof *x);
        if (!x) return no_memory(error);
        snprintf(name, sizeof name, "%c.%d", k < w->count ? 'w' : 'd', i);
        status = stria_session_get(w->session, name, x, w->elements[i] * sizeof *x, error);
        if (status == STRIA_OK) take(w->name[i], k >= w->count, x, w->elements[i], context);
        free(x);
    }
    return status;
}

stria_status weights_each(const stria_model *model, const stria_dataset *data, int64_t images, int threads,
                          weights_take *take, void *context, stria_error *error) {
    weighing w = {.model = model};
    batch b = {0};
    stria_classifier c = {.size = sizeof c};
    stria_error none;
    bool judged = data && stria_model_input_count(model) == 1 && stria_model_classifier(model, &c, &none) == STRIA_OK &&
                  c.relation == STRIA_EXCLUSIVE;
    stria_status status = judged ? batch_read(&w, &b, data, images, error) : STRIA_OK;
    w.gradients = b.images > 0 &&
                  (stria_model_input(model, 0)->shape[0] == 0 || b.images == stria_model_input(model, 0)->shape[0]);
    if (status == STRIA_OK) status = stria_graph_from_model(&w.graph, model, 1, error);
    if (status == STRIA_OK) status = parameters_find(&w, error);
    if (status == STRIA_OK && w.gradients) gradients_add(&w, &c);
    if (status == STRIA_OK) status = session_make(&w, b.images ? b.images : 1, threads, error);
    if (status == STRIA_OK && w.gradients) status = batch_set(&w, &b, error);
    if (status == STRIA_OK) status = stria_session_run(w.session, error);
    if (status == STRIA_OK) status = take_all(&w, take, context, error);
    free(b.x);
    free(b.labels);
    weighing_release(&w);
    return status;
}
