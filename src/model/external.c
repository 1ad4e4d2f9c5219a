#include "model/external.h"

#include "base/file.h"
#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void external_close(external_files *f) {
    if (f->is_open) file_close(f->fd);
    f->is_open = false;
}

void external_files_release(external_files *f) {
    external_close(f);
    mem_free(f->files);
    f->files = NULL;
    f->count = f->capacity = 0;
}

/* A path below the model's folder: relative, and never upward. */
static bool location_is_safe(const char *location) {
    if (!*location || *location == '/' || strchr(location, '\\') || strchr(location, ':')) return false;
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2])) return false;
    }
    return true;
}

/* A sentence about a tensor's location, or about a whole file (name NULL). */
static stria_status refuse(stria_status status, const char *name, const char *location, const char *why,
                           stria_error *err) {
    if (name) FAIL(err, status, "tensor '%s' lies in '%s'%s", name, location, why);
    FAIL(err, status, "file '%s'%s", location, why);
}

static const char not_below[] = ", which is not below the model's folder";

/* The location with every link resolved, into real; what a link leads to must lie below the folder too. */
static stria_status resolve(char real[PATH_MAX], const char *model_file, const char *location, const char *name,
                            stria_error *err) {
    char path[PATH_MAX], folder[PATH_MAX];
    const char *slash = model_file ? strrchr(model_file, '/') : NULL;
    int stem = slash ? (int)(slash + 1 - model_file) : 0;
    int length = snprintf(path, sizeof path, "%.*s.", stem, model_file ? model_file : "");
    if (length >= (int)sizeof path || !realpath(path, folder))
        return refuse(STRIA_NO_FILE, name, location, ": the model's folder is not there", err);
    length = snprintf(path, sizeof path, "%.*s%s", stem, model_file ? model_file : "", location);
    if (length >= (int)sizeof path || !realpath(path, real))
        return refuse(STRIA_NO_FILE, name, location, ", which is not there", err);
    size_t n = strlen(folder);
    bool below = strncmp(real, folder, n) == 0 && (n == 1 || real[n] == '/'); /* n == 1: the root */
    return below ? STRIA_OK : refuse(STRIA_BAD_FILE, name, location, not_below, err);
}

/* The file with this identity in the list, added if it is new. */
static stria_status external_find(external_file **out, external_files *f, const struct stat *st, stria_error *err) {
    for (int i = 0; i < f->count; i++) {
        *out = &f->files[i];
        if ((*out)->device == (uint64_t)st->st_dev && (*out)->inode == (uint64_t)st->st_ino) return STRIA_OK;
    }
    TRY(mem_reserve(&f->files, &f->capacity, f->count + 1, sizeof *f->files, "files of weights", err));
    f->files[f->count] = (external_file){.device = (uint64_t)st->st_dev, .inode = (uint64_t)st->st_ino};
    *out = &f->files[f->count++];
    return STRIA_OK;
}

stria_status external_open(external_file **out, external_files *f, const char *location, const char *name,
                           stria_error *err) {
    char real[PATH_MAX];
    struct stat st;
    size_t size;
    if (f->none) return refuse(STRIA_UNSUPPORTED, name, location, ": a model in memory has no files beside it", err);
    if (!location_is_safe(location)) return refuse(STRIA_BAD_FILE, name, location, not_below, err);
    TRY(resolve(real, f->model_file, location, name, err));
    external_close(f);
    stria_status status = file_open(real, &f->fd, &size, err);
    if (status != STRIA_OK) {
        if (name) error_prefix(err, "tensor '%s': ", name);
        return status;
    }
    f->is_open = true;
    if (fstat(f->fd, &st) != 0) return refuse(STRIA_IO, name, location, ", which cannot be read", err);
    TRY(external_find(out, f, &st, err));
    (*out)->size = size;
    return STRIA_OK;
}

stria_status external_read(const external_files *f, const char *name, uint64_t offset, void *data, size_t bytes,
                           stria_error *err) {
    stria_status status = file_read_at(f->fd, "external data", offset, data, bytes, err);
    if (status != STRIA_OK && name) error_prefix(err, "tensor '%s': ", name);
    return status;
}
