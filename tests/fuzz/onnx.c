/* libFuzzer target for ONNX models. What can be read can be written, and is then read again to the same bytes:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./onnx tests/fuzz/corpus/onnx */
#include <stdlib.h>
#include <string.h>

#include "model/onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writing what was read and reading that must come to rest at once. */
static void round_trip(const graph *g) {
    text once = {0}, twice = {0};
    graph *again = NULL;
    stria_error err;
    if (onnx_write(g, &once, &err) == STRIA_OK) {
        if (onnx_read(&again, (const uint8_t *)once.data, once.length, "again", &err) != STRIA_OK) abort();
        if (onnx_write(again, &twice, &err) != STRIA_OK) abort();
        if (once.length != twice.length || memcmp(once.data, twice.data, once.length) != 0) abort();
    }
    text_release(&once);
    text_release(&twice);
    graph_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    stria_error err = {0};
    graph *g = NULL;
    tensor *t = NULL;
    char *name = NULL;
    if (onnx_read(&g, data, size, "fuzz.onnx", &err) == STRIA_OK) {
        if (graph_check(g, &err) != STRIA_OK) abort();
        round_trip(g);
        graph_free(g);
    } else if (!err.text[0]) abort();
    if (onnx_read_tensor(&t, &name, data, size, &err) == STRIA_OK) {
        if (t->bytes > size * 10) abort();
        tensor_release(t);
        mem_free(name);
    }
    return 0;
}
