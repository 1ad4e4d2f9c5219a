#include "cli/tensors.h"

#include "cli/options.h"
#include "cli/source.h"
#include "cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void data_release(tensor *t) {
    if (t->own) free(t->array.data);
    else stria_array_release(&t->array);
    t->array.data = NULL;
}

void tensors_release(tensors *list) {
    for (int i = 0; i < list->count; i++) {
        free(list->items[i].name);
        data_release(&list->items[i]);
    }
    free(list->items);
    *list = (tensors){0};
}

tensor *tensors_add(tensors *list, const char *name, stria_error *error) {
    tensor *items = realloc(list->items, ((size_t)list->count + 1) * sizeof *items);
    if (items) list->items = items;
    char *copy = strdup(name);
    if (!items || !copy) {
        free(copy);
        source_refuse(error, STRIA_NO_MEMORY, "out of memory for tensor '%s'", name);
        return NULL;
    }
    items[list->count] = (tensor){.name = copy};
    return &items[list->count++];
}

stria_named_array *tensors_named(const tensors *list) {
    stria_named_array *arrays = calloc((size_t)list->count + 1, sizeof *arrays);
    for (int i = 0; arrays && i < list->count; i++) {
        snprintf(arrays[i].name, sizeof arrays[i].name, "%s", list->items[i].name);
        arrays[i].array = list->items[i].array;
    }
    return arrays;
}

const tensor *tensors_find(const tensors *list, const char *name) {
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0) return &list->items[i];
    return NULL;
}

/* "[2, 3]", an open dimension as "N". */
static const char *shape_text(int rank, const int64_t *shape, bool open, char text[160]) {
    size_t length = (size_t)snprintf(text, 160, "[");
    for (int d = 0; d < rank && length < 130; d++)
        if (shape[d] == 0 && open) length += (size_t)snprintf(text + length, 160 - length, "%sN", d ? ", " : "");
        else length += (size_t)snprintf(text + length, 160 - length, "%s%lld", d ? ", " : "", (long long)shape[d]);
    snprintf(text + length, 160 - length, "]");
    return text;
}

/* A size that was open may have been closed by the array itself, by position. */
static bool size_fits(int64_t wanted, int64_t size, int64_t by_position) {
    return wanted == 0 || wanted == size || wanted == by_position;
}

bool tensor_is_last(const stria_port *port, const stria_array *array) {
    const int64_t *wanted = port->shape, *is = array->shape;
    return port->rank == 4 && array->rank == 4 && wanted[1] != is[1] && wanted[1] == is[3] &&
           size_fits(wanted[0], is[0], is[0]) && size_fits(wanted[2], is[1], is[2]) &&
           size_fits(wanted[3], is[2], is[3]);
}

stria_status tensor_misfit(const stria_port *port, const stria_array *array, bool turned, const char *file,
                           stria_error *error) {
    char wants[160], holds[160], made[160], more[256] = "";
    const int64_t *is = array->shape, last[4] = {is[0], is[2], is[3], is[1]};
    shape_text(array->rank, is, false, made);
    if (turned) snprintf(more, sizeof more, ", which --layout nhwc takes as %s", made);
    else if (tensor_is_last(port, array)) snprintf(more, sizeof more, ", channels last: --layout nhwc takes it");
    return source_refuse(error, STRIA_BAD_SHAPE, "input '%s' wants %s, '%s' holds %s%s", port->name,
                         shape_text(port->rank, port->shape, true, wants), file,
                         turned ? shape_text(4, last, false, holds) : made, more);
}

static stria_status shape_check(const stria_port *port, const tensor *t, const char *file, stria_error *error) {
    const stria_array *array = &t->array;
    bool fits = port->rank == array->rank;
    for (int d = 0; d < port->rank && fits; d++) fits = port->shape[d] == 0 || port->shape[d] == array->shape[d];
    return fits ? STRIA_OK : tensor_misfit(port, array, t->turned, file, error);
}

bool tensor_is_real(stria_type type) {
    return type == STRIA_FLOAT32 || type == STRIA_FLOAT64 || type == STRIA_FLOAT16 || type >= STRIA_BFLOAT16;
}

/* NumPy makes float64 and int64 by default, so numbers are converted to what the model's floating inputs, and whole
 * numbers to what its int64 inputs want. */
static stria_status type_fit(const stria_port *port, tensor *t, const char *file, stria_error *error) {
    stria_array *array = &t->array, fitted;
    if (port->type == array->type) return STRIA_OK;
    bool to_float = tensor_is_real(port->type) && array->type != STRIA_BOOL;
    bool to_whole = port->type == STRIA_INT64 && !tensor_is_real(array->type) && array->type != STRIA_BOOL;
    if (!to_float && !to_whole)
        return source_refuse(error, STRIA_BAD_SHAPE, "input '%s' wants %s, '%s' holds %s", port->name,
                             stria_type_name(port->type), file, stria_type_name(array->type));
    stria_status status = stria_array_convert(array, port->type, &fitted, error);
    if (status != STRIA_OK) return status;
    data_release(t);
    t->array = fitted;
    t->own = false;
    return STRIA_OK;
}

stria_status tensor_fit(const stria_port *port, tensor *t, const char *file, stria_error *error) {
    stria_status status = shape_check(port, t, file, error);
    return status == STRIA_OK ? type_fit(port, t, file, error) : status;
}

/* folder/input_0.pb, folder/input_1.pb, … as many as there are. */
static stria_status case_read(tensors *list, const char *folder, const char *kind, stria_error *error) {
    for (int i = 0;; i++) {
        char file[4096];
        if (snprintf(file, sizeof file, "%s/%s_%d.pb", folder, kind, i) >= (int)sizeof file)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
        struct stat found;
        if (stat(file, &found) != 0) return STRIA_OK;
        if (!S_ISREG(found.st_mode)) /* found, not named: a pipe would be waited for */
            return source_refuse(error, STRIA_BAD_FILE, "'%s' is not a regular file", file);
        tensor *t = tensors_add(list, "", error);
        stria_status status = t ? stria_array_read(file, &t->array, error) : STRIA_NO_MEMORY;
        if (status != STRIA_OK) return status;
    }
}

/* Cases written before there was a NumPy type for bfloat16 hold its bits as uint16. */
static void bits_rename(tensors *list, int index, stria_port port) {
    if (index >= list->count) return;
    stria_array *array = &list->items[index].array;
    if (port.type == STRIA_BFLOAT16 && array->type == STRIA_UINT16) array->type = STRIA_BFLOAT16;
}

/* Inputs that became part of the model leave the list; the others get their names and types. */
static stria_status case_fit(tensors *inputs, const bool *fixed, const stria_model *model, stria_error *error) {
    int kept = 0;
    for (int i = 0; i < inputs->count; i++) {
        if (!fixed[i]) inputs->items[kept++] = inputs->items[i];
        else {
            free(inputs->items[i].name);
            data_release(&inputs->items[i]);
        }
    }
    inputs->count = kept;
    if (kept > stria_model_input_count(model))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "the case has %d input%s, the model %d", kept, show_s(kept),
                             stria_model_input_count(model));
    for (int i = 0; i < kept; i++) {
        stria_port port = *stria_model_input(model, i);
        char *name = strdup(port.name);
        if (!name) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for input '%s'", port.name);
        free(inputs->items[i].name);
        inputs->items[i].name = name;
        bits_rename(inputs, i, port);
        stria_status status = tensor_fit(&port, &inputs->items[i], "input_*.pb", error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

stria_status tensors_open_case(tensors *inputs, tensors *wanted, const char *spec, const char *folder,
                               stria_model **model, stria_error *error) {
    stria_array *known = NULL;
    bool *fixed = NULL;
    stria_error unread = {0};
    if (!source_is_folder(folder)) return source_refuse(error, STRIA_NO_FILE, "there is no folder '%s'", folder);
    stria_status status = case_read(inputs, folder, "input", &unread);
    if (status == STRIA_OK) status = case_read(wanted, folder, "output", &unread);
    if (status != STRIA_OK) { /* of a model that cannot be opened either, that is what the user should hear */
        stria_status opened = stria_model_open(model, spec, 0, error);
        if (opened != STRIA_OK) return opened;
        *error = unread;
    }
    if (status == STRIA_OK && wanted->count == 0)
        status = source_refuse(error, STRIA_NO_FILE,
                               "'%s' holds neither output_0.pb nor a test_data_set_0: it is not a test case", folder);
    if (status == STRIA_OK) {
        known = calloc((size_t)inputs->count + 1, sizeof *known);
        fixed = calloc((size_t)inputs->count + 1, sizeof *fixed);
        if (!known || !fixed) {
            source_refuse(error, STRIA_NO_MEMORY, "out of memory for a test case");
            status = STRIA_NO_MEMORY;
        }
    }
    for (int i = 0; status == STRIA_OK && i < inputs->count; i++) known[i] = inputs->items[i].array;
    if (status == STRIA_OK) status = stria_model_open_known(model, spec, 0, known, fixed, inputs->count, error);
    if (status == STRIA_OK) status = case_fit(inputs, fixed, *model, error);
    for (int i = 0; status == STRIA_OK && i < stria_model_output_count(*model); i++)
        bits_rename(wanted, i, *stria_model_output(*model, i));
    free(known);
    free(fixed);
    return status;
}

/* Steele and Lea's SplitMix64. */
static uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

stria_status tensor_allocate(tensor *t, stria_error *error) {
    t->array.bytes = (size_t)tensor_count(&t->array) * stria_type_bytes(t->array.type);
    t->array.data = calloc(t->array.bytes + 1, 1);
    t->own = true;
    return t->array.data ? STRIA_OK : source_refuse(error, STRIA_NO_MEMORY, "out of memory for tensor '%s'", t->name);
}

/* The shapes of a session of one image. */
static stria_status planned_shape(const stria_session *session, stria_port *port, stria_error *error) {
    stria_port planned = {.size = sizeof planned};
    stria_status status = stria_session_port(session, port->name, &planned, error);
    if (status == STRIA_OK) memcpy(port->shape, planned.shape, sizeof port->shape);
    return status;
}

static stria_status random_fill(tensors *inputs, const stria_model *model, const stria_session *session, uint64_t seed,
                                stria_error *error) {
    for (int i = 0; i < stria_model_input_count(model); i++) {
        stria_port port = *stria_model_input(model, i);
        tensor *t = tensors_add(inputs, port.name, error);
        if (!t) return STRIA_NO_MEMORY;
        t->array.type = port.type;
        t->array.rank = port.rank;
        stria_status status = planned_shape(session, &port, error);
        for (int d = 0; d < port.rank; d++) t->array.shape[d] = port.shape[d];
        if (status == STRIA_OK) status = tensor_allocate(t, error);
        if (status != STRIA_OK) return status;
        int64_t count = tensor_count(&t->array);
        for (int64_t e = 0; e < count && port.type == STRIA_FLOAT64; e++)
            ((double *)t->array.data)[e] = (double)(random_next(&seed) >> 11) * 0x1p-52 - 1;
        for (int64_t e = 0; e < count && port.type == STRIA_FLOAT32; e++)
            ((float *)t->array.data)[e] = (float)((double)(random_next(&seed) >> 11) * 0x1p-52 - 1);
        for (int64_t e = 0; e < count && port.type == STRIA_INT64; e++)
            ((int64_t *)t->array.data)[e] = (int64_t)(random_next(&seed) & 1);
    }
    return STRIA_OK;
}

stria_status tensors_random(tensors *inputs, const stria_model *model, int64_t batch, uint64_t seed,
                            stria_error *error) {
    stria_session *session = NULL;
    stria_session_options chosen = stria_session_options_default();
    chosen.batch = batch;
    stria_status status = stria_session_new(&session, model, &chosen, error);
    if (status == STRIA_OK) status = random_fill(inputs, model, session, seed, error);
    stria_session_free(session);
    return status;
}

/* A name that cannot be a path: separators and control characters become '_', a leading dot too. */
static void file_name(const char *name, char *text, size_t size) {
    snprintf(text, size, "%s", *name ? name : "output");
    for (char *c = text; *c; c++)
        if (*c == '/' || *c == '\\' || (unsigned char)*c < ' ' || (c == text && *c == '.')) *c = '_';
}

stria_status tensors_write(tensors *list, const char *folder, stria_error *error) {
    stria_status status = source_make_folder(folder, error);
    for (int i = 0; i < list->count && status == STRIA_OK; i++) {
        tensor *t = &list->items[i];
        char name[200];
        file_name(t->name, name, sizeof name);
        int length = snprintf(t->file, sizeof t->file, "%s/%s.npy", folder, name);
        for (int j = 0; j < i && length < (int)sizeof t->file; j++) /* two names that became one */
            if (strcmp(list->items[j].file, t->file) == 0)
                length = snprintf(t->file, sizeof t->file, "%s/%s_%d.npy", folder, name, i);
        if (length >= (int)sizeof t->file)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
        status = stria_array_write(t->file, &t->array, error);
    }
    return status;
}
