#include "precise.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/matmul.h"
#include "op/pool.h"

#define U     0x1p-24 /* half a unit in the last place of 1 */
#define PORTS 16

/* ---- the reference ---- */

static stria_status fill(ref_tensor *t, const value *v, const tensor *from, precise_inputs how, bool contents,
                         stria_error *err) {
    size_t count = (size_t)shape_count(&v->shape);
    void *data = NULL;
    *t = (ref_tensor){.type = v->type, .shape = v->shape};
    if (!contents) return STRIA_OK;
    TRY(mem_new(&data, count + 1, 8, v->name, err));
    if (!dtype_is_float(v->type)) {
        t->i = data;
        for (size_t i = 0; from && i < count; i++) t->i[i] = tensor_i64(from, (int64_t)i);
        return STRIA_OK;
    }
    t->f = data;
    for (size_t i = 0; from && i < count; i++) {
        double x = tensor_f64(from, (int64_t)i);
        t->f[i] = how == PRECISE_GIVEN ? x : how == PRECISE_ABSOLUTE ? fabs(x) : 1;
    }
    return STRIA_OK;
}

static void free_all(ref_tensor *t, int count) {
    for (int i = 0; i < count; i++) {
        mem_free(t[i].f);
        mem_free(t[i].i);
        t[i].f = NULL;
        t[i].i = NULL;
    }
}

void precise_release(ref_tensor out[PRECISE_OUTPUTS]) {
    free_all(out, PRECISE_OUTPUTS);
}

static stria_status epilogue(const node *n, ref_tensor *y, const ref_tensor *in, precise_inputs how, stria_error *err) {
    const node_epilogue *e = &n->epilogue;
    int64_t count = shape_count(&y->shape), inner = 1, channels = y->shape.rank > 1 ? y->shape.dim[1] : 1;
    for (int d = 2; d < y->shape.rank; d++) inner *= y->shape.dim[d];
    for (int64_t i = 0; i < count; i++) {
        if (e->bias >= 0) y->f[i] += in[e->bias].f[i / inner % channels];
        if (e->residual >= 0) y->f[i] += in[e->residual].f[i];
    }
    if (!e->activation || how != PRECISE_GIVEN) return STRIA_OK;
    node activation = {.name = n->name,
                       .op = e->activation,
                       .attributes = (void *)(uintptr_t)e->activation_attributes,
                       .in = n->out,
                       .out = n->out,
                       .in_count = 1,
                       .out_count = 1,
                       .epilogue = {.bias = -1, .residual = -1}};
    ref_call call = {
        .node = &activation, .attributes = activation.attributes, .in = y, .out = y, .in_count = 1, .out_count = 1};
    return e->activation->reference(&call, err);
}

/* What is stored in 16 bits is rounded to them. */
static void round_stored(ref_tensor *t) {
    uint16_t stored;
    int64_t count = t->f && dtype_bytes(t->type) == 2 ? shape_count(&t->shape) : 0;
    for (int64_t i = 0; i < count; i++) {
        convert_from_f64(&stored, t->type, &t->f[i], 1);
        convert_to_f64(&t->f[i], &stored, t->type, 1);
    }
}

stria_status precise_run(const node *n, tensor *const *contents, precise_inputs how, ref_tensor out[PRECISE_OUTPUTS],
                         stria_error *err) {
    ref_tensor in[PORTS] = {0};
    gemm_attributes gemm;
    stria_status status = STRIA_OK;
    memset(out, 0, sizeof *out * PRECISE_OUTPUTS);
    if (n->in_count > PORTS || n->out_count > PRECISE_OUTPUTS) FAIL(err, STRIA_UNSUPPORTED, "too many inputs");
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i]) TRY_DONE(fill(&in[i], n->in[i], contents[i], how, !(n->op->shape_inputs >> i & 1), err));
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) TRY_DONE(fill(&out[i], n->out[i], NULL, how, true, err));
    ref_call call = {.node = n,
                     .attributes = n->attributes,
                     .in = in,
                     .out = out,
                     .in_count = node_own_inputs(n),
                     .out_count = n->out_count};
    if (n->op == &op_Gemm && how != PRECISE_GIVEN) {
        gemm = *(const gemm_attributes *)n->attributes;
        gemm.alpha = how == PRECISE_ONES ? 1 : fabsf(gemm.alpha);
        gemm.beta = how == PRECISE_ONES ? 1 : fabsf(gemm.beta);
        call.attributes = &gemm;
    }
    TRY_DONE(n->op->reference(&call, err));
    if (out[0].f) TRY_DONE(epilogue(n, &out[0], in, how, err));
    for (int i = 0; i < n->out_count; i++) round_stored(&out[i]);
done:
    free_all(in, PORTS);
    if (status != STRIA_OK) precise_release(out);
    return status;
}

/* ---- bounds ---- */

typedef enum bound_kind {
    BOUND_ULPS,    /* elementwise: a few units in the last place of the result; gradients: and of dy */
    BOUND_SHIFTED, /* the same, and of x: a constant is added to it */
    BOUND_EXACT,   /* one rounding, or none */
    BOUND_PRODUCT, /* (k + 8) u Σ|ab|, k = Σ 1·1 */
    BOUND_SUM,     /* (k + 8) u Σ|x|, k = what is summed into one element */
    BOUND_LOG,     /* of a sum of k positive terms: (k + 8) u, and a few units in the last place */
    BOUND_SOFTMAX, /* normwise along the classes */
    BOUND_MOMENTS, /* 128 u of the largest number in the call and of those in the result: sums, divided by deviations */
    BOUND_NORM     /* 16 u of the largest number in the call */
} bound_kind;

static bound_kind kind_of(const op_def *op) {
    static const struct {
        const op_def *op;
        bound_kind kind;
    } known[] = {
        {&op_Conv, BOUND_PRODUCT},
        {&op_ConvTranspose, BOUND_PRODUCT},
        {&op_ConvDataGradient, BOUND_PRODUCT},
        {&op_ConvWeightGradient, BOUND_PRODUCT},
        {&op_Gemm, BOUND_PRODUCT},
        {&op_MatMul, BOUND_PRODUCT},
        {&op_ReduceSum, BOUND_SUM},
        {&op_ReduceMean, BOUND_SUM},
        {&op_ReduceL1, BOUND_SUM},
        {&op_ReduceL2, BOUND_SUM},
        {&op_ReduceSumSquare, BOUND_SUM},
        {&op_ReduceProd, BOUND_SUM},
        {&op_ReduceMax, BOUND_EXACT},
        {&op_ReduceMin, BOUND_EXACT},
        {&op_ReduceLogSum, BOUND_LOG},
        {&op_ReduceLogSumExp, BOUND_LOG},
        {&op_Hardmax, BOUND_EXACT},
        {&op_TopK, BOUND_EXACT},
        {&op_TopKGradient, BOUND_EXACT},
        {&op_ReduceTo, BOUND_SUM},
        {&op_AveragePool, BOUND_SUM},
        {&op_AveragePoolGradient, BOUND_SUM},
        {&op_GlobalAveragePool, BOUND_SUM},
        {&op_LpPool, BOUND_SUM},
        {&op_GlobalLpPool, BOUND_SUM},
        {&op_MaxPool, BOUND_EXACT},
        {&op_MaxUnpool, BOUND_EXACT},
        {&op_MaxUnpoolGradient, BOUND_EXACT},
        {&op_Resize, BOUND_NORM},
        {&op_ResizeGradient, BOUND_NORM},
        {&op_GlobalMaxPool, BOUND_EXACT},
        {&op_MaxPoolGradient, BOUND_SUM},
        {&op_Add, BOUND_EXACT},
        {&op_Sub, BOUND_EXACT},
        {&op_Mul, BOUND_EXACT},
        {&op_Div, BOUND_EXACT},
        {&op_Min, BOUND_EXACT},
        {&op_Max, BOUND_EXACT},
        {&op_Identity, BOUND_EXACT},
        {&op_Flatten, BOUND_EXACT},
        {&op_Reshape, BOUND_EXACT},
        {&op_ReshapeTo, BOUND_EXACT},
        {&op_Squeeze, BOUND_EXACT},
        {&op_Unsqueeze, BOUND_EXACT},
        {&op_Transpose, BOUND_EXACT},
        {&op_Reorder, BOUND_EXACT},
        {&op_Cast, BOUND_EXACT},
        {&op_CastLike, BOUND_EXACT},
        {&op_Concat, BOUND_EXACT},
        {&op_Split, BOUND_EXACT},
        {&op_Slice, BOUND_EXACT},
        {&op_SliceGradient, BOUND_EXACT},
        {&op_Pad, BOUND_EXACT},
        {&op_Tile, BOUND_EXACT},
        {&op_Expand, BOUND_EXACT},
        {&op_Gather, BOUND_EXACT},
        {&op_GatherElements, BOUND_EXACT},
        {&op_GatherND, BOUND_EXACT},
        {&op_OneHot, BOUND_EXACT},
        {&op_DepthToSpace, BOUND_EXACT},
        {&op_SpaceToDepth, BOUND_EXACT},
        {&op_ConstantOfShape, BOUND_EXACT},
        {&op_Neg, BOUND_EXACT},
        {&op_Abs, BOUND_EXACT},
        {&op_Floor, BOUND_EXACT},
        {&op_Ceil, BOUND_EXACT},
        {&op_Round, BOUND_EXACT},
        {&op_Sign, BOUND_EXACT},
        {&op_Relu, BOUND_EXACT},
        {&op_Sqrt, BOUND_EXACT},
        {&op_ReluGradient, BOUND_EXACT},
        {&op_HardSigmoid, BOUND_SHIFTED},
        {&op_HardSwish, BOUND_SHIFTED},
        {&op_Gelu, BOUND_SHIFTED},
        {&op_Softmax, BOUND_SOFTMAX},
        {&op_LogSoftmax, BOUND_SOFTMAX},
        {&op_SoftmaxGradient, BOUND_SOFTMAX},
        {&op_LogSoftmaxGradient, BOUND_SOFTMAX},
        {&op_SoftmaxCrossEntropyLoss, BOUND_SOFTMAX},
        {&op_SoftmaxCrossEntropyLossGradient, BOUND_SOFTMAX},
        {&op_BatchNormalization, BOUND_MOMENTS},
        {&op_BatchNormalizationGradient, BOUND_MOMENTS},
        {&op_LayerNormalization, BOUND_MOMENTS},
        {&op_LayerNormalizationGradient, BOUND_MOMENTS},
        {&op_RMSNormalization, BOUND_MOMENTS},
        {&op_RMSNormalizationGradient, BOUND_MOMENTS},
        {&op_InstanceNormalization, BOUND_MOMENTS},
        {&op_InstanceNormalizationGradient, BOUND_MOMENTS},
        {&op_GroupNormalization, BOUND_MOMENTS},
        {&op_GroupNormalizationGradient, BOUND_MOMENTS},
        {&op_LRN, BOUND_MOMENTS},
        {&op_LRNGradient, BOUND_MOMENTS},
        {&op_LpNormalization, BOUND_MOMENTS},
        {&op_LSTM, BOUND_MOMENTS},
        {&op_GRU, BOUND_MOMENTS},
        {&op_RNN, BOUND_MOMENTS},
        {&op_Momentum, BOUND_NORM},
        {&op_AdamUpdate, BOUND_NORM},
        {&op_RMSPropUpdate, BOUND_NORM},
        {&op_Adagrad, BOUND_NORM},
        {&op_VelocityUpdate, BOUND_NORM},
        {&op_AdadeltaUpdate, BOUND_NORM},
        {&op_NAdamUpdate, BOUND_NORM},
        {&op_LionUpdate, BOUND_NORM},
        {&op_FtrlUpdate, BOUND_NORM},
        {&op_LambUpdate, BOUND_NORM},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].op == op) return known[i].kind;
    return BOUND_ULPS;
}

bool bound_exact(const node *n) {
    return kind_of(n->op) == BOUND_EXACT && !n->epilogue.activation;
}

static double largest(const tensor *t) {
    double most = 0;
    int64_t count = t && dtype_is_float(t->type) ? shape_count(&t->shape) : 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(tensor_f64(t, i))) most = fmax(most, fabs(tensor_f64(t, i)));
    return most;
}

static double largest_of_all(const node *n, tensor *const *contents) {
    double most = 0;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !(n->op->shape_inputs >> i & 1)) most = fmax(most, largest(contents[i]));
    return most;
}

/* How many elements may be summed into one: of a reduction the quotient, of pooling the window, there and back. */
static double terms(const node *n) {
    double in = (double)shape_count(&n->in[0]->shape), out = (double)shape_count(&n->out[0]->shape);
    if (strncmp(n->op->name, "Reduce", 6) == 0) return fmax(in / fmax(out, 1), 1);
    pool_shape g = pool_shape_of(n);
    return (double)(g.z.kernel * g.y.kernel * g.x.kernel);
}

static stria_status linear_fill(const node *n, tensor *const *contents, const ref_tensor *y, double *bound,
                                stria_error *err) {
    ref_tensor absolute[PRECISE_OUTPUTS], ones[PRECISE_OUTPUTS] = {0};
    bool product = kind_of(n->op) == BOUND_PRODUCT;
    int64_t count = shape_count(&y->shape);
    TRY(precise_run(n, contents, PRECISE_ABSOLUTE, absolute, err));
    stria_status status = STRIA_OK;
    if (n->op == &op_MaxPoolGradient) { /* where the maxima are must stay as it is */
        precise_release(absolute);
        status = precise_run(n, contents, PRECISE_GIVEN, absolute, err);
        double most = terms(n) * largest(contents[0]);
        for (int64_t i = 0; status == STRIA_OK && i < count; i++) absolute[0].f[i] = most;
    }
    if (product && status == STRIA_OK) status = precise_run(n, contents, PRECISE_ONES, ones, err);
    for (int64_t i = 0; status == STRIA_OK && i < count; i++)
        bound[i] = ((product ? ones[0].f[i] : terms(n)) + 8) * U * absolute[0].f[i];
    precise_release(absolute);
    precise_release(ones);
    return status;
}

/* Classes ≤ 1000, logarithms and logits bounded by the largest input: each result is a sum of terms of that size. */
static double softmax_bound(const node *n, double dy, double most, double y) {
    const value *x = n->in[n->in_count > 1 && n->op != &op_SoftmaxCrossEntropyLoss ? 1 : 0];
    double classes = 1;
    for (int d = 0; d < x->shape.rank; d++) classes = fmax(classes, (double)x->shape.dim[d]);
    if (n->op == &op_Softmax) return (classes + 12 + 2 * most) * U * fabs(y);
    if (n->op == &op_LogSoftmax) return (classes + 12) * U * (2 * most + log(classes) + 1);
    if (n->op == &op_SoftmaxCrossEntropyLossGradient) return (classes + 16 + 2 * most) * U * dy;
    if (n->op == &op_SoftmaxCrossEntropyLoss) return (classes + 16) * U * (2 * most + log(classes) + fabs(y));
    double weight = n->op == &op_SoftmaxGradient ? most : exp(most);
    return (classes + 12) * U * dy * (1 + weight) * (1 + classes * weight);
}

stria_status bound_fill(const node *n, tensor *const *contents, const ref_tensor *results, int output, double *bound,
                        stria_error *err) {
    const ref_tensor *y = &results[output];
    bound_kind kind = kind_of(n->op);
    int64_t count = shape_count(&y->shape);
    double dy = strstr(n->op->name, "Gradient") ? largest(contents[0]) : 0, most = largest_of_all(n, contents);
    double greatest = 1;
    for (int64_t i = 0; y->f && i < count; i++)
        if (isfinite(y->f[i])) greatest = fmax(greatest, fabs(y->f[i]));
    if (y->f && (kind == BOUND_PRODUCT || kind == BOUND_SUM)) TRY(linear_fill(n, contents, y, bound, err));
    for (int64_t i = 0; y->f && i < count; i++) {
        double size = isfinite(y->f[i]) ? fabs(y->f[i]) : 0;
        if (kind == BOUND_EXACT) bound[i] = 0;
        if (kind == BOUND_ULPS) bound[i] = (n->op == &op_Pow ? 32 : 8) * U * (size + dy);
        if (kind == BOUND_SHIFTED) bound[i] = 8 * U * (size + 1 + fabs(tensor_f64(contents[0], i)));
        if (kind == BOUND_LOG) bound[i] = (terms(n) + 8) * U + 8 * U * size;
        if (kind == BOUND_SOFTMAX) bound[i] = softmax_bound(n, dy, most, size);
        if (kind == BOUND_MOMENTS) bound[i] = 128 * U * fmax(most, greatest);
        if (kind == BOUND_NORM) bound[i] = 16 * U * fmax(most, size);
        if (n->epilogue.activation) bound[i] += 8 * U * size; /* their slopes are at most 1 */
    }
    return STRIA_OK;
}

bool bound_holds(double got, double wanted, double bound) {
    float rounded = (float)wanted;
    if (isnan(rounded) || isnan(got)) return isnan(rounded) && isnan(got);
    if (got == (double)rounded) return true;
    if (isinf(rounded) || isinf(got))
        return bound > 0 && fabs(wanted) > FLT_MAX * (1 - 1e-5) && signbit(got) == signbit(wanted);
    return fabs(got - wanted) <= bound + (bound > 0 ? 0x1p-126 : 0);
}
