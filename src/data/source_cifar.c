/* CIFAR-10 and CIFAR-100, the binary versions (A. Krizhevsky's page): records of the label, or of the superclass and
 * the class, and 3,072 bytes, red, green, blue planes of 32x32. */
#include <string.h>

#include "base/file.h"
#include "data/source.h"

#define PIXELS 3072

/* How one of the two is laid out. */
typedef struct cifar {
    const char *archive, *folder; /* what is downloaded, and what it makes */
    const char *train[6], *test;  /* files; NULL-terminated */
    const char *const *names;
    int classes, labels; /* bytes before the pixels; the last is the class */
} cifar;

static const char *const names_10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                       "dog",      "frog",       "horse", "ship", "truck"};
/* clang-format off */
static const char *const names_100[] = {
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"};
/* clang-format on */

static const cifar cifar10 = {
    "cifar-10-binary.tar.gz",
    "cifar-10-batches-bin",
    {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", NULL},
    "test_batch.bin",
    names_10,
    10,
    1};
static const cifar cifar100 = {
    "cifar-100-binary.tar.gz", "cifar-100-binary", {"train.bin", NULL}, "test.bin", names_100, 100, 2};

static stria_status take_records(store *s, const cifar *c, const char *path, const uint8_t *records, int64_t n,
                                 stria_error *err) {
    size_t total = (size_t)(s->count + n);
    uint8_t *pixels = mem_realloc(s->bytes, total, PIXELS);
    if (pixels) s->bytes = pixels;
    int32_t *labels = mem_realloc(s->labels, total, sizeof *labels);
    if (labels) s->labels = labels;
    if (!pixels || !labels) FAIL(err, STRIA_NO_MEMORY, "not enough memory for %zu pictures", total);
    for (int64_t i = 0; i < n; i++, records += PIXELS + c->labels) {
        int label = records[c->labels - 1];
        if (label >= c->classes)
            FAIL(err, STRIA_BAD_FILE, "%s: record %lld has label %d, but there are %d classes (0 to %d)", path,
                 (long long)i, label, c->classes, c->classes - 1);
        labels[s->count + i] = label;
        memcpy(pixels + (s->count + i) * PIXELS, records + c->labels, PIXELS);
    }
    s->count += n;
    return STRIA_OK;
}

static stria_status read_batch(store *s, const cifar *c, const char *folder, const char *name, stria_error *err) {
    char *path;
    const uint8_t *records = NULL;
    uint8_t *owned = NULL;
    size_t size = 0, record = (size_t)(PIXELS + c->labels);
    TRY(source_join(s, folder, name, &path, err));
    if (!source_exists(s, path))
        FAIL(err, STRIA_NO_FILE, "folder %s has no %s: unpack %s and give its folder as cifar%d:FOLDER", folder, name,
             c->archive, c->classes);
    TRY(source_add_file(s, path, name, true, err));
    TRY(source_read(s, path, &records, &size, &owned, err));
    stria_status status;
    if (size == 0 || size % record) {
        status = error_set(err, STRIA_BAD_FILE, "%s: %zu bytes are not a multiple of the record size %zu", path, size,
                           record);
    } else status = take_records(s, c, path, records, (int64_t)(size / record), err);
    mem_free(owned);
    return status;
}

/* The folder itself, or the one that the archive makes inside it. */
static stria_status find_folder(const char *path, const cifar *c, store *s, const char **folder, stria_error *err) {
    char *inner;
    if (!file_exists(path))
        FAIL(err, STRIA_NO_FILE, "there is no folder or archive %s: %s is its usual name", path, c->archive);
    if (!source_holds(s, path))
        FAIL(err, STRIA_UNSUPPORTED, "%s is neither a folder nor an archive that is read (tar.gz, tar.xz, zip, …)",
             path);
    TRY(source_join(s, s->root, c->folder, &inner, err));
    *folder = source_holds(s, inner) ? inner : s->root;
    return STRIA_OK;
}

static stria_status open_cifar(const char *path, const cifar *c, dataset_part part, store *s, stria_error *err) {
    bool test = part == PART_TEST || part == PART_DEFAULT;
    const char *folder;
    if (part == PART_ALL) FAIL(err, STRIA_BAD_ARGUMENT, "%s is in two pieces: take split train, val or test", path);
    TRY(find_folder(path, c, s, &folder, err));
    s->part = test ? PART_TEST : PART_TRAIN;
    s->channels = 3;
    s->height = s->width = 32;
    TRY(source_name_classes(s, c->names, c->classes, err));
    if (test) return read_batch(s, c, folder, c->test, err);
    for (int i = 0; c->train[i]; i++) TRY(read_batch(s, c, folder, c->train[i], err));
    return STRIA_OK;
}

stria_status source_open_cifar10(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_cifar(path, &cifar10, part, s, err);
}

stria_status source_open_cifar100(const char *path, dataset_part part, store *s, stria_error *err) {
    return open_cifar(path, &cifar100, part, s, err);
}
