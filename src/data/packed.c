#include "data/packed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

typedef struct entry {
    const char *name; /* arena */
    uint8_t *bytes;
    size_t size;
    int place; /* in the archive */
} entry;

struct packed_files {
    arena texts;
    entry *entries;
    int count, capacity;
    uint64_t bytes, most; /* unpacked, and how many there may be */
    int passed_over;
    const char *first_passed;
    const char *folder; /* what names begin with: of several archives what tells their paths apart; NULL: nothing */
};

bool packed_is(const char *path) {
    static const struct {
        size_t at, length;
        const char *magic;
    } rows[] = {{0, 2, "\x1f\x8b"},
                {0, 6,
                 "\xfd"
                 "7zXZ\0"},
                {0, 3, "BZh"},
                {0, 4, "\x28\xb5\x2f\xfd"},
                {0, 4, "PK\3\4"},
                {257, 5, "ustar"}};
    uint8_t begin[512];
    size_t size = file_begin(path, begin, sizeof begin);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (size >= rows[i].at + rows[i].length && memcmp(begin + rows[i].at, rows[i].magic, rows[i].length) == 0)
            return true;
    return false;
}

void packed_free(packed_files *a) {
    if (!a) return;
    for (int i = 0; i < a->count; i++) mem_free(a->entries[i].bytes);
    mem_free(a->entries);
    arena_release(&a->texts);
    mem_free(a);
}

int packed_count(const packed_files *a) {
    return a->count;
}

const char *packed_name(const packed_files *a, int i) {
    return a->entries[i].name;
}

const uint8_t *packed_bytes(const packed_files *a, int i, size_t *size) {
    *size = a->entries[i].size;
    return a->entries[i].bytes;
}

int packed_find(const packed_files *a, const char *name) {
    for (int low = 0, high = a->count; low < high;) {
        int middle = low + (high - low) / 2, order = strcmp(name, a->entries[middle].name);
        if (order == 0) return middle;
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return -1;
}

int packed_passed_over(const packed_files *a, const char **first) {
    *first = a->first_passed;
    return a->passed_over;
}

#ifdef STRIA_HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

#include "base/library.h"

#define ARCHIVE_SYMBOLS(X)                                                                                             \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_hardlink)                                                                                          \
    X(archive_entry_pathname)                                                                                          \
    X(archive_entry_pathname_utf8)                                                                                     \
    X(archive_error_string)                                                                                            \
    X(archive_format)                                                                                                  \
    X(archive_read_data)                                                                                               \
    X(archive_read_free)                                                                                               \
    X(archive_read_new)                                                                                                \
    X(archive_read_next_header)                                                                                        \
    X(archive_read_open_filename)                                                                                      \
    X(archive_read_support_filter_bzip2)                                                                               \
    X(archive_read_support_filter_gzip)                                                                                \
    X(archive_read_support_filter_xz)                                                                                  \
    X(archive_read_support_filter_zstd)                                                                                \
    X(archive_read_support_format_gnutar)                                                                              \
    X(archive_read_support_format_raw) X(archive_read_support_format_tar) X(archive_read_support_format_zip)
LIBRARY(libarchive, STRIA_ARCHIVE_FILE, ARCHIVE_SYMBOLS)

#define FREE_BYTES     ((uint64_t)64 << 20)
#define BYTES_PER_BYTE 2000 /* bzip2 and xz shrink what repeats further than gzip's 1,032 times */
#define FILES_MAX      (1 << 26)

/* Of one name, the last of the archive first. */
static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (y->place > x->place) - (y->place < x->place);
}

/* "./a/b" is "a/b"; NULL for names that lead out, and those without an end. */
static const char *name_inside(const char *name) {
    while (strncmp(name, "./", 2) == 0) name += 2;
    if (!*name || *name == '/') return NULL;
    for (const char *part = name; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t n = strcspn(part, "/");
        if (n == 2 && part[0] == '.' && part[1] == '.') return NULL;
    }
    return name;
}

static stria_status pass_over(packed_files *a, const char *name, stria_error *err) {
    if (a->passed_over++) return STRIA_OK;
    a->first_passed = arena_strdup(&a->texts, name);
    if (!a->first_passed) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name %s", name);
    return STRIA_OK;
}

/* Whatever size the header says, memory grows with what comes. */
static stria_status contents_read(packed_files *a, struct archive *from, const char *name, entry *e, stria_error *err) {
    size_t room = 0;
    for (;;) {
        if (e->size == room) {
            room = room ? 2 * room : 65536;
            uint8_t *more = mem_realloc(e->bytes, room, 1);
            if (!more) FAIL(err, STRIA_NO_MEMORY, "not enough memory for %s of %zu bytes", name, room);
            e->bytes = more;
        }
        la_ssize_t n = libarchive.archive_read_data(from, e->bytes + e->size, room - e->size);
        if (n < 0) FAIL(err, STRIA_BAD_FILE, "damaged at '%s': %s", name, libarchive.archive_error_string(from));
        if (n == 0) break;
        e->size += (size_t)n;
        a->bytes += (uint64_t)n;
        if (a->bytes > a->most)
            FAIL(err, STRIA_UNSUPPORTED, "it holds more than %llu bytes, which is too much to read in place: unpack it",
                 (unsigned long long)a->most);
    }
    uint8_t *fitting = mem_realloc(e->bytes, e->size ? e->size : 1, 1);
    if (fitting) e->bytes = fitting;
    return STRIA_OK;
}

static stria_status entry_add(packed_files *a, struct archive *from, const char *name, bool wanted, stria_error *err) {
    TRY(mem_reserve(&a->entries, &a->capacity, a->count + 1, sizeof *a->entries, "an archive", err));
    entry *e = &a->entries[a->count];
    *e = (entry){.place = a->count};
    e->name = a->folder ? arena_printf(&a->texts, "%s/%s", a->folder, name) : arena_strdup(&a->texts, name);
    if (!e->name) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name %s", name);
    a->count++;
    return wanted ? contents_read(a, from, name, e, err) : STRIA_OK;
}

/* What a compressed file without an archive holds is called as the file, less its last ending. */
static const char *name_of(packed_files *a, struct archive *from, struct archive_entry *header, const char *path) {
    const char *name = libarchive.archive_entry_pathname_utf8(header), *base = strrchr(path, '/');
    if (!name) name = libarchive.archive_entry_pathname(header); /* not UTF-8: as the bytes are */
    if (libarchive.archive_format(from) != ARCHIVE_FORMAT_RAW) return name ? name : "";
    base = base ? base + 1 : path;
    const char *dot = strrchr(base, '.');
    return arena_printf(&a->texts, "%.*s", dot && dot > base ? (int)(dot - base) : (int)strlen(base), base);
}

static stria_status entries_read(packed_files *a, struct archive *from, const char *path, packed_wanted *wanted,
                                 void *context, stria_error *err) {
    struct archive_entry *header;
    for (int seen = 0;; seen++) {
        int code = libarchive.archive_read_next_header(from, &header);
        if (code == ARCHIVE_EOF) return STRIA_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            FAIL(err, STRIA_BAD_FILE, "not an archive that is read, or a damaged one: %s",
                 libarchive.archive_error_string(from));
        if (seen == FILES_MAX) FAIL(err, STRIA_UNSUPPORTED, "more than %d files: unpack it", FILES_MAX);
        const char *name = name_of(a, from, header, path);
        if (!name) FAIL(err, STRIA_NO_MEMORY, "not enough memory to read an archive");
        bool raw = libarchive.archive_format(from) == ARCHIVE_FORMAT_RAW,
             folder = libarchive.archive_entry_filetype(header) == AE_IFDIR;
        const char *inside = name_inside(name);
        bool regular = raw || (libarchive.archive_entry_filetype(header) == AE_IFREG &&
                               !libarchive.archive_entry_hardlink(header));
        if (folder) continue;
        if (!inside || !regular) TRY(pass_over(a, name, err));
        else TRY(entry_add(a, from, inside, !wanted || wanted(inside, context), err));
    }
}

static stria_status reading_open(struct archive **out, const char *path, stria_error *err) {
    TRY(libarchive_load(err));
    struct archive *from = libarchive.archive_read_new();
    if (!from) FAIL(err, STRIA_NO_MEMORY, "not enough memory to read an archive");
    libarchive.archive_read_support_filter_gzip(from);
    libarchive.archive_read_support_filter_xz(from);
    libarchive.archive_read_support_filter_bzip2(from);
    libarchive.archive_read_support_filter_zstd(from);
    libarchive.archive_read_support_format_tar(from);
    libarchive.archive_read_support_format_gnutar(from);
    libarchive.archive_read_support_format_zip(from);
    libarchive.archive_read_support_format_raw(from);
    if (libarchive.archive_read_open_filename(from, path, 1 << 16) == ARCHIVE_OK) {
        *out = from;
        return STRIA_OK;
    }
    stria_status status = error_set(err, STRIA_BAD_FILE, "%s: %s", path, libarchive.archive_error_string(from));
    libarchive.archive_read_free(from);
    return status;
}

/* Unpacked bytes that may be there after this archive. */
static uint64_t most_bytes(const packed_files *a, const char *path) {
    uint64_t file = file_bytes(path), ratio = a->bytes + FREE_BYTES + BYTES_PER_BYTE * file;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t half = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : UINT64_MAX;
    return ratio < half ? ratio : half;
}

/* Ordered by name; of two of one name, the one that comes last in the archive, as unpacking would leave it. */
static void order(packed_files *a) {
    int kept = 0;
    if (a->count) qsort(a->entries, (size_t)a->count, sizeof *a->entries, by_name);
    for (int i = 0; i < a->count; i++) {
        if (kept && strcmp(a->entries[kept - 1].name, a->entries[i].name) == 0) mem_free(a->entries[i].bytes);
        else a->entries[kept++] = a->entries[i];
    }
    a->count = kept;
}

static stria_status archive_add(packed_files *a, const char *path, packed_wanted *wanted, void *context,
                                stria_error *err) {
    struct archive *from = NULL;
    a->most = most_bytes(a, path);
    TRY(reading_open(&from, path, err));
    stria_status status = entries_read(a, from, path, wanted, context, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    libarchive.archive_read_free(from);
    return status;
}

/* Where the paths begin to differ, from the last slash before that: the rest of each is its own. */
static size_t shared_folders(const char *const *paths, int count) {
    size_t same = strlen(paths[0]);
    for (int i = 1; i < count; i++) {
        size_t n = 0;
        while (n < same && paths[i][n] == paths[0][n]) n++;
        same = n;
    }
    while (same && paths[0][same - 1] != '/') same--;
    return same;
}

static stria_status all_read(packed_files **out, const char *const *paths, int count, bool folders,
                             packed_wanted *wanted, void *context, stria_error *err) {
    packed_files *a = NULL;
    stria_status status = STRIA_OK;
    size_t shared = folders ? shared_folders(paths, count) : 0;
    TRY(mem_new(&a, 1, sizeof *a, "an archive", err));
    for (int i = 0; i < count && status == STRIA_OK; i++) {
        if (folders) a->folder = paths[i] + shared;
        status = archive_add(a, paths[i], wanted, context, err);
    }
    order(a);
    if (status == STRIA_OK) *out = a;
    else packed_free(a);
    return status;
}

stria_status packed_read(packed_files **out, const char *path, packed_wanted *wanted, void *context, stria_error *err) {
    return all_read(out, &path, 1, false, wanted, context, err);
}

stria_status packed_read_all(packed_files **out, const char *const *paths, int count, packed_wanted *wanted,
                             void *context, stria_error *err) {
    return all_read(out, paths, count, true, wanted, context, err);
}

#else

stria_status packed_read(packed_files **out, const char *path, packed_wanted *wanted, void *context, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "%s: this build has no libarchive, so it reads no archives: unpack it", path);
}

stria_status packed_read_all(packed_files **out, const char *const *paths, int count, packed_wanted *wanted,
                             void *context, stria_error *err) {
    return packed_read(out, count ? paths[0] : "", wanted, context, err);
}

#endif
