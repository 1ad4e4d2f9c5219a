/* DepthToSpace and SpaceToDepth: blocks of channels become blocks of pixels, and back. With block size s:
 * DCR: y[b, c, h·s + i, w·s + j] = x[b, (i·s + j)·channels + c, h, w]
 * CRD: y[b, c, h·s + i, w·s + j] = x[b, c·s² + i·s + j, h, w]          (pixel shuffle) */
#include <string.h>

#include "op/rule.h"
#include "op/shape.h"

static const attr_field fields[] = {{"blocksize", ATTR_INT, offsetof(depth_attributes, blocksize), NULL, true},
                                    ATTR(depth_attributes, mode, ATTR_STRING, "DCR"),
                                    {0}};
static stria_status check(const node *n, stria_error *err) {
    char text[192];
    const depth_attributes *a = n->attributes;
    if (n->in[0]->shape.rank != 4)
        FAIL(err, STRIA_BAD_SHAPE, "input is %s, expected [batch, channels, height, width]",
             shape_text(&n->in[0]->shape, text));
    if (a->blocksize < 1 || a->blocksize > INT32_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "blocksize is %lld, expected 1 or more", (long long)a->blocksize);
    if (strcmp(a->mode, "DCR") != 0 && strcmp(a->mode, "CRD") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "mode is '%s', expected DCR or CRD", a->mode);
    return STRIA_OK;
}

static stria_status depth_infer(node *n, stria_error *err) {
    TRY(check(n, err));
    const int64_t *x = n->in[0]->shape.dim, s = ((const depth_attributes *)n->attributes)->blocksize;
    if (x[1] % (s * s) != 0)
        FAIL(err, STRIA_BAD_SHAPE, "%lld channel%s cannot become blocks of %lld × %lld", (long long)x[1], text_s(x[1]),
             (long long)s, (long long)s);
    shape y = {4, {x[0], x[1] / (s * s), 0, 0}};
    if (__builtin_mul_overflow(x[2], s, &y.dim[2]) || __builtin_mul_overflow(x[3], s, &y.dim[3]))
        FAIL(err, STRIA_BAD_SHAPE, "%lld × %lld blocks of %lld × %lld are too many pixels", (long long)x[2],
             (long long)x[3], (long long)s, (long long)s);
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status space_infer(node *n, stria_error *err) {
    TRY(check(n, err));
    const int64_t *x = n->in[0]->shape.dim, s = ((const depth_attributes *)n->attributes)->blocksize;
    if (x[2] % s != 0 || x[3] % s != 0)
        FAIL(err, STRIA_BAD_SHAPE, "%lld × %lld pixels cannot be cut into blocks of %lld × %lld", (long long)x[2],
             (long long)x[3], (long long)s, (long long)s);
    shape y = {4, {x[0], 0, x[2] / s, x[3] / s}};
    if (__builtin_mul_overflow(x[1], s * s, &y.dim[1]))
        FAIL(err, STRIA_BAD_SHAPE, "too many blocks of %lld × %lld of %lld channel%s", (long long)s, (long long)s,
             (long long)x[1], text_s(x[1]));
    return rule_output(n, 0, n->in[0]->type, &y, err);
}

static stria_status gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                             stria_error *err) {
    builder b = {g, n->name, STRIA_OK, err};
    const op_def *inverse = n->op == &op_DepthToSpace ? &op_SpaceToDepth : &op_DepthToSpace;
    if (wanted[0]) dx[0] = build1(&b, inverse, dy[0], n->attributes);
    return b.status;
}

/* Walks over the pixels of `wide`, and copies from or to `deep`. */
static stria_status reference(const ref_call *c, stria_error *err) {
    const depth_attributes *a = c->attributes;
    bool spread = c->node->op == &op_DepthToSpace, crd = strcmp(a->mode, "CRD") == 0;
    const ref_tensor *wide = spread ? &c->out[0] : &c->in[0], *deep = spread ? &c->in[0] : &c->out[0];
    int64_t s = a->blocksize, channels = wide->shape.dim[1], height = wide->shape.dim[2], width = wide->shape.dim[3];
    int64_t count = shape_count(&wide->shape);
    for (int64_t k = 0; k < count; k++) {
        int64_t w = k % width, h = k / width % height, ch = k / width / height % channels;
        int64_t batch = k / width / height / channels, i = h % s, j = w % s;
        int64_t channel = crd ? (ch * s + i) * s + j : (i * s + j) * channels + ch;
        int64_t at = ((batch * deep->shape.dim[1] + channel) * deep->shape.dim[2] + h / s) * deep->shape.dim[3] + w / s;
        if (spread) ref_copy(&c->out[0], k, deep, at);
        else ref_copy(&c->out[0], at, wide, k);
    }
    return STRIA_OK;
}

static const op_case depth_cases[] = {{"2x8x2x3", "blocksize=2"},
                                      {"2x8x2x3", "blocksize=2 mode=CRD"},
                                      {"1x18x3x2", "blocksize=3"},
                                      {"3x68x5x4", "blocksize=2 mode=CRD"},
                                      {0}};
static const op_case space_cases[] = {
    {"2x2x4x6", "blocksize=2"}, {"1x2x3x9", "blocksize=3"}, {"2x3x4x6", "blocksize=2 mode=CRD"}, {0}};

#define BLOCKS(op_name)                                                                                                \
    .name = op_name, .domain = "", .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,                               \
    .attribute_bytes = sizeof(depth_attributes), .fields = fields, .gradient = gradient, .cost = rule_no_cost,         \
    .reference = reference, .layouts = LAYOUT_FOLLOW

const op_def op_DepthToSpace = {
    BLOCKS("DepthToSpace"),
    .infer = depth_infer,
    .cases = depth_cases,
    .text = "y = x, its channels spread over blocks of pixels",
};

const op_def op_SpaceToDepth = {
    BLOCKS("SpaceToDepth"),
    .infer = space_infer,
    .cases = space_cases,
    .text = "y = x, its blocks of pixels gathered into channels",
};
