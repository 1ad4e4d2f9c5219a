/* Unique: what occurs in a tensor, or which slices of it along an axis do; where each is first, where all are, how
 * often. The result's size follows from the contents, which must be known before a run. */
#include <stdlib.h>

#include "op/rule.h"

typedef struct unique_attributes {
    int64_t axis;   /* WHOLE: of all elements */
    int64_t sorted; /* else in the order of their first occurrence */
} unique_attributes;

#define WHOLE INT64_MIN

static const attr_field fields[] = {ATTR(unique_attributes, axis, ATTR_INT, "-9223372036854775808"),
                                    ATTR(unique_attributes, sorted, ATTR_INT, "1"),
                                    {0}};

/* Slices of a tensor: number i has elements [outer][i][inner]. */
typedef struct slices {
    const tensor *x;
    int64_t count, outer, inner;
} slices;

/* A slice; `first` is the place of the first that equals it. */
typedef struct slice {
    const slices *of;
    int64_t at, first, number;
} slice;

typedef struct found {
    slice *list; /* all slices, by their contents; equal ones by place */
    int64_t *inverse, *first, *occurs;
    int64_t unique;
} found;

static int element_order(const tensor *x, int64_t a, int64_t b) {
    if (dtype_is_float(x->type)) {
        double p = tensor_f64(x, a), q = tensor_f64(x, b);
        return p < q || (p == p && q != q) ? -1 : p > q || (p != p && q == q); /* NaN after all numbers */
    }
    int64_t p = tensor_i64(x, a), q = tensor_i64(x, b);
    return integer_less(x->type, p, q) ? -1 : integer_less(x->type, q, p);
}

static int contents_order(const slice *a, const slice *b) {
    const slices *s = a->of;
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int64_t row = o * s->count;
            int order = element_order(s->x, (row + a->at) * s->inner + i, (row + b->at) * s->inner + i);
            if (order) return order;
        }
    return 0;
}

static int slice_order(const void *p, const void *q) {
    const slice *a = p, *b = q;
    int order = contents_order(a, b);
    return order ? order : a->at < b->at ? -1 : a->at > b->at;
}

static int first_order(const void *p, const void *q) {
    const slice *a = p, *b = q;
    return a->first != b->first ? (a->first < b->first ? -1 : 1) : a->at < b->at ? -1 : a->at > b->at;
}

enum { EMPTY_SLICES = 65536 }; /* a file of a few bytes can claim any number */

static void found_free(found *f) {
    mem_free(f->list);
    mem_free(f->inverse);
    mem_free(f->first);
    mem_free(f->occurs);
}

static stria_status slices_of(const node *n, slices *s, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    int64_t asked = ((const unique_attributes *)n->attributes)->axis;
    int axis;
    if (!(s->x = value_contents(n->in[0])))
        FAIL(err, STRIA_UNSUPPORTED,
             "the size of its result depends on the input ('%s'), which must be constant: Stria plans every size "
             "before a "
             "run",
             n->in[0]->name);
    s->count = shape_count(x), s->outer = s->inner = 1;
    if (asked == WHOLE) return STRIA_OK;
    TRY(rule_axis(asked, x->rank, &axis, err));
    *s = (slices){s->x, x->dim[axis], shape_span(x, 0, axis), shape_span(x, axis + 1, x->rank)};
    return STRIA_OK;
}

static stria_status find(const node *n, const slices *s, found *f, stria_error *err) {
    size_t count = (size_t)s->count + 1;
    stria_status status = STRIA_OK;
    *f = (found){0};
    if (s->count > EMPTY_SLICES && !shape_count(&n->in[0]->shape))
        FAIL(err, STRIA_UNSUPPORTED, "its %lld slices are empty, at most %d can be told apart", (long long)s->count,
             EMPTY_SLICES);
    TRY_DONE(mem_new(&f->list, count, sizeof *f->list, "slices", err));
    TRY_DONE(mem_new(&f->inverse, count, sizeof *f->inverse, "slices", err));
    TRY_DONE(mem_new(&f->first, count, sizeof *f->first, "slices", err));
    TRY_DONE(mem_new(&f->occurs, count, sizeof *f->occurs, "slices", err));
    for (int64_t i = 0; i < s->count; i++) f->list[i] = (slice){.of = s, .at = i};
    qsort(f->list, (size_t)s->count, sizeof *f->list, slice_order);
    for (int64_t i = 0; i < s->count; i++) {
        slice *now = &f->list[i];
        now->first = i && contents_order(now - 1, now) == 0 ? now[-1].first : now->at;
    }
    if (!((const unique_attributes *)n->attributes)->sorted)
        qsort(f->list, (size_t)s->count, sizeof *f->list, first_order);
    for (int64_t i = 0; i < s->count; i++) {
        const slice *now = &f->list[i];
        if (now->first == now->at) f->first[f->unique++] = now->at;
        f->inverse[now->at] = f->unique - 1;
        f->occurs[f->unique - 1]++;
    }
done:
    if (status != STRIA_OK) found_free(f);
    return status;
}

static stria_status infer(node *n, stria_error *err) {
    const unique_attributes *a = n->attributes;
    shape y = n->in[0]->shape;
    slices s;
    found f;
    TRY(slices_of(n, &s, err));
    TRY(find(n, &s, &f, err));
    shape list = shape_of(1, &f.unique), all = shape_of(1, &s.count);
    found_free(&f);
    if (a->axis == WHOLE) y = list;
    else y.dim[a->axis < 0 ? a->axis + y.rank : a->axis] = list.dim[0];
    TRY(rule_output(n, 0, n->in[0]->type, &y, err));
    TRY(rule_output(n, 1, STRIA_INT64, &list, err));
    TRY(rule_output(n, 2, STRIA_INT64, &all, err));
    return rule_output(n, 3, STRIA_INT64, &list, err);
}

static void list_put(const ref_call *c, int k, const int64_t *list, int64_t count) {
    for (int64_t i = 0; k < c->out_count && c->out[k].i && i < count; i++) c->out[k].i[i] = list[i];
}

static stria_status reference(const ref_call *c, stria_error *err) {
    slices s;
    found f;
    TRY(slices_of(c->node, &s, err));
    TRY(find(c->node, &s, &f, err));
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t k = 0; k < f.unique; k++)
            for (int64_t i = 0; i < s.inner; i++)
                ref_copy(&c->out[0], (o * f.unique + k) * s.inner + i, &c->in[0],
                         (o * s.count + f.first[k]) * s.inner + i);
    list_put(c, 1, f.first, f.unique);
    list_put(c, 2, f.inverse, s.count);
    list_put(c, 3, f.occurs, f.unique);
    found_free(&f);
    return STRIA_OK;
}

static const op_case cases[] = {{"f=2,1,1,3,4,3:6", ""},
                                {"f=2,1,1,3,4,3:6", "sorted=0"},
                                {"i64=1,0,0,1,0,0,2,3,4:3x3", "axis=0"},
                                {"i64=1,1,0,1,1,0,2,1,1,0,1,1:2x2x3", "axis=-2 sorted=0"},
                                {"u8=:0", ""},
                                {0}};

const op_def op_Unique = {
    .name = "Unique",
    .domain = "",
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 4,
    .attribute_bytes = sizeof(unique_attributes),
    .fields = fields,
    .infer = infer,
    .gradient = rule_no_gradient,
    .cost = rule_no_cost,
    .reference = reference,
    .cases = cases,
    .value_inputs = 1 << 0,
    .layouts = LAYOUT_PLAIN,
    .text = "y = what occurs in x; where each is first, which of y each element of x is, how often each occurs",
};
