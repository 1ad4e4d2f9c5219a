/* To tell classes apart: the target of a picture is its class, or its shares of classes, where the data have them or
 * pictures are mixed. */
#include "base/memory.h"
#include "train/class_names.h"
#include "train/classifier.h"
#include "train/goal.h"
#include "train/loss.h"
#include "train/step.h"

#include <string.h>

static stria_status begin(goal_job *j, graph *g, const dataset *d, stria_error *err) {
    classifier c;
    TRY(classifier_of(g, &c, err));
    j->classes = c.classes;
    j->multi_label = c.kind.relation == OUTPUT_MULTI_LABEL;
    TRY(mem_new(&j->permutation, (size_t)dataset_classes(d) + 1, sizeof *j->permutation, "classes", err));
    TRY(class_names_match(g, c.classes, d, j->permutation, err));
    if (dataset_count(d) == 0 || !dataset_shares(d, 0)) return STRIA_OK;
    TRY(mem_new(&j->taken.index, (size_t)j->batch, sizeof *j->taken.index, "labels", err));
    return mem_new(&j->shares, (size_t)j->batch, (size_t)c.classes * sizeof *j->shares, "labels", err);
}

static stria_status judged(graph *copy, value **out, stria_error *err) {
    classifier c;
    head h;
    TRY(classifier_of(copy, &c, err));
    TRY(classifier_head(copy, c.scores, &h, err));
    *out = h.logits;
    return STRIA_OK;
}

static stria_status loss_of(graph *step, value *logits, const recipe *r, value **loss, stria_error *err) {
    value *labels;
    shape s = {.rank = r->shares ? 2 : 1, .dim = {logits->shape.dim[0], logits->shape.dim[1]}};
    TRY(graph_add_input(step, STEP_TARGET, r->shares ? STRIA_FLOAT32 : STRIA_INT64, &s, &labels, err));
    return loss_build(step, r->loss, r->class_weights, labels, loss, err);
}

/* The shares of the batch's picture i into row. */
static void shares_add(const goal_job *j, int64_t i, float share, float *row) {
    if (!j->shares) row[j->taken.label[i]] += share;
    for (int64_t c = 0; j->shares && c < j->classes; c++) row[c] += share * j->shares[i * j->classes + c];
}

/* The class of the larger share stays in the labels, by which the score counts. */
static void labels_mix(goal_job *j, float own) {
    int64_t n = j->batch, *labels = j->taken.label, last = labels[n - 1];
    if (own >= 0.5F) return;
    memmove(labels + 1, labels, (size_t)(n - 1) * sizeof *labels);
    labels[0] = last;
}

/* The classes' numbers, or their shares: the data's, and of mixed pictures those of two. */
static void feed(goal_job *j, const loader *l, void *target) {
    int64_t n = j->batch;
    size_t bytes = (size_t)(n * j->classes) * sizeof(float);
    float own = (float)loader_share(l), *shares = target;
    if (!loader_mixes(l)) {
        memcpy(target, j->shares ? (const void *)j->shares : j->taken.label,
               j->shares ? bytes : (size_t)n * sizeof *j->taken.label);
        return;
    }
    memset(shares, 0, bytes);
    for (int64_t i = 0; i < n; i++) {
        shares_add(j, i, own, shares + i * j->classes);
        shares_add(j, i ? i - 1 : n - 1, 1 - own, shares + i * j->classes);
    }
    labels_mix(j, own);
    if (j->shares) memcpy(j->shares, shares, bytes);
}

static void count(const goal_job *j, const float *logits, int64_t n, score *s) {
    score_add(s, logits, j->taken.label, j->shares, n);
}

static double top1(const score *s) {
    return (double)s->top1 / (double)s->images;
}

const goal goal_classify = {.name = "classify",
                            .loss = LOSS_STANDARD,
                            .measure = "top1",
                            .most = 1,
                            .output = CLASSIFIER_LOGITS,
                            .adopt = classifier_adopt,
                            .begin = begin,
                            .judged = judged,
                            .loss_build = loss_of,
                            .feed = feed,
                            .count = count,
                            .measured = top1};
