/* libFuzzer target for pictures: PNG, JPEG, BMP, PNM. Every pixel of what is decoded is read, and the memory that
 * image.h promises is all that is held: clang -g -fsanitize=fuzzer,address,undefined … && ./picture
 * tests/fuzz/corpus/picture libpng, libjpeg and zlib are the system's: instrumented only where they were built so;
 * their reads and writes of the memory that we give them are seen where AddressSanitizer intercepts them. */
#include <stdlib.h>

#include "base/memory.h"
#include "data/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static size_t largest;
    image m = {0};
    stria_error err = {0};
    size_t before = mem_bytes_now();
    if (size > largest) largest = size;
    stria_status status = image_decode(data, size, NULL, &m, &err);
    /* The limits of image.h, twice for what is turned; the peak is that of all inputs so far. */
    if (mem_bytes_peak() > before + 2 * (((size_t)16 << 20) + 4096 * largest)) abort();
    if (status != STRIA_OK) {
        if (!err.text[0] || m.pixels) abort();
        return 0;
    }
    if (m.height < 1 || m.width < 1 || (m.channels != 1 && m.channels != 3)) abort();
    size_t bytes = (size_t)m.height * (size_t)m.width * (size_t)m.channels;
    unsigned sum = 0;
    for (size_t i = 0; i < bytes; i++) sum += m.pixels[i];
    if (sum == 1 && bytes == 0) abort();
    image_release(&m);
    return 0;
}
