#include "data/dataset_inside.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "base/spec.h"
#include "data/catalog.h"
#include "data/packed.h"

#define VAL_SHARE        (1.0 / 12) /* of train: 5,000 of MNIST's 60,000 */
#define VAL_SHARE_FOLDER 0.2

static bool wants_pictures(const char *name, void *context) {
    return image_name(name);
}

static const struct kind_row {
    dataset_kind kind;
    source_opener *open;
    double val;                                      /* share of train that is lent as val */
    bool (*wanted)(const char *name, void *context); /* of an archive; NULL: all of it */
} kinds[] = {
    {{"mnist", "[PATH]", "handwritten digits, 60,000 and 10,000 of 28x28, in IDX files"},
     source_open_mnist,
     VAL_SHARE,
     NULL},
    {{"fashion-mnist", "[PATH]", "clothes, 60,000 and 10,000 of 28x28, in IDX files (Debian: dataset-fashion-mnist)"},
     source_open_fashion_mnist,
     VAL_SHARE,
     NULL},
    {{"cifar10", "[PATH]", "objects, 50,000 and 10,000 of 3x32x32, the binary version"},
     source_open_cifar10,
     VAL_SHARE,
     NULL},
    {{"cifar100", "[PATH]", "objects of 100 classes, 50,000 and 10,000 of 3x32x32, the binary version"},
     source_open_cifar100,
     VAL_SHARE,
     NULL},
    {{"flowers17", "[PATH]", "Oxford's 17 flowers, 1,360 photos: 40, 20 and 20 of each class, drawn by seed"},
     source_open_flowers17,
     VAL_SHARE_FOLDER,
     wants_pictures},
    {{"folder", "PATH", "own pictures: one folder per class, or train, val and test above them; or an archive of them"},
     source_open_folder,
     VAL_SHARE_FOLDER,
     wants_pictures},
    {{"csv", "FILE", "own pictures: a text of lines path,label, or with a share for each class"},
     source_open_csv,
     VAL_SHARE_FOLDER,
     NULL},
    {{"list", "FILE", "own pictures: a text of lines path label, or path, whose folder is then the class"},
     source_open_list,
     VAL_SHARE_FOLDER,
     NULL},
    {{"wds", "PATTERN.tar", "own pictures: WebDataset shards, as shards-{000..099}.tar, with KEY.jpg and KEY.cls"},
     source_open_wds,
     VAL_SHARE_FOLDER,
     source_wds_wanted},
    {{"npy", "X.npy,Y.npy", "own arrays: x [N,C,H,W], [N,H,W] or [N,features], y integers [N] or shares [N,classes]"},
     source_open_npy,
     VAL_SHARE,
     NULL},
    {{"npy-nhwc", "X.npy,Y.npy", "the same with channels last: x [N,H,W,C]"}, source_open_npy_nhwc, VAL_SHARE, NULL},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

int dataset_kinds(void) {
    return KINDS;
}

const dataset_kind *dataset_kind_at(int i) {
    return &kinds[i].kind;
}

/* ---- store ---- */

static void store_release(store *s) {
    if (!s || --s->references > 0) return;
    if (s->done) s->done(s->context);
    mem_free(s->labels);
    mem_free(s->shares);
    mem_free(s->bytes);
    mem_free(s->values);
    mem_free(s->files);
    packed_free(s->archive);
    text_release(&s->note);
    arena_release(&s->texts);
    mem_free(s);
}

static const struct kind_row *kind_named(const char *name) {
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].kind.name, name) == 0) return &kinds[i];
    return NULL;
}

/* A path alone: a folder that holds a known dataset, which `found` is then the path of; else a list by its suffix, or a
 * folder of pictures or an archive of one. Flowers-17 is told by its name only: to others its pictures are just
 * pictures. */
static const struct kind_row *kind_of_path(const char *path, char found[PATH_MAX]) {
    static const char *const suffixes[][2] = {{".csv", "csv"}, {".txt", "list"}};
    size_t length = strlen(path);
    const catalog_entry *e;
    bool folder = file_is_folder(path);
    for (int i = 0; folder && (e = catalog_at(i)); i++) {
        const struct kind_row *row = kind_named(e->name);
        if (row && !row->wanted && catalog_in(e, path, found, PATH_MAX)) return row;
    }
    for (size_t i = 0; !folder && i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t n = strlen(suffixes[i][0]);
        if (length > n && strcmp(path + length - n, suffixes[i][0]) == 0) return kind_named(suffixes[i][1]);
    }
    return kind_named("folder");
}

/* NAME[:PATH], where what follows the name is a path, not pairs; or a path alone. A name alone is looked for on the
 * machine, and a folder may hold the archive; `found` is room for its path. */
static stria_status find_kind(const char *text, const struct kind_row **row, const char **path, char found[PATH_MAX],
                              stria_error *err) {
    spec s = spec_open("", text);
    int i;
    stria_status status = spec_choose(&s, "dataset", s.name, SPEC_ROWS(kinds), &i, err);
    *found = 0;
    if (status != STRIA_OK && file_exists(text)) {
        *row = kind_of_path(text, found);
        *path = *found && *row != kind_named("folder") ? found : text;
        return STRIA_OK;
    }
    TRY(status);
    const dataset_kind *kind = &kinds[i].kind;
    const catalog_entry *e = catalog_named(kind->name);
    *path = text[s.name.length] ? text + s.name.length + 1 : "";
    *row = &kinds[i];
    if (**path && e && file_is_folder(*path) && catalog_in(e, *path, found, PATH_MAX)) *path = found;
    if (**path) return STRIA_OK;
    if (!e) FAIL(err, STRIA_BAD_ARGUMENT, "dataset '%s' needs a path: %s:%s", kind->name, kind->name, kind->path);
    *path = found;
    return catalog_find(e, found, PATH_MAX, err);
}

static stria_status store_new(store **out, stria_error *err) {
    TRY(mem_new(out, 1, sizeof **out, "a dataset", err));
    (*out)->references = 1;
    (*out)->checksum = random_hash("");
    return STRIA_OK;
}

static stria_status store_open(store **out, const char *spec, dataset_part part, const dataset_options *o,
                               stria_error *err) {
    const struct kind_row *row = NULL;
    const char *path;
    char found[PATH_MAX];
    store *s = NULL;
    stria_status status;
    TRY(find_kind(spec, &row, &path, found, err));
    TRY(store_new(&s, err));
    s->how = (image_reading){.max_pixels = o->max_pixels, .no_exif = o->no_exif};
    s->fast_decode = o->fast_decode;
    s->pipes = o->pipes;
    s->seed = o->seed;
    s->val = o->val > 0 ? o->val : row->val;
    s->path = arena_strdup(&s->texts, path);
    if (!s->path) status = error_set(err, STRIA_NO_MEMORY, "not enough memory to open %s", spec);
    else status = source_enter(s, row->wanted, err);
    if (status == STRIA_OK) status = row->open(path, part, s, err);
    if (status == STRIA_OK) *out = s;
    else store_release(s);
    return status;
}

/* ---- choosing items ---- */

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* An item's place in an order in which every class is spread evenly: (its random rank in its class + ½) / size. */
typedef struct spread {
    double place;
    int64_t item;
} spread;

static int by_place(const void *a, const void *b) {
    const spread *x = a, *y = b;
    return x->place != y->place ? (x->place > y->place) - (x->place < y->place) : by_value(&x->item, &y->item);
}

/* A random order of the items, by seed, of which every stretch holds the classes in their proportions, as far as whole
 * items can. rank and size are scratch, one per class, zeros. */
static void order_spread(const store *s, int64_t *order, spread *places, int64_t *rank, int64_t *size) {
    random_permutation(order, s->count, s->seed, random_hash("dataset/choice"));
    for (int64_t i = 0; i < s->count; i++) size[s->labels[i]]++;
    for (int64_t i = 0; i < s->count; i++) {
        int64_t label = s->labels[order[i]];
        places[i] = (spread){((double)rank[label]++ + 0.5) / (double)size[label], order[i]};
    }
    qsort(places, (size_t)s->count, sizeof *places, by_place);
    for (int64_t i = 0; i < s->count; i++) order[i] = places[i].item;
}

/* Items begin…end−1 of that order, in the store's order. */
static stria_status choose(dataset *d, int64_t begin, int64_t end, stria_error *err) {
    const store *s = d->store;
    int64_t *order = NULL, *counts = NULL;
    spread *places = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&order, (size_t)s->count, sizeof *order, "a choice of items", err));
    TRY_DONE(mem_new(&places, (size_t)s->count, sizeof *places, "a choice of items", err));
    TRY_DONE(mem_new(&counts, 2 * (size_t)s->classes, sizeof *counts, "a choice of items", err));
    order_spread(s, order, places, counts, counts + s->classes);
    memmove(order, order + begin, (size_t)(end - begin) * sizeof *order);
    qsort(order, (size_t)(end - begin), sizeof *order, by_value);
    d->order = order;
    order = NULL;
done:
    mem_free(order);
    mem_free(places);
    mem_free(counts);
    return status;
}

/* A dataset of items begin…end−1 (of the store, or of its random order), at most `limit` of them. Takes over a
 * reference. */
static stria_status cut(dataset **out, store *s, int64_t begin, int64_t end, int64_t limit, stria_error *err) {
    dataset *d = NULL;
    if (limit && limit < end - begin) end = begin + limit;
    TRY(mem_new(&d, 1, sizeof *d, "a dataset", err));
    d->store = s;
    d->first = begin;
    d->count = end - begin;
    stria_status status = s->sorted && d->count < s->count ? choose(d, begin, end, err) : STRIA_OK;
    if (status == STRIA_OK) *out = d;
    else mem_free(d);
    return status;
}

/* Rounded down but for what a product of fractions loses: 680 of 0.2 are 136. */
static stria_status val_size(const store *s, int64_t *n, stria_error *err) {
    *n = (int64_t)((double)s->count * s->val + 1e-6);
    if (*n && *n < s->count) return STRIA_OK;
    FAIL(err, STRIA_BAD_FILE, "%s: %" PRId64 " picture%s are too few to hold out %.4g %% of them for validation",
         s->path, s->count, text_s(s->count), 100 * s->val);
}

static stria_status cut_part(dataset **out, store *s, dataset_part part, const dataset_options *o, stria_error *err) {
    bool lends = s->part == PART_TRAIN || s->part == PART_ALL;
    bool cut_val = part == PART_VAL && lends, held = part == PART_TRAIN && lends && o->hold_out;
    int64_t val = 0;
    if (cut_val || held) TRY(val_size(s, &val, err));
    TRY(cut(out, s, cut_val ? s->count - val : 0, held ? s->count - val : s->count, o->limit, err));
    (*out)->lent = cut_val;
    return STRIA_OK;
}

static stria_status parse_split(const char *split, dataset_part *part, stria_error *err) {
    static const struct {
        const char *name;
        dataset_part part;
    } rows[] = {{"train", PART_TRAIN},    {"val", PART_VAL},   {"valid", PART_VAL},
                {"validation", PART_VAL}, {"test", PART_TEST}, {"all", PART_ALL}};
    *part = PART_DEFAULT;
    if (!split) return STRIA_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(split, rows[i].name) == 0) return *part = rows[i].part, STRIA_OK;
    }
    FAIL(err, STRIA_BAD_ARGUMENT, "no split is called '%s': there are train, val, test and all", split);
}

stria_status dataset_open(dataset **out, const char *spec, const dataset_options *options, stria_error *err) {
    dataset_options o = options ? *options : (dataset_options){0};
    dataset_part part;
    store *s = NULL;
    TRY(parse_split(o.split, &part, err));
    if (o.limit < 0) FAIL(err, STRIA_BAD_ARGUMENT, "a limit of %" PRId64 " items", o.limit);
    if (o.seed > INT64_MAX) FAIL(err, STRIA_BAD_ARGUMENT, "the seed of the split is above %" PRId64, INT64_MAX);
    if (!(o.val >= 0 && o.val < 1))
        FAIL(err, STRIA_BAD_ARGUMENT, "%g is not a share of the pictures to validate with: it is between 0 and 1",
             o.val);
    TRY(store_open(&s, spec, part, &o, err));
    stria_status status = cut_part(out, s, part, &o, err);
    if (status != STRIA_OK) store_release(s);
    return status;
}

stria_status dataset_open_pair(dataset **train, dataset **val, const char *spec, const dataset_options *options,
                               stria_error *err) {
    dataset_options o = options ? *options : (dataset_options){0};
    o.split = "val";
    o.hold_out = true;
    dataset *v = NULL, *t = NULL;
    TRY(dataset_open(&v, spec, &o, err));
    stria_status status;
    if (v->store->part == PART_VAL) {
        o.split = "train";
        o.hold_out = false;
        status = dataset_open(&t, spec, &o, err);
    } else {
        v->store->references++;
        status = cut_part(&t, v->store, PART_TRAIN, &o, err);
        if (status != STRIA_OK) v->store->references--;
    }
    if (status != STRIA_OK) {
        dataset_free(v);
        return status;
    }
    *train = t;
    *val = v;
    return STRIA_OK;
}

/* All of a store, or nothing but its release. */
static stria_status whole(dataset **out, store *s, stria_status status, stria_error *err) {
    if (status == STRIA_OK) status = cut(out, s, 0, s->count, 0, err);
    if (status == STRIA_OK) return STRIA_OK;
    s->done = NULL; /* the caller keeps what the callbacks work on */
    store_release(s);
    return status;
}

stria_status dataset_from_arrays(dataset **out, const struct stria_array *images, const struct stria_array *labels,
                                 const char *const *class_names, int classes, stria_error *err) {
    store *s;
    TRY(store_new(&s, err));
    return whole(out, s, source_take_memory(s, images, labels, class_names, classes, err), err);
}

stria_status dataset_from_callbacks(dataset **out, const struct stria_dataset_callbacks *c, stria_error *err) {
    store *s;
    TRY(store_new(&s, err));
    return whole(out, s, source_take_callbacks(s, c, err), err);
}

void dataset_free(dataset *d) {
    if (!d) return;
    store_release(d->store);
    mem_free(d->order);
    mem_free(d);
}

/* ---- values that were computed of a dataset's items ---- */

static stria_status values_take(store *s, const dataset *of, const int shape[3], float **values, stria_error *err) {
    size_t each = (size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2];
    s->path = "";
    s->part = PART_ALL;
    s->count = of->count;
    s->channels = shape[0], s->height = shape[1], s->width = shape[2];
    TRY(source_name_classes(s, of->store->class_names, of->store->classes, err));
    TRY(mem_new(&s->labels, (size_t)s->count + 1, sizeof *s->labels, "labels", err));
    for (int64_t i = 0; i < s->count; i++) s->labels[i] = (int32_t)dataset_label(of, i);
    if (of->count && dataset_shares(of, 0)) {
        size_t classes = (size_t)s->classes;
        TRY(mem_new(&s->shares, (size_t)s->count, classes * sizeof *s->shares, "labels", err));
        for (int64_t i = 0; i < s->count; i++)
            memcpy(s->shares + (size_t)i * classes, dataset_shares(of, i), classes * sizeof *s->shares);
    }
    TRY(mem_new(&s->values, (size_t)s->count * each + 1, sizeof *s->values, "features", err));
    *values = s->values;
    return STRIA_OK;
}

stria_status dataset_of_values(dataset **out, const dataset *of, const int shape[3], float **values, stria_error *err) {
    store *s;
    TRY(store_new(&s, err));
    return whole(out, s, values_take(s, of, shape, values, err), err);
}
