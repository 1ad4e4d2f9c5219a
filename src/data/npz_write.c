/* Writing .npz: a zip archive of stored members. */
#include "data/npz.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/gzip.h"

#include <string.h>

#ifndef STRIA_HAVE_ZLIB
stria_status npz_write(const char *path, const npz_member *members, int count, const file_judge *judge,
                       stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "%s: this build of Stria has no zlib, so it writes no .npz", path);
}
#else

enum { NAME_MAX_BYTES = 4096, VERSION = 20, UTF8 = 1 << 11, DATE = 33 /* 1980-01-01 */ };

/* A member's header: at its own place (local), or in the directory. */
typedef struct member_place {
    uint32_t crc, bytes, at;
} member_place;

static void put(text *t, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++, value >>= 8) text_append(t, (const char *)&(uint8_t){(uint8_t)value}, 1);
}

static void header_put(text *t, const member_place *p, const char *name, bool local) {
    put(t, local ? 0x04034b50 : 0x02014b50, 4);
    if (!local) put(t, VERSION, 2);
    put(t, VERSION, 2);
    put(t, UTF8, 2);
    put(t, 0, 2); /* stored */
    put(t, 0, 2);
    put(t, DATE, 2);
    put(t, p->crc, 4);
    put(t, p->bytes, 4);
    put(t, p->bytes, 4);
    put(t, strlen(name) + 4, 2);
    put(t, 0, 2);
    if (!local) {
        put(t, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
        put(t, p->at, 4);
    }
    text_printf(t, "%s.npy", name);
}

static stria_status member_write(file_writer *w, const npz_member *m, member_place *p, uint64_t *at, stria_error *err) {
    text header = {0}, local = {0};
    size_t bytes;
    stria_status status = npy_header(&m->array, &header, &bytes, err);
    if (status == STRIA_UNSUPPORTED) error_prefix(err, "array '%s': ", m->name);
    TRY_DONE(status);
    if (strlen(m->name) > NAME_MAX_BYTES)
        TRY_DONE(error_set(err, STRIA_UNSUPPORTED, "a name has %zu bytes", strlen(m->name)));
    if (bytes > UINT32_MAX || *at + bytes + header.length + 2 * (NAME_MAX_BYTES + 64) > UINT32_MAX)
        TRY_DONE(error_set(err, STRIA_UNSUPPORTED, ".npz is written up to 4 GiB only; safetensors has no such limit"));
    p->at = (uint32_t)*at;
    p->bytes = (uint32_t)(header.length + bytes);
    p->crc = gzip_crc(gzip_crc(0, header.data, header.length), m->array.data, bytes);
    header_put(&local, p, m->name, true);
    TRY_DONE(text_check(&local, err));
    TRY_DONE(file_writer_write(w, local.data, local.length, err));
    TRY_DONE(file_writer_write(w, header.data, header.length, err));
    TRY_DONE(file_writer_write(w, m->array.data, bytes, err));
    *at += local.length + header.length + bytes;
done:
    text_release(&header);
    text_release(&local);
    return status;
}

static stria_status directory_write(file_writer *w, const npz_member *members, const member_place *places, int count,
                                    uint64_t at, stria_error *err) {
    text t = {0};
    for (int i = 0; i < count; i++) header_put(&t, &places[i], members[i].name, false);
    size_t bytes = t.length;
    put(&t, 0x06054b50, 4);
    put(&t, 0, 4);
    put(&t, (uint64_t)count, 2);
    put(&t, (uint64_t)count, 2);
    put(&t, bytes, 4);
    put(&t, at, 4);
    put(&t, 0, 2);
    stria_status status = text_check(&t, err);
    if (status == STRIA_OK && (count > UINT16_MAX || at + t.length > UINT32_MAX))
        status = error_set(err, STRIA_UNSUPPORTED, "%d arrays are too many for a .npz", count);
    if (status == STRIA_OK) status = file_writer_write(w, t.data, t.length, err);
    text_release(&t);
    return status;
}

stria_status npz_write(const char *path, const npz_member *members, int count, const file_judge *judge,
                       stria_error *err) {
    member_place *places;
    file_writer *w = NULL;
    uint64_t at = 0;
    TRY(mem_new(&places, (size_t)count + 1, sizeof *places, "an archive", err));
    stria_status status = STRIA_OK;
    TRY_DONE(file_writer_open(&w, path, err));
    file_writer_ask(w, judge);
    for (int i = 0; i < count; i++) TRY_DONE(member_write(w, &members[i], &places[i], &at, err));
    TRY_DONE(directory_write(w, members, places, count, at, err));
    status = file_writer_commit(w, err);
    w = NULL;
done:
    file_writer_abort(w);
    mem_free(places);
    return status;
}
#endif
