/* Versions, names of statuses and types, and the nearest name, through the public header. */
#include <stria/stria.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_version(void **state) {
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", STRIA_VERSION_MAJOR, STRIA_VERSION_MINOR, STRIA_VERSION_PATCH);
    assert_string_equal(stria_version(), text);
    assert_string_equal(stria_version(), STRIA_VERSION); /* CMake's */
    assert_int_equal(stria_version_number(), STRIA_VERSION_NUMBER);
}

static void test_statuses(void **state) {
    (void)state;
    for (int a = STRIA_OK; a <= STRIA_BAD_VALUE; a++) {
        assert_string_not_equal(stria_status_name((stria_status)a), "unknown status");
        for (int b = STRIA_OK; b < a; b++)
            assert_string_not_equal(stria_status_name((stria_status)a), stria_status_name((stria_status)b));
    }
    assert_string_equal(stria_status_name((stria_status)(STRIA_BAD_VALUE + 1)), "unknown status");
    assert_string_equal(stria_status_name((stria_status)-1), "unknown status");
}

static void test_types(void **state) {
    (void)state;
    static const struct {
        stria_type type;
        const char *name;
        size_t bytes;
    } types[] = {
        {STRIA_FLOAT32, "float32", 4},
        {STRIA_UINT8, "uint8", 1},
        {STRIA_INT8, "int8", 1},
        {STRIA_UINT16, "uint16", 2},
        {STRIA_INT16, "int16", 2},
        {STRIA_INT32, "int32", 4},
        {STRIA_INT64, "int64", 8},
        {STRIA_BOOL, "bool", 1},
        {STRIA_FLOAT16, "float16", 2},
        {STRIA_FLOAT64, "float64", 8},
        {STRIA_UINT32, "uint32", 4},
        {STRIA_UINT64, "uint64", 8},
        {STRIA_BFLOAT16, "bfloat16", 2},
        {STRIA_FLOAT8E4M3FN, "float8e4m3fn", 1},
        {STRIA_FLOAT8E8M0, "float8e8m0", 1},
        {(stria_type)21, "unknown type", 0},
        {(stria_type)0, "unknown type", 0},
        {(stria_type)8, "unknown type", 0},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_string_equal(stria_type_name(types[i].type), types[i].name);
        assert_int_equal(stria_type_bytes(types[i].type), types[i].bytes);
    }
}

static void test_nearest(void **state) {
    (void)state;
    const char *const names[] = {"train", "eval", "predict"};
    assert_string_equal(stria_nearest("trian", names, 3), "train"); /* a swap is one step */
    assert_string_equal(stria_nearest("PREDICT", names, 3), "predict");
    assert_null(stria_nearest("explain", names, 3));
    assert_null(stria_nearest("train", names, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
