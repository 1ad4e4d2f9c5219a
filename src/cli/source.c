#include "cli/source.h"

#include "cli/labels.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void source_say(stria_error *error, stria_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

bool source_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool source_ends(const char *path, const char *ending) {
    size_t n = strlen(path), e = strlen(ending);
    return n > e && strcasecmp(path + n - e, ending) == 0;
}

stria_status source_make_folder(const char *path, stria_error *error) {
    char part[4096];
    if (strlen(path) >= sizeof part) return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
    for (size_t end = 1;; end++) {
        if (path[end] && path[end] != '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)end, path);
        int number = mkdir(part, 0777) == 0 ? 0 : errno;
        if (number != 0 && number != EEXIST && !source_is_folder(part))
            return source_refuse(error, STRIA_IO, "folder '%s' could not be made: %s", part, strerror(number));
        if (!path[end]) break;
    }
    if (source_is_folder(path)) return STRIA_OK;
    return source_refuse(error, STRIA_IO, "'%s' is not a folder", path);
}

static bool has_row(const options *given, const char *name) {
    for (int i = 0; i < given->row_count; i++)
        if (strcmp(given->rows[i].name, name) == 0) return true;
    return false;
}

/* What the flags say of pictures and classes, into the metadata. A preset comes first, so that other flags change it.
 */
static stria_status metadata_set(const options *given, stria_model *model, stria_error *error) {
    static const char *const keys[] = {"resize", "crop", "channels", "scale", "mean", "std"};
    stria_status status = STRIA_OK;
    if (has_row(given, "preprocess") && option_given(given, "preprocess"))
        status = stria_model_set_preprocess(model, option_text(given, "preprocess"), error);
    for (size_t i = 0; i < sizeof keys / sizeof *keys && status == STRIA_OK; i++) {
        char key[32];
        if (!has_row(given, keys[i]) || !option_given(given, keys[i])) continue;
        snprintf(key, sizeof key, "stria.%s", keys[i]);
        status = stria_model_set_metadata(model, key, option_text(given, keys[i]), error);
    }
    if (status == STRIA_OK && has_row(given, "labels") && option_given(given, "labels"))
        status = labels_store(model, option_text(given, "labels"), error);
    return status;
}

stria_status source_model(const options *given, const char *spec, stria_model **out, stria_error *error) {
    stria_model *model = NULL;
    stria_status status = stria_model_open(&model, spec, (uint64_t)option_integer(given, "seed"), error);
    if (status != STRIA_OK) return status;
    status = metadata_set(given, model, error);
    if (status == STRIA_OK) *out = model;
    else stria_model_free(model);
    return status;
}

void source_warn(const stria_model *model) {
    static const char *const keys[] = {"stria.scale", "stria.mean", "stria.std", "stria.train"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (stria_model_metadata(model, keys[i])) return;
    term_say("warning: the model does not say how pixels become its input, so they are divided by 255; "
             "--preprocess imagenet|caffe|tf or --scale, --mean and --std say it");
}

stria_status source_data(const char *spec, stria_split split, int64_t limit, stria_dataset **out, stria_error *error) {
    stria_dataset_options chosen = stria_dataset_options_default();
    chosen.split = split;
    chosen.limit = limit;
    return stria_dataset_open(out, spec, &chosen, error);
}

stria_status source_spec(const options *given, const char *model, char *spec, size_t bytes, stria_error *error) {
    const char *data = option_text(given, "data");
    if (data) {
        if ((size_t)snprintf(spec, bytes, "%s", data) < bytes) return STRIA_OK;
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--data: the value is too long");
    }
    if (source_is_folder(model)) return stria_run_data(model, spec, bytes, error);
    return source_refuse(error, STRIA_BAD_ARGUMENT,
                         "--data is missing: '%s' is no run folder, which would know its own data", model);
}

stria_split source_split(const options *given) {
    const char *name = option_text(given, "split");
    return strcmp(name, "train") == 0 ? STRIA_SPLIT_TRAIN
           : strcmp(name, "val") == 0 ? STRIA_SPLIT_VAL
                                      : STRIA_SPLIT_TEST;
}

stria_inference_options source_inference(const options *given, const char *label) {
    stria_inference_options run = stria_inference_options_default();
    run.threads = (int)option_integer(given, "threads");
    if (has_row(given, "batch") && !given->verb->training) run.batch = option_integer(given, "batch");
    run.progress = term_progress;
    memcpy(&run.context, &label, sizeof label); /* a label is only read */
    return run;
}

const char *source_type_name(stria_type type) {
    switch (type) {
    case STRIA_FLOAT32:
        return "float32";
    case STRIA_UINT8:
        return "uint8";
    case STRIA_INT8:
        return "int8";
    case STRIA_UINT16:
        return "uint16";
    case STRIA_INT16:
        return "int16";
    case STRIA_INT32:
        return "int32";
    case STRIA_INT64:
        return "int64";
    case STRIA_BOOL:
        return "bool";
    case STRIA_FLOAT16:
        return "float16";
    case STRIA_FLOAT64:
        return "float64";
    case STRIA_UINT32:
        return "uint32";
    case STRIA_UINT64:
        return "uint64";
    case STRIA_BFLOAT16:
        return "bfloat16";
    }
    return "an unknown type";
}

size_t source_type_bytes(stria_type type) {
    switch (type) {
    case STRIA_UINT8:
    case STRIA_INT8:
    case STRIA_BOOL:
        return 1;
    case STRIA_UINT16:
    case STRIA_INT16:
    case STRIA_FLOAT16:
    case STRIA_BFLOAT16:
        return 2;
    case STRIA_FLOAT32:
    case STRIA_INT32:
    case STRIA_UINT32:
        return 4;
    case STRIA_INT64:
    case STRIA_UINT64:
    case STRIA_FLOAT64:
        return 8;
    }
    return 0;
}
