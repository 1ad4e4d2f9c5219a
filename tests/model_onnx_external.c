/* Weights in files beside the model. */
#include "onnx_file.h"

#include "model/model.h"
#include "model/onnx/tensor.h"

#include <sys/stat.h>
#include <unistd.h>

static void test_external(void **state) {
    file f;
    graph *g;
    float numbers[13];
    (void)state;
    for (int i = 0; i < 13; i++) numbers[i] = (float)i;
    assert_ok(folder_make(in_folder("sub"), &err));
    assert_ok(file_write(in_folder("sub/w.bin"), numbers, sizeof numbers, &err));
    relu_file(&f, 21);
    external(&f, "sub/w.bin");
    Onnx__StringStringEntryProto *both[2] = {f.tensors[0]->external_data[0],
                                             &(Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT};
    both[1]->key = (char *)"offset";
    both[1]->value = (char *)"4";
    f.tensors[0]->external_data = both;
    f.tensors[0]->n_external_data = 2;
    add_output(&f, "z");
    size_t size = onnx__model_proto__get_packed_size(&f.model);
    uint8_t *data = malloc(size);
    onnx__model_proto__pack(&f.model, data);
    assert_ok(file_write(in_folder("m.onnx"), data, size, &err));
    assert_ok(graph_load(&g, in_folder("m.onnx"), 0, &err));
    assert_true(at(g, "w", 0) == 1 && at(g, "w", 11) == 12);
    graph_free(g);
    g = NULL;
    both[1]->value = (char *)"8"; /* 44 bytes are left */
    onnx__model_proto__pack(&f.model, data);
    assert_fails(onnx_read(&g, data, size, in_folder("m.onnx"), &err), STRIA_BAD_FILE,
                 "needs 12 elements, the file has 11");
    free(data);
    arena_release(&f.a);
}

/* Two tensors of 48 bytes in files at these places. */
static stria_status two_places(const char *first, const char *second, stria_error *err) {
    file f;
    graph *g = NULL;
    relu_file(&f, 21);
    external(&f, first);
    Onnx__TensorProto *t = add_tensor(&f, "v", F1, DIMS(4, 3), 0);
    Onnx__StringStringEntryProto p = *f.tensors[0]->external_data[0], *place = &p;
    p.value = (char *)(uintptr_t)second;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->n_external_data = 1;
    t->external_data = &place;
    add_node(&f, "MatMul", "y v", "zz");
    add_output(&f, "z");
    add_output(&f, "zz");
    size_t size = onnx__model_proto__get_packed_size(&f.model);
    uint8_t *data = malloc(size);
    onnx__model_proto__pack(&f.model, data);
    stria_status status = onnx_read(&g, data, size, in_folder("m.onnx"), err);
    graph_free(g);
    free(data);
    arena_release(&f.a);
    return status;
}

/* One file by whatever path is one file, and the paths that leave the folder by a link are as bad as "..". */
static void test_external_paths(void **state) {
    char beside[512], below[512];
    external_files files = {.model_file = beside};
    external_file *a, *b;
    float numbers[12] = {0};
    (void)state;
    snprintf(beside, sizeof beside, "%s/m.onnx", model_folder);
    snprintf(below, sizeof below, "%s/model/m.onnx", model_folder);
    size_t before = mem_bytes_now();
    assert_ok(folder_make(in_folder("model/sub"), &err));
    assert_ok(file_write(in_folder("outside.bin"), numbers, sizeof numbers, &err));
    assert_ok(file_write(in_folder("a.bin"), numbers, sizeof numbers, &err));
    assert_int_equal(symlink("a.bin", in_folder("b.bin")) | symlink("../../outside.bin", in_folder("model/sub/out")) |
                         symlink("..", in_folder("model/up")),
                     0);
    assert_ok(two_places("a.bin", "outside.bin", &err));
    assert_ok(two_places("a.bin", "./a.bin", &err)); /* twice is tolerated: tied weights */
    static const char *const names[] = {"a.bin", "./a.bin", ".//a.bin", "b.bin", "model/../a.bin"};
    for (int i = 0; i < 5; i++) {
        stria_error err = {0};
        stria_status status = external_open(i ? &b : &a, &files, names[i], "w", &err);
        assert_int_equal(status, i < 4 ? STRIA_OK : STRIA_BAD_FILE);
        if (i && i < 4) assert_ptr_equal(a, b);
    }
    assert_int_equal(files.count, 1);
    assert_ok(external_open(&b, &files, "outside.bin", "w", &err));
    assert_int_equal(files.count, 2);
    external_files_release(&files);
    files.model_file = below;
    assert_fails(external_open(&b, &files, "sub/out", "w", &err), STRIA_BAD_FILE, "not below the model's folder");
    assert_fails(external_open(&b, &files, "up/a.bin", "w", &err), STRIA_BAD_FILE, "not below the model's folder");
    assert_fails(external_open(&b, &files, "sub/none", "w", &err), STRIA_NO_FILE, "'sub/none', which is not there");
    external_files_release(&files);
    assert_int_equal(mem_bytes_now(), before);
}

/* Six tensors that are the whole of one file, by three paths in turn. */
static void test_external_overlap(void **state) {
    static const char *const locations[] = {"o.bin", "./o.bin", ".//o.bin"};
    char beside[512];
    external_files files = {.model_file = beside};
    Onnx__StringStringEntryProto p = ONNX__STRING_STRING_ENTRY_PROTO__INIT, *place = &p;
    Onnx__TensorProto t = ONNX__TENSOR_PROTO__INIT;
    float numbers[12] = {0};
    int read = 0;
    (void)state;
    snprintf(beside, sizeof beside, "%s/m.onnx", model_folder);
    assert_ok(file_write(in_folder("o.bin"), numbers, sizeof numbers, &err));
    p.key = (char *)"location";
    t.name = (char *)"w";
    t.has_data_type = t.has_data_location = 1;
    t.data_type = F1;
    t.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t.n_dims = t.n_external_data = 1;
    t.dims = (int64_t[]){12};
    t.external_data = &place;
    stria_error err = {0};
    for (; read < 6; read++) {
        tensor *out = NULL;
        p.value = (char *)(uintptr_t)locations[read % 3];
        if (onnx_tensor_decode(&out, &t, &files, &err) != STRIA_OK) break;
        tensor_release(out);
    }
    assert_int_equal(read, 2);
    assert_int_equal(err.status, STRIA_BAD_FILE);
    assert_non_null(strstr(err.text, "overlap"));
    external_files_release(&files);
}

/* A tensor of z = y × w that lies at this place of a file. */
static stria_status read_place(graph **g, const char *location, const char *offset, const char *length,
                               stria_error *err) {
    file f;
    relu_file(&f, 21);
    external(&f, location);
    Onnx__StringStringEntryProto place[3], *list[3] = {&place[0], &place[1], &place[2]};
    place[0] = *f.tensors[0]->external_data[0];
    place[1] = place[2] = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
    place[1].key = (char *)"offset";
    place[1].value = (char *)(uintptr_t)offset;
    place[2].key = (char *)"length";
    place[2].value = (char *)(uintptr_t)length;
    f.tensors[0]->external_data = list;
    f.tensors[0]->n_external_data = 3;
    add_output(&f, "z");
    size_t size = onnx__model_proto__get_packed_size(&f.model);
    uint8_t *data = malloc(size);
    onnx__model_proto__pack(&f.model, data);
    stria_status status = onnx_read(g, data, size, in_folder("m.onnx"), err);
    free(data);
    arena_release(&f.a);
    return status;
}

/* Of a file of 3 GiB only the tensor's own bytes are read and held. */
static void test_external_large(void **state) {
    graph *g = NULL;
    float numbers[12];
    const char *path = in_folder("large.bin");
    const off_t offset = ((off_t)3 << 30) - (off_t)sizeof numbers;
    FILE *f = fopen(path, "wb");
    (void)state;
    for (int i = 0; i < 12; i++) numbers[i] = (float)i + 1;
    assert_true(f && fseeko(f, offset, SEEK_SET) == 0 && fwrite(numbers, sizeof numbers, 1, f) == 1 && fclose(f) == 0);
    size_t before = mem_bytes_now();
    mem_fail_at(0);
    assert_ok(read_place(&g, "large.bin", "3221225424", "48", &err));
    assert_true(at(g, "w", 0) == 1 && at(g, "w", 11) == 12);
    assert_true(mem_bytes_now() - before < 1 << 20);
    graph_free(g);
    g = NULL;
    assert_ok(read_place(&g, "large.bin", "1073741824", "48", &err)); /* a hole */
    assert_true(at(g, "w", 0) == 0);
    graph_free(g);
    g = NULL;
    assert_fails(read_place(&g, "large.bin", "0", "3221225472", &err), STRIA_BAD_FILE,
                 "needs 12 elements, the file has");
    assert_fails(read_place(&g, "large.bin", "3221225425", "48", &err), STRIA_BAD_FILE, "are outside 'large.bin'");
    assert_true(mem_bytes_peak() < (size_t)64 << 20);
    assert_null(g);
    assert_int_equal(unlink(path), 0);
}

/* What a model names is never waited for: a pipe without a writer, a folder. */
static void test_external_kinds(void **state) {
    graph *g = NULL;
    (void)state;
    assert_int_equal(mkfifo(in_folder("pipe.bin"), 0600), 0);
    assert_fails(read_place(&g, "pipe.bin", "0", "48", &err), STRIA_BAD_FILE, "tensor 'w': cannot read");
    assert_fails(read_place(&g, "pipe.bin", "0", "48", &err), STRIA_BAD_FILE, "it is a device or pipe");
    assert_ok(folder_make(in_folder("folder.bin"), &err));
    assert_fails(read_place(&g, "folder.bin", "0", "48", &err), STRIA_BAD_FILE, "it is a folder");
    assert_int_equal(unlink(in_folder("pipe.bin")), 0);
    assert_null(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_external),         cmocka_unit_test(test_external_paths),
        cmocka_unit_test(test_external_overlap), cmocka_unit_test(test_external_large),
        cmocka_unit_test(test_external_kinds),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
