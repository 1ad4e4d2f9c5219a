#include "data/fetch.h"
#include "api/api.h"
#include "base/sha256.h"

_Static_assert(STRIA_SHA256_TEXT == SHA256_TEXT, "the public size of a sum is the internal one");

stria_fetch_options stria_fetch_options_default(void) {
    return (stria_fetch_options){.size = sizeof(stria_fetch_options), .stall_seconds = 30, .retry_ms = 1000};
}

stria_status stria_fetch(const char *url, const char *path, const stria_fetch_options *options, char *sum,
                         stria_error *err) {
    stria_fetch_options o = stria_fetch_options_default();
    TRY(options_take(&o, sizeof o, options, "fetch", err));
    if (o.stall_seconds < 1 || o.retry_ms < 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "fetch: stall_seconds is %d, retry_ms %d", o.stall_seconds, o.retry_ms);
    fetch_request r = {.url = url,
                       .path = path,
                       .bytes = o.bytes,
                       .sha256 = o.sha256,
                       .stall_seconds = o.stall_seconds,
                       .retry_ms = o.retry_ms,
                       .progress = o.progress,
                       .context = o.context};
    return fetch_file(&r, sum, err);
}

stria_status stria_file_sha256(const char *path, char *sum, stria_error *err) {
    return sha256_file(path, sum, err);
}
