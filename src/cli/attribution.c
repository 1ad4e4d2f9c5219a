#include "cli/attribution.h"

#include "cli/layer.h"
#include "cli/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The model with gradients after it, ready for `batch` pictures. */
typedef struct machine {
    stria_session *session;
    stria_port x, y, layer, gradient; /* gradient: of the layer or of x */
} machine;

#define GRADIENT "stria.gradient" /* outputs' names */
#define LAYER    "stria.layer"
#define SCORES   "stria.scores"

static stria_status array_new(stria_array *a, int rank, const int64_t *shape, stria_error *error) {
    size_t count = 1;
    *a = (stria_array){.type = STRIA_FLOAT32, .rank = rank};
    for (int i = 0; i < rank; i++) a->shape[i] = shape[i], count *= (size_t)shape[i];
    a->bytes = count * sizeof(float);
    a->data = calloc(count ? count : 1, sizeof(float));
    return a->data ? STRIA_OK : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
}

/* The class's element of y alone: y times a row of zeros and a one. */
static stria_value *score_of(stria_graph *g, stria_value *y, const attribution_job *j) {
    int64_t shape[STRIA_RANK_MAX];
    int rank = stria_value_shape(y, shape);
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (i == 0) shape[i] = 1;
        count *= (size_t)shape[i];
    }
    float *row = calloc(count + 1, sizeof *row);
    if (!row) return NULL;
    row[j->element] = (float)j->sign;
    stria_value *one = stria_constant(g, NULL, STRIA_FLOAT32, rank, shape, row);
    free(row);
    return stria_mul(g, y, one);
}

/* What comes after the model. */
typedef enum added { ADDED_NOTHING, ADDED_GRADIENT, ADDED_GUIDED } added;

static stria_status graph_build(const attribution_job *j, stria_graph *g, added what, stria_error *error) {
    stria_value *y = stria_find(g, stria_model_output(j->model, 0)->name);
    stria_value *of = j->layer ? stria_find(g, j->layer) : stria_graph_input(g, 0);
    if (!of) return source_refuse(error, STRIA_BAD_ARGUMENT, "the model has no layer '%s'", j->layer);
    if (j->layer) stria_output(g, layer_as_float(g, of), LAYER);
    stria_output(g, layer_as_float(g, y), SCORES);
    if (what != ADDED_NOTHING) {
        stria_value *score = score_of(g, layer_as_float(g, y), j);
        if (!score && stria_graph_status(g, error) == STRIA_OK)
            return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a gradient");
        stria_value *slope = !score                 ? NULL
                             : what == ADDED_GUIDED ? stria_gradient_guided(g, score, of)
                                                    : stria_gradient(g, score, of);
        if (score) stria_output(g, layer_as_float(g, slope), GRADIENT);
    }
    return stria_graph_status(g, error);
}

static stria_status machine_new(machine *m, const attribution_job *j, int64_t batch, added what, stria_error *error) {
    stria_graph *g = NULL;
    stria_model *with = NULL;
    stria_session_options options = stria_session_options_default();
    options.threads = j->threads;
    options.batch = batch;
    *m = (machine){.x.size = sizeof m->x, .y.size = sizeof m->y, .layer.size = sizeof m->layer};
    m->gradient.size = sizeof m->gradient;
    stria_status status = stria_graph_from_model(&g, j->model, batch, error);
    if (status == STRIA_OK) status = graph_build(j, g, what, error);
    if (status == STRIA_OK) status = stria_model_from_graph(&with, g, error);
    if (status == STRIA_OK) g = NULL;
    if (status == STRIA_OK) status = stria_session_new(&m->session, with, &options, error);
    if (status == STRIA_OK) status = stria_session_port(m->session, stria_model_input(j->model, 0)->name, &m->x, error);
    if (status == STRIA_OK)
        status = stria_session_port(m->session, stria_model_output(j->model, 0)->name, &m->y, error);
    if (status == STRIA_OK && j->layer) status = stria_session_port(m->session, LAYER, &m->layer, error);
    if (status == STRIA_OK && what != ADDED_NOTHING)
        status = stria_session_port(m->session, GRADIENT, &m->gradient, error);
    stria_graph_free(g);
    stria_model_free(with);
    return status;
}

static void machine_free(machine *m) {
    stria_session_free(m->session);
}

static size_t port_count(const stria_port *p) {
    size_t count = 1;
    for (int i = 0; i < p->rank; i++) count *= (size_t)p->shape[i];
    return count;
}

/* x as the model's input wants it: converted where that is not float32. */
static stria_status input_set(machine *m, const float *x, stria_error *error) {
    stria_array from = {.type = STRIA_FLOAT32, .rank = m->x.rank, .data = (void *)(uintptr_t)x}, to = {0};
    from.bytes = port_count(&m->x) * sizeof *x;
    if (m->x.type == STRIA_FLOAT32) return stria_session_set(m->session, m->x.name, x, from.bytes, error);
    memcpy(from.shape, m->x.shape, sizeof from.shape);
    stria_status status = stria_array_convert(&from, m->x.type, &to, error);
    if (status == STRIA_OK) status = stria_session_set(m->session, m->x.name, to.data, to.bytes, error);
    stria_array_release(&to);
    return status;
}

/* One run on x[batch, …]; out[…] gets the named output. */
static stria_status machine_run(machine *m, const float *x, const char *name, const stria_port *port, float *out,
                                stria_error *error) {
    stria_status status = input_set(m, x, error);
    if (status == STRIA_OK) status = stria_session_run(m->session, error);
    return status == STRIA_OK ? stria_session_get(m->session, name, out, port_count(port) * sizeof *out, error)
                              : status;
}

stria_status attribution_features(const attribution_job *j, stria_array *out, stria_error *error) {
    machine m;
    stria_array a = {0};
    stria_status status = machine_new(&m, j, 1, ADDED_NOTHING, error);
    if (status == STRIA_OK) status = array_new(&a, m.layer.rank, m.layer.shape, error);
    if (status == STRIA_OK) status = machine_run(&m, j->x->data, LAYER, &m.layer, a.data, error);
    machine_free(&m);
    if (status == STRIA_OK) *out = a;
    else free(a.data);
    return status;
}

/* The gradient of x at `points` places between 0 and x, or around it: fill makes the k-th; take gets its gradient. */
typedef struct sweep {
    const attribution_job *job;
    int64_t points;
    bool guided;
    void (*fill)(const struct sweep *s, int64_t k, float *x);
    void (*take)(const struct sweep *s, int64_t k, const float *gradient, double *sum);
    size_t count; /* elements of x */
} sweep;

static stria_status points_run(sweep *s, stria_array *out, stria_error *error) {
    attribution_job job = *s->job;
    machine m;
    stria_array a = {0};
    job.layer = NULL;
    stria_status status = machine_new(&m, &job, 1, s->guided ? ADDED_GUIDED : ADDED_GRADIENT, error);
    s->count = status == STRIA_OK ? port_count(&m.x) : 0;
    float *x = calloc(s->count + 1, sizeof *x), *gradient = calloc(s->count + 1, sizeof *gradient);
    double *sum = calloc(s->count + 1, sizeof *sum);
    if (!x || !gradient || !sum) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for gradients");
    for (int64_t k = 0; k < s->points && status == STRIA_OK; k++) {
        s->fill(s, k, x);
        status = machine_run(&m, x, GRADIENT, &m.gradient, gradient, error);
        if (status == STRIA_OK) s->take(s, k, gradient, sum);
    }
    if (status == STRIA_OK) status = array_new(&a, m.x.rank, m.x.shape, error);
    for (size_t i = 0; i < s->count && status == STRIA_OK; i++) ((float *)a.data)[i] = (float)sum[i];
    machine_free(&m);
    free(x);
    free(gradient);
    free(sum);
    if (status == STRIA_OK) *out = a;
    return status;
}

static void fill_itself(const sweep *s, int64_t k, float *x) {
    memcpy(x, s->job->x->data, s->count * sizeof *x);
}

static void take_size(const sweep *s, int64_t k, const float *gradient, double *sum) {
    for (size_t i = 0; i < s->count; i++) sum[i] += fabs((double)gradient[i]) / (double)s->points;
}

stria_status attribution_saliency(const attribution_job *j, stria_array *out, stria_error *error) {
    return points_run(&(sweep){.job = j, .points = 1, .fill = fill_itself, .take = take_size}, out, error);
}

static void take_itself(const sweep *s, int64_t k, const float *gradient, double *sum) {
    for (size_t i = 0; i < s->count; i++) sum[i] = (double)gradient[i];
}

stria_status attribution_guided(const attribution_job *j, stria_array *out, stria_error *error) {
    return points_run(&(sweep){.job = j, .points = 1, .guided = true, .fill = fill_itself, .take = take_itself}, out,
                      error);
}

/* A number in 0…1 of (seed, k, i), open at both ends: SplitMix64's finaliser. */
static double uniform(uint64_t seed, uint64_t k, uint64_t i) {
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (k * 0x100000001B3u + i + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static void fill_noisy(const sweep *s, int64_t k, float *x) {
    const float *from = s->job->x->data;
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < s->count; i++) least = fmin(least, (double)from[i]), most = fmax(most, (double)from[i]);
    for (size_t i = 0; i < s->count; i++) { /* Box and Muller */
        double u = uniform(s->job->seed, (uint64_t)k, 2 * i), v = uniform(s->job->seed, (uint64_t)k, 2 * i + 1);
        double normal = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
        x[i] = (float)((double)from[i] + s->job->noise * (most - least) * normal);
    }
}

stria_status attribution_smoothgrad(const attribution_job *j, stria_array *out, stria_error *error) {
    return points_run(&(sweep){.job = j, .points = j->samples, .fill = fill_noisy, .take = take_size}, out, error);
}

enum { GAUSS = 50 };

/* The k-th root of the Legendre polynomial of degree GAUSS in 0…1, by Newton, and its weight. */
static double gauss(int64_t k, double *weight) {
    double x = cos(3.141592653589793 * ((double)k + 0.75) / (GAUSS + 0.5)), slope = 1;
    for (int round = 0; round < 8; round++) {
        double a = 1, b = x;
        for (int n = 2; n <= GAUSS; n++) {
            double c = ((2 * n - 1) * x * b - (n - 1) * a) / n;
            a = b, b = c;
        }
        slope = GAUSS * (x * b - a) / (x * x - 1);
        x -= b / slope;
    }
    *weight = 1 / ((1 - x * x) * slope * slope); /* half of that on −1…1 */
    return (1 + x) / 2;
}

static void fill_scaled(const sweep *s, int64_t k, float *x) {
    double weight, at = gauss(k, &weight);
    for (size_t i = 0; i < s->count; i++) x[i] = (float)(at * (double)((const float *)s->job->x->data)[i]);
}

static void take_weighed(const sweep *s, int64_t k, const float *gradient, double *sum) {
    double weight;
    gauss(k, &weight);
    for (size_t i = 0; i < s->count; i++)
        sum[i] += weight * (double)gradient[i] * (double)((const float *)s->job->x->data)[i];
}

stria_status attribution_integrated(const attribution_job *j, stria_array *out, stria_error *error) {
    return points_run(&(sweep){.job = j, .points = GAUSS, .fill = fill_scaled, .take = take_weighed}, out, error);
}

/* ---- Grad-CAM ---- */

typedef double cam_weight(const float *a, const float *gradient, int64_t positions);

static double weight_mean(const float *a, const float *gradient, int64_t positions) {
    double sum = 0;
    for (int64_t i = 0; i < positions; i++) sum += (double)gradient[i];
    return sum / (double)positions;
}

static double weight_plus(const float *a, const float *gradient, int64_t positions) {
    double activations = 0, sum = 0;
    for (int64_t i = 0; i < positions; i++) activations += (double)a[i];
    for (int64_t i = 0; i < positions; i++) {
        double g = (double)gradient[i], below = 2 * g * g + activations * g * g * g;
        if (g > 0 && below != 0) sum += g * g / below * g;
    }
    return sum;
}

static stria_status cam(const attribution_job *j, cam_weight *weight, stria_array *out, stria_error *error) {
    machine m;
    stria_array map = {0};
    stria_status status = machine_new(&m, j, 1, ADDED_GRADIENT, error);
    const int64_t *shape = m.layer.shape;
    if (status == STRIA_OK && m.layer.rank != 4)
        status = source_refuse(error, STRIA_BAD_SHAPE,
                               "layer '%s' has %d dimensions, Grad-CAM needs [1, channels, height, width]", j->layer,
                               m.layer.rank);
    size_t count = status == STRIA_OK ? port_count(&m.layer) : 0;
    float *a = calloc(count + 1, sizeof *a), *gradient = calloc(count + 1, sizeof *gradient);
    if (!a || !gradient) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for gradients");
    if (status == STRIA_OK) status = machine_run(&m, j->x->data, LAYER, &m.layer, a, error);
    if (status == STRIA_OK) status = stria_session_get(m.session, GRADIENT, gradient, count * sizeof *gradient, error);
    if (status == STRIA_OK) status = array_new(&map, 4, (const int64_t[]){1, 1, shape[2], shape[3]}, error);
    for (int64_t c = 0; status == STRIA_OK && c < shape[1]; c++) {
        int64_t positions = shape[2] * shape[3];
        double w = weight(a + c * positions, gradient + c * positions, positions);
        for (int64_t i = 0; i < positions; i++) ((float *)map.data)[i] += (float)(w * (double)a[c * positions + i]);
    }
    machine_free(&m);
    free(a);
    free(gradient);
    if (status == STRIA_OK) *out = map;
    return status;
}

stria_status attribution_gradcam(const attribution_job *j, stria_array *out, stria_error *error) {
    return cam(j, weight_mean, out, error);
}

stria_status attribution_gradcam_plus(const attribution_job *j, stria_array *out, stria_error *error) {
    return cam(j, weight_plus, out, error);
}

/* ---- occlusion ---- */

/* Windows along one side: as many as it takes to cover it. */
static int64_t windows(int64_t side, int64_t window, int64_t stride) {
    return side <= window ? 1 : (side - window + stride - 1) / stride + 1;
}

typedef struct box {
    int64_t top, left, bottom, right;
} box;

static void box_clear(float *x, int64_t channels, int64_t height, int64_t width, const box *b) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t y = b->top; y < b->bottom; y++)
            memset(x + (c * height + y) * width + b->left, 0, (size_t)(b->right - b->left) * sizeof *x);
}

static void boxes_run(machine *m, const attribution_job *j, float *x, float *scores, double *sum, double *count,
                      stria_status *status, stria_error *error) {
    int64_t channels = j->x->shape[1], height = j->x->shape[2], width = j->x->shape[3];
    size_t bytes = (size_t)(channels * height * width) * sizeof *x;
    memcpy(x, j->x->data, bytes);
    *status = machine_run(m, x, SCORES, &m->y, scores, error);
    double whole = (double)scores[j->element];
    int64_t rows = windows(height, j->window, j->stride), columns = windows(width, j->window, j->stride);
    for (int64_t k = 0; k < rows * columns && *status == STRIA_OK; k++) {
        box b = {.top = k / columns * j->stride, .left = k % columns * j->stride};
        b.bottom = b.top + j->window < height ? b.top + j->window : height;
        b.right = b.left + j->window < width ? b.left + j->window : width;
        memcpy(x, j->x->data, bytes);
        box_clear(x, channels, height, width, &b);
        *status = machine_run(m, x, SCORES, &m->y, scores, error);
        for (int64_t v = b.top; v < b.bottom; v++)
            for (int64_t u = b.left; u < b.right; u++) {
                sum[v * width + u] += j->sign * (whole - (double)scores[j->element]);
                count[v * width + u]++;
            }
    }
}

stria_status attribution_occlusion(const attribution_job *j, stria_array *out, stria_error *error) {
    attribution_job job = *j;
    machine m;
    stria_array map = {0};
    job.layer = NULL;
    int64_t channels = j->x->shape[1], plane = j->x->shape[2] * j->x->shape[3];
    stria_status status = machine_new(&m, &job, 1, ADDED_NOTHING, error);
    float *x = calloc((size_t)(channels * plane), sizeof *x);
    float *scores = calloc(status == STRIA_OK ? port_count(&m.y) : 1, sizeof *scores);
    double *sum = calloc((size_t)plane, sizeof *sum), *count = calloc((size_t)plane, sizeof *count);
    if (!x || !scores || !sum || !count) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for scores");
    if (status == STRIA_OK) boxes_run(&m, &job, x, scores, sum, count, &status, error);
    if (status == STRIA_OK) status = array_new(&map, 4, j->x->shape, error);
    for (int64_t i = 0; status == STRIA_OK && i < channels * plane; i++)
        ((float *)map.data)[i] = (float)(count[i % plane] > 0 ? sum[i % plane] / count[i % plane] : 0);
    machine_free(&m);
    free(x);
    free(scores);
    free(sum);
    free(count);
    if (status == STRIA_OK) *out = map;
    return status;
}
