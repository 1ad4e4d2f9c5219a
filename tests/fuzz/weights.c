/* libFuzzer target for files of weights but HDF5's, which libhdf5 reads in a child process:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./weights tests/fuzz/corpus/weights */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/weights/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    weights w;
    stria_error err = {0};
    if (weights_is_keras(data, size)) return 0;
    size_t held = mem_bytes_now(), before = mem_bytes_peak();
    stria_status status = weights_decode(&w, data, size, &err);
    if (mem_bytes_peak() > before && mem_bytes_peak() - held > 2 * weights_room(size)) abort();
    if (status != STRIA_OK) {
        if (!err.text[0]) abort();
        return 0;
    }
    uint64_t bytes = 0;
    for (int i = 0; i < w.count; i++) bytes += w.items[i].data->bytes;
    if (bytes > weights_room(size)) abort();
    weights_release(&w);
    return 0;
}
