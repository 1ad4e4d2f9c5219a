/* WebDataset: tar files ("shards") whose members belong together by their key, the name up to its first dot:
 * KEY.jpg (or another picture) and KEY.cls, its class as a number or a name. "shards-{000..099}.tar" are a hundred of
 * them. A file classes.txt beside the shards names the classes, one per line, in the order of their numbers.
 * (https://github.com/webdataset/webdataset, "The WebDataset Format") */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "data/image.h"
#include "data/packed.h"
#include "data/source.h"

enum { SHARDS_MAX = 100000, LABEL_MAX = 1024, CLASSES_TEXT_MAX = 1 << 24 };

/* ---- the pattern ---- */

/* PREFIX{FIRST..LAST}SUFFIX; a name without braces is one shard. */
typedef struct pattern {
    const char *text, *suffix;
    int prefix, digits; /* the number is as wide as FIRST */
    int64_t first, last;
} pattern;

static stria_status pattern_read(const char *text, pattern *p, stria_error *err) {
    const char *open = strchr(text, '{'), *dots = open ? strstr(open, "..") : NULL,
               *close = open ? strchr(open, '}') : NULL;
    char first[16], last[16];
    *p = (pattern){.text = text, .suffix = "", .prefix = (int)strlen(text)};
    if (!open) return STRIA_OK;
    bool fits = dots && close && dots < close && dots - open - 1 < 16 && close - dots - 2 < 16;
    if (fits) {
        snprintf(first, sizeof first, "%.*s", (int)(dots - open - 1), open + 1);
        snprintf(last, sizeof last, "%.*s", (int)(close - dots - 2), dots + 2);
        fits = text_to_int(first, &p->first) && text_to_int(last, &p->last) && p->first >= 0 && p->first <= p->last;
    }
    if (!fits || strchr(close, '{'))
        FAIL(err, STRIA_BAD_ARGUMENT, "wds:%s: shards are written as in shards-{000..099}.tar, the lower number first",
             text);
    if (p->last - p->first >= SHARDS_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "wds:%s: %lld shards; there may be %d", text, (long long)(p->last - p->first + 1),
             SHARDS_MAX);
    p->prefix = (int)(open - text);
    p->digits = (int)(dots - open - 1);
    p->suffix = close + 1;
    return STRIA_OK;
}

/* Its name, without its folder, and its size into the checksum. */
static void shard_note(store *s, const char *path) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    uint64_t bytes = file_bytes(path);
    source_add_contents(s, base, strlen(base) + 1);
    source_add_contents(s, &bytes, sizeof bytes);
    s->file_bytes += bytes;
}

static stria_status shards_name(store *s, const pattern *p, const char ***out, int *count, stria_error *err) {
    const char **paths;
    *count = (int)(p->last - p->first + 1);
    TRY(mem_new(&paths, (size_t)*count, sizeof *paths, "names of shards", err));
    *out = paths;
    for (int i = 0; i < *count; i++) {
        paths[i] = p->digits ? arena_printf(&s->texts, "%.*s%0*lld%s", p->prefix, p->text, p->digits,
                                            (long long)(p->first + i), p->suffix)
                             : arena_strdup(&s->texts, p->text);
        if (!paths[i]) FAIL(err, STRIA_NO_MEMORY, "not enough memory for names of shards");
        if (!file_exists(paths[i])) FAIL(err, STRIA_NO_FILE, "there is no shard '%s'", paths[i]);
        shard_note(s, paths[i]);
    }
    return STRIA_OK;
}

/* ---- the samples ---- */

/* Bytes of the key: up to the first dot of the last part of the name. */
static size_t key_length(const char *name) {
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    return (size_t)(base - name) + strcspn(base, ".");
}

static bool is_class(const char *name) {
    return strcmp(name + key_length(name), ".cls") == 0;
}

bool source_wds_wanted(const char *name, void *context) {
    return is_class(name) || image_name(name);
}

static bool same_key(const char *a, const char *b) {
    size_t n = key_length(a);
    return key_length(b) == n && memcmp(a, b, n) == 0;
}

/* The label that a .cls member holds: its text without blanks around. */
static stria_status label_read(store *s, int member, const char **label, stria_error *err) {
    size_t size;
    const char *bytes = (const char *)packed_bytes(s->archive, member, &size), *name = packed_name(s->archive, member);
    while (size && strchr(" \t\r\n", bytes[size - 1])) size--;
    while (size && strchr(" \t\r\n", *bytes)) bytes++, size--;
    if (!size || size > LABEL_MAX || memchr(bytes, 0, size) || memchr(bytes, '\n', size))
        FAIL(err, STRIA_BAD_FILE, "%s: '%s' does not hold a class", s->path, name);
    *label = arena_printf(&s->texts, "%.*s", (int)size, bytes);
    if (!*label) FAIL(err, STRIA_NO_MEMORY, "not enough memory for labels");
    return STRIA_OK;
}

/* Members begin…end−1 are of one key. */
static stria_status sample_add(store *s, int begin, int end, const char **labels, stria_error *err) {
    int picture = -1, class = -1;
    for (int i = begin; i < end; i++) {
        const char *name = packed_name(s->archive, i);
        if (is_class(name)) class = i;
        else if (source_wds_wanted(name, NULL) && picture < 0) picture = i;
    }
    if (picture < 0 && class < 0) return STRIA_OK; /* something else: a text, a list */
    const char *any = packed_name(s->archive, picture < 0 ? class : picture);
    if (picture < 0 || class < 0)
        FAIL(err, STRIA_BAD_FILE, "%s: sample '%.*s' has no %s", s->path, (int)key_length(any), any,
             class < 0 ? ".cls, which would say its class" : "picture");
    char *path;
    TRY(source_join(s, s->path, packed_name(s->archive, picture), &path, err));
    s->files[s->count] = path;
    TRY(label_read(s, class, &labels[s->count], err));
    s->count++;
    return STRIA_OK;
}

static stria_status samples_add(store *s, const char **labels, stria_error *err) {
    int members = packed_count(s->archive);
    for (int begin = 0, end; begin < members; begin = end) {
        for (end = begin + 1; end < members; end++)
            if (!same_key(packed_name(s->archive, begin), packed_name(s->archive, end))) break;
        TRY(sample_add(s, begin, end, labels, err));
    }
    if (!s->count) FAIL(err, STRIA_BAD_FILE, "%s: there is no sample with a picture and a .cls in it", s->path);
    return STRIA_OK;
}

/* ---- names of classes ---- */

/* Names from classes.txt beside the shards, if it is there and the labels are numbers below their count. */
static stria_status names_read(store *s, stria_error *err) {
    const char *slash = strrchr(s->path, '/');
    uint8_t *bytes = NULL;
    size_t size;
    int count = 0;
    const char **names;
    char *path = arena_printf(&s->texts, "%.*sclasses.txt", slash ? (int)(slash - s->path + 1) : 0, s->path), *text;
    if (!path) FAIL(err, STRIA_NO_MEMORY, "not enough memory for class names");
    if (!file_exists(path)) return STRIA_OK;
    TRY(file_read(path, CLASSES_TEXT_MAX, &bytes, &size, err));
    text = arena_printf(&s->texts, "%.*s", (int)size, (const char *)bytes);
    mem_free(bytes);
    if (!text) FAIL(err, STRIA_NO_MEMORY, "not enough memory for class names");
    TRY(mem_new(&names, SOURCE_MAX_CLASSES, sizeof *names, "class names", err));
    for (char *line = text; *line && count < SOURCE_MAX_CLASSES;) { /* an empty line is a class without a name */
        size_t n = strcspn(line, "\n");
        char *next = line + n + (line[n] == '\n');
        line[n] = 0;
        if (n && line[n - 1] == '\r') line[n - 1] = 0;
        names[count++] = line;
        line = next;
    }
    while (count > s->classes && !*names[count - 1]) count--; /* but not at the end, without a sample */
    stria_status status = STRIA_OK;
    if (count < s->classes)
        status = error_set(err, STRIA_BAD_FILE, "%s names %d classes, but the shards have %d", path, count, s->classes);
    else status = source_name_classes(s, names, count, err);
    mem_free(names);
    return status;
}

static bool numbered(const store *s) {
    for (int i = 0; i < s->classes; i++) {
        int64_t n;
        if (!text_to_int(s->class_names[i], &n) || n != i) return false;
    }
    return true;
}

static stria_status samples_take(store *s, stria_error *err) {
    int members = packed_count(s->archive);
    const char **labels = NULL;
    stria_status status;
    TRY(mem_new(&s->files, (size_t)members + 1, sizeof *s->files, "a list of files", err));
    TRY(mem_new(&s->labels, (size_t)members + 1, sizeof *s->labels, "labels", err));
    TRY(mem_new(&labels, (size_t)members + 1, sizeof *labels, "labels", err));
    TRY_DONE(samples_add(s, labels, err));
    TRY_DONE(source_take_labels(s, labels, s->count, err));
    if (numbered(s)) status = names_read(s, err);
done:
    mem_free(labels);
    return status;
}

stria_status source_open_wds(const char *path, dataset_part part, store *s, stria_error *err) {
    const char **shards = NULL;
    int count = 0;
    pattern p;
    TRY(source_whole(path, part, s, err));
    TRY(pattern_read(path, &p, err));
    if (!s->archive) { /* a pattern of one shard is an archive already */
        stria_status status = shards_name(s, &p, &shards, &count, err);
        if (status == STRIA_OK) status = packed_read_all(&s->archive, shards, count, source_wds_wanted, NULL, err);
        mem_free(shards);
        TRY(status);
    } else shard_note(s, path);
    TRY(samples_take(s, err));
    source_look(s);
    return STRIA_OK;
}
