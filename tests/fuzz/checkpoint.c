/* libFuzzer target for a run folder's checkpoint: the network in it, the options, and every state. Each input is read
 * as it is, and again with the checksum that its contents have, which no fuzzer would find: clang -g
 * -fsanitize=fuzzer,address,undefined … && ./checkpoint tests/fuzz/corpus/checkpoint */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_folder.h"
#include "model/safetensors.h"
#include "train/trainer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void folder_read(const char *folder) {
    checkpoint c;
    stria_error err = {0};
    if (checkpoint_read(&c, folder, &err) != STRIA_OK) {
        if (!err.text[0]) abort();
        return;
    }
    if (graph_check(c.model, &err) != STRIA_OK) abort();
    checkpoint_release(&c);
}

/* False where there is no checksum to make right. */
static bool checksum_mend(const char *folder, const uint8_t *data, size_t size) {
    char path[128], checksum[17];
    safetensors file;
    bool mended = false;
    if (safetensors_decode(&file, data, size, NULL) != STRIA_OK) return false;
    snprintf(checksum, sizeof checksum, "%016" PRIx64, safetensors_checksum(&file));
    snprintf(path, sizeof path, "%s/%s", folder, CHECKPOINT_FILE);
    for (int i = 0; i < file.metadata_count; i++) {
        const char *had = file.metadata[i].value;
        if (strcmp(file.metadata[i].key, SAFETENSORS_CHECKSUM) != 0) continue;
        file.metadata[i].value = checksum;
        mended = strcmp(had, checksum) != 0 && safetensors_write(&file, path, NULL) == STRIA_OK;
        file.metadata[i].value = had;
        break;
    }
    safetensors_release(&file);
    return mended;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *folder = fuzz_folder_write(CHECKPOINT_FILE, data, size);
    folder_read(folder);
    if (checksum_mend(folder, data, size)) folder_read(folder);
    return 0;
}
