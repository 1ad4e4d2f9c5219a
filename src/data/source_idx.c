/* MNIST and what is laid out like it: four IDX files in a folder. */
#include <string.h>

#include "base/file.h"
#include "data/idx.h"
#include "data/source.h"

static const char *const fashion_names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

/* Finds STEM-images-idx3-ubyte, with a dot for the last hyphen as some unpackers write it, plain or .gz. */
static stria_status find_file(store *s, const char *folder, const char *stem, char **path, const char **name,
                              stria_error *err) {
    for (int form = 0; form < 4; form++) {
        char *candidate = arena_printf(&s->texts, "%s%s", stem, form & 1 ? "" : ".gz");
        if (!candidate) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name of %s", stem);
        if (form & 2) *strstr(candidate, "-idx") = '.';
        TRY(source_join(s, folder, candidate, path, err));
        *name = candidate;
        if (source_exists(s, *path)) return STRIA_OK;
    }
    *path = NULL;
    return STRIA_OK;
}

static stria_status check_labels(const idx_array *labels, const char *path, int64_t images, int classes,
                                 stria_error *err) {
    if (labels->shape[0] != images) {
        FAIL(err, STRIA_BAD_FILE, "%s: %lld label%s for %lld image%s", path, (long long)labels->shape[0],
             text_s(labels->shape[0]), (long long)images, text_s(images));
    }
    for (int64_t i = 0; i < images; i++) {
        if (labels->data[i] >= classes) {
            FAIL(err, STRIA_BAD_FILE, "%s: item %lld has label %d, but there are %d class%s (0 to %d)", path,
                 (long long)i, labels->data[i], classes, text_es(classes), classes - 1);
        }
    }
    return STRIA_OK;
}

static stria_status array_read(const store *s, const char *path, int rank, idx_array *out, stria_error *err) {
    const uint8_t *bytes;
    uint8_t *owned;
    size_t size;
    TRY(source_read(s, path, &bytes, &size, &owned, err));
    stria_status status = idx_parse(bytes, size, rank, out, err);
    if (status != STRIA_OK) error_prefix(err, "%s: ", path);
    mem_free(owned);
    return status;
}

static stria_status read_images(store *s, const char *path, stria_error *err) {
    idx_array images = {0};
    TRY(array_read(s, path, 3, &images, err));
    s->count = images.shape[0];
    s->channels = 1;
    s->height = (int)images.shape[1];
    s->width = (int)images.shape[2];
    s->bytes = images.data;
    return STRIA_OK;
}

static stria_status read_labels(store *s, const char *path, int classes, stria_error *err) {
    idx_array labels = {0};
    TRY(array_read(s, path, 1, &labels, err));
    stria_status status = check_labels(&labels, path, s->count, classes, err);
    if (status == STRIA_OK) status = mem_new(&s->labels, (size_t)s->count, sizeof *s->labels, "labels", err);
    for (int64_t i = 0; status == STRIA_OK && i < s->count; i++) s->labels[i] = labels.data[i];
    idx_release(&labels);
    return status;
}

static stria_status open_four(const char *folder, dataset_part part, store *s, const char *const *names,
                              const char *advice, stria_error *err) {
    bool test = part == PART_TEST || part == PART_DEFAULT;
    char *images, *labels;
    const char *image_file, *label_file;
    if (part == PART_ALL) FAIL(err, STRIA_BAD_ARGUMENT, "%s is in two pieces: take split train, val or test", folder);
    if (!source_holds(s, folder)) FAIL(err, STRIA_NO_FILE, "there is no folder %s: %s", folder, advice);
    folder = s->root;
    TRY(find_file(s, folder, test ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte", &images, &image_file, err));
    TRY(find_file(s, folder, test ? "t10k-labels-idx1-ubyte" : "train-labels-idx1-ubyte", &labels, &label_file, err));
    if (!images || !labels) {
        FAIL(err, STRIA_NO_FILE, "folder %s has no %s-%s-ubyte.gz: %s", folder, test ? "t10k" : "train",
             images ? "labels-idx1" : "images-idx3", advice);
    }
    s->part = test ? PART_TEST : PART_TRAIN;
    TRY(source_add_file(s, images, image_file, true, err));
    TRY(source_add_file(s, labels, label_file, true, err));
    TRY(source_name_classes(s, names, 10, err));
    TRY(read_images(s, images, err));
    return read_labels(s, labels, s->classes, err);
}

stria_status source_open_mnist(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_four(path, part, s, NULL,
                     "put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "
                     "t10k-labels-idx1-ubyte.gz into one folder and give it as mnist:FOLDER",
                     err);
}

stria_status source_open_fashion_mnist(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_four(path, part, s, fashion_names,
                     "install it with 'apt-get install dataset-fashion-mnist' (Debian, Ubuntu), or put its four "
                     "IDX files into one folder and give it as fashion-mnist:FOLDER",
                     err);
}
