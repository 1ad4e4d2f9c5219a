/* libFuzzer target for IDX, plain and gzipped. Whatever comes, nothing may be held that the input cannot justify:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./idx tests/fuzz/corpus/idx */
#include <stdlib.h>

#include "base/memory.h"
#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int ranks[] = {1, 3};
    for (int i = 0; i < 2; i++) {
        idx_array a = {0};
        if (idx_parse(data, size, ranks[i], &a, NULL) != STRIA_OK) continue;
        if (a.bytes > size * 1032 + 65536) abort(); /* deflate's limit */
        uint8_t sum = 0;
        for (size_t j = 0; j < a.bytes; j++) sum = (uint8_t)(sum + a.data[j]);
        if (sum == 1 && a.shape[0] < 1) abort();
        idx_release(&a);
    }
    return 0;
}
