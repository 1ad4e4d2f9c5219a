/* Pictures named in a text: csv:FILE with lines "path,label", or "path,share,share,…" below a heading that names the
 * classes; list:FILE with lines "path label" or "path", whose class is then the folder that the picture lies in. Paths
 * are relative to the text's own folder. */
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
    const char **classes; /* heap; that the heading names, whose shares the lines have; NULL: labels */
    int class_count, class_capacity;
    float *shares; /* heap, [count][class_count] */
    int share_capacity;
} rows;

static void rows_release(rows *r) {
    mem_free(r->rows);
    mem_free(r->classes);
    mem_free(r->shares);
}

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

/* *more: what follows the second field; NULL: nothing. */
static bool csv_line(char *line, row *out, char **more) {
    char *rest = NULL;
    out->path = csv_field(line, &rest);
    out->label = rest ? csv_field(rest, more) : NULL;
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

static bool is_one_of(const char *word, const char *const *words) {
    while (*words && strcasecmp(word, *words) != 0) words++;
    return *words;
}

/* "path,label", "filename,class": a first line that names the columns. */
static bool is_heading(const row *r) {
    static const char *const words[] = {"path", "file", "filename", "image", "image_path", "name", "id", NULL};
    return is_one_of(r->path, words);
}

/* ---- a column for each class ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static stria_status classes_differ(const store *s, const rows *r, stria_error *err) {
    const char **sorted, *twice = NULL;
    TRY(mem_new(&sorted, (size_t)r->class_count, sizeof *sorted, "class names", err));
    memcpy(sorted, r->classes, (size_t)r->class_count * sizeof *sorted);
    qsort(sorted, (size_t)r->class_count, sizeof *sorted, by_text);
    for (int i = 1; i < r->class_count && !twice; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0) twice = sorted[i];
    mem_free(sorted);
    if (twice) FAIL(err, STRIA_BAD_FILE, "%s: its heading names the class '%s' twice", s->path, twice);
    return STRIA_OK;
}

/* The heading's columns after the path, where there are several and the first of them is not called a label: classes.
 */
static stria_status classes_read(store *s, const row *heading, char *rest, rows *out, stria_error *err) {
    static const char *const words[] = {"label", "labels", "class", "class_name", "category", "target", "y", NULL};
    if (!rest || is_one_of(heading->label, words)) return STRIA_OK;
    for (const char *name = heading->label;; name = csv_field(rest, &rest)) {
        if (!name || !*name) FAIL(err, STRIA_BAD_FILE, "%s: column %d has no name", s->path, out->class_count + 2);
        if (out->class_count == SOURCE_MAX_CLASSES)
            FAIL(err, STRIA_BAD_FILE, "%s: its heading names more than %d classes", s->path, SOURCE_MAX_CLASSES);
        TRY(mem_reserve(&out->classes, &out->class_capacity, out->class_count + 1, sizeof *out->classes, "class names",
                        err));
        out->classes[out->class_count++] = name;
        if (!rest) return classes_differ(s, out, err);
    }
}

/* Shares of the line's picture, of which the first field is first. */
static stria_status shares_read(store *s, const char *first, char *rest, int line, rows *out, stria_error *err) {
    int columns = 0, classes = out->class_count, needed;
    if (__builtin_mul_overflow(out->count + 1, classes, &needed))
        FAIL(err, STRIA_BAD_FILE, "%s has too many shares", s->path);
    TRY(mem_reserve(&out->shares, &out->share_capacity, needed, sizeof *out->shares, "labels", err));
    float *row = out->shares + (int64_t)out->count * classes;
    const char *field = first;
    for (; field && columns < classes; columns++) {
        double x = 0;
        if (!text_to_double(field, &x))
            FAIL(err, STRIA_BAD_FILE,
                 "%s: line %d: '%s' is not a number; a column after the path has the shares of a class, unless the "
                 "first of them is called label",
                 s->path, line, field);
        row[columns] = (float)x;
        field = rest ? csv_field(rest, &rest) : NULL;
    }
    if (columns < classes || field)
        FAIL(err, STRIA_BAD_FILE, "%s: line %d has %s shares than the heading's %d classes", s->path, line,
             field ? "more" : "fewer", classes);
    return source_check_shares(s->path, "line", line, row, classes, err);
}

/* ---- all lines ---- */

static stria_status row_add(store *s, const row *r, char *rest, int number, rows *out, stria_error *err) {
    TRY(mem_reserve(&out->rows, &out->capacity, out->count + 1, sizeof *out->rows, "a list of files", err));
    if (out->classes) TRY(shares_read(s, r->label, rest, number, out, err));
    out->rows[out->count++] = *r;
    return STRIA_OK;
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
        char *rest = NULL;
        if (!*line) continue;
        if (!(csv ? csv_line(line, &r, &rest) : list_line(line, &r)))
            FAIL(err, STRIA_BAD_FILE, "%s: line %d is not %s", s->path, number,
                 !csv           ? "path label"
                 : out->classes ? "path,share,share"
                                : "path,label");
        if (csv && number == 1 && is_heading(&r)) TRY(classes_read(s, &r, rest, out, err));
        else TRY(row_add(s, &r, rest, number, out, err));
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
    TRY(r->classes ? source_take_shares(s, &r->shares, r->classes, r->class_count, err) : labels_take(s, r, err));
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
    rows_release(&r);
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
