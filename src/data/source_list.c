/* Pictures named in a text: csv:FILE with lines "path,label", list:FILE with lines "path label" or "path", whose class
 * is then the folder that the picture lies in. Paths are relative to the text's own folder. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "data/source.h"

#define TEXT_MAX ((size_t)1 << 30)

/* A line's two fields; label NULL: the picture's folder is its class. */
typedef struct row {
    const char *path, *label;
} row;

typedef struct rows {
    row *rows; /* heap; texts in the store's arena */
    int count, capacity;
} rows;

/* A field of a CSV line (RFC 4180): quoted or up to a comma. Cuts it off in place; *rest is after its comma, NULL at
 * the end. NULL for a quote without an end. */
static char *csv_field(char *at, char **rest) {
    char *to = at, *begin = at;
    if (*at != '"') {
        size_t n = strcspn(at, ",");
        *rest = at[n] ? at + n + 1 : NULL;
        at[n] = 0;
        return begin;
    }
    for (at++; *at; at++) {
        if (*at == '"' && *++at != '"') break;
        *to++ = *at;
    }
    if (at[-1] != '"') return NULL;
    *rest = *at == ',' ? at + 1 : NULL;
    if (*at && *at != ',') return NULL;
    *to = 0;
    return begin;
}

static bool csv_line(char *line, row *out) {
    char *rest = NULL, *more = NULL;
    out->path = csv_field(line, &rest);
    out->label = rest ? csv_field(rest, &more) : NULL;
    return out->path && *out->path && out->label && *out->label;
}

/* A last word of digits is the label, as in Caffe's lists. */
static bool list_line(char *line, row *out) {
    char *blank = strrchr(line, ' '), *tab = strrchr(line, '\t');
    if (!blank || (tab && tab > blank)) blank = tab;
    *out = (row){line, NULL};
    if (!blank || !blank[1] || blank[1 + strspn(blank + 1, "0123456789")]) return true;
    out->label = blank + 1;
    while (blank >= line && (*blank == ' ' || *blank == '\t')) *blank-- = 0;
    return *line != 0;
}

/* "path,label", "filename,class": a first line that names the columns. */
static bool is_heading(const row *r) {
    static const char *const words[] = {"path", "file", "filename", "image", "image_path", "name", "id"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(r->path, words[i]) == 0) return true;
    return false;
}

static stria_status rows_read(store *s, char *words, bool csv, rows *out, stria_error *err) {
    int number = 0;
    for (char *line = words, *next; line; line = next) {
        size_t n = strcspn(line, "\n");
        next = line[n] ? line + n + 1 : NULL;
        line[n] = 0;
        if (n && line[n - 1] == '\r') line[n - 1] = 0;
        number++;
        row r;
        if (!*line) continue;
        if (!(csv ? csv_line(line, &r) : list_line(line, &r)))
            FAIL(err, STRIA_BAD_FILE, "%s: line %d is not %s", s->path, number, csv ? "path,label" : "path label");
        if (csv && number == 1 && is_heading(&r)) continue;
        TRY(mem_reserve(&out->rows, &out->capacity, out->count + 1, sizeof *out->rows, "a list of files", err));
        out->rows[out->count++] = r;
    }
    if (!out->count) FAIL(err, STRIA_BAD_FILE, "%s: it names no pictures", s->path);
    return STRIA_OK;
}

/* The last folder of the path. */
static stria_status folder_label(store *s, row *r, stria_error *err) {
    const char *slash = strrchr(r->path, '/'), *before = slash;
    while (before && before > r->path && before[-1] != '/') before--;
    if (!slash || before == slash)
        FAIL(err, STRIA_BAD_FILE, "%s: '%s' has neither a label nor a folder, which would be its class", s->path,
             r->path);
    r->label = arena_printf(&s->texts, "%.*s", (int)(slash - before), before);
    if (!r->label) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the class of %s", r->path);
    return STRIA_OK;
}

/* Beside the text, unless the path begins at the root. */
static stria_status path_of(store *s, const char *path, char **out, stria_error *err) {
    const char *slash = strrchr(s->path, '/');
    bool beside = *path != '/' && slash && !file_is_stream(s->path);
    *out = beside ? arena_printf(&s->texts, "%.*s/%s", (int)(slash - s->path), s->path, path)
                  : arena_strdup(&s->texts, path);
    if (!*out) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name of %s", path);
    return STRIA_OK;
}

static stria_status labels_take(store *s, const rows *r, stria_error *err) {
    const char **labels;
    TRY(mem_new(&labels, (size_t)r->count, sizeof *labels, "labels", err));
    for (int i = 0; i < r->count; i++) labels[i] = r->rows[i].label;
    stria_status status = source_take_labels(s, labels, r->count, err);
    mem_free(labels);
    return status;
}

static stria_status rows_take(store *s, rows *r, stria_error *err) {
    TRY(mem_new(&s->files, (size_t)r->count, sizeof *s->files, "a list of files", err));
    TRY(mem_new(&s->labels, (size_t)r->count, sizeof *s->labels, "labels", err));
    for (int i = 0; i < r->count; i++) {
        char *path;
        if (!r->rows[i].label) TRY(folder_label(s, &r->rows[i], err));
        TRY(path_of(s, r->rows[i].path, &path, err));
        if (!file_exists(path)) FAIL(err, STRIA_NO_FILE, "%s names '%s', which is not there", s->path, path);
        TRY(source_add_file(s, path, r->rows[i].path, false, err));
        s->files[i] = path;
    }
    s->count = r->count;
    TRY(labels_take(s, r, err));
    source_look(s);
    return STRIA_OK;
}

static stria_status open_text(const char *path, dataset_part part, store *s, bool csv, stria_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    rows r = {0};
    TRY(source_whole(path, part, s, err));
    if (file_is_folder(path)) FAIL(err, STRIA_BAD_ARGUMENT, "'%s' is a folder; a text is expected", path);
    TRY(s->pipes ? file_read_named(path, TEXT_MAX, &bytes, &size, err) : file_read(path, TEXT_MAX, &bytes, &size, err));
    stria_status status = STRIA_OK;
    char *words = NULL;
    if (memchr(bytes, 0, size)) status = error_set(err, STRIA_BAD_FILE, "%s is not a text", path);
    size_t mark = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* of UTF-8 */
    if (status == STRIA_OK) status = mem_new(&words, size - mark + 1, 1, "a list of files", err);
    if (status == STRIA_OK) {
        memcpy(words, bytes + mark, size - mark);
        status = rows_read(s, words, csv, &r, err);
    }
    if (status == STRIA_OK) status = rows_take(s, &r, err);
    mem_free(r.rows);
    mem_free(words);
    mem_free(bytes);
    return status;
}

stria_status source_open_csv(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_text(path, part, s, true, err);
}

stria_status source_open_list(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_text(path, part, s, false, err);
}
