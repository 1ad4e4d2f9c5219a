#include "train/moments.h"

#include "base/memory.h"
#include "base/text.h"
#include "model/model.h"
#include "train/picture_input.h"

#include <math.h>
#include <string.h>

enum { BATCH = 8, BATCHES = 64 };

bool moments_wanted(const graph *g, const dataset *d) {
    static const char *const said[] = {"stria.scale", "stria.mean", "stria.std"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (graph_metadata(g, said[i])) return false;
    return !dataset_uniform(d) && graph_metadata(g, MODEL_WEIGHTS) != NULL;
}

typedef struct sums {
    double sum[PREPROCESS_CHANNELS], squares[PREPROCESS_CHANNELS];
    int64_t pixels;
} sums;

/* Of one picture x[channels][area]. */
static void sums_add(sums *s, const float *x, int channels, int64_t area) {
    for (int c = 0; c < channels; c++, x += area) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < area; i++) sum += x[i], squares += (double)x[i] * x[i];
        s->sum[c] += sum;
        s->squares[c] += squares;
    }
    s->pixels += area;
}

/* Batches that are as far from each other as can be. A picture that cannot be read is passed over. */
static stria_status sums_make(sums *s, loader *l, const int shape[3], pool *workers, stria_error *err) {
    int64_t batches = loader_batches(l), looked = batches < BATCHES ? batches : BATCHES, labels[BATCH];
    int64_t area = (int64_t)shape[1] * shape[2], size = area * shape[0];
    float *x = NULL;
    TRY(mem_new(&x, (size_t)(BATCH * size), sizeof *x, "the mean of the pictures", err));
    stria_status status = STRIA_OK;
    for (int64_t b = 0; b < looked && status == STRIA_OK; b++) {
        int64_t batch = b * batches / looked;
        status = loader_fill(l, workers, 0, batch, &(sample){.image = x, .label = labels}, err);
        for (int64_t i = 0; status == STRIA_OK && i < loader_items(l, batch); i++)
            if (labels[i] >= 0) sums_add(s, x + i * size, shape[0], area);
    }
    mem_free(x);
    return status;
}

static stria_status store(graph *g, const char *key, const double *numbers, int count, stria_error *err) {
    text line = {0};
    for (int i = 0; i < count; i++) { /* four digits, as a checkpoint that is read writes them again */
        text_printf(&line, "%s", i ? "," : "");
        text_double(&line, round(numbers[i] * 1e4) / 1e4);
    }
    stria_status status = text_check(&line, err);
    if (status == STRIA_OK) status = graph_set_metadata(g, key, text_string(&line), err);
    text_release(&line);
    return status;
}

stria_status moments_store(graph *g, const dataset *d, pool *workers, stria_error *err) {
    picture_input in;
    loader *l;
    sums s = {{0}, {0}, 0};
    double mean[PREPROCESS_CHANNELS], std[PREPROCESS_CHANNELS];
    int shape[3];
    TRY(picture_input_of(g, &in, err));
    TRY(picture_input_loader(&in, d, &(loader_options){.batch = BATCH, .bad = BAD_MARKED}, &l, err));
    loader_shape(l, shape);
    stria_status status = shape[0] > PREPROCESS_CHANNELS ? STRIA_OK : sums_make(&s, l, shape, workers, err);
    loader_free(l);
    if (status != STRIA_OK || !s.pixels) return status;
    for (int i = 0; i < shape[0]; i++) {
        mean[i] = s.sum[i] / (double)s.pixels;
        double variance = s.squares[i] / (double)s.pixels - mean[i] * mean[i];
        std[i] = variance > 1e-6 ? sqrt(variance) : 1;
    }
    TRY(store(g, "stria.mean", mean, shape[0], err));
    return store(g, "stria.std", std, shape[0], err);
}
