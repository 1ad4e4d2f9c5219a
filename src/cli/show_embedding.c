#include "cli/show_embedding.h"

#include "cli/json.h"
#include "cli/layer.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include "report/embed.h"
#include "report/plot_scatter.h"

#include <stdlib.h>
#include <string.h>

enum { TSNE_STEPS = 750 };

#define FEATURES "stria.features"

typedef struct embedding {
    const options *given;
    stria_model *model;
    stria_dataset *data;
    stria_session *session;
    char layer[LAYER_NAME], spec[4096];
    int64_t count, width; /* images, numbers an image */
    float *features;      /* [count][width] */
    double *y;            /* [count][2] */
    int64_t *labels;
    double share[2], divergence;
    bool tsne;
} embedding;

static void embedding_release(embedding *e) {
    stria_session_free(e->session);
    stria_dataset_free(e->data);
    stria_model_free(e->model);
    free(e->features);
    free(e->y);
    free(e->labels);
}

/* What the last node with parameters reads: what the scores are made of. */
static bool layer_last(const embedding *e, char layer[LAYER_NAME]) {
    stria_node_row row = {.size = sizeof row};
    stria_operand in = {.size = sizeof in};
    bool found = false;
    for (int i = 0; stria_model_node(e->model, i, &row); i++) {
        const char *result = NULL;
        bool parameters = false;
        for (int k = 0; stria_model_node_input(e->model, i, k, &in); k++) {
            if (in.node >= 0 && !result) result = in.name;
            parameters = parameters || strcmp(in.kind, "parameter") == 0 || strcmp(in.kind, "frozen") == 0;
        }
        if (!result || !parameters) continue;
        snprintf(layer, LAYER_NAME, "%s", result);
        found = true;
    }
    return found;
}

static stria_status layer_choose(embedding *e, stria_error *error) {
    const char *name = option_text(e->given, "layer");
    if (name) return layer_find(e->model, name, e->layer, error);
    if (layer_last(e, e->layer)) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_SHAPE, "the model has no layer before its scores; --layer names one");
}

static stria_status session_make(embedding *e, stria_error *error) {
    stria_graph *g = NULL;
    stria_model *with = NULL;
    stria_port port = {.size = sizeof port};
    stria_session_options options = stria_session_options_default();
    options.threads = (int)option_integer(e->given, "threads");
    stria_status status = stria_graph_from_model(&g, e->model, 1, error);
    if (status == STRIA_OK) stria_output(g, layer_as_float(g, stria_find(g, e->layer)), FEATURES);
    if (status == STRIA_OK) status = stria_model_from_graph(&with, g, error);
    if (status == STRIA_OK) g = NULL;
    if (status == STRIA_OK) status = stria_session_new(&e->session, with, &options, error);
    if (status == STRIA_OK) status = stria_session_port(e->session, FEATURES, &port, error);
    e->width = 1;
    for (int d = 0; status == STRIA_OK && d < port.rank; d++) e->width *= port.shape[d];
    stria_graph_free(g);
    stria_model_free(with);
    return status;
}

static stria_status image_take(embedding *e, int64_t index, stria_error *error) {
    stria_view_options view = stria_view_options_default();
    stria_array picture = {0}, x = {0};
    stria_status status = stria_dataset_view(e->data, index, &view, &picture, error);
    if (status == STRIA_OK) status = stria_dataset_read(e->data, index, NULL, 0, &e->labels[index], error);
    if (status == STRIA_OK) status = stria_model_picture(e->model, &picture, &x, error);
    if (status == STRIA_OK)
        status = stria_session_set(e->session, stria_model_input(e->model, 0)->name, x.data, x.bytes, error);
    if (status == STRIA_OK) status = stria_session_run(e->session, error);
    if (status == STRIA_OK)
        status = stria_session_get(e->session, FEATURES, e->features + index * e->width,
                                   (size_t)e->width * sizeof *e->features, error);
    stria_array_release(&picture);
    stria_array_release(&x);
    return status;
}

static stria_status features_take(embedding *e, stria_error *error) {
    e->count = stria_dataset_count(e->data);
    if (e->count < 3)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "an embedding needs three images, there are %lld",
                             (long long)e->count);
    e->features = calloc((size_t)e->count * (size_t)e->width, sizeof *e->features);
    e->labels = calloc((size_t)e->count, sizeof *e->labels);
    e->y = calloc((size_t)e->count * 2, sizeof *e->y);
    if (!e->features || !e->labels || !e->y)
        return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for an embedding");
    stria_status status = STRIA_OK;
    for (int64_t i = 0; i < e->count && status == STRIA_OK; i++) {
        status = image_take(e, i, error);
        if (!term_progress(i + 1, e->count, (void *)(uintptr_t) "looking") && status == STRIA_OK)
            status = source_refuse(error, STRIA_INTERRUPTED, "interrupted");
    }
    return status;
}

static stria_status embed(embedding *e, stria_error *error) {
    double perplexity = option_real(e->given, "perplexity");
    e->tsne = strcmp(option_text(e->given, "method"), "tsne") == 0;
    if (e->tsne && (perplexity < 1 || perplexity >= (double)e->count - 1))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--perplexity: %g is out of range 1 to %lld, the other images",
                             perplexity, (long long)e->count - 2);
    bool good = e->tsne ? embed_tsne(e->features, e->count, e->width, perplexity, TSNE_STEPS, e->y, &e->divergence)
                        : embed_pca(e->features, e->count, e->width, e->y, e->share);
    return good ? STRIA_OK : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for an embedding");
}

/* ---- what it says ---- */

static void note_print(const embedding *e, char text[256]) {
    if (e->tsne)
        snprintf(text, 256, "t-SNE of %lld images, %lld numbers each, perplexity %g, divergence %.3f",
                 (long long)e->count, (long long)e->width, option_real(e->given, "perplexity"), e->divergence);
    else
        snprintf(text, 256,
                 "principal components of %lld images, %lld numbers each: %.1f %% and %.1f %% of the variance",
                 (long long)e->count, (long long)e->width, 100 * e->share[0], 100 * e->share[1]);
}

static stria_status svg_write(const embedding *e, const char *file, stria_error *error) {
    enum { NAME = 4200 };
    int classes = stria_dataset_classes(e->data);
    const char **groups = calloc((size_t)classes + 1, sizeof *groups);
    scatter_point *points = calloc((size_t)e->count, sizeof *points);
    char *names = calloc((size_t)e->count, NAME), note[256], title[600];
    stria_status status = STRIA_OK;
    out o = {0};
    if (!groups || !points || !names)
        status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file);
    for (int c = 0; c < classes && groups; c++) groups[c] = stria_dataset_class_name(e->data, c);
    for (int64_t i = 0; i < e->count && status == STRIA_OK; i++) {
        char *name = names + i * NAME, image[4100];
        snprintf(name, NAME, "%.90s: %s", stria_dataset_class_name(e->data, (int)e->labels[i]),
                 source_image(e->given, e->spec, e->data, i, image, sizeof image));
        points[i] = (scatter_point){e->y[2 * i], e->y[2 * i + 1], (int)e->labels[i], name};
    }
    note_print(e, note);
    snprintf(title, sizeof title, "%.250s: %.250s", stria_model_name(e->model), e->layer);
    if (status == STRIA_OK) plot_scatter(&o, title, note, points, e->count, groups, classes);
    if (o.failed) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file);
    if (status == STRIA_OK) status = stria_file_write(file, o.data, o.length, error);
    out_release(&o);
    free(groups);
    free(points);
    free(names);
    return status;
}

static stria_status npy_write(const embedding *e, const char *file, stria_error *error) {
    stria_array a = {.type = STRIA_FLOAT64, .rank = 2, .shape = {e->count, 2}, .data = e->y};
    a.bytes = (size_t)e->count * 2 * sizeof *e->y;
    return stria_array_write(file, &a, error);
}

static int told(const embedding *e, const char *file) {
    char note[256];
    if (option_given(e->given, "json"))
        return json_finish(json_pack("{s:s,s:o,s:o,s:s,s:I,s:I,s:o,s:o}", "kind", "embedding", "file", json_text(file),
                                     "layer", json_text(e->layer), "method", e->tsne ? "tsne" : "pca", "images",
                                     (json_int_t)e->count, "numbers", (json_int_t)e->width, "variance",
                                     e->tsne ? json_null() : json_pack("[f,f]", e->share[0], e->share[1]), "divergence",
                                     e->tsne ? json_number(e->divergence) : json_null()));
    note_print(e, note);
    printf("%s: layer %s, %s\n", show_name(file), show_name(e->layer), note);
    return EXIT_DONE;
}

static stria_status embedding_make(embedding *e, stria_error *error) {
    const char *model = e->given->operands[0];
    stria_status status = source_model(e->given, model, &e->model, error);
    if (status == STRIA_OK) status = source_spec(e->given, model, e->spec, sizeof e->spec, error);
    if (status == STRIA_OK)
        status =
            source_data(e->given, e->spec, source_split(e->given), option_integer(e->given, "limit"), &e->data, error);
    if (status == STRIA_OK) status = layer_choose(e, error);
    if (status == STRIA_OK) status = session_make(e, error);
    if (status == STRIA_OK) status = features_take(e, error);
    return status == STRIA_OK ? embed(e, error) : status;
}

int show_embedding(const options *given) {
    const char *file = option_text(given, "out");
    embedding e = {.given = given};
    stria_error error = {0};
    bool svg = file && source_ends(file, ".svg");
    if (!svg && !(file && source_ends(file, ".npy"))) {
        if (file) term_say("show: '%s' does not end in .svg or .npy, the formats of embeddings", file);
        else term_say("show: --out OUT is missing; usage: stria show MODEL embedding --data DATA --out OUT.svg");
        return EXIT_USAGE;
    }
    stria_status status = embedding_make(&e, &error);
    if (status == STRIA_OK) status = svg ? svg_write(&e, file, &error) : npy_write(&e, file, &error);
    int code = status == STRIA_OK ? told(&e, file) : term_fail(&error);
    embedding_release(&e);
    return code;
}
