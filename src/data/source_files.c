/* Files of a source, wherever they are: in folders, or in an archive whose files are called PATH/NAME. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/packed.h"
#include "data/source.h"

/* What of the path lies inside the archive; "" for the archive itself, NULL outside. */
static const char *inside(const store *s, const char *path) {
    size_t n = strlen(s->path);
    if (strncmp(path, s->path, n) != 0) return NULL;
    return path[n] == '/' ? path + n + 1 : path[n] ? NULL : path + n;
}

/* What follows a folder's name in the name of a file in it; NULL if it is not in it. */
static const char *below(const char *name, const char *folder) {
    size_t n = strlen(folder);
    if (n == 0) return name;
    return strncmp(name, folder, n) == 0 && name[n] == '/' ? name + n + 1 : NULL;
}

bool source_holds(const store *s, const char *path) {
    if (!s->archive) return file_is_folder(path);
    const char *folder = inside(s, path);
    for (int i = 0; folder && i < packed_count(s->archive); i++)
        if (below(packed_name(s->archive, i), folder)) return true;
    return false;
}

bool source_exists(const store *s, const char *path) {
    const char *name = s->archive ? inside(s, path) : NULL;
    if (!s->archive) return file_exists(path);
    return name && (packed_find(s->archive, name) >= 0 || source_holds(s, path));
}

/* Files are ordered by name, so that those of a folder stand together. */
static stria_status list_archive(const store *s, const char *folder, source_visitor *visit, void *context,
                                 stria_error *err) {
    char last[NAME_MAX + 1] = "";
    for (int i = 0; i < packed_count(s->archive); i++) {
        const char *rest = below(packed_name(s->archive, i), folder);
        size_t n = rest ? strcspn(rest, "/") : 0;
        if (n == 0 || n >= sizeof last || (strncmp(last, rest, n) == 0 && !last[n])) continue;
        memcpy(last, rest, n);
        last[n] = 0;
        TRY(visit(last, rest[n] == '/', context, err));
    }
    return STRIA_OK;
}

/* On the stack: that memory ran out must not look like "no such folder". */
static bool is_folder_in(const char *path, const char *name) {
    char joined[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", path, name);
    return n > 0 && (size_t)n < sizeof joined && file_is_folder(joined);
}

stria_status source_list(const store *s, const char *path, source_visitor *visit, void *context, stria_error *err) {
    if (s->archive && inside(s, path)) return list_archive(s, inside(s, path), visit, context, err);
    DIR *dir = opendir(path);
    if (!dir) FAIL(err, STRIA_NO_FILE, "cannot open folder '%s': %s", path, strerror(errno));
    stria_status status = STRIA_OK;
    while (status == STRIA_OK) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e && errno) status = error_set(err, STRIA_IO, "cannot read folder '%s': %s", path, strerror(errno));
        if (!e) break;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            status = visit(e->d_name, is_folder_in(path, e->d_name), context, err);
    }
    closedir(dir);
    return status;
}

stria_status source_read(const store *s, const char *path, const uint8_t **bytes, size_t *size, uint8_t **owned,
                         stria_error *err) {
    *owned = NULL;
    if (!s->archive) {
        TRY(file_read(path, 0, owned, size, err));
        *bytes = *owned;
        return STRIA_OK;
    }
    const char *name = inside(s, path);
    int i = name ? packed_find(s->archive, name) : -1;
    if (i < 0) FAIL(err, STRIA_NO_FILE, "there is no '%s'", path);
    *bytes = packed_bytes(s->archive, i, size);
    if (!*bytes) FAIL(err, STRIA_BAD_FILE, "%s: not a file of these data", path);
    return STRIA_OK;
}

/* ---- entering an archive ---- */

typedef struct top {
    int files, folders;
    char folder[NAME_MAX + 1]; /* the last */
} top;

static stria_status look(const char *name, bool folder, void *context, stria_error *err) {
    top *t = context;
    if (*name == '.') return STRIA_OK;
    t->files += !folder;
    t->folders += folder;
    if (folder) snprintf(t->folder, sizeof t->folder, "%s", name);
    return STRIA_OK;
}

/* Most archives hold one folder with everything in it: of folders, then, or of files other than pictures. */
static stria_status root_find(store *s, stria_error *err) {
    top outer = {0}, inner = {0};
    char *folder;
    TRY(list_archive(s, "", look, &outer, err));
    if (outer.files || outer.folders != 1) return STRIA_OK;
    TRY(list_archive(s, outer.folder, look, &inner, err));
    if (!inner.folders) return STRIA_OK;
    TRY(source_join(s, s->path, outer.folder, &folder, err));
    s->root = folder;
    return STRIA_OK;
}

static void note_passed_over(store *s) {
    const char *first;
    int n = packed_passed_over(s->archive, &first);
    if (n)
        text_printf(&s->note, "%d entr%s of the archive %s left out that %s no file in it: %s%s", n,
                    n == 1 ? "y" : "ies", n == 1 ? "is" : "are", n == 1 ? "is" : "are", first, n == 1 ? "" : ", …");
}

stria_status source_enter(store *s, bool (*wanted)(const char *name, void *context), stria_error *err) {
    s->root = s->path;
    if (!packed_is(s->path)) return STRIA_OK;
    TRY(packed_read(&s->archive, s->path, wanted, NULL, err));
    note_passed_over(s);
    return root_find(s, err);
}
