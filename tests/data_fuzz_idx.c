/* Replays the fuzzer's corpus, and simple mutations of it, in an ordinary run. */
#include "data_support.h"

#include <dirent.h>

#include "fuzz/idx.c"

/* Beside this source file, wherever it was compiled from. */
static void corpus_folder(char *out, size_t size) {
    const char *source = getenv("SOURCE"); /* as ctest sets it */
    snprintf(out, size, "%s/tests/fuzz/corpus/idx", source ? source : ".");
}

static void mutate(uint8_t *data, size_t size) {
    for (size_t i = 0; i < size && i < 512; i++) {
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (uint8_t)(1 << bit);
            LLVMFuzzerTestOneInput(data, size);
            data[i] ^= (uint8_t)(1 << bit);
        }
        LLVMFuzzerTestOneInput(data, i);
    }
}

static void test_corpus(void **state) {
    char folder[512], path[1024];
    int files = 0;
    size_t before = mem_bytes_now();
    (void)state;
    corpus_folder(folder, sizeof folder);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        uint8_t *data = NULL;
        size_t size = 0;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        assert_int_equal(file_read(path, 0, &data, &size, NULL), STRIA_OK);
        LLVMFuzzerTestOneInput(data, size);
        mutate(data, size);
        mem_free(data);
        files++;
    }
    closedir(dir);
    assert_true(files >= 8);
    assert_int_equal(mem_bytes_now(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
