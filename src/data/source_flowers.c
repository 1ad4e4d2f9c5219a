/* Oxford's 17 category flower dataset (M.-E. Nilsback and A. Zisserman, CVPR 2006): image_0001.jpg … image_1360.jpg, 80
 * pictures of each class in this order. Of each class 40 train, 20 validate and 20 test, as in the authors' three
 * splits; which ones is drawn by seed. */
#include <stdio.h>

#include "base/random.h"
#include "data/source.h"

enum { CLASSES = 17, PER_CLASS = 80, TRAIN = 40, VAL = 20 };

static const char *const names[CLASSES] = {"daffodil",  "snowdrop", "lily valley", "bluebell",   "crocus", "iris",
                                           "tigerlily", "tulip",    "fritillary",  "sunflower",  "daisy",  "coltsfoot",
                                           "dandelion", "cowslip",  "buttercup",   "windflower", "pansy"};

/* The folder of the pictures: PATH, or jpg in it as the archive has it. */
static stria_status find_folder(const char *path, store *s, const char **folder, stria_error *err) {
    char *jpg;
    if (!source_holds(s, path)) FAIL(err, STRIA_NO_FILE, "there is no folder or archive '%s'", path);
    TRY(source_join(s, s->root, "jpg", &jpg, err));
    *folder = source_holds(s, jpg) ? jpg : s->root;
    return STRIA_OK;
}

static stria_status add_picture(store *s, const char *folder, int number, int label, stria_error *err) {
    char name[32], *path;
    snprintf(name, sizeof name, "image_%04d.jpg", number);
    TRY(source_join(s, folder, name, &path, err));
    if (!source_exists(s, path))
        FAIL(err, STRIA_NO_FILE, "%s is not there: flowers17 has image_0001.jpg to image_1360.jpg in one folder", path);
    TRY(source_add_file(s, path, name, false, err));
    s->files[s->count] = path;
    s->labels[s->count++] = label;
    return STRIA_OK;
}

/* Which of a class's pictures belong to the part, in the order of their numbers. */
static void members_draw(const store *s, int class, bool member[PER_CLASS]) {
    int64_t order[PER_CLASS];
    int first = s->part == PART_TRAIN ? 0 : s->part == PART_VAL ? TRAIN : s->part == PART_TEST ? TRAIN + VAL : 0;
    int end = s->part == PART_TRAIN ? TRAIN : s->part == PART_VAL ? TRAIN + VAL : PER_CLASS;
    random_permutation(order, PER_CLASS, s->seed, random_hash("flowers17") + (uint64_t) class);
    for (int i = 0; i < PER_CLASS; i++) member[order[i]] = i >= first && i < end;
}

stria_status source_open_flowers17(const char *path, dataset_part part, store *s, stria_error *err) {
    const char *folder;
    bool member[PER_CLASS];
    TRY(find_folder(path, s, &folder, err));
    s->part = part == PART_DEFAULT ? PART_TEST : part;
    s->sorted = true;
    TRY(source_name_classes(s, names, CLASSES, err));
    TRY(mem_new(&s->files, CLASSES * PER_CLASS, sizeof *s->files, "a list of files", err));
    TRY(mem_new(&s->labels, CLASSES * PER_CLASS, sizeof *s->labels, "labels", err));
    for (int class = 0; class < CLASSES; class ++) {
        members_draw(s, class, member);
        for (int i = 0; i < PER_CLASS; i++)
            if (member[i]) TRY(add_picture(s, folder, class * PER_CLASS + i + 1, class, err));
    }
    source_look(s);
    return STRIA_OK;
}
