/* libFuzzer target for CIFAR-10's binary batches: the input is a folder's test_batch.bin:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./cifar tests/fuzz/corpus/cifar */
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "fuzz_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char spec[96];
    dataset *d = NULL;
    stria_error err = {0};
    snprintf(spec, sizeof spec, "cifar10:%s", fuzz_folder_write("test_batch.bin", data, size));
    if (dataset_open(&d, spec, &(dataset_options){.split = "test"}, &err) != STRIA_OK) {
        if (!err.text[0] || d) abort();
        return 0;
    }
    if ((size_t)dataset_count(d) * 3073 != size) abort();
    for (int64_t i = 0; i < dataset_count(d); i++) {
        dataset_item item = {0};
        if (dataset_read(d, i, 0, &item, &err) != STRIA_OK) abort();
        if (item.view.bytes[3071] != data[i * 3073 + 3072]) abort();
        dataset_item_release(&item);
    }
    dataset_free(d);
    return 0;
}
