/* Col2Im: columns, each the values of one window, added up where the windows lie in a picture of any rank; what
 * Im2Col's gradient does, or PyTorch's Fold. */
#include "op/rule.h"

typedef struct col2im_attributes {
    ints dilations, pads, strides; /* none: ones, zeros, ones; pads: all beginnings, then all ends */
} col2im_attributes;

static const attr_field fields[] = {ATTR(col2im_attributes, dilations, ATTR_INTS, NULL),
                                    ATTR(col2im_attributes, pads, ATTR_INTS, NULL),
                                    ATTR(col2im_attributes, strides, ATTR_INTS, NULL),
                                    {0}};

#define NUMBER_MAX INT32_MAX

/* Windows over a picture: along each dimension its size, the windows' size and number, and how they lie. */
typedef struct fold {
    int rank;
    int64_t image[RANK_MAX], block[RANK_MAX], count[RANK_MAX], stride[RANK_MAX], dilation[RANK_MAX], before[RANK_MAX];
    int64_t taps, windows, pixels;
} fold;

static stria_status list_check(const ints *list, int count, int64_t least, const char *name, stria_error *err) {
    if (list->count && list->count != count)
        FAIL(err, STRIA_BAD_SHAPE, "%s has %lld entr%s, expected %d", name, (long long)list->count,
             text_ies(list->count), count);
    for (int64_t i = 0; i < list->count; i++)
        if (list->value[i] < least || list->value[i] > NUMBER_MAX)
            FAIL(err, STRIA_BAD_SHAPE, "%s has the entry %lld, expected %lld to %d", name, (long long)list->value[i],
                 (long long)least, NUMBER_MAX);
    return STRIA_OK;
}

static stria_status axis_make(fold *f, const col2im_attributes *a, int d, stria_error *err) {
    int64_t after = a->pads.count ? a->pads.value[f->rank + d] : 0;
    f->stride[d] = a->strides.count ? a->strides.value[d] : 1;
    f->dilation[d] = a->dilations.count ? a->dilations.value[d] : 1;
    f->before[d] = a->pads.count ? a->pads.value[d] : 0;
    if (f->image[d] < 1 || f->image[d] > NUMBER_MAX || f->block[d] < 1 || f->block[d] > NUMBER_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "windows of %lld over a picture of %lld", (long long)f->block[d],
             (long long)f->image[d]);
    int64_t room = f->image[d] + f->before[d] + after - (f->block[d] - 1) * f->dilation[d] - 1;
    if (room < 0)
        FAIL(err, STRIA_BAD_SHAPE, "a window of %lld with dilation %lld does not fit into %lld with pads %lld and %lld",
             (long long)f->block[d], (long long)f->dilation[d], (long long)f->image[d], (long long)f->before[d],
             (long long)after);
    f->count[d] = room / f->stride[d] + 1;
    f->taps = size_mul(f->taps, f->block[d]);
    f->windows = size_mul(f->windows, f->count[d]);
    f->pixels = size_mul(f->pixels, f->image[d]);
    return STRIA_OK;
}

/* Of a node whose image and block shapes are inputs 1 and 2; x: the columns' shape. */
static stria_status fold_make(const node *n, fold *f, stria_error *err) {
    const col2im_attributes *a = n->attributes;
    int blocks;
    *f = (fold){.taps = 1, .windows = 1, .pixels = 1};
    TRY(rule_ints(n, 1, "image_shape", f->image, RANK_MAX - 2, &f->rank, err));
    TRY(rule_ints(n, 2, "block_shape", f->block, RANK_MAX - 2, &blocks, err));
    if (blocks != f->rank || f->rank < 1)
        FAIL(err, STRIA_BAD_SHAPE, "image_shape has %d entr%s, block_shape %d", f->rank, text_ies(f->rank), blocks);
    TRY(list_check(&a->dilations, f->rank, 1, "dilations", err));
    TRY(list_check(&a->pads, 2 * f->rank, 0, "pads", err));
    TRY(list_check(&a->strides, f->rank, 1, "strides", err));
    for (int d = 0; d < f->rank; d++) TRY(axis_make(f, a, d, err));
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    const shape *x = &n->in[0]->shape;
    char text[192];
    fold f;
    TRY(rule_float(n, 0, "input", err));
    TRY(fold_make(n, &f, err));
    if (x->rank != 3 || x->dim[1] % f.taps || x->dim[2] != f.windows)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels · %lld, %lld]", shape_text(x, text),
             (long long)f.taps, (long long)f.windows);
    shape y = {.rank = 2 + f.rank, .dim = {x->dim[0], x->dim[1] / f.taps}};
    for (int d = 0; d < f.rank; d++) y.dim[2 + d] = f.image[d];
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

/* Inputs dy, image_shape, block_shape. */
static stria_status gradient_infer(node *n, stria_error *err) {
    const shape *y = &n->in[0]->shape;
    char text[192];
    fold f;
    TRY(rule_float(n, 0, "dy", err));
    TRY(fold_make(n, &f, err));
    bool fits = y->rank == 2 + f.rank;
    for (int d = 0; fits && d < f.rank; d++) fits = y->dim[2 + d] == f.image[d];
    if (!fits) FAIL(err, STRIA_BAD_SHAPE, "dy is %s, not the picture's shape", shape_text(y, text));
    shape x = {3, {y->dim[0], size_mul(y->dim[1], f.taps), f.windows}};
    return rule_output(n, 0, n->in[0]->type, &x, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    value *in[3] = {dy[0], n->in[1], n->in[2]};
    if (wanted[0]) dx[0] = build(&b, &op_Col2ImGradient, in, 3, n->attributes);
    return b.status;
}

/* The pixel under tap `tap` of window `window`, −1 in the padding. */
static int64_t pixel_of(const fold *f, int64_t tap, int64_t window) {
    int64_t offset = 0, step = 1;
    for (int d = f->rank - 1; d >= 0; d--) {
        int64_t at = window % f->count[d] * f->stride[d] + tap % f->block[d] * f->dilation[d] - f->before[d];
        if (at < 0 || at >= f->image[d]) return -1;
        offset += at * step;
        step *= f->image[d];
        window /= f->count[d];
        tap /= f->block[d];
    }
    return offset;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    fold f;
    bool back = c->node->op == &op_Col2ImGradient;
    TRY(fold_make(c->node, &f, err));
    const shape *columns = back ? &c->out[0].shape : &c->in[0].shape;
    int64_t count = shape_count(columns);
    ref_zero(&c->out[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = i / f.windows, pixel = pixel_of(&f, row % f.taps, i % f.windows);
        int64_t at = row / f.taps * f.pixels + pixel;
        if (pixel < 0) continue;
        if (back) c->out[0].f[i] = c->in[0].f[at];
        else c->out[0].f[at] += c->in[0].f[i];
    }
    return STRIA_OK;
}

static const op_case cases[] = {{"2x8x6, i64=3,4:2, i64=2,2:2", ""},
                                {"1x6x6, i64=5,4:2, i64=3,2:2", "strides=2,1 pads=1,0,1,0 dilations=1,2"},
                                {"1x4x3, i64=4:1, i64=2:1", ""},
                                {"1x8x2, i64=2,3,2:3, i64=2,2,2:3", ""},
                                {0}};
static const op_case gradient_cases[] = {{"2x2x3x4, i64=3,4:2, i64=2,2:2", ""},
                                         {"1x1x5x4, i64=5,4:2, i64=3,2:2", "strides=2,1 pads=1,0,1,0 dilations=1,2"},
                                         {0}};

#define COL2IM(op_name, op_domain)                                                                                     \
    .name = op_name, .domain = op_domain, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1,                        \
    .attribute_bytes = sizeof(col2im_attributes), .fields = fields, .reference = reference,                            \
    .value_inputs = 1 << 1 | 1 << 2, .layouts = LAYOUT_PLAIN

const op_def op_Col2Im = {COL2IM("Col2Im", ""), .infer = infer, .gradient = gradient, .cases = cases,
                          .text = "y[n, c, window·stride + tap·dilation − pad] += x[n, (c, tap), window]"};
const op_def op_Col2ImGradient = {COL2IM("Col2ImGradient", "stria"), .infer = gradient_infer, .cases = gradient_cases,
                                  .text = "dx[n, (c, tap), window] = dy[n, c, window·stride + tap·dilation − pad]"};
