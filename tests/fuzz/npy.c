/* libFuzzer target for .npy arrays. What is read can be written and read again, and becomes float32:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./npy tests/fuzz/corpus/npy */
#include <stdlib.h>
#include <stria/model.h>

#include "data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    npy_array a = {0};
    stria_error err = {0};
    if (npy_parse(data, size, &a, &err) != STRIA_OK) {
        if (!err.text[0] || a.data) abort();
        return 0;
    }
    int64_t count = 1, integer;
    for (int i = 0; i < a.rank; i++) count *= a.shape[i];
    if (count != a.count || a.bytes > size || !a.data) abort();
    for (int64_t i = 0; i < count; i++)
        if (npy_integer(&a, i, &integer) && a.type == STRIA_BOOL && integer != 0 && integer != 1) abort();
    if (npy_to_float(&a, &err) != STRIA_OK || a.bytes != (size_t)count * sizeof(float)) abort();
    npy_release(&a);
    return 0;
}
