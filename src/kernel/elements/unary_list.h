/* The elementwise functions of one argument: UNARY(name, needs, f, df).
 *   needs  what the gradient is computed from: 'x' the input, 'y' the output, 0 neither
 *   f      the value of input x
 *   df     the gradient: d (the gradient of the output) times the derivative, from x or y, whichever `needs` names
 * All are vectors; a and b are the row's parameters, noted where it has them. IF(mask, p, q) is mask ? p : q by lanes,
 * V(f) the vector function f of math.inc, EACH(f, x)
 * the scalar f of each lane: libm's, of functions that networks hardly use.
 * A row here makes UNARY_<name> in unary_kind (elementwise.h) and two kernels per instruction set
 * (elements/elementwise.inc). */
/* clang-format off */
UNARY(identity, 0, x, d)
UNARY(relu, 'y', IF(x < 0, ZERO, x), IF(y > 0, d, ZERO)) /* NaN passes: x < 0 is false for it */
UNARY(sigmoid, 'y', V(v_sigmoid)(x), d * y * (1 - y))
UNARY(tanh, 'y', V(v_tanh)(x), d * (1 - y * y))
UNARY(exp, 'y', V(v_exp)(x), d * y)
UNARY(log, 'x', V(v_log)(x), d / x)
UNARY(neg, 0, -x, -d)
UNARY(abs, 'x', V(v_abs)(x), d * V(v_sign)(x))
UNARY(sqrt, 'y', V(v_sqrt)(x), d * 0.5f / y)
UNARY(square, 'x', x * x, d * 2 * x)
UNARY(reciprocal, 'y', 1 / x, -d * y * y)
UNARY(erf, 'x', V(v_erf)(x), d * 1.12837917f * V(v_exp)(-x * x))
UNARY(sin, 'x', V(v_sin)(x), d * V(v_cos)(x))
UNARY(cos, 'x', V(v_cos)(x), -d * V(v_sin)(x))
UNARY(tan, 'y', EACH(tanf, x), d * (1 + y * y))
UNARY(asin, 'x', EACH(asinf, x), d / V(v_sqrt)((1 - x) * (1 + x)))
UNARY(acos, 'x', EACH(acosf, x), -d / V(v_sqrt)((1 - x) * (1 + x)))
UNARY(atan, 'x', EACH(atanf, x), d / (1 + x * x))
UNARY(sinh, 'x', EACH(sinhf, x), d * EACH(coshf, x))
UNARY(cosh, 'x', EACH(coshf, x), d * EACH(sinhf, x))
UNARY(asinh, 'x', EACH(asinhf, x), d / V(v_sqrt)(x * x + 1))
UNARY(acosh, 'x', EACH(acoshf, x), d / V(v_sqrt)((x - 1) * (x + 1)))
UNARY(atanh, 'x', EACH(atanhf, x), d / ((1 - x) * (1 + x)))
UNARY(sign, 0, V(v_sign)(x), ZERO)
UNARY(floor, 0, V(v_floor)(x), ZERO)
UNARY(ceil, 0, -V(v_floor)(-x), ZERO)
UNARY(round, 0, V(v_round)(x), ZERO) /* halves go to even */
UNARY(affine, 0, a * x + b, d * a) /* a = scale, b = offset */
UNARY(clip, 'y', V(v_clip)(x, a, b), IF((y > a) & (y < b), d, ZERO)) /* a = least, b = greatest */
UNARY(leaky_relu, 'x', IF(x < 0, a * x, x), IF(x > 0, d, d * a)) /* a = alpha */
UNARY(thresholded_relu, 'x', IF(x > a, x, ZERO), IF(x > a, d, ZERO)) /* a = alpha */
UNARY(elu, 'x', IF(x < 0, a * V(v_expm1_inside)(x), x), IF(x <= 0, d * a * V(v_exp)(x), d)) /* a = alpha */
UNARY(selu, 'x', b * IF(x < 0, a * V(v_expm1_inside)(x), x), d * b * IF(x <= 0, a * V(v_exp)(x), ONE)) /* a = alpha, b = gamma */
UNARY(celu, 'x', IF(x < 0, a * V(v_expm1)(x / a), x), IF(x < 0, d * V(v_exp)(x / a), d)) /* a = alpha > 0 */
UNARY(hard_sigmoid, 'x', V(v_clip)(a * x + b, ZERO, ONE), IF((a * x + b > 0) & (a * x + b < 1), d * a, ZERO)) /* alpha, beta */
UNARY(hard_swish, 'x', x * V(v_clip)(x / 6 + 0.5f, ZERO, ONE), d * V(v_hard_swish_slope)(x))
UNARY(swish, 'x', x * V(v_sigmoid)(a * x), d * V(v_swish_slope)(x, a)) /* a = alpha; 1 is SiLU */
UNARY(softplus, 'x', V(v_softplus)(x), d * V(v_sigmoid)(x))
UNARY(softsign, 'x', x / (1 + V(v_abs)(x)), d * V(v_softsign_slope)(x))
UNARY(mish, 'x', V(v_mish)(x), d * V(v_mish_slope)(x))
UNARY(gelu, 'x', 0.5f * x * (1 + V(v_erf)(x * 0.70710678f)), d * V(v_gelu_slope)(x))
UNARY(gelu_tanh, 'x', 0.5f * x * (1 + V(v_tanh)(V(v_gelu_cubic)(x))), d * V(v_gelu_tanh_slope)(x))
UNARY(shrink, 'x', IF(x < -a, x + b, IF(x > a, x - b, ZERO)), IF((x < -a) | (x > a), d, ZERO)) /* a = lambd, b = bias */
/* clang-format on */
