/* A model opened for the arrays that it is to run on. */
#include "cli/source.h"
#include "cli/tensors.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The inputs, and after them those that have a default. */
static int port_count(const stria_model *model) {
    return stria_model_input_count(model) + stria_model_optional_input_count(model);
}

static stria_port port_at(const stria_model *model, int index) {
    int inputs = stria_model_input_count(model);
    return *(index < inputs ? stria_model_input(model, index) : stria_model_optional_input(model, index - inputs));
}

static int input_find(const stria_model *model, const char *name) {
    for (int i = 0; i < port_count(model); i++)
        if (strcmp(port_at(model, i).name, name) == 0) return i;
    return -1;
}

/* What one --input names: its arrays, and where they are in the list that the model is opened with. */
typedef struct word {
    const char *file;
    char name[256]; /* "": none is said */
    stria_named_array *arrays;
    int count, first;
    bool turned; /* of four dimensions have their channels first now, and last in the file */
} word;

/* Takes the array over. */
static stria_status input_take(tensors *inputs, const stria_model *model, int index, stria_array *array, const word *w,
                               stria_error *error) {
    stria_port port = port_at(model, index);
    if (tensors_find(inputs, port.name))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "input '%s' is given twice", port.name);
    tensor *t = tensors_add(inputs, port.name, error);
    if (!t) return STRIA_NO_MEMORY;
    t->array = *array;
    *array = (stria_array){0};
    t->turned = w->turned && t->array.rank == 4;
    return tensor_fit(&port, t, w->file, error);
}

/* The first input that has nothing yet, −1 if there is none. */
static int input_free(const tensors *inputs, const stria_model *model) {
    for (int i = 0; i < stria_model_input_count(model); i++)
        if (!tensors_find(inputs, stria_model_input(model, i)->name)) return i;
    return -1;
}

static stria_status input_unknown(const stria_model *model, const char *name, stria_error *error) {
    const char *names[64];
    int count = port_count(model) < 64 ? port_count(model) : 64;
    for (int i = 0; i < count; i++) names[i] = port_at(model, i).name;
    const char *near = stria_nearest(name, names, count);
    if (!near && count > 0) near = names[0];
    return source_refuse(error, STRIA_BAD_ARGUMENT, "the model has no input '%s'%s%s%s", name, near ? "; it has '" : "",
                         near ? near : "", near ? "'" : "");
}

/* Of a file's arrays, the one for input `name`: its only one, or that of the same name. */
static stria_status named_input(tensors *inputs, const stria_model *model, int index, word *w, stria_error *error) {
    const char *name = port_at(model, index).name;
    for (int i = 0; i < w->count; i++)
        if (w->count == 1 || strcmp(w->arrays[i].name, name) == 0)
            return input_take(inputs, model, index, &w->arrays[i].array, w, error);
    return source_refuse(error, STRIA_BAD_ARGUMENT, "'%s' has no array '%s' among its %d", w->file, name, w->count);
}

/* Every array goes to the input of its name, or else to the next that has none. */
static stria_status all_inputs(tensors *inputs, const stria_model *model, word *w, stria_error *error) {
    stria_named_array *arrays = w->arrays;
    stria_status status = STRIA_OK;
    for (int i = 0; i < w->count && status == STRIA_OK; i++) {
        if (!arrays[i].array.data) continue; /* a part of the model */
        int index = *arrays[i].name ? input_find(model, arrays[i].name) : -1;
        if (index >= 0) status = input_take(inputs, model, index, &arrays[i].array, w, error);
    }
    for (int i = 0; i < w->count && status == STRIA_OK; i++) {
        if (!arrays[i].array.data) continue;
        int index = input_free(inputs, model);
        if (index < 0)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "'%s' is one input too many, the model has %d", w->file,
                                 stria_model_input_count(model));
        status = input_take(inputs, model, index, &arrays[i].array, w, error);
    }
    return status;
}

/* "NAME=FILE", unless there is a file of that whole name. */
static stria_status word_read(word *w, const char *text, stria_error *error) {
    const char *equals = strchr(text, '=');
    *w = (word){.file = text};
    if (equals && access(text, F_OK) != 0) {
        size_t length = (size_t)(equals - text);
        snprintf(w->name, sizeof w->name, "%.*s", (int)(length < 255 ? length : 255), text);
        w->file = equals + 1;
    }
    return stria_arrays_read(w->file, &w->arrays, &w->count, error);
}

/* --layout nhwc: pictures with their channels last. */
static stria_status word_turn(word *w, stria_error *error) {
    for (int i = 0; i < w->count; i++) {
        stria_array turned, *array = &w->arrays[i].array;
        if (array->rank != 4) continue;
        stria_status status = stria_array_channels_first(array, &turned, error);
        if (status != STRIA_OK) return status;
        stria_array_release(array);
        *array = turned;
    }
    w->turned = true;
    return STRIA_OK;
}

/* Which of a file's arrays NAME= means: its only one, or that of the name; −1: all. */
static int word_pick(const word *w, int i) {
    return !*w->name || w->count == 1 || strcmp(w->arrays[i].name, w->name) == 0;
}

/* The data stay the words'. */
static stria_named_array *list_make(word *words, int count, int *total) {
    *total = 0;
    for (int k = 0; k < count; k++) *total += words[k].count;
    stria_named_array *list = calloc((size_t)*total + 1, sizeof *list);
    int at = 0;
    for (int k = 0; list && k < count; k++) {
        words[k].first = at;
        for (int i = 0; i < words[k].count; i++, at++) {
            list[at] = words[k].arrays[i];
            if (*words[k].name) memcpy(list[at].name, words[k].name, sizeof list[at].name);
            if (!word_pick(&words[k], i)) list[at].array = (stria_array){0};
        }
    }
    return list;
}

static stria_status word_take(tensors *inputs, const stria_model *model, word *w, const bool *fixed,
                              stria_error *error) {
    bool any = false;
    for (int i = 0; i < w->count; i++) {
        if (fixed[w->first + i]) stria_array_release(&w->arrays[i].array);
        if (fixed[w->first + i]) w->arrays[i].array.data = NULL;
        any = any || (fixed[w->first + i] && word_pick(w, i));
    }
    if (!*w->name) return all_inputs(inputs, model, w, error);
    if (any) return STRIA_OK;
    int index = input_find(model, w->name);
    if (index < 0) return input_unknown(model, w->name, error);
    return named_input(inputs, model, index, w, error);
}

/* The model does not open for these sizes: perhaps as the channels of an array are last. Then the sentence says so. */
static void last_find(const options *given, const char *spec, const word *words, int count, stria_error *error) {
    stria_model *model = NULL;
    stria_error other = {0};
    if (source_model(given, spec, &model, &other) != STRIA_OK) return;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < words[k].count; i++) {
            const char *name = *words[k].name ? words[k].name : words[k].arrays[i].name;
            int index = input_find(model, name);
            stria_port port;
            if (index < 0 && (*words[k].name || k >= stria_model_input_count(model))) continue;
            port = port_at(model, index < 0 ? k : index);
            if (tensor_is_last(&port, &words[k].arrays[i].array)) {
                (void)tensor_misfit(&port, &words[k].arrays[i].array, words[k].turned, words[k].file, error);
                stria_model_free(model);
                return;
            }
        }
    stria_model_free(model);
}

static stria_status words_open(tensors *inputs, const options *given, const char *spec, word *words, int count,
                               stria_model **model, stria_error *error) {
    stria_open_options chosen = stria_open_options_default();
    stria_named_array *list = list_make(words, count, &chosen.array_count);
    bool *fixed = calloc((size_t)chosen.array_count + 1, sizeof *fixed);
    stria_status status = STRIA_OK;
    if (!list || !fixed) status = source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d inputs", count);
    chosen.arrays = list;
    chosen.keep_batch = option_given(given, "batch");
    if (status == STRIA_OK) status = source_model_with(given, spec, &chosen, fixed, model, error);
    if (status == STRIA_BAD_SHAPE) last_find(given, spec, words, count, error);
    for (int k = 0; k < count && status == STRIA_OK; k++) status = word_take(inputs, *model, &words[k], fixed, error);
    free(list);
    free(fixed);
    return status;
}

/* Where NAME=FILE cannot be read, the name may be what is wrong: then the sentence says so. */
static bool name_known(const options *given, const char *spec, const word *w, stria_model **model, stria_error *error) {
    stria_error other = {0};
    if (!*w->name || source_model(given, spec, model, &other) != STRIA_OK || input_find(*model, w->name) >= 0)
        return true;
    (void)input_unknown(*model, w->name, error);
    return false;
}

stria_status tensors_open_model(tensors *inputs, const options *given, const char *spec, stria_model **model,
                                stria_error *error) {
    int count = 0, read = 0;
    while (option_each(given, "input", count)) count++;
    word *words = calloc((size_t)count + 1, sizeof *words);
    stria_status status = STRIA_OK;
    if (!words) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d inputs", count);
    bool last = strcmp(option_text(given, "layout"), "nhwc") == 0;
    for (; read < count && status == STRIA_OK; read++) {
        status = word_read(&words[read], option_each(given, "input", read), error);
        if (status == STRIA_OK && last) status = word_turn(&words[read], error);
    }
    if (status != STRIA_OK && !name_known(given, spec, &words[read - 1], model, error)) status = error->status;
    if (status == STRIA_OK) status = words_open(inputs, given, spec, words, count, model, error);
    for (int k = 0; k < read; k++) stria_arrays_release(words[k].arrays, words[k].count);
    free(words);
    return status;
}
