/* To tell classes apart: the target of a picture is its class, or the shares of two where pictures are mixed. */
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
    return class_names_match(g, c.classes, d, j->permutation, err);
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

/* The classes' numbers, or of mixed pictures the shares of two. Of these the class of the larger share stays in the
 * labels, by which the score counts. */
static void feed(goal_job *j, const loader *l, void *target) {
    int64_t n = j->batch, *labels = j->taken.label;
    float own = (float)loader_share(l), *shares = target;
    if (!loader_mixes(l)) {
        memcpy(target, labels, (size_t)n * sizeof *labels);
        return;
    }
    memset(shares, 0, (size_t)(n * j->classes) * sizeof *shares);
    for (int64_t i = 0; i < n; i++) {
        shares[i * j->classes + labels[i]] += own;
        shares[i * j->classes + labels[i ? i - 1 : n - 1]] += 1 - own;
    }
    if (own >= 0.5F) return;
    int64_t last = labels[n - 1];
    memmove(labels + 1, labels, (size_t)(n - 1) * sizeof *labels);
    labels[0] = last;
}

static void count(const goal_job *j, const float *logits, int64_t n, score *s) {
    score_add(s, logits, j->taken.label, n);
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
