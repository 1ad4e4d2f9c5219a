#include "data/idx.h"

#include "base/file.h"
#include "base/memory.h"
#include "data/gzip.h"

#define IDX_UINT8    8
#define IDX_MAX_SIDE 65535 /* of an image; the first size, their number, may be any */

static stria_status check_magic(const uint8_t magic[4], int rank, stria_error *err) {
    if (magic[0] || magic[1] || magic[2] < 8 || magic[2] > 14 || !magic[3]) {
        FAIL(err, STRIA_BAD_FILE, "not an IDX file (it begins with %02x %02x %02x %02x)", magic[0], magic[1], magic[2],
             magic[3]);
    }
    if (magic[2] != IDX_UINT8)
        FAIL(err, STRIA_UNSUPPORTED, "IDX elements of type 0x%02x are not read, bytes are", magic[2]);
    if (magic[3] != rank) {
        FAIL(err, STRIA_BAD_FILE, "an IDX file of %d dimension%s where %d are expected (%s)", magic[3],
             text_s(magic[3]), rank, rank == 1 ? "labels" : "images");
    }
    return STRIA_OK;
}

static stria_status read_shape(gzip_reader *r, idx_array *a, stria_error *err) {
    uint64_t bytes = 1;
    for (int i = 0; i < a->rank; i++) {
        uint8_t b[4];
        TRY(gzip_take(r, b, sizeof b, err));
        a->shape[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        if (a->shape[i] == 0) FAIL(err, STRIA_BAD_FILE, "its header says that dimension %d is 0", i);
        if (i > 0 && a->shape[i] > IDX_MAX_SIDE) {
            FAIL(err, STRIA_BAD_FILE, "its header says images with a side of %lld", (long long)a->shape[i]);
        }
        if (__builtin_mul_overflow(bytes, (uint64_t)a->shape[i], &bytes)) bytes = UINT64_MAX;
    }
    uint64_t most = gzip_limit(r);
    if (bytes > most) {
        FAIL(err, STRIA_BAD_FILE, "truncated: its header says %llu bytes, the file can hold %llu at most",
             (unsigned long long)bytes, (unsigned long long)most);
    }
    a->bytes = (size_t)bytes;
    return STRIA_OK;
}

static stria_status read_array(gzip_reader *r, idx_array *a, stria_error *err) {
    uint8_t magic[4];
    TRY(gzip_take(r, magic, sizeof magic, err));
    TRY(check_magic(magic, a->rank, err));
    TRY(read_shape(r, a, err));
    a->data = mem_alloc(a->bytes);
    if (!a->data) FAIL(err, STRIA_NO_MEMORY, "not enough memory for %zu bytes", a->bytes);
    TRY(gzip_take(r, a->data, a->bytes, err));
    return gzip_finish(r, err);
}

stria_status idx_parse(const uint8_t *bytes, size_t size, int rank, idx_array *out, stria_error *err) {
    gzip_reader reader;
    idx_array a = {.rank = rank};
    TRY(gzip_open(&reader, bytes, size, err));
    stria_status status = read_array(&reader, &a, err);
    gzip_close(&reader);
    if (status == STRIA_OK) *out = a;
    else idx_release(&a);
    return status;
}

stria_status idx_read(const char *path, int rank, idx_array *out, stria_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    TRY(file_read(path, 0, &bytes, &size, err));
    stria_status status = idx_parse(bytes, size, rank, out, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    mem_free(bytes);
    return status;
}

void idx_release(idx_array *a) {
    mem_free(a->data);
    *a = (idx_array){0};
}
