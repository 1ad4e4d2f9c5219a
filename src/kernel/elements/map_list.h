/* The elementwise functions of up to three operands: MAP(name, operands, y, a, b, c, f).
 *   operands  how many it has
 *   y a b c   what the elements of the result and of the operands are: F float, B bool (of those it does not have: F)
 *   f         the result; floats are vectors, bools are masks (all ones or all zeros in each lane)
 * p and q are the row's parameters, noted where it has them. IF(mask, u, v) is mask ? u : v by lanes, EACH(f, u, v)
 * the scalar f of each lane.
 * A row here makes MAP_<name> in map_kind (map.h) and a kernel per instruction set (elements/map.inc). */
/* clang-format off */
MAP(add, 2, F, F, F, F, a + b)
MAP(sub, 2, F, F, F, F, a - b)
MAP(mul, 2, F, F, F, F, a * b)
MAP(div, 2, F, F, F, F, a / b)
MAP(min, 2, F, F, F, F, IF((a < b) | (a != a), a, b)) /* NaN where either is */
MAP(max, 2, F, F, F, F, IF((a > b) | (a != a), a, b))
MAP(pow, 2, F, F, F, F, EACH(powf, a, b))
MAP(mod, 2, F, F, F, F, EACH(K(mod_float), a, b)) /* of b's sign */
MAP(fmod, 2, F, F, F, F, EACH(fmodf, a, b))
MAP(equal, 2, B, F, F, F, a == b)
MAP(less, 2, B, F, F, F, a < b)
MAP(less_equal, 2, B, F, F, F, a <= b)
MAP(same, 2, B, B, B, F, ~(a ^ b)) /* equal bools */
MAP(and, 2, B, B, B, F, a & b)
MAP(or, 2, B, B, B, F, a | b)
MAP(xor, 2, B, B, B, F, a ^ b)
MAP(not, 1, B, B, F, F, ~a)
MAP(is_nan, 1, B, F, F, F, a != a)
MAP(is_any, 1, B, F, F, F, (a == p) | (a == q)) /* equals p or q */
MAP(where, 3, F, B, F, F, IF(a, b, c))
MAP(select_equal, 3, F, F, F, F, IF(b == c, a, ZERO)) /* dy, x, y: dy where x is y */
MAP(prelu, 2, F, F, F, F, IF(a < 0, a * b, a)) /* x, slope */
MAP(prelu_gradient, 3, F, F, F, F, IF(b > 0, a, a * c)) /* dy, x, slope */
/* clang-format on */
