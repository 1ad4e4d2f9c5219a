#include "graph/float8.h"

#include <math.h>

/* Sign, exponent, fraction: (−1)^s · (1 + f / 2^fraction) · 2^(e − bias), and f / 2^fraction · 2^(1 − bias) of e = 0.
 */
typedef struct format {
    int fraction, bias;
    uint8_t largest;  /* code of the largest number */
    uint8_t infinity; /* 0: none; NaN is above it */
    uint8_t nan;
    bool unsigned_zero; /* the code of −0 is the only NaN */
} format;

static const format formats[] = {
    [STRIA_FLOAT8E4M3FN - STRIA_FLOAT8E4M3FN] = {3, 7, 0x7e, 0, 0x7f, false},
    [STRIA_FLOAT8E4M3FNUZ - STRIA_FLOAT8E4M3FN] = {3, 8, 0x7f, 0, 0x80, true},
    [STRIA_FLOAT8E5M2 - STRIA_FLOAT8E4M3FN] = {2, 15, 0x7b, 0x7c, 0x7f, false},
    [STRIA_FLOAT8E5M2FNUZ - STRIA_FLOAT8E4M3FN] = {2, 16, 0x7f, 0, 0x80, true},
};

#define E8M0_BIAS    127
#define E8M0_LARGEST 254
#define E8M0_NAN     255

double float8_value(dtype type, uint8_t code) {
    if (type == STRIA_FLOAT8E8M0) return code == E8M0_NAN ? (double)NAN : ldexp(1, code - E8M0_BIAS);
    const format *f = &formats[type - STRIA_FLOAT8E4M3FN];
    int magnitude = code & 0x7f, exponent = magnitude >> f->fraction, one = 1 << f->fraction;
    int fraction = magnitude & (one - 1);
    double x =
        exponent ? ldexp(one + fraction, exponent - f->bias - f->fraction) : ldexp(fraction, 1 - f->bias - f->fraction);
    if (f->unsigned_zero) return code == f->nan ? (double)NAN : code & 0x80 ? -x : x;
    if (magnitude > f->largest) x = magnitude == f->infinity ? (double)INFINITY : (double)NAN;
    return code & 0x80 ? -x : x;
}

/* The code of a ≥ 0, finite, rounded to nearest even as if there were no largest one, but 256 at most. */
static int rounded(const format *f, double a) {
    int exponent;
    frexp(a, &exponent);
    exponent--; /* of 1.… · 2^exponent */
    if (a == 0 || exponent < 1 - f->bias) exponent = 1 - f->bias;
    if (exponent > f->bias + 1) return 256;
    int units = (int)nearbyint(ldexp(a, f->fraction - exponent)); /* a carry runs over into the exponent, rightly */
    return ((exponent + f->bias - 1) << f->fraction) + units;
}

static uint8_t e8m0_code(double x, float8_rule rule) {
    int exponent;
    if (isnan(x) || x < 0 || (!rule.saturate && (x == 0 || isinf(x)))) return E8M0_NAN;
    if (x == 0) return 0;
    if (isinf(x)) return E8M0_LARGEST;
    double part = 2 * frexp(x, &exponent); /* 1 ≤ part < 2 */
    bool up = rule.round == FLOAT8_UP ? part > 1 : rule.round == FLOAT8_NEAREST && part >= 1.5;
    int code = exponent - 1 + E8M0_BIAS + up;
    if (code >= 0 && code <= E8M0_LARGEST) return (uint8_t)code;
    return !rule.saturate ? E8M0_NAN : code < 0 ? 0 : E8M0_LARGEST;
}

uint8_t float8_code(dtype type, double x, float8_rule rule) {
    if (type == STRIA_FLOAT8E8M0) return e8m0_code(x, rule);
    const format *f = &formats[type - STRIA_FLOAT8E4M3FN];
    uint8_t sign = signbit(x) ? 0x80 : 0;
    if (isnan(x)) return f->nan | sign;
    int code = isinf(x) ? 256 : rounded(f, fabs(x));
    if (code > f->largest && !rule.saturate) return (f->infinity ? f->infinity : f->nan) | sign;
    if (code > f->largest) code = f->largest;
    return code == 0 && f->unsigned_zero ? 0 : (uint8_t)code | sign;
}
