/* libFuzzer target for .npz archives. Whatever comes, nothing may be held that the input cannot justify:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./npz tests/fuzz/corpus/npz */
#include <stdlib.h>

#include "data/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    npz_member *members;
    int count;
    stria_error err = {0};
    if (npz_parse(data, size, &members, &count, &err) != STRIA_OK) {
        if (!err.text[0]) abort();
        return 0;
    }
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const uint8_t *elements = members[i].array.data;
        uint8_t sum = 0;
        for (size_t j = 0; j < members[i].array.bytes; j++) sum = (uint8_t)(sum + elements[j]);
        if (sum == 1 && members[i].array.count < 1) abort();
        bytes += members[i].array.bytes;
    }
    if (bytes > size * 1032 + (size_t)count * 65536) abort(); /* deflate's limit */
    npz_release(members, count);
    return 0;
}
