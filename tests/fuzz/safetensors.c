/* libFuzzer target for .safetensors files:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./safetensors tests/fuzz/corpus/safetensors */
#include <stdlib.h>

#include "model/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    safetensors file;
    stria_error err = {0};
    if (safetensors_decode(&file, data, size, &err) != STRIA_OK) {
        if (!err.text[0]) abort();
        return 0;
    }
    size_t bytes = 0;
    for (int i = 0; i < file.entry_count; i++) bytes += file.entries[i].data->bytes;
    if (bytes > size) abort();
    safetensors_release(&file);
    return 0;
}
