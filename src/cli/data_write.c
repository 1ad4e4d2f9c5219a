/* stria data pack, split, augment: write a dataset to new files. */
#include "cli/data.h"
#include "cli/json.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4352, PARTS = 3 };

static const char *const part_names[PARTS] = {"train", "val", "test"};

static int no_output(const options *given, const char *like) {
    if (option_given(given, "output")) return EXIT_DONE;
    term_say("data %s: --output is missing; add --output %s", given->operands[0], like);
    return EXIT_USAGE;
}

/* ---- pack ---- */

static int pack_told(const options *given, int64_t images, int64_t shards) {
    char a[64], b[64];
    const char *prefix = option_text(given, "output");
    if (option_given(given, "json"))
        return json_finish(json_pack("{s:I,s:I,s:o}", "images", (json_int_t)images, "shards", (json_int_t)shards,
                                     "prefix", json_text(prefix)));
    printf("%s in %s: wds:%s-", show_many(images, "image", a), show_many(shards, "shard", b), show_name(prefix));
    if (shards > 1) printf("{000000..%06lld}.tar\n", (long long)shards - 1);
    else printf("000000.tar\n");
    return EXIT_DONE;
}

int data_pack(const options *given) {
    stria_dataset *data = NULL;
    stria_error error = {0};
    char label[] = "packing";
    int64_t shards = 0;
    int code = no_output(given, "shards/train");
    if (code != EXIT_DONE) return code;
    stria_status status = source_data(given, given->operands[1], source_split(given), 0, &data, &error);
    if (status == STRIA_OK)
        status = stria_dataset_pack(data, option_text(given, "output"), option_integer(given, "shard"), term_progress,
                                    label, &shards, &error);
    code = status == STRIA_OK ? pack_told(given, stria_dataset_count(data), shards) : term_fail(&error);
    stria_dataset_free(data);
    return code;
}

/* ---- folders of classes ---- */

/* Names that can be folders, sorted: a class's folder is none of another's. */
typedef struct folder_names {
    const char **plain;
    int count;
} folder_names;

enum { FOLDER_ROOM = 320, FOLDER_MOST = 255 }; /* bytes; NAME_MAX of usual file systems */

static bool plain_name(const char *name) {
    return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= FOLDER_MOST;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **name_find(const folder_names *f, const char *name) {
    return f->count ? bsearch(&name, f->plain, (size_t)f->count, sizeof *f->plain, by_name) : NULL;
}

static stria_status folder_names_of(const stria_dataset *data, folder_names *f, stria_error *error) {
    int classes = stria_dataset_classes(data);
    *f = (folder_names){.plain = calloc((size_t)classes + 1, sizeof *f->plain)};
    if (!f->plain) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for %d class names", classes);
    for (int i = 0; i < classes; i++) {
        const char *name = stria_dataset_class_name(data, i);
        if (plain_name(name)) f->plain[f->count++] = name;
    }
    if (f->count) qsort(f->plain, (size_t)f->count, sizeof *f->plain, by_name);
    return STRIA_OK;
}

/* The class's name; "NAME (NUMBER)" where several have it, and NUMBER if the name cannot be a folder. Where that is a
 * class's name already, "_" follows. The number keeps those apart that are made. */
static void folder_name(const folder_names *f, const stria_dataset *data, int label, char folder[FOLDER_ROOM]) {
    const char *name = stria_dataset_class_name(data, label), **is = plain_name(name) ? name_find(f, name) : NULL;
    bool several = is && ((is > f->plain && strcmp(is[-1], name) == 0) ||
                          (is + 1 < f->plain + f->count && strcmp(is[1], name) == 0));
    if (is && !several) {
        snprintf(folder, FOLDER_ROOM, "%s", name);
        return;
    }
    if (several && strlen(name) <= FOLDER_MOST - 32) snprintf(folder, FOLDER_ROOM, "%s (%d)", name, label);
    else snprintf(folder, FOLDER_ROOM, "%d", label);
    for (size_t n = strlen(folder); name_find(f, folder) && n + 1 < FOLDER_ROOM; n++) memcpy(folder + n, "_", 2);
}

/* "OUT/PART/CLASS" made. */
static stria_status class_folder(const char *out, const char *part, const folder_names *f, const stria_dataset *data,
                                 int label, char path[PATH_ROOM], stria_error *error) {
    char folder[FOLDER_ROOM];
    folder_name(f, data, label, folder);
    int n = snprintf(path, PATH_ROOM, "%s%s%s/%s", out, *part ? "/" : "", part, folder);
    if (n < 0 || n >= PATH_ROOM - 300) return source_refuse(error, STRIA_BAD_ARGUMENT, "the names are too long");
    return source_make_folder(path, error);
}

/* Written as a PNG: PATH/NNNNNN.png, or PATH/NNNNNN-K.png of several. */
static stria_status picture_put(const stria_dataset *data, int64_t i, const stria_view_options *o, const char *path,
                                int64_t copies, stria_error *error) {
    char file[PATH_ROOM + 64];
    stria_array a;
    stria_status status = stria_dataset_view(data, i, o, &a, error);
    if (status != STRIA_OK) return status;
    if (copies > 1) snprintf(file, sizeof file, "%s/%06lld-%lld.png", path, (long long)i, (long long)o->epoch + 1);
    else snprintf(file, sizeof file, "%s/%06lld.png", path, (long long)i);
    status = stria_picture_write(file, &a, error);
    stria_array_release(&a);
    return status;
}

/* A folder is of one class. */
static stria_status one_class_each(const stria_dataset *data, stria_error *error) {
    if (!stria_dataset_shares(data, 0)) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_ARGUMENT,
                         "the labels are shares of classes: folders have one class for each picture");
}

/* Every picture of the data, `copies` times, below OUT/PART. */
static stria_status pictures_put(const stria_dataset *data, const char *out, const char *part, stria_view_options *o,
                                 int64_t copies, stria_error *error) {
    char path[PATH_ROOM], label[] = "writing";
    int64_t count = stria_dataset_count(data);
    folder_names folders;
    stria_status status = folder_names_of(data, &folders, error);
    for (int64_t i = 0; i < count && status == STRIA_OK; i++) {
        int64_t class = 0;
        status = stria_dataset_read(data, i, NULL, 0, &class, error);
        if (status == STRIA_OK) status = class_folder(out, part, &folders, data, (int)class, path, error);
        for (o->epoch = 0; o->epoch < copies && status == STRIA_OK; o->epoch++)
            status = picture_put(data, i, o, path, copies, error);
        if (status == STRIA_OK && !term_progress(i + 1, count, label))
            status = source_refuse(error, STRIA_INTERRUPTED, "stopped after %lld of %lld pictures", (long long)i + 1,
                                   (long long)count);
    }
    free(folders.plain);
    return status;
}

static stria_status fresh_folder(const char *out, stria_error *error) {
    if (access(out, F_OK) == 0)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "'%s' is there already: give a folder that is not", out);
    return source_make_folder(out, error);
}

int data_augment(const options *given) {
    stria_dataset *data = NULL;
    stria_error error = {0};
    stria_view_options o = stria_view_options_default();
    const char *out = option_text(given, "output");
    int code = no_output(given, "FOLDER");
    if (code != EXIT_DONE) return code;
    if (!option_given(given, "augment")) {
        term_say("data augment: --augment is missing; 'stria data steps' lists the steps");
        return EXIT_USAGE;
    }
    int64_t copies = option_given(given, "count") ? option_integer(given, "count") : 1;
    o.augment = option_text(given, "augment");
    o.seed = (uint64_t)option_integer(given, "seed");
    if (option_given(given, "size")) o.height = o.width = option_integer(given, "size");
    stria_status status = source_data(given, given->operands[1], source_split(given), 0, &data, &error);
    if (status == STRIA_OK) status = one_class_each(data, &error);
    if (status == STRIA_OK) status = fresh_folder(out, &error);
    if (status == STRIA_OK) status = pictures_put(data, out, "", &o, copies, &error);
    int64_t images = status == STRIA_OK ? copies * stria_dataset_count(data) : 0;
    stria_dataset_free(data);
    if (status != STRIA_OK) return term_fail(&error);
    if (option_given(given, "json"))
        return json_finish(json_pack("{s:I,s:o}", "images", (json_int_t)images, "folder", json_text(out)));
    char many[64];
    printf("%s in folder:%s\n", show_many(images, "image", many), show_name(out));
    return EXIT_DONE;
}

/* ---- split ---- */

/* The parts that a training would take: only a validation part that is cut from the training images is held out of
 * them. A missing test part stays NULL and is not an error. */
static stria_status parts_open(const options *given, stria_dataset *parts[PARTS], stria_error *error) {
    stria_dataset_options chosen;
    stria_status status = source_division(given, &chosen, NULL, error);
    if (status == STRIA_OK) status = stria_dataset_open_pair(&parts[0], &parts[1], given->operands[1], &chosen, error);
    if (status != STRIA_OK) return status;
    chosen.split = STRIA_SPLIT_TEST;
    status = stria_dataset_open(&parts[2], given->operands[1], &chosen, error);
    return status == STRIA_BAD_ARGUMENT || status == STRIA_NO_FILE ? STRIA_OK : status;
}

int data_split(const options *given) {
    stria_error error = {0};
    stria_dataset *parts[PARTS] = {NULL};
    int64_t images[PARTS] = {0};
    stria_view_options as_it_is = stria_view_options_default();
    int code = no_output(given, "FOLDER");
    if (code != EXIT_DONE) return code;
    const char *folder = option_text(given, "output");
    stria_status status = parts_open(given, parts, &error);
    if (status == STRIA_OK) status = one_class_each(parts[0], &error);
    if (status == STRIA_OK) status = fresh_folder(folder, &error);
    for (int part = 0; part < PARTS && status == STRIA_OK; part++) {
        if (parts[part]) status = pictures_put(parts[part], folder, part_names[part], &as_it_is, 1, &error);
        images[part] = parts[part] && status == STRIA_OK ? stria_dataset_count(parts[part]) : 0;
    }
    for (int part = 0; part < PARTS; part++) stria_dataset_free(parts[part]);
    if (status != STRIA_OK) return term_fail(&error);
    if (option_given(given, "json"))
        return json_finish(json_pack("{s:I,s:I,s:I}", "train", (json_int_t)images[0], "val", (json_int_t)images[1],
                                     "test", (json_int_t)images[2]));
    for (int part = 0; part < PARTS; part++)
        if (images[part]) printf("%-6s %lld\n", part_names[part], (long long)images[part]);
    return EXIT_DONE;
}
