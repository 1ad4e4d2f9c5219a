/* .safetensors: what is written is read, and what is wrong is refused. */
#include "model_support.h"

#include "model/safetensors.h"

#include <jansson.h>

static tensor *filled(dtype type, int rank, const int64_t *dim) {
    tensor *t;
    shape s = shape_of(rank, dim);
    assert_ok(tensor_new(&t, type, &s, "test", &err));
    for (int64_t i = 0; i < shape_count(&s); i++) tensor_put(t, i, (double)(i % 100) + 0.5 * dtype_is_float(type));
    return t;
}

static void test_round_trip(void **state) {
    static const dtype types[] = {STRIA_FLOAT64,        STRIA_FLOAT32,      STRIA_FLOAT16,        STRIA_BFLOAT16,
                                  STRIA_INT64,          STRIA_INT32,        STRIA_INT16,          STRIA_INT8,
                                  STRIA_UINT64,         STRIA_UINT32,       STRIA_UINT16,         STRIA_UINT8,
                                  STRIA_BOOL,           STRIA_FLOAT8E4M3FN, STRIA_FLOAT8E4M3FNUZ, STRIA_FLOAT8E5M2,
                                  STRIA_FLOAT8E5M2FNUZ, STRIA_FLOAT8E8M0};
    enum { TYPES = sizeof types / sizeof *types };
    safetensors_entry entries[TYPES + 2];
    safetensors_pair metadata[] = {{"step", "18446744073709551615"},
                                   {"quoted \"key\"", "line\nbreak, [brackets{ and é"}};
    char names[TYPES][32];
    (void)state;
    for (int i = 0; i < TYPES; i++) {
        snprintf(names[i], sizeof names[i], "param/%d", i);
        entries[i] = (safetensors_entry){names[i], filled(types[i], 3, (int64_t[]){2, 3, 1 + i})};
    }
    entries[TYPES] = (safetensors_entry){"scalar", filled(STRIA_FLOAT32, 0, NULL)};
    entries[TYPES + 1] = (safetensors_entry){"empty", filled(STRIA_FLOAT32, 2, (int64_t[]){0, 4})};
    safetensors file = {entries, metadata, TYPES + 2, 2}, read;
    assert_ok(safetensors_write(&file, in_folder("a.safetensors"), &err));
    assert_ok(safetensors_read(&read, in_folder("a.safetensors"), &err));
    assert_int_equal(read.entry_count, TYPES + 2);
    for (int i = 0; i < TYPES + 2; i++) {
        const tensor *t = safetensors_find(&read, entries[i].name);
        assert_non_null(t);
        assert_int_equal(t->type, entries[i].data->type);
        assert_true(shape_equal(&t->shape, &entries[i].data->shape));
        assert_memory_equal(t->data, entries[i].data->data, t->bytes);
        tensor_release(entries[i].data);
    }
    for (int i = 0; i < 2; i++) assert_string_equal(safetensors_metadata(&read, metadata[i].key), metadata[i].value);
    assert_null(safetensors_find(&read, "nothing"));
    assert_null(safetensors_metadata(&read, "nothing"));
    safetensors_release(&read);
}

/* A file with this header in front of `bytes` zero bytes. */
static stria_status decode(const char *header, size_t bytes, stria_error *err) {
    size_t length = strlen(header);
    uint8_t *data = calloc(8 + length + bytes, 1);
    safetensors file;
    memcpy(data, &(uint64_t){length}, 8);
    memcpy(data + 8, header, length);
    stria_status status = safetensors_decode(&file, data, 8 + length + bytes, err);
    if (status == STRIA_OK) safetensors_release(&file);
    free(data);
    return status;
}

#define ENTRY(name, shape, offsets) "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_refusals(void **state) {
    static const struct {
        const char *header;
        size_t bytes;
        const char *words;
    } cases[] = {
        {"{" ENTRY("a", "[2]", "[0,8]") "," ENTRY("b", "[1]", "[4,8]") "}", 8, "overlap"},
        {"{" ENTRY("a", "[1]", "[4,8]") "}", 8, "leave a hole"},
        {"{" ENTRY("a", "[1]", "[0,4]") "}", 8, "the tensors take 4 bytes, the file has 8"},
        {"{" ENTRY("a", "[3]", "[0,12]") "}", 8, "outside the file's 8"},
        {"{" ENTRY("a", "[1]", "[0,8]") "}", 8, "does not take 8 bytes"},
        {"{" ENTRY("a", "[4294967296,4294967296,4]", "[0,0]") "}", 0, "does not take 0 bytes"},
        {"{" ENTRY("a", "[-1]", "[0,4]") "}", 4, "dimension 0"},
        {"{" ENTRY("a", "[1.5]", "[0,4]") "}", 4, "dimension 0"},
        {"{" ENTRY("a", "[1]", "[4,0]") "}", 4, "outside"},
        {"{" ENTRY("a", "[1]", "[0]") "}", 4, "no data_offsets"},
        {"{" ENTRY("a", "3", "[0,4]") "}", 4, "no shape"},
        {"{" ENTRY("a", "[1]", "[0,4]") "," ENTRY("a", "[1]", "[4,8]") "}", 8, "not JSON: duplicate"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype ''"},
        {"{\"a\":[]}", 4, "dtype"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "metadata 'a' is not a string"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{", 0, "too few"},
        {"{ x", 0, "not JSON"},
        {"[]", 0, "not a safetensors file"},
        {"{\"a\":[[[[[[]]]]]]}", 0, "does not describe tensors"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(decode(cases[i].header, cases[i].bytes, &err), STRIA_BAD_FILE, cases[i].words);
    assert_fails(decode("{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, &err), STRIA_UNSUPPORTED,
                 "F4");
    assert_fails(decode("{" ENTRY("a", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, &err), STRIA_UNSUPPORTED,
                 "9 dimensions");
    assert_ok(decode("{}", 0, &err));
}

static void test_header_bomb(void **state) {
    enum { SIZE = 1 << 20 };
    char *header = malloc(SIZE);
    (void)state;
    memcpy(header, "{\"a\":[", 6);
    for (size_t i = 6; i < SIZE; i++) header[i] = i & 1 ? ',' : '1';
    memcpy(header + SIZE - 3, "]}", 3);
    assert_fails(decode(header, 0, &err), STRIA_BAD_FILE, "does not describe tensors");
    free(header);
}

/* `count` entries of `bytes` bytes each, one after the other or all at the same place. */
static stria_status decode_many(int count, int bytes, bool same, stria_error *err) {
    text header = {0};
    for (int i = 0; i < count; i++)
        text_printf(&header, "%c\"%d\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}", i ? ',' : '{', i,
                    bytes, same ? 0 : i * bytes, (same ? 1 : i + 1) * bytes);
    text_append(&header, "}", 1);
    stria_status status = decode(header.data, (size_t)bytes * (same ? 1 : (size_t)count), err);
    text_release(&header);
    return status;
}

/* 3,000 tensors that are the same 64 KiB would take 190 MiB; a header of many is read in less than quadratic time. */
static void test_many_entries(void **state) {
    (void)state;
    size_t before = mem_bytes_peak();
    assert_fails(decode_many(3000, 1 << 16, true, &err), STRIA_BAD_FILE, "overlap");
    assert_true(mem_bytes_peak() - before < 2 << 20);
    assert_ok(decode_many(60000, 1, false, &err));
}

/* jansson allocates by itself: this stands in for its malloc. */
static long json_left;
static void *json_malloc(size_t size) {
    return json_left-- > 0 ? malloc(size) : NULL;
}

/* A name twice, a name that is not UTF-8 and no memory are three things. */
static void test_why_not_written(void **state) {
    static const char *const bad[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "a\xc3", "\xf4\x90\x80\x80", "\xe2\x82"};
    safetensors_pair pair = {"k", "v"};
    safetensors_entry entry = {"a", filled(STRIA_FLOAT32, 1, (int64_t[]){3})};
    safetensors file = {&entry, &pair, 1, 1};
    long n = 0;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        entry.name = bad[i];
        assert_fails(safetensors_write(&file, in_folder("w"), &err), STRIA_BAD_ARGUMENT,
                     "a name of a safetensors file");
        entry.name = "a";
        pair.value = bad[i];
        assert_fails(safetensors_write(&file, in_folder("w"), &err), STRIA_BAD_ARGUMENT, "is not UTF-8");
        pair.value = "v";
    }
    json_set_alloc_funcs(json_malloc, free);
    for (stria_status status = STRIA_NO_MEMORY; status != STRIA_OK; n++) {
        json_left = n;
        status = safetensors_write(&file, in_folder("w"), NULL);
        if (status != STRIA_OK) assert_int_equal(status, STRIA_NO_MEMORY);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(n > 10);
    entry.name = "é€😀"; /* two, three and four bytes */
    assert_ok(safetensors_write(&file, in_folder("w"), &err));
    tensor_release(entry.data);
}

static void test_writing_fails(void **state) {
    safetensors file = {(safetensors_entry[2]){{"a", filled(STRIA_FLOAT32, 1, (int64_t[]){3})}}, NULL, 2, 0};
    (void)state;
    file.entries[1] = file.entries[0];
    assert_fails(safetensors_write(&file, in_folder("b"), &err), STRIA_BAD_ARGUMENT, "'a' stands twice");
    file.entry_count = 1;
    assert_ok(safetensors_write(&file, in_folder("b"), &err));
    file_fail_at(1);
    assert_fails(safetensors_write(&file, in_folder("b"), &err), STRIA_IO, "");
    file_fail_at(0);
    safetensors read; /* the old one is still there */
    assert_ok(safetensors_read(&read, in_folder("b"), &err));
    safetensors_release(&read);
    assert_fails(safetensors_read(&read, in_folder("none"), &err), STRIA_NO_FILE, "none");
    tensor_release(file.entries[0].data);
}

static void test_no_memory(void **state) {
    safetensors_pair metadata[] = {{"step", "1"}};
    safetensors file = {(safetensors_entry[1]){{"a", filled(STRIA_FLOAT32, 1, (int64_t[]){3})}}, metadata, 1, 1}, read;
    (void)state;
    size_t before = mem_bytes_now();
    for (int what = 0; what < 2; what++)
        for (long n = 1;; n++) {
            mem_fail_at(n);
            stria_status status =
                what ? safetensors_read(&read, in_folder("c"), NULL) : safetensors_write(&file, in_folder("c"), NULL);
            mem_fail_at(0);
            if (status == STRIA_OK) break;
            assert_int_equal(status, STRIA_NO_MEMORY);
            assert_int_equal(mem_bytes_now(), before);
        }
    safetensors_release(&read);
    tensor_release(file.entries[0].data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_header_bomb),     cmocka_unit_test(test_many_entries),
        cmocka_unit_test(test_why_not_written), cmocka_unit_test(test_writing_fails),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
