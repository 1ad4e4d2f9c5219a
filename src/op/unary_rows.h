/* Elementwise functions: one row is the operator, its gradient operator, references and cases. The including file
 * defines
 *   UNARY(name, fields, f(x), f'(x or y), what f' reads: X or Y, cases, formula)
 *   UNARY_FLAT(name, f(x), formula)      without attributes; its derivative is 0 almost everywhere
 * x, y and a (unary_attributes: a->alpha, a->beta) are in scope. cases: CASES(attributes), CASES2 of two, or
 * RANGE(where it is smooth). */
/* clang-format off */
#ifndef UNARY_OURS /* a row in domain "stria" */
#define UNARY_OURS UNARY
#endif
#define ALPHA ((double)a->alpha)
#define BETA  ((double)a->beta)

UNARY(Relu, no_fields, x < 0 ? 0 : x, y > 0 ? 1 : 0, Y, CASES(""), "y = max(x, 0)")
UNARY(Sigmoid, no_fields, sigmoid(x), (y * (1 - y)), Y, CASES(""), "y = 1 / (1 + exp(−x))")
UNARY(Tanh, no_fields, tanh(x), 1 - y * y, Y, CASES(""), "y = tanh x")
UNARY(LeakyRelu, alpha_001, x < 0 ? ALPHA * x : x, x > 0 ? 1 : ALPHA, X, CASES("alpha=0.3"),
      "y = x for x ≥ 0, else alpha · x")
UNARY(Elu, alpha_1, x < 0 ? ALPHA * expm1(x) : x, x <= 0 ? ALPHA * exp(x) : 1, X, CASES("alpha=0.7"),
      "y = x for x ≥ 0, else alpha · (exp x − 1)")
UNARY(Selu, selu_fields, (BETA * (x > 0 ? x : ALPHA * expm1(x))), (BETA * (x <= 0 ? ALPHA * exp(x) : 1)), X,
      CASES(""), "y = gamma · (x for x > 0, else alpha · (exp x − 1))")
UNARY(Celu, alpha_1, x < 0 ? ALPHA * expm1(x / ALPHA) : x, x < 0 ? exp(x / ALPHA) : 1, X, CASES("alpha=0.7"),
      "y = max(0, x) + min(0, alpha · (exp(x / alpha) − 1))")
UNARY(ThresholdedRelu, alpha_1, x > ALPHA ? x : 0, x > ALPHA ? 1 : 0, X, CASES("alpha=0.25"),
      "y = x for x > alpha, else 0")
UNARY(HardSigmoid, hard_fields, ALPHA * x + BETA < 0 ? 0 : ALPHA * x + BETA > 1 ? 1 : ALPHA * x + BETA,
      ALPHA * x + BETA > 0 && ALPHA * x + BETA < 1 ? ALPHA : 0, X, CASES("alpha=0.9"),
      "y = min(max(alpha · x + beta, 0), 1)")
UNARY(HardSwish, no_fields, (x * fmin(fmax(x / 6 + 0.5, 0), 1)),
      x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5, X, RANGE("-5..5"), "y = x · min(max(x / 6 + 1/2, 0), 1)")
UNARY(Mish, no_fields, (x * tanh(softplus(x))),
      tanh(softplus(x)) + x * (1 - tanh(softplus(x)) * tanh(softplus(x))) * sigmoid(x), X, CASES(""),
      "y = x · tanh(log(1 + exp x))")
UNARY(Softplus, no_fields, softplus(x), sigmoid(x), X, CASES(""), "y = log(1 + exp x)")
UNARY(Softsign, no_fields, x / (1 + fabs(x)), 1 / ((1 + fabs(x)) * (1 + fabs(x))), X, CASES(""),
      "y = x / (1 + |x|)")
UNARY(Swish, alpha_1, x * sigmoid(ALPHA * x), sigmoid(ALPHA * x) * (1 + ALPHA * x * (1 - sigmoid(ALPHA * x))), X,
      CASES("alpha=1.25"), "y = x / (1 + exp(−alpha · x)); SiLU with alpha 1")
UNARY(Gelu, gelu_fields, gelu(x, a), gelu_slope(x, a), X, CASES2("", "approximate=tanh"),
      "y = x · Φ(x) = x / 2 · (1 + erf(x / √2)); or, approximate=tanh, x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))")
UNARY(Shrink, shrink_fields, x < -ALPHA ? x + BETA : x > ALPHA ? x - BETA : 0, x < -ALPHA || x > ALPHA ? 1 : 0, X,
      CASES("lambd=0.25 bias=0.125"), "y = x + bias for x < −lambd, x − bias for x > lambd, else 0")
UNARY_OURS(Clamp, clamp_fields, x < ALPHA ? (ALPHA > BETA ? BETA : ALPHA) : x > BETA ? BETA : x,
      y > ALPHA && y < BETA ? 1 : 0, Y, CASES("min=-0.5 max=0.25"), "y = min(max(x, least), most)")
UNARY(Exp, no_fields, exp(x), y, Y, CASES(""), "y = exp x")
UNARY(Log, no_fields, log(x), 1 / x, X, RANGE("pos"), "y = log x")
UNARY(Neg, no_fields, -x, -1, Y, CASES(""), "y = −x")
UNARY(Abs, no_fields, fabs(x), x > 0 ? 1 : x < 0 ? -1 : 0 * x, X, CASES(""), "y = |x|")
UNARY(Sqrt, no_fields, sqrt(x), 0.5 / y, Y, RANGE("pos"), "y = √x")
UNARY(Reciprocal, no_fields, 1 / x, -y *y, Y, RANGE("pos"), "y = 1 / x")
UNARY(Erf, no_fields, erf(x), 1.1283791670955126 * exp(-x * x), X, CASES(""), "y = 2/√π ∫₀ˣ exp(−t²) dt")
UNARY(Sin, no_fields, sin(x), cos(x), X, CASES(""), "y = sin x")
UNARY(Cos, no_fields, cos(x), -sin(x), X, CASES(""), "y = cos x")
UNARY(Asinh, no_fields, asinh(x), 1 / sqrt(x * x + 1), X, CASES(""), "y = arsinh x")
UNARY(Acosh, no_fields, acosh(x), 1 / sqrt((x - 1) * (x + 1)), X, RANGE("1.5..4"), "y = arcosh x")
UNARY(Atanh, no_fields, atanh(x), 1 / ((1 - x) * (1 + x)), X, RANGE("-0.8..0.8"), "y = artanh x")
UNARY(Tan, no_fields, tan(x), 1 + y * y, Y, CASES(""), "y = tan x")
UNARY(Asin, no_fields, asin(x), 1 / sqrt(1 - x * x), X, RANGE("-0.8..0.8"), "y = arcsin x")
UNARY(Acos, no_fields, acos(x), -1 / sqrt(1 - x * x), X, RANGE("-0.8..0.8"), "y = arccos x")
UNARY(Atan, no_fields, atan(x), 1 / (1 + x * x), X, CASES(""), "y = arctan x")
UNARY(Sinh, no_fields, sinh(x), cosh(x), X, CASES(""), "y = sinh x")
UNARY(Cosh, no_fields, cosh(x), sinh(x), X, CASES(""), "y = cosh x")

UNARY_FLAT(Floor, floor(x), "y = ⌊x⌋")
UNARY_FLAT(Ceil, ceil(x), "y = ⌈x⌉")
UNARY_FLAT(Round, nearbyint(x), "y = x rounded to the nearest integer, halves to the even one")
UNARY_FLAT(Sign, x > 0 ? 1 : x < 0 ? -1 : 0 * x, "y = −1, 0 or 1")

/* clang-format on */
#undef UNARY_OURS
#undef ALPHA
#undef BETA
