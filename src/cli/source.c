#include "cli/source.h"

#include "cli/labels.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
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
    static const char *const keys[] = {"resize", "crop", "channels", "scale", "mean", "std", "output"};
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

static bool in_zoo(const char *spec) {
    char name[64];
    size_t length = strcspn(spec, ":");
    if (length >= sizeof name) return false;
    memcpy(name, spec, length);
    name[length] = 0;
    return stria_zoo_about(name) != NULL;
}

/* NAME:key=value,… with the flags' keys and values after those that are there. */
static stria_status network_spec(const options *given, const char *spec, char *out, size_t bytes, stria_error *error) {
    size_t length = (size_t)snprintf(out, bytes, "%s", spec);
    for (int i = 0; i < given->row_count && length < bytes; i++) {
        const option_row *row = &given->rows[i];
        if (!row->group || strcmp(row->group, NETWORK_GROUP) != 0 || !option_given(given, row->name)) continue;
        if (!in_zoo(spec))
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--%s: '%s' is not a built-in network", row->name, spec);
        const char *value = row->kind == OPTION_FLAG ? "1" : option_text(given, row->name);
        if (strpbrk(value, ":,"))
            return source_refuse(error, STRIA_BAD_ARGUMENT, "--%s: '%s' has a colon or comma in it", row->name, value);
        size_t key = length + 1;
        length +=
            (size_t)snprintf(out + length, bytes - length, "%c%s=%s", strchr(out, ':') ? ',' : ':', row->name, value);
        for (; key < bytes && out[key] != '=' && out[key]; key++)
            if (out[key] == '-') out[key] = '_'; /* --zero-last is zero_last=1 */
    }
    if (length < bytes) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_ARGUMENT, "the name of the model is too long");
}

/* --weights, and a line for everything in the file that went nowhere. */
static stria_status weights_load(const options *given, stria_model *model, stria_error *error) {
    char *report = NULL;
    if (!has_row(given, "weights") || !option_given(given, "weights")) return STRIA_OK;
    const char *path = option_text(given, "weights");
    stria_status status = stria_model_load_weights(model, path, &report, error);
    for (char *line = report, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        term_say("%s%s: %s", status == STRIA_OK ? "warning: " : "", path, line);
    }
    stria_text_free(report);
    return status;
}

stria_status source_model(const options *given, const char *spec, stria_model **out, stria_error *error) {
    stria_open_options chosen = stria_open_options_default();
    return source_model_with(given, spec, &chosen, NULL, out, error);
}

stria_status source_model_with(const options *given, const char *spec, stria_open_options *chosen, bool *fixed,
                               stria_model **out, stria_error *error) {
    stria_model *model = NULL;
    char full[4400];
    stria_status status = network_spec(given, spec, full, sizeof full, error);
    if (status != STRIA_OK) return status;
    chosen->seed = (uint64_t)option_integer(given, "seed");
    if (has_row(given, "dims")) chosen->dims = option_text(given, "dims");
    status = stria_model_open_with(&model, full, chosen, fixed, error);
    if (status != STRIA_OK) return status;
    status = weights_load(given, model, error);
    if (status == STRIA_OK) status = metadata_set(given, model, error);
    if (status == STRIA_OK) *out = model;
    else stria_model_free(model);
    return status;
}

stria_status source_used(const options *given, const char *spec, stria_model **out, stria_error *error) {
    stria_model *whole = NULL;
    stria_status status = source_model(given, spec, &whole, error);
    if (status == STRIA_OK) status = stria_model_without_heads(out, whole, error);
    stria_model_free(whole);
    return status;
}

static const char *stored(const stria_model *model, const char *key) {
    const char *is = stria_model_metadata(model, key);
    return is && *is ? is : NULL;
}

static const char *shape_text(int64_t channels, int64_t height, int64_t width, char text[96]) {
    const char *times = term_times();
    if (height)
        snprintf(text, 96, "%lld%s%lld%s%lld", (long long)channels, times, (long long)height, times, (long long)width);
    else snprintf(text, 96, "various sizes");
    return text;
}

const char *source_input(const stria_model *model, char text[96]) {
    stria_port x = *stria_model_input(model, 0);
    return shape_text(x.shape[1], x.shape[2], x.shape[3], text);
}

/* Whether the picture's channels become the input's: grey of colours, colours of grey, or another order of them. */
static const char *channels_made(const stria_model *model, int64_t channels) {
    const char *order = stored(model, "stria.channels");
    int64_t wanted = stria_model_input(model, 0)->shape[1];
    if (channels == 3 && wanted == 1) return "turned grey";
    if (channels == 1 && wanted == 3) return "repeated in three channels";
    return channels == 3 && order && strcmp(order, "bgr") == 0 ? "reordered to blue, green, red" : "";
}

static const char *size_made(const stria_model *model, int64_t height, int64_t width) {
    stria_port x = *stria_model_input(model, 0);
    if (height == x.shape[2] && width == x.shape[3]) return "";
    bool resize = stored(model, "stria.resize"), crop = stored(model, "stria.crop");
    return crop ? resize ? "resized and cropped" : "cropped" : "resized";
}

const char *source_made(const stria_model *model, int64_t channels, int64_t height, int64_t width, char text[64]) {
    const char *first = channels_made(model, channels), *second = size_made(model, height, width);
    snprintf(text, 64, "%s%s%s", first, *first && *second ? " and " : "", second);
    return text;
}

bool source_warn_made(const stria_model *model, int64_t channels, int64_t height, int64_t width) {
    char made[64], from[96], to[96];
    bool sized = stored(model, "stria.resize") || stored(model, "stria.crop") || !*size_made(model, height, width);
    bool ordered = stored(model, "stria.channels") || !*channels_made(model, channels);
    if (sized && ordered) return false;
    term_say(
        "warning: pictures of %s are %s for input %s, which the model does not say; --resize, --crop and --channels "
        "say it",
        shape_text(channels, height, width, from), source_made(model, channels, height, width, made),
        source_input(model, to));
    return true;
}

const char *source_relation(stria_relation relation) {
    return relation == STRIA_BINARY ? "binary" : relation == STRIA_MULTI_LABEL ? "multi-label" : "exclusive";
}

void source_warn(const stria_model *model, bool trains) {
    stria_classifier c = {.size = sizeof c};
    stria_error none;
    if (stria_model_classifier(model, &c, &none) != STRIA_OK) return; /* who uses the model says why */
    if (c.untrained && !trains)
        term_say("warning: the model is untrained: its weights are random numbers, and so are its results");
    if (!c.preprocessing && !(c.untrained && trains)) /* a new network learns from pixels as they come */
        term_say("warning: the model does not say how pixels become its input, so they are divided by 255; "
                 "--preprocess imagenet|caffe|tf or --scale, --mean and --std say it");
    if (!c.certain && c.probabilities)
        term_say(
            "warning: output '%s' holds probabilities of several groups of classes, each with a sum of its own; they "
            "are taken as one group, --output probabilities says so",
            stria_model_output(model, 0)->name);
    else if (!c.certain)
        term_say("warning: the model does not show whether output '%s' holds logits or probabilities%s; logits are "
                 "assumed, --output logits|probabilities says it",
                 stria_model_output(model, 0)->name, c.relation == STRIA_BINARY ? " (of class 1)" : "");
}

bool source_one_picture(stria_status status) {
    return status == STRIA_NO_FILE || status == STRIA_BAD_FILE || status == STRIA_BAD_SHAPE ||
           status == STRIA_UNSUPPORTED || status == STRIA_IO;
}

const char *source_image(const options *given, const char *spec, const stria_dataset *data, int64_t index, char *text,
                         size_t size) {
    const char *file = stria_dataset_file(data, index);
    if (file) snprintf(text, size, "%s", file);
    else snprintf(text, size, "%s/%s/%lld", spec, option_text(given, "split"), (long long)index);
    return text;
}

/* "yes", "no" or a share. */
static stria_status val_parse(const char *text, double *share, bool *none, stria_error *error) {
    char *end;
    if (none) *none = strcmp(text, "no") == 0;
    if (strcmp(text, "yes") == 0 || (none && *none)) return STRIA_OK;
    double x = strtod(text, &end);
    if (*text && !*end && x > 0 && x < 1) {
        *share = x;
        return STRIA_OK;
    }
    return source_refuse(error, STRIA_BAD_ARGUMENT, "--val: '%s' is not %sa share between 0 and 1, as 0.2", text,
                         none ? "yes, no or " : "");
}

/* What a run folder says that is the verb's MODEL; the defaults where it is none. */
static stria_status run_division(const options *given, stria_dataset_options *out, stria_error *error) {
    bool of_run = given->operand_count > 0 && source_is_folder(given->operands[0]);
    *out = stria_dataset_options_default();
    stria_status status = of_run ? stria_run_data_options(given->operands[0], out, error) : STRIA_OK;
    return status == STRIA_NO_MEMORY ? status : STRIA_OK;
}

stria_status source_division(const options *given, stria_dataset_options *out, bool *none, stria_error *error) {
    stria_dataset_options chosen = stria_dataset_options_default(), run;
    stria_status status = STRIA_OK;
    if (none) *none = false;
    chosen.pipes = option_given(given, "data"); /* not what a run folder says */
    if (has_row(given, "val")) {
        status = run_division(given, &run, error);
        if (status != STRIA_OK) return status;
        chosen.val = run.val;
        chosen.seed = run.seed;
        chosen.no_exif = run.no_exif;
        chosen.fast_decode = run.fast_decode;
        if (option_given(given, "val")) status = val_parse(option_text(given, "val"), &chosen.val, none, error);
        if (option_given(given, "draw-seed")) chosen.seed = (uint64_t)option_integer(given, "draw-seed");
    }
    if (has_row(given, "max-pixels")) {
        chosen.max_pixels = option_integer(given, "max-pixels");
        chosen.no_exif |= option_given(given, "no-exif");
    }
    if (has_row(given, "fast-decode")) chosen.fast_decode |= option_given(given, "fast-decode");
    *out = chosen;
    return status;
}

/* After a split that the data lacks: offers that for validation where the verb has the option and the data the images.
 */
static void split_offer(const options *given, const char *spec, stria_dataset_options chosen, stria_error *error) {
    stria_dataset *val = NULL;
    stria_error said = *error;
    bool lacks = said.status == STRIA_BAD_ARGUMENT && chosen.split == STRIA_SPLIT_TEST && has_row(given, "split");
    chosen.split = STRIA_SPLIT_VAL;
    if (!lacks || stria_dataset_open(&val, spec, &chosen, NULL) != STRIA_OK) return;
    stria_dataset_free(val);
    source_refuse(error, said.status, "%s; --split val takes its validation images", said.text);
}

stria_status source_data(const options *given, const char *spec, stria_split split, int64_t limit, stria_dataset **out,
                         stria_error *error) {
    stria_dataset_options chosen;
    stria_status status = source_division(given, &chosen, NULL, error);
    if (status != STRIA_OK) return status;
    chosen.split = split;
    chosen.limit = limit;
    status = stria_dataset_open(out, spec, &chosen, error);
    if (status == STRIA_OK) source_note(*out);
    else split_offer(given, spec, chosen, error);
    return status;
}

void source_check_range(const stria_model *model, const stria_dataset *data) {
    stria_error doubt = {0};
    if (stria_model_check_range(model, data, &doubt) == STRIA_BAD_ARGUMENT) term_say("warning: %s", doubt.text);
}

void source_note(const stria_dataset *data) {
    if (*stria_dataset_note(data)) term_say("warning: %s", stria_dataset_note(data));
}

stria_status source_spec(const options *given, const char *model, char *spec, size_t bytes, stria_error *error) {
    const char *data = option_text(given, "data");
    bool last = has_row(given, "layout") && strcmp(option_text(given, "layout"), "nhwc") == 0;
    if (last && (!data || strncmp(data, "npy:", 4) != 0))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--layout nhwc is for --data npy:X.npy,Y.npy");
    if (data) {
        if ((size_t)snprintf(spec, bytes, "%s%s", last ? "npy-nhwc" : "", data + (last ? 3 : 0)) < bytes)
            return STRIA_OK;
        return source_refuse(error, STRIA_BAD_ARGUMENT, "--data: the value is too long");
    }
    if (source_is_folder(model)) return stria_run_data(model, spec, bytes, error);
    return source_refuse(error, STRIA_BAD_ARGUMENT,
                         "--data is missing: '%s' is not a run folder, which knows its own data", model);
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
    if (has_row(given, "max-pixels")) {
        stria_dataset_options of;
        if (run_division(given, &of, NULL) != STRIA_OK) term_lost();
        run.max_pixels = option_integer(given, "max-pixels");
        run.no_exif = of.no_exif || option_given(given, "no-exif");
        run.fast_decode = of.fast_decode || (has_row(given, "fast-decode") && option_given(given, "fast-decode"));
    }
    if (has_row(given, "tta"))
        run.tta = *option_text(given, "tta") == 'f'   ? STRIA_TTA_FLIP
                  : *option_text(given, "tta") == 't' ? STRIA_TTA_TEN_CROP
                                                      : STRIA_TTA_NONE;
    if (has_row(given, "skip-bad")) run.skip_bad = option_given(given, "skip-bad");
    run.progress = term_progress;
    memcpy(&run.context, &label, sizeof label); /* a label is only read */
    return run;
}
