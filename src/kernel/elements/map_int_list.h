/* The rows of map_list.h for integers: MAP(name_<type>, operands, y, a, b, c, f), where y a b c are I int32, L int64,
 * U uint8, B bool, and f is an expression of C whose sums, differences and products wrap. The kernels are plain loops
 * (map_int.inc), which compilers turn into vectors. */
/* clang-format off */
#define MAP_INTEGERS(s, t, wrapping)                                   \
    MAP(add_##s, 2, t, t, t, t, (wrapping)a + (wrapping)b)             \
    MAP(sub_##s, 2, t, t, t, t, (wrapping)a - (wrapping)b)             \
    MAP(mul_##s, 2, t, t, t, t, (wrapping)a * (wrapping)b)             \
    MAP(min_##s, 2, t, t, t, t, a < b ? a : b)                         \
    MAP(max_##s, 2, t, t, t, t, a > b ? a : b)                         \
    MAP(equal_##s, 2, B, t, t, t, a == b)                              \
    MAP(less_##s, 2, B, t, t, t, a < b)                                \
    MAP(less_equal_##s, 2, B, t, t, t, a <= b)                         \
    MAP(where_##s, 3, t, B, t, t, a ? b : c)
MAP_INTEGERS(int32, I, uint32_t)
MAP_INTEGERS(int64, L, uint64_t)
MAP_INTEGERS(uint8, U, uint32_t)
#undef MAP_INTEGERS
/* clang-format on */
