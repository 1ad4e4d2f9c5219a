/* What a run folder says. */
#include "api/api.h"
#include "base/file.h"
#include "model/safetensors.h"

#include <string.h>

struct stria_run {
    checkpoint c;
};

stria_status stria_run_open(stria_run **out, const char *folder, stria_error *err) {
    stria_run *r;
    TRY(mem_new(&r, 1, sizeof *r, "a run", err));
    stria_status status = checkpoint_read(&r->c, folder, err);
    if (status == STRIA_OK) *out = r;
    else mem_free(r);
    return status;
}

const char *stria_run_text(const stria_run *r, const char *key) {
    return safetensors_metadata(r->c.file, key);
}

bool stria_run_active(const char *folder) {
    return file_is_locked(folder);
}

void stria_run_free(stria_run *r) {
    if (!r) return;
    checkpoint_release(&r->c);
    mem_free(r);
}

stria_status stria_run_data(const char *folder, char *spec, size_t bytes, stria_error *err) {
    checkpoint c;
    TRY(checkpoint_read(&c, folder, err));
    stria_status status = STRIA_OK;
    if (strlen(c.source.spec) >= bytes)
        status = error_set(err, STRIA_BAD_ARGUMENT, "the data's name has %zu bytes, more than %zu",
                           strlen(c.source.spec), bytes);
    else memcpy(spec, c.source.spec, strlen(c.source.spec) + 1);
    checkpoint_release(&c);
    return status;
}

stria_dataset_options run_data_options(const data_source *source) {
    stria_dataset_options o = stria_dataset_options_default();
    o.limit = source->limit;
    o.hold_out_val = source->hold_out;
    o.val = source->val;
    o.seed = source->seed;
    o.max_pixels = source->max_pixels;
    o.no_exif = source->no_exif;
    o.fast_decode = source->fast_decode;
    return o;
}

stria_status stria_run_data_options(const char *folder, stria_dataset_options *out, stria_error *err) {
    checkpoint c;
    TRY(checkpoint_read(&c, folder, err));
    *out = run_data_options(&c.source);
    checkpoint_release(&c);
    return STRIA_OK;
}
