#include "cli/dream.h"

#include "cli/layer.h"
#include "cli/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRADIENT  "stria.gradient" /* outputs' names */
#define OBJECTIVE "stria.objective"

enum { SHIFT = 4, BLUR_EVERY = 4 };

/* What the ascent works with. */
typedef struct ascent {
    const dream_job *job;
    stria_session *session;
    stria_port x;
    int64_t channels, height, width;
    double low[3], high[3]; /* of each channel of x: a black and a white pixel */
    int from[3];            /* the picture's channel that a channel of x is */
    int64_t objective_count, objective_of;
    float *now, *shifted, *gradient, *objective;
    uint64_t random;
} ascent;

static void ascent_release(ascent *a) {
    stria_session_free(a->session);
    free(a->now);
    free(a->shifted);
    free(a->gradient);
    free(a->objective);
}

static stria_status no_memory(stria_error *error) {
    return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
}

/* ---- the objective ---- */

/* Zeros and a one at `index` along dimension 1 of a value of this shape. */
static stria_value *pick(stria_graph *g, int rank, const int64_t *shape, int64_t index, stria_error *error) {
    int64_t row[STRIA_RANK_MAX];
    int64_t count = rank > 1 ? shape[1] : 1;
    if (index >= count) {
        source_say(error, STRIA_BAD_ARGUMENT, "channel %lld is out of range, there are 0 to %lld", (long long)index,
                   (long long)count - 1);
        return NULL;
    }
    for (int i = 0; i < rank; i++) row[i] = i == 1 ? count : 1;
    float *one = calloc((size_t)count, sizeof *one);
    if (!one) {
        no_memory(error);
        return NULL;
    }
    one[index] = 1;
    stria_value *v = stria_constant(g, NULL, STRIA_FLOAT32, rank, row, one);
    free(one);
    return v;
}

static stria_status objective_add(ascent *a, stria_graph *g, stria_error *error) {
    const dream_job *j = a->job;
    int64_t shape[STRIA_RANK_MAX];
    stria_value *of = stria_find(g, j->layer ? j->layer : stria_model_output(j->model, 0)->name);
    of = layer_as_float(g, of);
    if (!of) return source_refuse(error, STRIA_BAD_ARGUMENT, "the model has no layer '%s'", j->layer);
    int rank = stria_value_shape(of, shape);
    stria_value *weight = j->channel < 0 ? of : pick(g, rank, shape, j->channel, error);
    if (!weight) return error->status;
    stria_value *objective = stria_mul(g, of, weight);
    stria_output(g, objective, OBJECTIVE);
    stria_output(g, layer_as_float(g, stria_gradient(g, objective, stria_graph_input(g, 0))), GRADIENT);
    a->objective_count = 1;
    for (int i = 0; i < rank; i++) a->objective_count *= i ? shape[i] : 1;
    a->objective_of = j->channel < 0 || rank < 2 ? a->objective_count : a->objective_count / shape[1];
    return stria_graph_status(g, error);
}

static stria_status session_make(ascent *a, stria_error *error) {
    stria_graph *g = NULL;
    stria_model *with = NULL;
    stria_session_options options = stria_session_options_default();
    options.threads = a->job->threads;
    stria_status status = stria_graph_from_model(&g, a->job->model, 1, error);
    if (status == STRIA_OK) status = objective_add(a, g, error);
    if (status == STRIA_OK) status = stria_model_from_graph(&with, g, error);
    if (status == STRIA_OK) g = NULL;
    if (status == STRIA_OK) status = stria_session_new(&a->session, with, &options, error);
    a->x.size = sizeof a->x;
    if (status == STRIA_OK)
        status = stria_session_port(a->session, stria_model_input(a->job->model, 0)->name, &a->x, error);
    stria_graph_free(g);
    stria_model_free(with);
    return status;
}

/* ---- between pixels and the model's input ---- */

/* The first element of each channel of what a picture of one colour becomes. */
static stria_status probe(const ascent *a, const uint8_t rgb[3], double out[3], stria_error *error) {
    size_t plane = (size_t)(a->height * a->width);
    stria_array picture = {.type = STRIA_UINT8, .rank = 3, .shape = {3, a->height, a->width}, .bytes = 3 * plane},
                x = {0};
    uint8_t *pixels = calloc(3, plane);
    if (!pixels) return no_memory(error);
    for (size_t c = 0; c < 3; c++) memset(pixels + c * plane, rgb[c], plane);
    picture.data = pixels;
    stria_status status = stria_model_picture(a->job->model, &picture, &x, error);
    for (int64_t c = 0; c < a->channels && status == STRIA_OK; c++)
        out[c] = (double)((const float *)x.data)[(size_t)c * plane];
    stria_array_release(&x);
    free(pixels);
    return status;
}

static stria_status range_find(ascent *a, stria_error *error) {
    double red[3];
    stria_status status = probe(a, (const uint8_t[3]){0, 0, 0}, a->low, error);
    if (status == STRIA_OK) status = probe(a, (const uint8_t[3]){255, 255, 255}, a->high, error);
    if (status == STRIA_OK) status = probe(a, (const uint8_t[3]){255, 0, 0}, red, error);
    if (status != STRIA_OK) return status;
    bool turned = a->channels == 3 && fabs(red[2] - a->high[2]) < fabs(red[2] - a->low[2]); /* blue first */
    for (int c = 0; c < 3; c++) a->from[c] = turned ? 2 - c : c;
    return STRIA_OK;
}

/* A number in 0…1 of the seed and how many were drawn. */
static double uniform(ascent *a) {
    uint64_t z = a->job->seed * 0xD1342543DE82EF95u + ++a->random * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void begin(ascent *a) {
    int64_t plane = a->height * a->width;
    for (int64_t c = 0; c < a->channels; c++)
        for (int64_t i = 0; i < plane; i++)
            a->now[c * plane + i] = a->job->x
                                        ? ((const float *)a->job->x->data)[c * plane + i]
                                        : (float)(a->low[c] + (a->high[c] - a->low[c]) * (0.45 + 0.1 * uniform(a)));
}

/* ---- ascent ---- */

/* to(y + dy, x + dx) = from(y, x), going on at the other side. */
static void shift(const ascent *a, const float *from, float *to, int64_t dy, int64_t dx) {
    for (int64_t c = 0; c < a->channels; c++)
        for (int64_t y = 0; y < a->height; y++)
            for (int64_t x = 0; x < a->width; x++) {
                int64_t v = (y + dy + a->height) % a->height, u = (x + dx + a->width) % a->width;
                to[(c * a->height + v) * a->width + u] = from[(c * a->height + y) * a->width + x];
            }
}

/* A mean with the neighbours, weights 1 2 1 both ways, the border continued. */
static void blur(const ascent *a, float *x, float *room) {
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t c = 0; c < a->channels; c++)
            for (int64_t v = 0; v < a->height; v++)
                for (int64_t u = 0; u < a->width; u++) {
                    int64_t at = pass ? u : v, end = (pass ? a->width : a->height) - 1;
                    int64_t step = pass ? 1 : a->width, i = (c * a->height + v) * a->width + u;
                    float before = x[at > 0 ? i - step : i], after = x[at < end ? i + step : i];
                    room[i] = 0.25f * before + 0.5f * x[i] + 0.25f * after;
                }
        memcpy(x, room, (size_t)(a->channels * a->height * a->width) * sizeof *x);
    }
}

/* x as the model's input wants it: converted where that is not float32. */
static stria_status input_set(const ascent *a, const float *x, stria_error *error) {
    stria_array from = {.type = STRIA_FLOAT32, .rank = 4, .shape = {1, a->channels, a->height, a->width}}, to = {0};
    from.data = (void *)(uintptr_t)x;
    from.bytes = (size_t)(a->channels * a->height * a->width) * sizeof *x;
    if (a->x.type == STRIA_FLOAT32) return stria_session_set(a->session, a->x.name, x, from.bytes, error);
    stria_status status = stria_array_convert(&from, a->x.type, &to, error);
    if (status == STRIA_OK) status = stria_session_set(a->session, a->x.name, to.data, to.bytes, error);
    stria_array_release(&to);
    return status;
}

/* One run: the gradient, and what the objective is. */
static stria_status look(ascent *a, const float *x, double *objective, stria_error *error) {
    size_t bytes = (size_t)(a->channels * a->height * a->width) * sizeof *x;
    stria_status status = input_set(a, x, error);
    if (status == STRIA_OK) status = stria_session_run(a->session, error);
    if (status == STRIA_OK) status = stria_session_get(a->session, GRADIENT, a->gradient, bytes, error);
    if (status == STRIA_OK)
        status = stria_session_get(a->session, OBJECTIVE, a->objective, (size_t)a->objective_count * sizeof *x, error);
    double sum = 0;
    for (int64_t i = 0; i < a->objective_count && status == STRIA_OK; i++) sum += (double)a->objective[i];
    *objective = sum / (double)a->objective_of;
    return status;
}

/* x + rate · range · g / rms(g), within the range. */
static void step(const ascent *a, float *x) {
    int64_t plane = a->height * a->width, count = a->channels * plane;
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)a->gradient[i] * (double)a->gradient[i];
    double rms = sqrt(sum / (double)count);
    if (!(rms > 0) || !isfinite(rms)) return;
    for (int64_t i = 0; i < count; i++) {
        int64_t c = i / plane;
        double least = fmin(a->low[c], a->high[c]), most = fmax(a->low[c], a->high[c]);
        double to = (double)x[i] + a->job->rate * (most - least) * (double)a->gradient[i] / rms;
        x[i] = (float)fmin(fmax(to, least), most);
    }
}

static stria_status climb(ascent *a, dream *out, stria_error *error) {
    double ignored;
    stria_status status = look(a, a->now, &out->before, error);
    for (int64_t k = 0; k < a->job->steps && status == STRIA_OK; k++) {
        int64_t reach = a->height > 2 * SHIFT && a->width > 2 * SHIFT ? 2 * SHIFT + 1 : 1;
        int64_t dy = (int64_t)(uniform(a) * (double)reach) - reach / 2,
                dx = (int64_t)(uniform(a) * (double)reach) - reach / 2;
        shift(a, a->now, a->shifted, dy, dx);
        status = look(a, a->shifted, &ignored, error);
        if (status == STRIA_OK) step(a, a->shifted);
        shift(a, a->shifted, a->now, -dy, -dx);
        if (!a->job->x && k % BLUR_EVERY == BLUR_EVERY - 1 && k < a->job->steps * 3 / 4) blur(a, a->now, a->shifted);
    }
    return status == STRIA_OK ? look(a, a->now, &out->after, error) : status;
}

static stria_status result_take(ascent *a, dream *out, stria_error *error) {
    int64_t plane = a->height * a->width;
    out->pixels = (stria_array){.type = STRIA_UINT8, .rank = 3, .shape = {3, a->height, a->width}};
    out->pixels.bytes = 3 * (size_t)plane;
    uint8_t *pixels = out->pixels.data = calloc(3, (size_t)plane);
    if (!pixels) return no_memory(error);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t i = 0; i < plane; i++) {
            int64_t of = a->channels == 1 ? 0 : a->from[c];
            double range = a->high[of] - a->low[of];
            double share = range != 0 ? ((double)a->now[of * plane + i] - a->low[of]) / range : 0;
            pixels[c * plane + i] = (uint8_t)(255 * fmin(fmax(share, 0), 1) + 0.5);
        }
    out->x = (stria_array){.type = STRIA_FLOAT32, .rank = 4, .shape = {1, a->channels, a->height, a->width}};
    out->x.bytes = (size_t)(a->channels * plane) * sizeof *a->now;
    out->x.data = a->now;
    a->now = NULL;
    return STRIA_OK;
}

stria_status dream_run(const dream_job *job, dream *out, stria_error *error) {
    ascent a = {.job = job};
    *out = (dream){0};
    stria_status status = session_make(&a, error);
    bool takes = status == STRIA_OK && a.x.rank == 4 && (a.x.shape[1] == 1 || a.x.shape[1] == 3);
    if (status == STRIA_OK && !takes)
        status =
            source_refuse(error, STRIA_BAD_SHAPE, "input '%s' does not take pictures of 1 or 3 channels", a.x.name);
    if (status == STRIA_OK) {
        a.channels = a.x.shape[1], a.height = a.x.shape[2], a.width = a.x.shape[3];
        size_t count = (size_t)(a.channels * a.height * a.width);
        a.now = calloc(count, sizeof *a.now);
        a.shifted = calloc(count, sizeof *a.shifted);
        a.gradient = calloc(count, sizeof *a.gradient);
        a.objective = calloc((size_t)a.objective_count + 1, sizeof *a.objective);
        if (!a.now || !a.shifted || !a.gradient || !a.objective) status = no_memory(error);
    }
    if (status == STRIA_OK) status = range_find(&a, error);
    if (status == STRIA_OK) begin(&a);
    if (status == STRIA_OK) status = climb(&a, out, error);
    if (status == STRIA_OK) status = result_take(&a, out, error);
    ascent_release(&a);
    return status;
}
