#include "report/pairs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pairs_maker {
    const stria_model *model;
    stria_session *session;
    const char *input, *output;
    int64_t channels, height, width;
    float *values;            /* [channels][height][width] */
    double least[3], most[3]; /* values of black and white, by channel */
};

static stria_status refuse(stria_error *error, stria_status status, const char *text) {
    if (error) {
        error->status = status;
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return status;
}

static size_t area(const pairs_maker *m) {
    return (size_t)m->height * (size_t)m->width;
}

/* What a picture of one brightness becomes: each channel's first value. */
static stria_status value_of(const pairs_maker *m, int brightness, double *value, stria_error *error) {
    size_t bytes = (size_t)m->channels * area(m);
    stria_array x = {0}, plain = {.type = STRIA_UINT8, .rank = 3, .bytes = bytes, .data = malloc(bytes)};
    plain.shape[0] = m->channels, plain.shape[1] = m->height, plain.shape[2] = m->width;
    if (!plain.data) return refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
    memset(plain.data, brightness, bytes);
    stria_status status = stria_model_picture(m->model, &plain, &x, error);
    for (int c = 0; status == STRIA_OK && c < m->channels; c++)
        value[c] = (double)((float *)x.data)[(size_t)c * area(m)];
    stria_array_release(&x);
    free(plain.data);
    return status;
}

static bool gives_back(const stria_port *x, const stria_port *y) {
    bool same = x->rank == 4 && y->rank == 4 && (x->shape[1] == 1 || x->shape[1] == 3) && y->type == STRIA_FLOAT32;
    for (int d = 1; same && d < 4; d++) same = x->shape[d] == y->shape[d] && x->shape[d] > 0;
    return same && x->shape[2] * x->shape[3] > 1;
}

static stria_status maker_fill(pairs_maker *m, int threads, stria_error *error) {
    const stria_port *x = stria_model_input(m->model, 0), *y = stria_model_output(m->model, 0);
    stria_session_options options = stria_session_options_default();
    if (!x || !y || !gives_back(x, y)) return refuse(error, STRIA_UNSUPPORTED, "the model gives no pictures back");
    m->input = x->name, m->output = y->name;
    m->channels = x->shape[1], m->height = x->shape[2], m->width = x->shape[3];
    options.threads = threads;
    m->values = calloc((size_t)m->channels * area(m), sizeof *m->values);
    if (!m->values) return refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
    stria_status status = stria_session_new(&m->session, m->model, &options, error);
    if (status == STRIA_OK) status = value_of(m, 0, m->least, error);
    return status == STRIA_OK ? value_of(m, 255, m->most, error) : status;
}

stria_status pairs_maker_new(pairs_maker **out, const stria_model *model, int threads, stria_error *error) {
    pairs_maker *m = calloc(1, sizeof *m);
    if (!m) return refuse(error, STRIA_NO_MEMORY, "not enough memory for a network");
    m->model = model;
    stria_status status = maker_fill(m, threads, error);
    if (status == STRIA_OK) *out = m;
    else pairs_maker_free(m);
    return status;
}

void pairs_maker_free(pairs_maker *m) {
    if (!m) return;
    stria_session_free(m->session);
    free(m->values);
    free(m);
}

/* Values as pixels; what is no number is black. */
static stria_status pixels_of(const pairs_maker *m, const float *values, stria_array *out, stria_error *error) {
    size_t bytes = (size_t)m->channels * area(m);
    if (!out) return STRIA_OK;
    uint8_t *pixels = malloc(bytes);
    if (!pixels) return refuse(error, STRIA_NO_MEMORY, "not enough memory for a picture");
    for (size_t i = 0; i < bytes; i++) {
        size_t c = i / area(m);
        double range = m->most[c] - m->least[c];
        double p = range != 0 ? 255 * ((double)values[i] - m->least[c]) / range : 0;
        pixels[i] = p >= 255 ? 255 : p > 0 ? (uint8_t)lrint(p) : 0;
    }
    *out = (stria_array){.type = STRIA_UINT8, .rank = 3, .bytes = bytes, .data = pixels};
    out->shape[0] = m->channels, out->shape[1] = m->height, out->shape[2] = m->width;
    return STRIA_OK;
}

stria_status pairs_maker_run(pairs_maker *m, const stria_array *picture, stria_array *given, stria_array *back,
                             stria_error *error) {
    stria_array x = {0};
    size_t bytes = (size_t)m->channels * area(m) * sizeof *m->values;
    stria_status status = stria_model_picture(m->model, picture, &x, error);
    if (status == STRIA_OK) status = stria_session_set(m->session, m->input, x.data, x.bytes, error);
    if (status == STRIA_OK) status = stria_session_run(m->session, error);
    if (status == STRIA_OK) status = stria_session_get(m->session, m->output, m->values, bytes, error);
    if (status == STRIA_OK) status = pixels_of(m, x.data, given, error);
    if (status == STRIA_OK) status = pixels_of(m, m->values, back, error);
    stria_array_release(&x);
    return status;
}

/* ---- some of a data set ---- */

static char *name_of(const stria_dataset *data, const char *name, int64_t index) {
    const char *file = stria_dataset_file(data, index), *slash = file ? strrchr(file, '/') : NULL;
    size_t bytes = strlen(name) + 24;
    if (file) return strdup(slash ? slash + 1 : file);
    char *text = malloc(bytes);
    if (text) snprintf(text, bytes, "%s/%lld", name, (long long)index);
    return text;
}

static void pair_read(pairs *p, pairs_maker *m, const stria_dataset *data, int64_t index,
                      const stria_view_options *view, const char *name) {
    stria_array picture = {0}, given = {0}, back = {0};
    judge_image *a = &p->given[p->count], *b = &p->back[p->count];
    stria_status status = stria_dataset_view(data, index, view, &picture, NULL);
    if (status == STRIA_OK) status = pairs_maker_run(m, &picture, &given, &back, NULL);
    p->lost |= status == STRIA_NO_MEMORY;
    if (status == STRIA_OK) {
        *a = *b = (judge_image){.index = index};
        a->name = name_of(data, name, index);
        judge_thumbnail(a, given.data, (int)m->channels, m->height, m->width);
        judge_thumbnail(b, back.data, (int)m->channels, m->height, m->width);
        if (a->name && a->pixels && b->pixels) p->count++;
        else {
            p->lost = true;
            judge_image_release(a);
            judge_image_release(b);
        }
    }
    stria_array_release(&picture);
    free(given.data);
    free(back.data);
}

void pairs_read(pairs *p, const stria_model *model, const stria_dataset *data, const char *name, const char *augment,
                uint64_t seed, int threads) {
    pairs_maker *m = NULL;
    stria_view_options view = stria_view_options_default();
    int64_t all = stria_dataset_count(data), wanted = all < PAIRS_SHOWN ? all : PAIRS_SHOWN;
    pairs_release(p);
    stria_status status = pairs_maker_new(&m, model, threads, NULL);
    p->lost = status == STRIA_NO_MEMORY;
    if (status != STRIA_OK) return;
    view.channels = m->channels, view.height = m->height, view.width = m->width;
    view.augment = augment && *augment ? augment : NULL;
    view.seed = seed;
    for (int64_t i = 0; i < wanted; i++) pair_read(p, m, data, i * all / wanted, &view, name);
    pairs_maker_free(m);
}

void pairs_release(pairs *p) {
    for (int i = 0; i < p->count; i++) judge_image_release(&p->given[i]), judge_image_release(&p->back[i]);
    *p = (pairs){.count = 0};
}
