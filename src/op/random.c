/* Random numbers as tensors: RandomNormal, RandomUniform and their Like forms, Bernoulli, and of domain "stria"
 * TruncatedNormal. Counter-based: element i is a function of (seed, the node's original name, its `seed` attribute,
 * step, i in ONNX order), so no pass, layout or number of threads changes it (base/random.h). They are other numbers
 * than those of other programs with the same seed. */
#include "op/random.h"

#include <math.h>
#include <string.h>

#include "op/rule.h"

#define SHAPE                                                                                                          \
    { "shape", ATTR_INTS, offsetof(random_attributes, shape), NULL, true }
#define SEED     ATTR(random_attributes, seed, ATTR_FLOAT, "0")
#define MOMENTS  ATTR(random_attributes, mean, ATTR_FLOAT, "0"), ATTR(random_attributes, scale, ATTR_FLOAT, "1")
#define RANGE    ATTR(random_attributes, low, ATTR_FLOAT, "0"), ATTR(random_attributes, high, ATTR_FLOAT, "1")
#define TYPE(to) ATTR(random_attributes, dtype, ATTR_INT, to)

static const attr_field normal_fields[] = {SHAPE, SEED, MOMENTS, TYPE("1"), {0}};
static const attr_field uniform_fields[] = {SHAPE, SEED, RANGE, TYPE("1"), {0}};
static const attr_field normal_like_fields[] = {SEED, MOMENTS, TYPE("0"), {0}};
static const attr_field uniform_like_fields[] = {SEED, RANGE, TYPE("0"), {0}};
static const attr_field bernoulli_fields[] = {SEED, TYPE("0"), {0}};

random_kind random_kind_of(const node *n) {
    if (n->op == &op_Bernoulli) return RANDOM_BERNOULLI;
    if (n->op == &op_TruncatedNormal) return RANDOM_TRUNCATED;
    return n->op == &op_RandomUniform || n->op == &op_RandomUniformLike ? RANDOM_UNIFORM : RANDOM_NORMAL;
}

random_key random_key_of(const node *n, uint64_t seed, uint64_t step) {
    uint32_t bits;
    memcpy(&bits, &((const random_attributes *)n->attributes)->seed, sizeof bits);
    return random_step_key(seed ^ (uint64_t)bits << 32, n->stream, step);
}

/* ---- shapes ---- */

static stria_status check_numbers(const node *n, stria_error *err) {
    const random_attributes *a = n->attributes;
    random_kind kind = random_kind_of(n);
    if (kind == RANDOM_UNIFORM && !(a->low <= a->high && isfinite(a->high - a->low)))
        FAIL(err, STRIA_BAD_ARGUMENT, "low is %g and high is %g, expected a range", (double)a->low, (double)a->high);
    if ((kind == RANDOM_NORMAL || kind == RANDOM_TRUNCATED) &&
        !(isfinite(a->mean) && a->scale >= 0 && isfinite(a->scale)))
        FAIL(err, STRIA_BAD_ARGUMENT, "mean is %g and scale is %g, expected finite numbers and scale not below 0",
             (double)a->mean, (double)a->scale);
    return STRIA_OK;
}

static stria_status output_type(const node *n, dtype standard, dtype *type, stria_error *err) {
    int64_t asked = ((const random_attributes *)n->attributes)->dtype;
    *type = asked ? (dtype)asked : standard;
    bool any = n->op == &op_Bernoulli;
    if (asked < 0 || asked > 64 || dtype_bytes(*type) == 0 || (!any && !dtype_is_float(*type)))
        FAIL(err, STRIA_UNSUPPORTED, "random numbers of ONNX type %lld are not supported",
             (long long)(asked ? asked : (int64_t)standard));
    return STRIA_OK;
}

/* Bounds beyond the type would be infinite. */
static stria_status check_range(const node *n, dtype type, stria_error *err) {
    const random_attributes *a = n->attributes;
    float most = fmaxf(fabsf(a->low), fabsf(a->high));
    if (random_kind_of(n) == RANDOM_UNIFORM && type == STRIA_FLOAT16 && most > 65504)
        FAIL(err, STRIA_BAD_ARGUMENT, "low is %g and high is %g, but float16 ends at 65504", (double)a->low,
             (double)a->high);
    return STRIA_OK;
}

static stria_status infer(node *n, stria_error *err) {
    const ints *sizes = &((const random_attributes *)n->attributes)->shape;
    dtype type;
    shape s = {0};
    TRY(check_numbers(n, err));
    TRY(output_type(n, STRIA_FLOAT32, &type, err));
    TRY(check_range(n, type, err));
    if (sizes->count > RANK_MAX)
        FAIL(err, STRIA_BAD_SHAPE, "shape has %lld dimension%s, at most %d are possible", (long long)sizes->count,
             text_s(sizes->count), RANK_MAX);
    for (int64_t d = 0; d < sizes->count; d++) {
        if (sizes->value[d] < 0) FAIL(err, STRIA_BAD_SHAPE, "shape has a size of %lld", (long long)sizes->value[d]);
        s.dim[s.rank++] = sizes->value[d];
    }
    return rule_output(n, 0, type, &s, err);
}

static stria_status infer_like(node *n, stria_error *err) {
    dtype type;
    TRY(check_numbers(n, err));
    if (n->op == &op_Bernoulli) TRY(rule_float(n, 0, "input", err));
    TRY(output_type(n, n->in[0]->type, &type, err));
    TRY(check_range(n, type, err));
    return rule_output(n, 0, type, &n->in[0]->shape, err);
}

static op_cost cost(const node *n) {
    return (op_cost){0, size_mul(20, shape_count(&n->out[0]->shape))};
}

/* ---- reference ---- */

/* The greatest number of the type that is at most x. */
static double round_down(dtype type, double x) {
    int bits = type == STRIA_FLOAT16 ? 11 : type == STRIA_BFLOAT16 ? 8 : type == STRIA_FLOAT32 ? 24 : 53;
    int least = type == STRIA_FLOAT16 ? -13 : type == STRIA_FLOAT64 ? -1021 : -125, exponent;
    (void)frexp(x, &exponent); /* |x| < 2^exponent; below 2^least numbers are denormal and equally far apart */
    int unit = (exponent < least ? least : exponent) - bits;
    return ldexp(floor(ldexp(x, -unit)), unit);
}

/* Rounding to the output's type must not reach `high`. */
static double uniform(const random_attributes *a, dtype type, double u) {
    double low = (double)a->low, high = (double)a->high, x = low + (high - low) * u;
    double last = round_down(type, nextafter(high, low));
    return x <= last || last < low ? x : last;
}

static stria_status reference(const ref_call *c, stria_error *err) {
    const random_attributes *a = c->attributes;
    random_key key = random_key_of(c->node, c->seed, c->step);
    random_kind kind = random_kind_of(c->node);
    ref_tensor *y = &c->out[0];
    int64_t count = shape_count(&y->shape);
    for (int64_t i = 0; i < count; i++) {
        uint64_t at = (uint64_t)i;
        double x = 0;
        if (kind == RANDOM_UNIFORM) x = uniform(a, y->type, (double)random_uniform(key.seed, key.stream, at));
        if (kind == RANDOM_NORMAL)
            x = (double)a->mean + (double)a->scale * (double)random_normal(key.seed, key.stream, at);
        if (kind == RANDOM_TRUNCATED)
            x = (double)a->mean + (double)a->scale * (double)random_truncated(key.seed, key.stream, at);
        if (kind == RANDOM_BERNOULLI) x = (double)random_uniform(key.seed, key.stream, at) < c->in[0].f[i];
        if (y->f) y->f[i] = x;
        else y->i[i] = (int64_t)x;
    }
    return STRIA_OK;
}

/* ---- cases and definitions ---- */

static const op_case normal_cases[] = {
    {"", "shape=3,5"}, {"", "shape=2,3,50,17 mean=2 scale=0.5 seed=7"}, {"", "shape=0"}, {0}};
static const op_case uniform_cases[] = {{"", "shape=3,5"}, {"", "shape=20000 low=-2 high=3 seed=7"}, {0}};
static const op_case normal_like_cases[] = {{"3x5", ""}, {"2x3x4x5", "mean=2 scale=0.5 seed=7"}, {0}};
static const op_case uniform_like_cases[] = {{"3x5", ""}, {"i64=1,2,3:3", "dtype=1"}, {"65x70", "low=-2 high=3"}, {0}};
static const op_case bernoulli_cases[] = {
    {"0.1..0.9:3x5", ""}, {"0..1:2x3x4x5", "seed=3"}, {"0..1:70x70", "dtype=9"}, {"f=0,1,0.5:3", ""}, {0}};

#define RANDOM(op_name, op_domain, inputs, op_fields, op_infer_rule)                                                   \
    .name = op_name, .domain = op_domain, .in_min = inputs, .in_max = inputs, .out_min = 1, .out_max = 1,              \
    .attribute_bytes = sizeof(random_attributes), .fields = op_fields, .infer = op_infer_rule,                         \
    .gradient = rule_no_gradient, .cost = cost, .reference = reference, .random = true, .layouts = LAYOUT_PLAIN

const op_def op_RandomNormal = {RANDOM("RandomNormal", "", 0, normal_fields, infer), .cases = normal_cases,
                                .text = "y[i] = mean + scale · z[i], z normal with mean 0 and deviation 1"};
const op_def op_RandomUniform = {RANDOM("RandomUniform", "", 0, uniform_fields, infer), .cases = uniform_cases,
                                 .text = "y[i] uniform in [low, high)"};
const op_def op_RandomNormalLike = {RANDOM("RandomNormalLike", "", 1, normal_like_fields, infer_like),
                                    .cases = normal_like_cases, .shape_inputs = 1 << 0,
                                    .text = "RandomNormal of x's shape (and type, unless dtype says another)"};
const op_def op_RandomUniformLike = {RANDOM("RandomUniformLike", "", 1, uniform_like_fields, infer_like),
                                     .cases = uniform_like_cases, .shape_inputs = 1 << 0,
                                     .text = "RandomUniform of x's shape (and type, unless dtype says another)"};
const op_def op_Bernoulli = {RANDOM("Bernoulli", "", 1, bernoulli_fields, infer_like), .cases = bernoulli_cases,
                             .text = "y[i] = 1 with probability x[i], else 0"};
const op_def op_TruncatedNormal = {RANDOM("TruncatedNormal", "stria", 0, normal_fields, infer), .cases = normal_cases,
                                   .text = "y[i] = mean + scale · z[i], z normal, drawn again while |z| > 2"};
