/* Every kind of data and what a loader makes of them, with each allocation failing in turn: folders in pieces and in
 * archives, lists, shards, arrays and callbacks; resizing, changes, mixed batches, several views, kept pictures;
 * writing of shards, mean pictures and class weights. */
#include "torture.h"

#include "data_support.h"

#include <stria/data.h>
#include <stria/model.h>

#include "data/loader.h"
#include "data/npy.h"
#include "data/pack.h"

enum { TRIES = 400, ITEMS = 12 };

typedef struct row {
    const char *spec; /* %s: the folder; or what opens it */
    const char *split, *augment, *resize, *crop;
    tta_kind tta;
    bool kept, fast;
} row;

/* ---- data in memory ---- */

static uint8_t pixels[ITEMS * 3 * 36];
static int64_t labels[ITEMS];
static const char *const names[] = {"cat", "dog"};

static stria_status arrays_open(dataset **out, stria_error *err) {
    const stria_array x = {
        .type = STRIA_UINT8, .rank = 4, .shape = {ITEMS, 3, 6, 6}, .data = pixels, .bytes = sizeof pixels};
    const stria_array y = {.type = STRIA_INT64, .rank = 1, .shape = {ITEMS}, .data = labels, .bytes = sizeof labels};
    return dataset_from_arrays(out, &x, &y, names, 2, err);
}

static int64_t label_of(int64_t index, void *context) {
    (void)context;
    return index % 2;
}

static stria_status picture_of(int64_t index, uint8_t *out, void *context, stria_error *err) {
    (void)context, (void)err;
    memset(out, (int)index, 3 * 36);
    return STRIA_OK;
}

static stria_status callbacks_open(dataset **out, stria_error *err) {
    const stria_dataset_callbacks c = {.size = sizeof c,
                                       .count = ITEMS,
                                       .channels = 3,
                                       .height = 6,
                                       .width = 6,
                                       .classes = 2,
                                       .class_names = names,
                                       .label = label_of,
                                       .read = picture_of};
    return dataset_from_callbacks(out, &c, err);
}

static stria_status open_row(const row *r, dataset **out, stria_error *err) {
    char spec[900];
    if (strcmp(r->spec, "arrays") == 0) return arrays_open(out, err);
    if (strcmp(r->spec, "callbacks") == 0) return callbacks_open(out, err);
    snprintf(spec, sizeof spec, r->spec, data_folder, data_folder);
    return dataset_open(out, spec, &(dataset_options){.split = r->split, .val = 0.25, .fast_decode = r->fast}, err);
}

/* ---- what is done with them ---- */

static stria_status load(const row *r, const dataset *d, stria_error *err) {
    static float x[4 * 3 * 64];
    int64_t y[4];
    augment changes;
    loader *l;
    preprocess p = preprocess_default();
    TRY(preprocess_set(&p, "resize", r->resize ? r->resize : "", err));
    TRY(preprocess_set(&p, "crop", r->crop ? r->crop : "", err));
    TRY(augment_parse(r->augment ? r->augment : "", &changes, err));
    loader_options o = {.batch = 2,
                        .shuffle = true,
                        .seed = 1,
                        .augment = r->augment ? &changes : NULL,
                        .tta = r->tta,
                        .keep_bytes = r->kept ? 1 << 20 : 0};
    TRY(loader_new(&l, d, &p, &o, err));
    stria_status status = STRIA_OK;
    for (int64_t epoch = 0; epoch < 2 && status == STRIA_OK; epoch++)
        for (int view = 0; view < tta_views(r->tta) && status == STRIA_OK; view++) {
            loader_view(l, view);
            status = loader_fill(l, NULL, epoch, 0, &(sample){.image = x, .label = y}, err);
        }
    loader_free(l);
    return status;
}

static stria_status use(void *what, stria_error *err) {
    const row *r = what;
    dataset *d;
    dataset_item item;
    TRY(open_row(r, &d, err));
    stria_status status = dataset_read(d, 0, 0, &item, err);
    if (status == STRIA_OK) dataset_item_release(&item);
    if (status == STRIA_OK) status = load(r, d, err);
    dataset_free(d);
    return status;
}

static stria_status pack(void *what, stria_error *err) {
    dataset *d;
    int64_t shards;
    char prefix[300];
    snprintf(prefix, sizeof prefix, "%s/p", data_folder);
    TRY(open_row(what, &d, err));
    stria_status status = dataset_pack(d, prefix, 5, NULL, NULL, &shards, err);
    dataset_free(d);
    return status;
}

static stria_status pair(void *what, stria_error *err) {
    char spec[900];
    dataset *train, *val;
    float *values = NULL;
    dataset *of = NULL;
    snprintf(spec, sizeof spec, ((const row *)what)->spec, data_folder, data_folder);
    TRY(dataset_open_pair(&train, &val, spec, &(dataset_options){.limit = 6}, err));
    stria_status status = dataset_of_values(&of, train, (const int[]){2, 1, 1}, &values, err);
    dataset_free(of);
    dataset_free(train);
    dataset_free(val);
    return status;
}

/* ---- files ---- */

static void pictures_put(const char *folder, int count) {
    char path[200], text[64];
    for (int class = 0; class < 2; class ++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[class]);
        put_folder(path);
        for (int i = 0; i < count; i++) {
            int side = 6 + i % 3;
            uint8_t file[300] = {0};
            int n = snprintf(text, sizeof text, "P6 %d %d 255\n", side, side);
            memcpy(file, text, (size_t)n);
            for (int k = 0; k < 3 * side * side; k++) file[n + k] = (uint8_t)(k * 7 + i);
            snprintf(path, sizeof path, "%s/%s/%02d.ppm", folder, names[class], i);
            put_file(path, file, (size_t)(n + 3 * side * side));
        }
    }
}

static void texts_put(void) {
    char list[2000] = "", csv[2000] = "path,label\n";
    for (int i = 0; i < 6; i++)
        for (int class = 0; class < 2; class ++) {
            snprintf(list + strlen(list), sizeof list - strlen(list), "f/%s/%02d.ppm %d\n", names[class], i, class);
            snprintf(csv + strlen(csv), sizeof csv - strlen(csv), "\"f/%s/%02d.ppm\",%d\n", names[class], i, class);
        }
    put_file("list.txt", list, strlen(list));
    put_file("list.csv", csv, strlen(csv));
}

static bool arrays_put(void) {
    static float values[ITEMS * 2 * 4];
    for (int i = 0; i < ITEMS * 8; i++) values[i] = (float)i / 100;
    npy_array x = {.type = STRIA_FLOAT32, .rank = 4, .shape = {ITEMS, 2, 2, 2}, .data = values};
    npy_array y = {.type = STRIA_INT64, .rank = 2, .shape = {ITEMS, 1}, .data = labels};
    return npy_write(in_folder("x.npy"), &x, NULL) == STRIA_OK && npy_write(in_folder("y.npy"), &y, NULL) == STRIA_OK;
}

static bool files_put(void) {
    char command[1200];
    for (int i = 0; i < ITEMS; i++) labels[i] = i % 2;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 31);
    put_folder("f");
    pictures_put("f", 6);
    put_file("f/cat/notes.txt", "x", 1);
    put_folder("s");
    put_folder("s/train");
    put_folder("s/valid");
    put_folder("s/test");
    put_folder("s/more");
    put_file("s/readme", "x", 1);
    pictures_put("s/train", 4);
    pictures_put("s/valid", 2);
    pictures_put("s/test", 2);
    texts_put();
    snprintf(command, sizeof command, "cd '%s' && tar czf f.tar.gz f && tar cf s.tar s", data_folder);
    return arrays_put() && system(command) == 0;
}

static row rows[] = {
    {"folder:%s/f", "train", "flip, crop pad 2, rotate 15, cutout 2", "6", "6", TTA_NONE, false, false},
    {"folder:%s/f", "val", "resized-crop, colour brightness 0.5 hue 0.1, elastic, blur", NULL, "6", TTA_NONE, true,
     true},
    {"folder:%s/f", "all", "randaugment, mixup 0.2, cutmix", "6x7", NULL, TTA_NONE, true, false},
    {"folder:%s/s", "train", "trivialaugment, perspective p 1, erase p 1", "8", "7", TTA_NONE, false, false},
    {"folder:%s/s", "val", "filter 0 1 0 1 -4 1 0 1 0, equalize p 1, sharpness p 1", "6x6", NULL, TTA_NONE, true,
     false},
    {"folder:%s/s", "test", NULL, "6", "6", TTA_TEN_CROP, false, false},
    {"folder:%s/s", NULL, NULL, "6", "6", TTA_FLIP, true, false},
#ifdef STRIA_HAVE_ARCHIVE
    {"folder:%s/f.tar.gz", "train", "flip", "6", "6", TTA_NONE, false, false},
    {"folder:%s/s.tar", "val", NULL, "6", "6", TTA_FLIP, false, false},
    {"wds:%s/p-{000000..000002}.tar", "train", NULL, "6", "6", TTA_NONE, true, false},
#endif
    {"list:%s/list.txt", "train", NULL, "6x6", NULL, TTA_NONE, false, false},
    {"csv:%s/list.csv", "val", NULL, "6x6", NULL, TTA_NONE, false, false},
    {"npy:%s/x.npy,%s/y.npy", "train", "flip, crop pad 1", NULL, NULL, TTA_NONE, false, false},
    {"npy:%s/x.npy,%s/y.npy", "val", NULL, "3x3", NULL, TTA_FLIP, false, false},
    {"arrays", NULL, "crop pad 2", NULL, NULL, TTA_NONE, false, false},
    {"callbacks", NULL, "mixup", "5x5", NULL, TTA_NONE, true, false},
};

static void each(row *r, torture_use *how, const char *name) {
    stria_error err = {0};
    char words[200];
    snprintf(words, sizeof words, "%s of %s, %s", name, r->spec, r->split ? r->split : "whole");
    torture_spares = r->kept || strstr(r->spec, ".tar"); /* pictures that are kept, files that are made to fit */
    mem_fail_at(0);
    stria_status status = how(r, &err);
    if (CHECK(status == STRIA_OK, "%s: %s", words, err.text)) torture_each(how, r, words, 1 + mem_count() / TRIES);
}

int main(void) {
    if (!CHECK(folder_setup(NULL) == 0 && files_put(), "no files")) return check_report();
    each(&rows[2], pack, "shards");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) each(&rows[i], use, "batches");
    each(&(row){.spec = "callbacks"}, pack, "shards");
    each(&rows[0], pair, "a pair");
    each(&(row){.spec = "npy:%s/x.npy,%s/y.npy"}, pair, "a pair");
    return folder_teardown(NULL) == 0 ? check_report() : 1;
}
