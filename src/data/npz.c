#include "data/npz.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static stria_status member_unpack(const zip_archive *a, const zip_entry *e, npy_array *out, stria_error *err) {
    const uint8_t *data;
    uint8_t *owned;
    TRY(zip_member(a, e, &data, &owned, err));
    stria_status status = npy_parse(data, (size_t)e->unpacked, out, err);
    mem_free(owned);
    return status;
}

static stria_status member_read(const zip_archive *a, const zip_entry *e, uint64_t *room, npz_member *out,
                                stria_error *err) {
    size_t length = e->name_length;
    if (length >= 4 && memcmp(e->name + length - 4, ".npy", 4) == 0) length -= 4;
    TRY(mem_new(&out->name, length + 1, 1, "an array's name", err));
    if (length) memcpy(out->name, e->name, length);
    stria_status status = STRIA_OK;
    if (room && e->unpacked > *room)
        status = error_set(err, STRIA_BAD_FILE, "it would take far more memory than the file has bytes");
    else if (room) *room -= e->unpacked;
    if (status == STRIA_OK) status = member_unpack(a, e, &out->array, err);
    if (status != STRIA_OK) error_prefix(err, "member '%.80s': ", out->name);
    return status;
}

stria_status npz_next(zip_archive *a, uint64_t *room, npz_member *out, stria_error *err) {
    zip_entry e;
    npz_member m = {0};
    TRY(zip_next(a, &e, err));
    stria_status status = member_read(a, &e, room, &m, err);
    if (status == STRIA_OK) *out = m;
    else mem_free(m.name);
    return status;
}

stria_status npz_parse(const uint8_t *bytes, size_t size, npz_member **out, int *count, stria_error *err) {
    zip_archive a;
    npz_member *list;
    TRY(zip_open(&a, bytes, size, err));
    TRY(mem_new(&list, a.members + 1, sizeof *list, "an archive", err));
    stria_status status = STRIA_OK;
    for (int i = 0; a.left > 0; i++) TRY_DONE(npz_next(&a, NULL, &list[i], err));
    *out = list;
    *count = (int)a.members;
done:
    if (status != STRIA_OK) npz_release(list, (int)a.members);
    return status;
}

stria_status npz_read(const char *path, npz_member **out, int *count, stria_error *err) {
    uint8_t *bytes;
    size_t size;
    TRY(file_read_named(path, 0, &bytes, &size, err));
    stria_status status = npz_parse(bytes, size, out, count, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", file_name_shown(path));
    mem_free(bytes);
    return status;
}

void npz_release(npz_member *members, int count) {
    for (int i = 0; members && i < count; i++) {
        mem_free(members[i].name);
        npy_release(&members[i].array);
    }
    mem_free(members);
}
