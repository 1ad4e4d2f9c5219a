#include "cli/names.h"

#include "cli/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A folder that was listed; a set of them, open addressing. */
typedef struct folder {
    bool taken;
    dev_t device;
    ino_t inode;
} folder;

typedef struct folders {
    folder *list;
    size_t count, room; /* room: 0 or a power of two */
} folders;

void names_release(names *n) {
    for (int64_t i = 0; i < n->count; i++) free(n->list[i]);
    free(n->list);
    *n = (names){0};
}

/* Takes the name over. */
static stria_status name_put(names *n, char *name, stria_error *error) {
    if (name && n->count == n->capacity) {
        int64_t more = n->capacity ? 2 * n->capacity : 64;
        char **list = realloc(n->list, (size_t)more * sizeof *list);
        if (list) n->list = list, n->capacity = more;
    }
    if (name && n->count < n->capacity) {
        n->list[n->count++] = name;
        return STRIA_OK;
    }
    free(name);
    return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for the names of pictures");
}

static char *joined(const char *folder, const char *name) {
    size_t f = strlen(folder), n = strlen(name);
    char *text = malloc(f + n + 2);
    if (!text) return NULL;
    memcpy(text, folder, f);
    if (f && text[f - 1] != '/') text[f++] = '/';
    memcpy(text + f, name, n + 1);
    return text;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool hidden(const char *name) {
    return *name == '.';
}

/* All that is in the folder but hidden names, sorted. */
static stria_status entries_list(const char *folder, names *out, stria_error *error) {
    DIR *dir = opendir(folder);
    stria_status status = STRIA_OK;
    if (!dir) return source_refuse(error, STRIA_NO_FILE, "folder '%s' cannot be listed: %s", folder, strerror(errno));
    while (status == STRIA_OK) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e && errno)
            status = source_refuse(error, STRIA_IO, "folder '%s' cannot be listed: %s", folder, strerror(errno));
        if (!e) break;
        if (!hidden(e->d_name)) status = name_put(out, joined(folder, e->d_name), error);
    }
    closedir(dir);
    if (out->count) qsort(out->list, (size_t)out->count, sizeof *out->list, by_name);
    return status;
}

/* Where it is, or is to be. */
static folder *folder_place(const folders *f, dev_t device, ino_t inode) {
    uint64_t h = ((uint64_t)inode ^ (uint64_t)device << 32) * 0x9e3779b97f4a7c15u;
    for (size_t at = (size_t)(h >> 32);; at++) {
        folder *is = &f->list[at & (f->room - 1)];
        if (!is->taken || (is->device == device && is->inode == inode)) return is;
    }
}

/* Whether the folder is a new one; it is not afterwards. */
static stria_status folder_new(folders *f, const struct stat *is, bool *new, stria_error *error) {
    if (2 * f->count >= f->room) {
        folders more = {.room = f->room ? 2 * f->room : 64};
        more.list = calloc(more.room, sizeof *more.list);
        if (!more.list) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for the names of folders");
        for (size_t i = 0; i < f->room; i++)
            if (f->list[i].taken) *folder_place(&more, f->list[i].device, f->list[i].inode) = f->list[i];
        more.count = f->count;
        free(f->list);
        *f = more;
    }
    folder *place = folder_place(f, is->st_dev, is->st_ino);
    *new = !place->taken;
    f->count += *new;
    *place = (folder){true, is->st_dev, is->st_ino};
    return STRIA_OK;
}

static stria_status folder_add(names *n, const char *path, const struct stat *is, bool recursive, folders *seen,
                               stria_error *error) {
    names entries = {0};
    bool new = true;
    stria_status status = folder_new(seen, is, &new, error);
    if (status == STRIA_OK && new) status = entries_list(path, &entries, error);
    for (int64_t i = 0; i < entries.count && status == STRIA_OK; i++) {
        struct stat found;
        char *name = entries.list[i];
        bool inner = stat(name, &found) == 0 && S_ISDIR(found.st_mode);
        if (inner && recursive) status = folder_add(n, name, &found, recursive, seen, error);
        if (inner || !stria_picture_named(name)) continue;
        entries.list[i] = NULL;
        status = name_put(n, name, error);
    }
    names_release(&entries);
    return status;
}

bool names_stream(const char *path) {
    struct stat found;
    if (strcmp(path, "-") == 0) return true;
    return stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

stria_status names_add(names *n, const char *path, bool recursive, stria_error *error) {
    struct stat found;
    int64_t before = n->count;
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode)) return name_put(n, strdup(path), error);
    folders seen = {0};
    stria_status status = folder_add(n, path, &found, recursive, &seen, error);
    free(seen.list);
    if (status == STRIA_OK && n->count == before)
        return source_refuse(error, STRIA_BAD_FILE, "folder '%s' holds no pictures%s", path,
                             recursive ? "" : "; --recursive looks into the folders in it");
    return status;
}

stria_status names_read(const char *path, int64_t most, names_taker *take, void *context, stria_error *error) {
    bool input = strcmp(path, "-") == 0;
    FILE *f = input ? stdin : fopen(path, "re");
    names n = {0};
    char *line = NULL;
    size_t room = 0;
    stria_status status = STRIA_OK;
    if (!f) return source_refuse(error, STRIA_NO_FILE, "'%s' cannot be read: %s", path, strerror(errno));
    for (ssize_t length; status == STRIA_OK && (length = getline(&line, &room, f)) >= 0;) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
        if (strcmp(line, "-") == 0)
            status = source_refuse(error, STRIA_BAD_ARGUMENT,
                                   "%s names '-', standard input; a list names files: './-' is a file of that name",
                                   input ? "the list" : path);
        else if (length > 0) status = name_put(&n, strdup(line), error);
        if (status != STRIA_OK || n.count < most) continue;
        status = take(&n, context, error);
        names_release(&n);
    }
    if (status == STRIA_OK && ferror(f)) status = source_refuse(error, STRIA_IO, "'%s' cannot be read", path);
    if (status == STRIA_OK && n.count) status = take(&n, context, error);
    names_release(&n);
    free(line);
    if (!input) fclose(f);
    return status;
}
