#include "data/fetch.h"
#include "api/api.h"
#include "base/sha256.h"
#include "base/text.h"
#include "data/catalog.h"

#include <string.h>

_Static_assert(STRIA_SHA256_TEXT == SHA256_TEXT, "the public size of a sum is the internal one");

stria_fetch_options stria_fetch_options_default(void) {
    return (stria_fetch_options){.size = sizeof(stria_fetch_options), .stall_seconds = 30, .retry_ms = 1000};
}

static stria_status patience_check(int stall_seconds, int retry_ms, stria_error *err) {
    if (stall_seconds >= 1 && retry_ms >= 0) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "fetch: stall_seconds is %d, retry_ms %d", stall_seconds, retry_ms);
}

stria_status stria_fetch(const char *url, const char *path, const stria_fetch_options *options, char *sum,
                         stria_error *err) {
    stria_fetch_options o = stria_fetch_options_default();
    TRY(options_take(&o, sizeof o, options, "fetch", err));
    TRY(patience_check(o.stall_seconds, o.retry_ms, err));
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

/* ---- what has a name ---- */

bool stria_catalog(int index, stria_catalog_entry *out) {
    const catalog_entry *e = catalog_at(index);
    if (!e) return false;
    stria_catalog_entry own = {.size = sizeof own,
                               .name = e->name,
                               .kind = e->kind == CATALOG_MODEL ? "model" : "data",
                               .about = e->about,
                               .page = e->page,
                               .licence = e->licence,
                               .bytes = catalog_bytes(e),
                               .files = e->file_count,
                               .checked = 1,
                               .home = e->homes[0],
                               .sha256 = e->file_count == 1 ? e->files[0].sha256 : NULL,
                               .preprocess = e->preprocess ? e->preprocess : ""};
    for (int i = 0; i < e->file_count; i++) own.checked = own.checked && e->files[i].sha256;
    return output_give(out, &own, sizeof own);
}

static stria_status entry_named(const char *name, const catalog_entry **out, stria_error *err) {
    const char *names[128], *near;
    int count = 0;
    if ((*out = catalog_named(name))) return STRIA_OK;
    for (const catalog_entry *e; count < 128 && (e = catalog_at(count)); count++) names[count] = e->name;
    near = text_nearest(name, names, count);
    FAIL(err, STRIA_BAD_ARGUMENT, "nothing called '%s' can be fetched%s%s%s", name, near ? "; did you mean '" : "",
         near ? near : "", near ? "'?" : "");
}

stria_status stria_catalog_find(const char *name, char *path, size_t bytes, stria_error *err) {
    const catalog_entry *e;
    TRY(entry_named(name, &e, err));
    return catalog_find(e, path, bytes, err);
}

stria_catalog_options stria_catalog_options_default(void) {
    stria_fetch_options f = stria_fetch_options_default();
    return (stria_catalog_options){
        .size = sizeof(stria_catalog_options), .stall_seconds = f.stall_seconds, .retry_ms = f.retry_ms};
}

stria_status stria_catalog_fetch(const char *name, const stria_catalog_options *options, char *path, size_t bytes,
                                 char *sum, stria_error *err) {
    stria_catalog_options o = stria_catalog_options_default();
    const catalog_entry *e;
    char own[SHA256_TEXT];
    TRY(options_take(&o, sizeof o, options, "catalog", err));
    TRY(patience_check(o.stall_seconds, o.retry_ms, err));
    TRY(entry_named(name, &e, err));
    catalog_fetch_options inner = {.folder = o.folder,
                                   .from = o.from,
                                   .stall_seconds = o.stall_seconds,
                                   .retry_ms = o.retry_ms,
                                   .progress = o.progress,
                                   .context = o.context};
    return catalog_fetch(e, &inner, path, bytes, sum ? sum : own, err);
}
