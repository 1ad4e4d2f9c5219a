/* Own pictures: DIR/class/picture.jpg, or DIR/train/class/…, DIR/val/…, DIR/test/…. Classes are numbered by sorted
 * name, over all the parts, so that a class that is missing in one of them shifts nothing. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/source.h"

typedef struct name_list {
    const char **names; /* heap; the names in the store's arena */
    int count, capacity;
} name_list;

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static stria_status list_add(store *s, name_list *list, const char *name, stria_error *err) {
    TRY(mem_reserve(&list->names, &list->capacity, list->count + 1, sizeof *list->names, "a list of files", err));
    list->names[list->count] = arena_strdup(&s->texts, name);
    if (!list->names[list->count]) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name %s", name);
    list->count++;
    return STRIA_OK;
}

/* On the stack: that memory ran out must not look like "no such folder". */
static bool is_folder_in(const char *path, const char *name) {
    char joined[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", path, name);
    return n > 0 && (size_t)n < sizeof joined && file_is_folder(joined);
}

/* Adds the folders in `path`, or the files that are named like pictures; hidden ones are passed over. */
static stria_status list_folder(store *s, const char *path, bool folders, name_list *list, stria_error *err) {
    DIR *dir = opendir(path);
    if (!dir) FAIL(err, STRIA_NO_FILE, "folder %s: %s", path, strerror(errno));
    stria_status status = STRIA_OK;
    for (struct dirent *e; status == STRIA_OK && (e = readdir(dir));) {
        if (e->d_name[0] == '.' || is_folder_in(path, e->d_name) != folders) continue;
        if (folders || image_name(e->d_name)) status = list_add(s, list, e->d_name, err);
    }
    closedir(dir);
    if (status == STRIA_OK && list->count) qsort(list->names, (size_t)list->count, sizeof *list->names, by_name);
    return status;
}

static void drop_repeats(name_list *list) {
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        if (kept == 0 || strcmp(list->names[i], list->names[kept - 1]) != 0) list->names[kept++] = list->names[i];
    }
    list->count = kept;
}

/* Appends the pictures of one class; `below` is the class folder's name under the data set's path. */
static stria_status add_class(store *s, const char *below, int32_t label, int *files_capacity, int *labels_capacity,
                              stria_error *err) {
    name_list list = {0};
    char *folder, *path, *name;
    stria_status status;
    TRY(source_join(s, s->path, below, &folder, err));
    TRY_DONE(list_folder(s, folder, false, &list, err));
    if (!list.count) {
        TRY_DONE(error_set(err, STRIA_BAD_FILE, "folder %s holds no pictures (.png .jpg .bmp .pgm .ppm)", folder));
    }
    int total = (int)s->count + list.count;
    TRY_DONE(mem_reserve(&s->files, files_capacity, total, sizeof *s->files, "a list of files", err));
    TRY_DONE(mem_reserve(&s->labels, labels_capacity, total, sizeof *s->labels, "labels", err));
    for (int i = 0; i < list.count; i++) {
        TRY_DONE(source_join(s, below, list.names[i], &name, err));
        TRY_DONE(source_join(s, s->path, name, &path, err));
        TRY_DONE(source_add_file(s, path, name, err));
        s->files[s->count] = path;
        s->labels[s->count++] = label;
    }
done:
    mem_free(list.names);
    return status;
}

/* 3 if any picture is in colour, whatever their order. Whoever reads an unreadable one says which. */
static void find_channels(store *s) {
    bool grey = false;
    s->channels = 3;
    for (int64_t i = 0; i < s->count; i++) {
        int channels = image_channels(s->files[i]);
        if (channels == 3) return;
        grey = grey || channels == 1;
    }
    if (grey) s->channels = 1;
}

static const char *const parts[] = {"train", "val", "test"};

/* Class names of the folder, or of all of its parts. */
static stria_status list_classes(store *s, bool divided, name_list *classes, stria_error *err) {
    if (!divided) return list_folder(s, s->path, true, classes, err);
    for (int i = 0; i < 3; i++) {
        char *folder;
        if (!is_folder_in(s->path, parts[i])) continue;
        TRY(source_join(s, s->path, parts[i], &folder, err));
        TRY(list_folder(s, folder, true, classes, err));
    }
    drop_repeats(classes);
    return STRIA_OK;
}

static stria_status add_classes(store *s, const char *part, const name_list *classes, stria_error *err) {
    int files_capacity = 0, labels_capacity = 0;
    for (int i = 0; i < classes->count; i++) {
        char *below = arena_printf(&s->texts, "%s%s%s", part, *part ? "/" : "", classes->names[i]);
        if (!below) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name %s", classes->names[i]);
        if (*part && !is_folder_in(s->path, below)) continue;
        TRY(add_class(s, below, i, &files_capacity, &labels_capacity, err));
    }
    if (!s->count) FAIL(err, STRIA_BAD_FILE, "folder %s/%s holds no pictures", s->path, part);
    find_channels(s);
    return STRIA_OK;
}

/* Which part's folder to open; a val part that is missing is cut from train later. */
static stria_status choose_part(store *s, dataset_part part, const char **name, stria_error *err) {
    if (part == PART_ALL) FAIL(err, STRIA_BAD_ARGUMENT, "%s is in pieces: take split train, val or test", s->path);
    if (part == PART_DEFAULT) part = is_folder_in(s->path, "test") ? PART_TEST : PART_VAL;
    if (part == PART_VAL && !is_folder_in(s->path, "val")) part = PART_TRAIN;
    *name = parts[part - PART_TRAIN];
    s->part = part;
    s->sorted = true;
    if (!is_folder_in(s->path, *name)) FAIL(err, STRIA_BAD_ARGUMENT, "%s has no %s folder", s->path, *name);
    return STRIA_OK;
}

stria_status source_open_folder(const char *path, dataset_part part, store *s, stria_error *err) {
    const char *below = "";
    name_list classes = {0};
    stria_status status;
    if (!file_is_folder(path)) FAIL(err, STRIA_NO_FILE, "there is no folder %s", path);
    bool divided = is_folder_in(path, "train");
    TRY(divided ? choose_part(s, part, &below, err) : source_whole(path, part, s, err));
    TRY_DONE(list_classes(s, divided, &classes, err));
    if (!classes.count) {
        TRY_DONE(error_set(err, STRIA_BAD_FILE, "folder %s has no folders inside: put each class's pictures into one",
                           path));
    }
    if (classes.count > SOURCE_MAX_CLASSES)
        TRY_DONE(error_set(err, STRIA_BAD_FILE, "%s has %d classes", path, classes.count));
    TRY_DONE(source_name_classes(s, classes.names, classes.count, err));
    status = add_classes(s, below, &classes, err);
done:
    mem_free(classes.names);
    return status;
}
