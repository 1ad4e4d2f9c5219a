/* Own pictures: DIR/class/picture.jpg, or DIR/train/class/…, DIR/val/…, DIR/test/…. Classes are numbered by sorted
 * name, over all the parts, so that a class that is missing in one of them shifts nothing. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* What is passed over, for the note. */
typedef struct left_out {
    int count;
    const char *first; /* arena */
} left_out;

static stria_status leave_out(store *s, left_out *left, const char *folder, const char *name, stria_error *err) {
    left->count++;
    if (left->first) return STRIA_OK;
    left->first = arena_printf(&s->texts, "%s/%s", folder, name);
    if (!left->first) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name %s", name);
    return STRIA_OK;
}

/* What list_folder is asked for. */
typedef struct listing {
    store *s;
    const char *path;
    bool folders;
    name_list *list;
    left_out *left; /* NULL: nothing is noted */
} listing;

static stria_status list_name(const char *name, bool folder, void *context, stria_error *err) {
    const listing *l = context;
    bool picture = !folder && image_name(name);
    if (*name == '.') return STRIA_OK;
    if (l->folders ? folder : picture) return list_add(l->s, l->list, name, err);
    return l->left && (picture || !l->folders) ? leave_out(l->s, l->left, l->path, name, err) : STRIA_OK;
}

/* Adds the folders in `path`, or the files that are named like pictures. The rest is left out, hidden things without a
 * word: beside folders, only pictures are worth one. */
static stria_status list_folder(store *s, const char *path, bool folders, name_list *list, left_out *left,
                                stria_error *err) {
    listing l = {s, path, folders, list, left};
    TRY(source_list(s, path, list_name, &l, err));
    if (list->count) qsort(list->names, (size_t)list->count, sizeof *list->names, by_name);
    return STRIA_OK;
}

static void drop_repeats(name_list *list) {
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        if (kept == 0 || strcmp(list->names[i], list->names[kept - 1]) != 0) list->names[kept++] = list->names[i];
    }
    list->count = kept;
}

/* Appends the pictures of one class; `below` is the class folder's name under the dataset's path. */
static stria_status add_class(store *s, const char *below, int32_t label, int *files_capacity, int *labels_capacity,
                              left_out *left, stria_error *err) {
    name_list list = {0};
    char *folder, *path, *name;
    stria_status status;
    TRY(source_join(s, s->root, below, &folder, err));
    TRY_DONE(list_folder(s, folder, false, &list, left, err));
    if (!list.count) {
        TRY_DONE(error_set(err, STRIA_BAD_FILE, "folder %s holds no pictures (.jpg .png .webp .tif .bmp .pgm .ppm)",
                           folder));
    }
    int total = (int)s->count + list.count;
    TRY_DONE(mem_reserve(&s->files, files_capacity, total, sizeof *s->files, "a list of files", err));
    TRY_DONE(mem_reserve(&s->labels, labels_capacity, total, sizeof *s->labels, "labels", err));
    for (int i = 0; i < list.count; i++) {
        TRY_DONE(source_join(s, below, list.names[i], &name, err));
        TRY_DONE(source_join(s, s->root, name, &path, err));
        TRY_DONE(source_add_file(s, path, name, false, err)); /* a damaged picture may be replaced by a good one */
        s->files[s->count] = path;
        s->labels[s->count++] = label;
    }
done:
    mem_free(list.names);
    return status;
}

/* ---- parts ---- */

enum { PARTS = 3 };

static const char *const part_names[PARTS] = {"train", "val", "test"};

/* Folders that are parts rather than classes, as people name them. */
static int part_of(const char *name) {
    static const struct {
        const char *name;
        int part;
    } rows[] = {{"train", 0},      {"training", 0}, {"val", 1},    {"valid", 1},
                {"validation", 1}, {"test", 2},     {"testing", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(name, rows[i].name) == 0) return rows[i].part;
    return -1;
}

/* How a folder is laid out. */
typedef struct layout {
    name_list folders;         /* in it */
    const char *parts[PARTS];  /* the folder of each; NULL: there is none */
    bool divided;              /* into parts; else the folders are classes */
    left_out pictures, others; /* pictures beside class folders and other files in them; folders that are not parts */
} layout;

/* A part holds folders, a class holds pictures; a folder may hold both or nothing. */
static stria_status look_inside(store *s, const char *name, bool *part, bool *unsure, stria_error *err) {
    name_list inside = {0};
    left_out pictures = {0};
    char *path;
    TRY(source_join(s, s->root, name, &path, err));
    stria_status status = list_folder(s, path, true, &inside, &pictures, err);
    *part = inside.count && !pictures.count;
    *unsure = (inside.count > 0) == (pictures.count > 0);
    mem_free(inside.names);
    return status;
}

static stria_status add_part(const store *s, layout *l, const char *name, stria_error *err) {
    int part = part_of(name);
    if (l->parts[part])
        FAIL(err, STRIA_BAD_FILE, "%s has both '%s' and '%s': which of them is the %s part?", s->path, l->parts[part],
             name, part_names[part]);
    l->parts[part] = name;
    l->divided = true;
    return STRIA_OK;
}

/* Sure parts first. A folder that may be either counts as a part beside a sure one, or where all folders are named like
 * parts. */
static stria_status find_parts(store *s, layout *l, stria_error *err) {
    bool all_named = true;
    TRY(list_folder(s, s->root, true, &l->folders, NULL, err));
    for (int i = 0; i < l->folders.count; i++) all_named = all_named && part_of(l->folders.names[i]) >= 0;
    for (int round = 0; round < 2; round++) {
        bool divided = l->divided || all_named;
        for (int i = 0; i < l->folders.count; i++) {
            const char *name = l->folders.names[i];
            bool part = false, unsure = false;
            if (part_of(name) >= 0) TRY(look_inside(s, name, &part, &unsure, err));
            if (round ? unsure && divided : part) TRY(add_part(s, l, name, err));
        }
    }
    return STRIA_OK;
}

/* Class names of the folder, or of all of its parts. */
static stria_status list_classes(store *s, layout *l, name_list *classes, stria_error *err) {
    if (!l->divided) return list_folder(s, s->root, true, classes, &l->pictures, err);
    for (int i = 0; i < PARTS; i++) {
        char *folder;
        if (!l->parts[i]) continue;
        TRY(source_join(s, s->root, l->parts[i], &folder, err));
        TRY(list_folder(s, folder, true, classes, &l->pictures, err));
    }
    if (classes->count) qsort(classes->names, (size_t)classes->count, sizeof *classes->names, by_name);
    drop_repeats(classes);
    for (int i = 0; i < l->folders.count; i++) {
        const char *name = l->folders.names[i];
        bool part = false;
        for (int k = 0; k < PARTS; k++) part = part || l->parts[k] == name;
        if (!part) TRY(leave_out(s, &l->others, s->root, name, err));
    }
    return STRIA_OK;
}

static stria_status add_classes(store *s, const char *part, const name_list *classes, left_out *left,
                                stria_error *err) {
    int files_capacity = 0, labels_capacity = 0;
    for (int i = 0; i < classes->count; i++) {
        char *below = arena_printf(&s->texts, "%s%s%s", part, *part ? "/" : "", classes->names[i]);
        if (!below) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the name %s", classes->names[i]);
        char *folder;
        TRY(source_join(s, s->root, below, &folder, err));
        if (*part && !source_holds(s, folder)) continue;
        TRY(add_class(s, below, i, &files_capacity, &labels_capacity, left, err));
    }
    if (!s->count) FAIL(err, STRIA_BAD_FILE, "folder %s/%s holds no pictures", s->path, part);
    source_look(s);
    return STRIA_OK;
}

/* Which part's folder to open; a val part that is missing is cut from train later. */
static stria_status choose_part(store *s, const layout *l, dataset_part part, const char **name, stria_error *err) {
    if (!l->divided) return source_whole(s->path, part, s, err);
    if (part == PART_ALL) FAIL(err, STRIA_BAD_ARGUMENT, "%s is in pieces: take split train, val or test", s->path);
    if (part == PART_DEFAULT) part = l->parts[2] ? PART_TEST : PART_VAL;
    if (part == PART_VAL && !l->parts[1]) part = PART_TRAIN;
    s->part = part;
    s->sorted = true;
    *name = l->parts[part - PART_TRAIN];
    if (!*name) FAIL(err, STRIA_BAD_ARGUMENT, "%s has no %s folder", s->path, part_names[part - PART_TRAIN]);
    return STRIA_OK;
}

/* The sentences of what was passed over. */
static void note_write(store *s, const layout *l, const left_out *files) {
    const char *between = s->note.length ? "; " : "";
    if (files->count) {
        text_printf(&s->note, "%s%d file%s left out whose %s not of a picture (.jpg .png .webp .tif .bmp .ppm): %s%s",
                    between, files->count, files->count == 1 ? " is" : "s are",
                    files->count == 1 ? "name is" : "names are", files->first, files->count == 1 ? "" : ", …");
        between = "; ";
    }
    if (l->pictures.count) {
        text_printf(&s->note, "%s%d picture%s left out that %s in no class's folder: %s%s", between, l->pictures.count,
                    l->pictures.count == 1 ? " is" : "s are", l->pictures.count == 1 ? "lies" : "lie",
                    l->pictures.first, l->pictures.count == 1 ? "" : ", …");
        between = "; ";
    }
    if (l->others.count)
        text_printf(&s->note, "%s%d folder%s left out that %s not train, val or test: %s%s", between, l->others.count,
                    l->others.count == 1 ? " is" : "s are", l->others.count == 1 ? "is" : "are", l->others.first,
                    l->others.count == 1 ? "" : ", …");
}

static stria_status open_layout(store *s, layout *l, dataset_part part, name_list *classes, stria_error *err) {
    const char *below = "";
    left_out files = {0};
    TRY(find_parts(s, l, err));
    TRY(choose_part(s, l, part, &below, err));
    TRY(list_classes(s, l, classes, err));
    if (!classes->count)
        FAIL(err, STRIA_BAD_FILE, "folder %s has no folders inside: put each class's pictures into one", s->path);
    if (classes->count > SOURCE_MAX_CLASSES) FAIL(err, STRIA_BAD_FILE, "%s has %d classes", s->path, classes->count);
    TRY(source_name_classes(s, classes->names, classes->count, err));
    TRY(add_classes(s, below, classes, &files, err));
    note_write(s, l, &files);
    return text_check(&s->note, err);
}

stria_status source_open_folder(const char *path, dataset_part part, store *s, stria_error *err) {
    name_list classes = {0};
    layout l = {0};
    if (!source_holds(s, path) && file_exists(path))
        FAIL(err, STRIA_BAD_ARGUMENT,
             "'%s' is a file; a folder with a folder of pictures per class is expected, or an archive of one", path);
    if (!source_holds(s, path)) FAIL(err, STRIA_NO_FILE, "there is no folder '%s'", path);
    stria_status status = open_layout(s, &l, part, &classes, err);
    mem_free(l.folders.names);
    mem_free(classes.names);
    return status;
}
