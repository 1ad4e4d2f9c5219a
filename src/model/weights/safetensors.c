/* .safetensors (model/safetensors.h) as weights. */
#include "model/safetensors.h"
#include "model/weights/weights.h"

#include <string.h>

/* Eight bytes of length, then JSON, which may begin with blanks. */
bool weights_is_safetensors(const uint8_t *bytes, size_t size) {
    size_t i = 8;
    while (i < size && i < 4096 && (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\t' || bytes[i] == '\r')) i++;
    return i < size && bytes[i] == '{' && bytes[6] == 0 && bytes[7] == 0;
}

stria_status weights_safetensors(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    safetensors file;
    stria_status status = STRIA_OK;
    TRY(safetensors_decode(&file, bytes, size, err));
    for (int i = 0; i < file.entry_count && status == STRIA_OK; i++) {
        const char *name = file.entries[i].name;
        status = weights_add(w, name, strlen(name), tensor_retain(file.entries[i].data), err);
    }
    safetensors_release(&file);
    return status;
}
