#include "report/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last folder and the file of a path: the class's folder belongs to the name. */
static char *name_of_file(const char *file) {
    const char *slash = strrchr(file, '/'), *folder = slash;
    while (folder && folder > file && folder[-1] != '/') folder--;
    return strdup(folder ? folder : file);
}

static char *name_of_index(const char *data, int64_t index) {
    size_t bytes = strlen(data) + 24;
    char *name = malloc(bytes);
    if (name) snprintf(name, bytes, "%s/%lld", data, (long long)index);
    return name;
}

static void image_read(sheet *s, const stria_dataset *train, int64_t index, const stria_view_options *view,
                       const char *name) {
    judge_image *i = &s->image[s->count];
    stria_array picture = {0};
    int64_t label = 0;
    stria_status status = stria_dataset_view(train, index, view, &picture, NULL);
    s->lost |= status == STRIA_NO_MEMORY;
    if (status != STRIA_OK) return;
    if (stria_dataset_read(train, index, NULL, 0, &label, NULL) == STRIA_OK) {
        const char *file = stria_dataset_file(train, index);
        *i = (judge_image){.index = index, .label = (int)label};
        i->name = file ? name_of_file(file) : name_of_index(name, index);
        judge_thumbnail(i, picture.data, (int)picture.shape[0], picture.shape[1], picture.shape[2]);
        s->class_name[s->count] = strdup(stria_dataset_class_name(train, (int)label));
        if (i->name && i->pixels && s->class_name[s->count]) s->count++;
        else {
            s->lost = true;
            judge_image_release(i);
            free(s->class_name[s->count]);
        }
    }
    stria_array_release(&picture);
}

void sheet_read(sheet *s, const stria_model *model, const stria_dataset *train, const char *name, const char *augment,
                uint64_t seed) {
    const stria_port *port = stria_model_input(model, 0);
    stria_view_options view = stria_view_options_default();
    int64_t all = stria_dataset_count(train), wanted = all < SHEET_SHOWN ? all : SHEET_SHOWN;
    sheet_release(s);
    if (port->rank == 4 && (port->shape[1] == 1 || port->shape[1] == 3) && port->shape[2] > 0 && port->shape[3] > 0) {
        view.channels = port->shape[1];
        view.height = port->shape[2];
        view.width = port->shape[3];
    }
    view.augment = augment && *augment ? augment : NULL;
    view.seed = seed;
    s->augment = strdup(augment ? augment : "");
    s->lost = !s->augment;
    for (int64_t i = 0; i < wanted; i++) image_read(s, train, i * all / wanted, &view, name);
}

void sheet_release(sheet *s) {
    for (int i = 0; i < s->count; i++) {
        judge_image_release(&s->image[i]);
        free(s->class_name[i]);
    }
    free(s->augment);
    *s = (sheet){0};
}
