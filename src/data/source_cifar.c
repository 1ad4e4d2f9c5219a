/* CIFAR-10, the binary version (A. Krizhevsky's page): records of a label and 3,072 bytes, red, green, blue planes of
 * 32x32. */
#include <string.h>

#include "base/file.h"
#include "data/source.h"

#define PIXELS 3072
#define RECORD (PIXELS + 1)

static const char *const names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                    "dog",      "frog",       "horse", "ship", "truck"};

static stria_status take_records(store *s, const char *path, const uint8_t *records, int64_t n, stria_error *err) {
    size_t total = (size_t)(s->count + n);
    uint8_t *pixels = mem_realloc(s->bytes, total, PIXELS);
    if (pixels) s->bytes = pixels;
    int32_t *labels = mem_realloc(s->labels, total, sizeof *labels);
    if (labels) s->labels = labels;
    if (!pixels || !labels) FAIL(err, STRIA_NO_MEMORY, "not enough memory for %zu pictures", total);
    for (int64_t i = 0; i < n; i++, records += RECORD) {
        if (*records > 9) {
            FAIL(err, STRIA_BAD_FILE, "%s: record %lld has label %d, but there are 10 classes (0 to 9)", path,
                 (long long)i, *records);
        }
        labels[s->count + i] = *records;
        memcpy(pixels + (s->count + i) * PIXELS, records + 1, PIXELS);
    }
    s->count += n;
    return STRIA_OK;
}

static stria_status read_batch(store *s, const char *folder, const char *name, stria_error *err) {
    char *path;
    uint8_t *records = NULL;
    size_t size = 0;
    TRY(source_join(s, folder, name, &path, err));
    if (!file_exists(path)) {
        FAIL(err, STRIA_NO_FILE,
             "folder %s has no %s: unpack cifar-10-binary.tar.gz and give its folder as cifar10:FOLDER", folder, name);
    }
    TRY(source_add_file(s, path, name, true, err));
    TRY(file_read(path, 0, &records, &size, err));
    stria_status status;
    if (size == 0 || size % RECORD) {
        status =
            error_set(err, STRIA_BAD_FILE, "%s: %zu bytes are no whole number of records of %d", path, size, RECORD);
    } else status = take_records(s, path, records, (int64_t)(size / RECORD), err);
    mem_free(records);
    return status;
}

/* The folder itself, or the one that the archive makes inside it. */
static stria_status find_folder(const char *path, store *s, char **folder, stria_error *err) {
    if (!file_exists(path))
        FAIL(err, STRIA_NO_FILE, "there is no folder %s: unpack cifar-10-binary.tar.gz there", path);
    if (!file_is_folder(path)) {
        FAIL(err, STRIA_UNSUPPORTED, "%s is not a folder: unpack the archive (tar xf) and give its folder", path);
    }
    TRY(source_join(s, path, "cifar-10-batches-bin", folder, err));
    if (!file_is_folder(*folder)) *folder = arena_strdup(&s->texts, path);
    if (!*folder) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name of %s", path);
    return STRIA_OK;
}

stria_status source_open_cifar10(const char *path, dataset_part part, store *s, stria_error *err) {
    bool test = part == PART_TEST || part == PART_DEFAULT;
    char *folder;
    if (part == PART_ALL) FAIL(err, STRIA_BAD_ARGUMENT, "%s is in two pieces: take split train, val or test", path);
    TRY(find_folder(path, s, &folder, err));
    s->part = test ? PART_TEST : PART_TRAIN;
    s->channels = 3;
    s->height = s->width = 32;
    TRY(source_name_classes(s, names, 10, err));
    if (test) return read_batch(s, folder, "test_batch.bin", err);
    for (char name[] = "data_batch_1.bin"; name[11] <= '5'; name[11]++) TRY(read_batch(s, folder, name, err));
    return STRIA_OK;
}
