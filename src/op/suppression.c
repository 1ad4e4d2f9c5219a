/* NonMaxSuppression: of each class of each picture the boxes of best score, none of which overlaps a better one by more
 * than iou_threshold of their union. How many there are follows from the contents, which must be known before a run. */
#include <math.h>
#include <stdlib.h>

#include "op/rule.h"

typedef struct suppression_attributes {
    int64_t center_point_box; /* boxes are x_center, y_center, width, height; else two opposite corners, y before x */
} suppression_attributes;

static const attr_field fields[] = {ATTR(suppression_attributes, center_point_box, ATTR_INT, "0"), {0}};

enum { BOXES, SCORES, MOST, OVERLAP, LEAST };

#define COMPARISON 8 /* steps that one comparison of two boxes counts as */

typedef struct suppression {
    const tensor *boxes, *scores;
    bool centered;
    int64_t items, classes, count; /* boxes of a picture */
    int64_t most;                  /* of a class */
    double overlap, least;
    int64_t *chosen; /* [selected, 3]: picture, class, box */
    int64_t selected;
} suppression;

typedef struct candidate {
    int64_t box;
    double score;
} candidate;

static stria_status known(const node *n, int i, const tensor **out, stria_error *err) {
    const value *v = rule_input(n, i);
    *out = v ? value_contents(v) : NULL;
    if (v && !*out)
        FAIL(err, STRIA_UNSUPPORTED,
             "the size of its result depends on '%s', which must be constant: Stria plans every size before a run",
             v->name);
    return STRIA_OK;
}

static stria_status number(const node *n, int i, double standard, double *out, stria_error *err) {
    const tensor *t;
    TRY(known(n, i, &t, err));
    if (t && shape_count(&t->shape) != 1)
        FAIL(err, STRIA_BAD_SHAPE, "input %d has %lld elements, expected one", i, (long long)shape_count(&t->shape));
    *out = t ? tensor_f64(t, 0) : standard;
    return STRIA_OK;
}

static stria_status suppression_read(const node *n, suppression *s, stria_error *err) {
    double most;
    char tb[192], ts[192];
    *s = (suppression){.centered = ((const suppression_attributes *)n->attributes)->center_point_box != 0};
    TRY(rule_float(n, BOXES, "boxes", err));
    TRY(rule_float(n, SCORES, "scores", err));
    const shape *b = &n->in[BOXES]->shape, *c = &n->in[SCORES]->shape;
    if (b->rank != 3 || c->rank != 3 || b->dim[2] != 4 || c->dim[0] != b->dim[0] || c->dim[2] != b->dim[1])
        FAIL(err, STRIA_BAD_SHAPE, "boxes are %s and scores %s, expected [n, boxes, 4] and [n, classes, boxes]",
             shape_text(b, tb), shape_text(c, ts));
    TRY(known(n, BOXES, &s->boxes, err));
    TRY(known(n, SCORES, &s->scores, err));
    TRY(number(n, MOST, 0, &most, err));
    TRY(number(n, OVERLAP, 0, &s->overlap, err));
    TRY(number(n, LEAST, -INFINITY, &s->least, err));
    s->items = b->dim[0], s->classes = c->dim[1], s->count = b->dim[1];
    s->most = most > 0 ? (int64_t)fmin(most, (double)s->count) : 0;
    return STRIA_OK;
}

/* Lowest and highest y, then x. */
static void corners(const suppression *s, int64_t at, double out[4]) {
    double v[4];
    for (int k = 0; k < 4; k++) v[k] = tensor_f64(s->boxes, at * 4 + k);
    for (int d = 0; d < 2; d++) {
        double middle = v[1 - d], half = v[3 - d] / 2;
        out[2 * d] = s->centered ? middle - half : fmin(v[d], v[2 + d]);
        out[2 * d + 1] = s->centered ? middle + half : fmax(v[d], v[2 + d]);
    }
}

/* What two boxes share, of what both cover; at most 0 where one is empty. */
static double shared(const suppression *s, int64_t a, int64_t b) {
    double p[4], q[4];
    corners(s, a, p);
    corners(s, b, q);
    double height = fmin(p[1], q[1]) - fmax(p[0], q[0]), width = fmin(p[3], q[3]) - fmax(p[2], q[2]);
    double of_a = (p[1] - p[0]) * (p[3] - p[2]), of_b = (q[1] - q[0]) * (q[3] - q[2]);
    if (of_a <= 0 || of_b <= 0 || height <= 0 || width <= 0) return 0;
    return height * width / (of_a + of_b - height * width);
}

static int better(const void *p, const void *q) {
    const candidate *a = p, *b = q;
    return a->score != b->score ? (a->score > b->score ? -1 : 1) : a->box < b->box ? -1 : a->box > b->box;
}

/* The boxes of one class of one picture. */
static void class_choose(suppression *s, int64_t item, int64_t class_, candidate *list) {
    int64_t count = 0, first = s->selected;
    for (int64_t i = 0; i < s->count; i++) {
        double score = tensor_f64(s->scores, (item * s->classes + class_) * s->count + i);
        if (score > s->least) list[count++] = (candidate){i, score};
    }
    qsort(list, (size_t)count, sizeof *list, better);
    for (int64_t i = 0; i < count && s->selected - first < s->most; i++) {
        bool keep = true;
        for (int64_t k = first; k < s->selected && keep; k++)
            keep = shared(s, item * s->count + s->chosen[k * 3 + 2], item * s->count + list[i].box) <= s->overlap;
        if (!keep) continue;
        int64_t *to = s->chosen + s->selected++ * 3;
        to[0] = item, to[1] = class_, to[2] = list[i].box;
    }
}

/* The caller frees s->chosen. */
static stria_status choose(const node *n, suppression *s, stria_error *err) {
    candidate *list;
    TRY(suppression_read(n, s, err));
    int64_t rounds =
        s->count && s->most ? size_mul(s->items, s->classes) : 0; /* without a box there is nothing to do */
    int64_t room = size_mul(rounds, 3 * s->most);
    TRY(mem_new(&list, (size_t)s->count + 1, sizeof *list, "boxes", err));
    stria_status status = mem_new(&s->chosen, (size_t)room + 1, sizeof *s->chosen, "boxes", err);
    for (int64_t i = 0; i < rounds && status == STRIA_OK; i++) class_choose(s, i / s->classes, i % s->classes, list);
    mem_free(list);
    return status;
}

/* Each box may meet all that were chosen before. What infer will refuse is no work. */
static int64_t infer_work(const node *n) {
    suppression s;
    if (suppression_read(n, &s, NULL) != STRIA_OK) return 0;
    return size_mul(size_mul(shape_count(&n->in[SCORES]->shape), s.most + 1), COMPARISON);
}

static stria_status infer(node *n, stria_error *err) {
    suppression s;
    TRY(choose(n, &s, err));
    shape y = {2, {s.selected, 3}};
    mem_free(s.chosen);
    return rule_output(n, 0, STRIA_INT64, &y, err);
}

static stria_status reference(const ref_call *c, stria_error *err) {
    suppression s;
    TRY(choose(c->node, &s, err));
    for (int64_t i = 0; i < s.selected * 3; i++) c->out[0].i[i] = s.chosen[i];
    mem_free(s.chosen);
    return STRIA_OK;
}

static const op_case cases[] = {
    {"f=0,0,1,1,0,0.1,1,1.1,0,-0.1,1,0.9,0,10,1,11:1x4x4, f=0.9,0.75,0.6,0.95:1x1x4, i64=3, f=0.5, f=0", ""},
    {"f=1,1,0,0,0,0.1,1,1.1,0,10,1,11,0.5,10.5,1,1:2x2x4, f=0.9,0.75,0.6,0.95:2x1x2, i64=2, f=0.5",
     "center_point_box=1"},
    {"1x3x4, 1x2x3", ""},
    {0}};

const op_def op_NonMaxSuppression = {
    .name = "NonMaxSuppression",
    .domain = "",
    .in_min = 2,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .attribute_bytes = sizeof(suppression_attributes),
    .fields = fields,
    .infer = infer,
    .infer_work = infer_work,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = cases,
    .value_inputs = 1 << BOXES | 1 << SCORES | 1 << MOST | 1 << OVERLAP | 1 << LEAST,
    .layouts = LAYOUT_PLAIN,
    .text = "y[k] = (picture, class, box) of the boxes that no better one of the class overlaps too much",
};
