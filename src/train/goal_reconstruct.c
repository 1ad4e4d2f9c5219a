/* To give pictures back: the target of a picture is itself, before the steps of augmentation that damage it. */
#include "base/memory.h"
#include "base/text.h"
#include "train/goal.h"
#include "train/loss.h"
#include "train/step.h"

#include <math.h>
#include <string.h>

#define PSNR_MOST 200 /* dB: a root mean square error of 10⁻¹⁰ of the range, less than float32 tells */

static int64_t picture_size(const picture_input *in) {
    const int64_t *x = in->image->shape.dim;
    return x[1] * x[2] * x[3];
}

static stria_status output_check(const graph *g, stria_error *err) {
    picture_input in;
    char gives[192], takes[192];
    TRY(picture_input_of(g, &in, err));
    if (g->output_count < 1) FAIL(err, STRIA_BAD_SHAPE, "model '%s' has no output", g->name);
    const value *y = g->outputs[0];
    if (!dtype_is_float(y->type) || !shape_equal(&y->shape, &in.image->shape))
        FAIL(err, STRIA_BAD_SHAPE, "output '%s' is %s, but input '%s' is %s: goal reconstruct gives pictures back",
             y->name, shape_text(&y->shape, gives), in.image->name, shape_text(&in.image->shape, takes));
    return STRIA_OK;
}

static stria_status adopt(graph *model, const dataset *d, stria_error *err) {
    TRY(output_check(model, err));
    return picture_input_adopt(model, d, err);
}

static stria_status begin(goal_job *j, graph *g, const dataset *d, stria_error *err) {
    TRY(output_check(g, err));
    return mem_new(&j->taken.target, (size_t)j->batch, (size_t)picture_size(&j->in) * sizeof *j->taken.target,
                   "the pictures that are to be given back", err);
}

static stria_status judged(graph *copy, value **out, stria_error *err) {
    TRY(output_check(copy, err));
    *out = copy->outputs[0];
    return STRIA_OK;
}

/* Returns true if pictures become values of 0…1. */
static bool is_unit(const picture_input *in) {
    for (int c = 0; c < in->image->shape.dim[1] && c < PREPROCESS_CHANNELS; c++) {
        double least, most;
        preprocess_span(&in->preprocess, c, &least, &most);
        if (least < -1e-6 || most > 1 + 1e-6) return false;
    }
    return true;
}

static stria_status loss_of(graph *step, value *output, const recipe *r, value **loss, stria_error *err) {
    picture_input in;
    value *target;
    TRY(picture_input_of(step, &in, err)); /* before there is a second input */
    TRY(graph_add_input(step, STEP_TARGET, output->type, &output->shape, &target, err));
    return loss_build_values(step, r->loss, is_unit(&in), target, loss, err);
}

static void feed(goal_job *j, const loader *l, void *target) {
    memcpy(target, j->taken.target, (size_t)(j->batch * picture_size(&j->in)) * sizeof *j->taken.target);
}

/* Σ (y − t)² of n values. */
static double squares(const float *y, const float *t, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = (double)y[i] - (double)t[i];
        sum += e * e;
    }
    return sum;
}

/* The mean of a picture's (y − t)², and of ((y − t) / the channel's range)². */
static void count(const goal_job *j, const float *output, int64_t n, score *s) {
    const int64_t *x = j->in.image->shape.dim, area = x[2] * x[3], size = picture_size(&j->in);
    for (int64_t i = 0; i < n; i++) {
        if (j->taken.label[i] < 0) continue;
        double sum = 0, relative = 0;
        for (int64_t c = 0; c < x[1]; c++) {
            int64_t at = i * size + c * area;
            double least, most, e = squares(output + at, j->taken.target + at, area);
            preprocess_span(&j->in.preprocess, c < PREPROCESS_CHANNELS ? (int)c : 0, &least, &most);
            sum += e;
            relative += most > least ? e / ((most - least) * (most - least)) : e;
        }
        s->images++;
        s->loss += sum / (double)size;
        s->error += relative / (double)size;
    }
}

/* −10 log₁₀ of the mean square error as a share of the range, within ±PSNR_MOST; for NaN, the minimum. */
static double psnr(const score *s) {
    double db = -10 * log10(s->error / (double)s->images);
    return db < PSNR_MOST ? db > -PSNR_MOST ? db : -PSNR_MOST : db >= PSNR_MOST ? PSNR_MOST : -PSNR_MOST;
}

const goal goal_reconstruct = {.name = "reconstruct",
                               .loss = "squared_error",
                               .measure = "psnr",
                               .most = PSNR_MOST,
                               .output = "reconstruction",
                               .of_pixels = true,
                               .adopt = adopt,
                               .begin = begin,
                               .judged = judged,
                               .loss_build = loss_of,
                               .feed = feed,
                               .count = count,
                               .measured = psnr};
