/* libFuzzer target for a run folder's checkpoint: the network in it, the options, and every state:
 *     clang -g -fsanitize=fuzzer,address,undefined … && ./checkpoint tests/fuzz/corpus/checkpoint */
#include <stdlib.h>

#include "fuzz_folder.h"
#include "train/trainer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    checkpoint c;
    stria_error err = {0};
    if (checkpoint_read(&c, fuzz_folder_write(CHECKPOINT_FILE, data, size), &err) != STRIA_OK) {
        if (!err.text[0]) abort();
        return 0;
    }
    if (graph_check(c.model, &err) != STRIA_OK) abort();
    checkpoint_release(&c);
    return 0;
}
