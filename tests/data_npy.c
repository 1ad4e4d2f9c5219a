/* .npy: what is written is read back, NumPy's own bytes are understood, and strangers' headers are refused. */
#include "data_support.h"

#include <math.h>
#include <stria/model.h>

#include "data/npy.h"

/* Version 1 with this dictionary, followed by n bytes. */
static size_t make_npy(uint8_t *out, const char *header, const void *elements, size_t n) {
    size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (uint8_t)length;
    out[9] = (uint8_t)(length >> 8);
    memcpy(out + 10, header, length);
    memcpy(out + 10 + length, elements, n);
    return 10 + length + n;
}

static void test_every_type_comes_back(void **state) {
    static const struct {
        int type, size;
    } types[] = {{STRIA_FLOAT32, 4}, {STRIA_FLOAT64, 8}, {STRIA_FLOAT16, 2}, {STRIA_UINT8, 1},
                 {STRIA_INT8, 1},    {STRIA_UINT16, 2},  {STRIA_INT16, 2},   {STRIA_UINT32, 4},
                 {STRIA_INT32, 4},   {STRIA_UINT64, 8},  {STRIA_INT64, 8},   {STRIA_BOOL, 1}};
    uint8_t bytes[2 * 3 * 8];
    stria_error err;
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (size_t j = 0; j < sizeof bytes; j++) bytes[j] = types[i].type == STRIA_BOOL ? j & 1 : (uint8_t)(j * 37);
        npy_array a = {.type = types[i].type, .rank = 2, .shape = {2, 3}, .data = bytes}, b = {0};
        assert_int_equal(npy_write(in_folder("t.npy"), &a, &err), STRIA_OK);
        assert_int_equal(npy_read(in_folder("t.npy"), &b, &err), STRIA_OK);
        assert_int_equal(b.type, types[i].type);
        assert_int_equal(b.rank, 2);
        assert_int_equal(b.shape[0], 2);
        assert_int_equal(b.shape[1], 3);
        assert_int_equal(b.count, 6);
        assert_int_equal(b.bytes, 6 * types[i].size);
        assert_memory_equal(b.data, bytes, b.bytes);
        npy_release(&b);
    }
}

static void test_ranks(void **state) {
    float values[6] = {1, 2, 3, 4, 5, 6};
    stria_error err;
    (void)state;
    for (int rank = 0; rank <= NPY_MAX_RANK; rank++) {
        npy_array a = {.type = STRIA_FLOAT32, .rank = rank, .shape = {1, 1, 1, 1, 1, 1, 1, 1}, .data = values}, b = {0};
        if (rank) a.shape[rank - 1] = 6;
        assert_int_equal(npy_write(in_folder("r.npy"), &a, &err), STRIA_OK);
        assert_int_equal(npy_read(in_folder("r.npy"), &b, &err), STRIA_OK);
        assert_int_equal(b.rank, rank);
        assert_int_equal(b.count, rank ? 6 : 1);
        assert_memory_equal(b.data, values, b.bytes);
        npy_release(&b);
    }
    npy_array empty = {.type = STRIA_FLOAT32, .rank = 2, .shape = {0, 5}}, back = {0};
    assert_int_equal(npy_write(in_folder("r.npy"), &empty, &err), STRIA_OK);
    assert_int_equal(npy_read(in_folder("r.npy"), &back, &err), STRIA_OK);
    assert_int_equal(back.count, 0);
    npy_release(&back);
    npy_array brain = {.type = STRIA_BFLOAT16, .rank = 1, .shape = {1}, .data = values};
    assert_int_equal(npy_write(in_folder("no.npy"), &brain, &err), STRIA_UNSUPPORTED);
    assert_false(file_exists(in_folder("no.npy")));
}

static void test_fortran_order(void **state) {
    /* a[i][j][k] = 100 i + 10 j + k, first index fastest. */
    int16_t from[2 * 3 * 4];
    uint8_t bytes[256];
    npy_array a = {0};
    (void)state;
    for (int k = 0, n = 0; k < 4; k++) {
        for (int j = 0; j < 3; j++) {
            for (int i = 0; i < 2; i++) from[n++] = (int16_t)(100 * i + 10 * j + k);
        }
    }
    size_t n = make_npy(bytes, "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }\n", from, sizeof from);
    assert_int_equal(npy_parse(bytes, n, &a, NULL), STRIA_OK);
    for (int i = 0, at = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 4; k++, at++) assert_int_equal(((int16_t *)a.data)[at], 100 * i + 10 * j + k);
        }
    }
    npy_release(&a);
}

/* Every type in big-endian order, in both element orders: as its little-endian twin. */
static void test_big_endian(void **state) {
    static const char *const kinds[] = {"f4", "f8", "f2", "u2", "i2", "u4", "i4", "u8", "i8", "u1", "i1", "b1"};
    uint8_t little[6 * 8], big[6 * 8], bytes[256];
    (void)state;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (int fortran = 0; fortran < 2; fortran++) {
            size_t size = (size_t)(kinds[kind][1] - '0');
            npy_array a = {0}, b = {0};
            char header[2][128];
            for (size_t i = 0; i < 6 * size; i++) {
                little[i] = *kinds[kind] == 'b' ? i & 1 : (uint8_t)(i * 37 + 1);
                big[i / size * size + size - 1 - i % size] = little[i];
            }
            for (int order = 0; order < 2; order++)
                snprintf(header[order], sizeof header[order], "{'descr': '%c%s', 'fortran_order': %s, 'shape': (2, 3)}",
                         "<>"[order], kinds[kind], fortran ? "True" : "False");
            assert_int_equal(npy_parse(bytes, make_npy(bytes, header[0], little, 6 * size), &a, NULL), STRIA_OK);
            assert_int_equal(npy_parse(bytes, make_npy(bytes, header[1], big, 6 * size), &b, NULL), STRIA_OK);
            assert_int_equal(a.type, b.type);
            assert_int_equal(a.bytes, b.bytes);
            assert_memory_equal(a.data, b.data, a.bytes);
            assert_int_equal(a.bytes, 6 * size);
            npy_release(&a);
            npy_release(&b);
        }
}

/* A dimension of 0, in any place and order, also where the others alone would be large. */
static void test_empty(void **state) {
    static const char *const shapes[] = {"(0,)", "(0, 5)", "(5, 0)", "(1000000, 0, 1000000)"};
    uint8_t bytes[256];
    (void)state;
    for (int i = 0; i < 8; i++) {
        npy_array a = {0}, b = {0};
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s}", i & 1 ? ">f8" : "<f4",
                 i < 4 ? "False" : "True", shapes[i % 4]);
        assert_int_equal(npy_parse(bytes, make_npy(bytes, header, "", 0), &a, NULL), STRIA_OK);
        assert_int_equal(a.count, 0);
        assert_int_equal(npy_to_float(&a, NULL), STRIA_OK);
        assert_int_equal(npy_write(in_folder("empty.npy"), &a, NULL), STRIA_OK);
        assert_int_equal(npy_read(in_folder("empty.npy"), &b, NULL), STRIA_OK);
        assert_int_equal(b.rank, a.rank);
        assert_memory_equal(b.shape, a.shape, sizeof a.shape);
        npy_release(&a);
        npy_release(&b);
    }
}

static void test_versions_and_spellings(void **state) {
    uint8_t bytes[256], v1[256];
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }          \n",
        "{\"shape\":(1L,),\"fortran_order\":False,\"descr\":\"<f4\"}",
    };
    float one = 1;
    npy_array a = {0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        size_t n = make_npy(v1, headers[i], &one, sizeof one);
        assert_int_equal(npy_parse(v1, n, &a, NULL), STRIA_OK);
        assert_true(((float *)a.data)[0] == 1);
        npy_release(&a);
        for (uint8_t version = 2; version <= 3; version++) { /* a length of four bytes */
            memcpy(bytes, v1, 10);
            bytes[6] = version;
            bytes[10] = bytes[11] = 0;
            memcpy(bytes + 12, v1 + 10, n - 10);
            assert_int_equal(npy_parse(bytes, n + 2, &a, NULL), STRIA_OK);
            npy_release(&a);
        }
    }
}

static void test_refusals(void **state) {
    static const struct {
        const char *header, *words;
        size_t bytes;
        stria_status status;
    } rows[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "claims 12 bytes", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "claims 4 bytes", 8, STRIA_BAD_FILE},
        {"{'descr': '>c8', 'fortran_order': False, 'shape': (2,), }", "'>c8'", 16, STRIA_UNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "'<c8'", 8, STRIA_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "'|O'", 8, STRIA_UNSUPPORTED},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "structured", 8, STRIA_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }", "fortran_order", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False}", "lacks", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "malformed", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", "not a tuple", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", "unknown key", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} os.system()", "goes on", 8, STRIA_BAD_FILE},
        {"['descr']", "dictionary", 8, STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", "more than 8", 8,
         STRIA_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "any memory", 8,
         STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "malformed", 8,
         STRIA_BAD_FILE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,), }", "any memory", 8,
         STRIA_BAD_FILE},
    };
    uint8_t bytes[256], elements[16] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        npy_array a = {0};
        stria_error err = {0};
        size_t n = make_npy(bytes, rows[i].header, elements, rows[i].bytes);
        assert_int_equal(npy_parse(bytes, n, &a, &err), rows[i].status);
        assert_true(says(&err, rows[i].words));
        assert_null(a.data);
    }
    npy_array a = {0};
    stria_error err;
    assert_int_equal(npy_read(in_folder("absent.npy"), &a, &err), STRIA_NO_FILE);
    assert_true(says(&err, "absent.npy"));
}

/* Every prefix and every flipped bit: no crash, no leak, and nothing taken that is not there. */
static void test_damage(void **state) {
    uint8_t bytes[256], broken[256];
    float values[4] = {1, 2, 3, 4};
    size_t n = make_npy(bytes, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n", values, sizeof values);
    size_t before = mem_bytes_now();
    npy_array a = {0};
    (void)state;
    for (size_t i = 0; i < n; i++) assert_int_not_equal(npy_parse(bytes, i, &a, NULL), STRIA_OK);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        memcpy(broken, bytes, n);
        broken[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (npy_parse(broken, n, &a, NULL) == STRIA_OK) npy_release(&a);
    }
    assert_int_equal(mem_bytes_now(), before);
}

static void test_to_float(void **state) {
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00};
    static const float wanted[] = {1, -2, 0x1p-24f, 65504, -0.0f, INFINITY};
    uint8_t bytes[256];
    npy_array a = {0};
    (void)state;
    size_t n = make_npy(bytes, "{'descr': '<f2', 'fortran_order': False, 'shape': (6,)}", halves, sizeof halves);
    assert_int_equal(npy_parse(bytes, n, &a, NULL), STRIA_OK);
    assert_int_equal(npy_to_float(&a, NULL), STRIA_OK);
    assert_memory_equal(a.data, wanted, sizeof wanted);
    npy_release(&a);
    int64_t wide[] = {-3, 1000000};
    n = make_npy(bytes, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", wide, sizeof wide);
    assert_int_equal(npy_parse(bytes, n, &a, NULL), STRIA_OK);
    assert_int_equal(npy_to_float(&a, NULL), STRIA_OK);
    assert_true(((float *)a.data)[0] == -3 && ((float *)a.data)[1] == 1000000);
    assert_int_equal(a.bytes, 8);
    npy_release(&a);
}

static void test_integers(void **state) {
    int8_t small[] = {-1, 127};
    uint64_t large[] = {UINT64_MAX, 5};
    npy_array a = {.type = STRIA_INT8, .rank = 1, .shape = {2}, .data = small};
    int64_t value = 0;
    (void)state;
    assert_true(npy_integer(&a, 0, &value) && value == -1);
    assert_true(npy_integer(&a, 1, &value) && value == 127);
    a.type = STRIA_UINT64;
    a.data = large;
    assert_false(npy_integer(&a, 0, &value));
    assert_true(npy_integer(&a, 1, &value) && value == 5);
    a.type = STRIA_FLOAT64;
    assert_false(npy_integer(&a, 0, &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_comes_back),
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_versions_and_spellings),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_to_float),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
