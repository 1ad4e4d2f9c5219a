/* Opening what the words of the command name. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/options.h"

/* The model that a word names; --seed initialises one from the zoo, flags are its options; flags about pictures and
 * classes are put into its metadata. */
stria_status source_model(const options *given, const char *spec, stria_model **out, stria_error *error);
/* The same without auxiliary heads, which only training has. */
stria_status source_used(const options *given, const char *spec, stria_model **out, stria_error *error);
/* The same with contents of inputs (fixed: see stria_model_open_with); seed and dims are the flags'. */
stria_status source_model_with(const options *given, const char *spec, stria_open_options *chosen, bool *fixed,
                               stria_model **out, stria_error *error);
/* Prints the warnings about this model's predictions: it is untrained; it does not say how pixels are scaled, and may
 * have been trained with other values; it does not show what its output holds. The same words for every verb; one that
 * trains the model does not say that it is untrained. */
void source_warn(const stria_model *model, bool trains);
/* Describes how pictures of this shape (height 0: of any sizes) become the model's input: "turned grey and resized", ""
 * for no change. Writes text[64] and returns it. */
const char *source_made(const stria_model *model, int64_t channels, int64_t height, int64_t width, char text[64]);
/* "1×28×28" of the model's picture; text[96], which it returns. */
const char *source_input(const stria_model *model, char text[96]);
/* Warns where that is not what the model says but follows from the picture; true if it did. */
bool source_warn_made(const stria_model *model, int64_t channels, int64_t height, int64_t width);
/* "exclusive", "binary", "multi-label" */
const char *source_relation(stria_relation relation);
/* Returns true if a picture alone is to blame, so that the others can still be judged. */
bool source_one_picture(stria_status status);
/* The name of image `index`: its file, or "fashion-mnist/test/3"; returns text. */
const char *source_image(const options *given, const char *spec, const stria_dataset *data, int64_t index, char *text,
                         size_t size);
/* Says so if the data (NULL: pictures from files) have other values than those that the model was trained on. */
void source_check_range(const stria_model *model, const stria_dataset *data);
/* Says what of the source is left out, if anything. */
void source_note(const stria_dataset *data);
/* How data are opened: what --val, --draw-seed and --max-pixels say, or else a run folder that is the verb's MODEL.
 * *none (NULL: it may not) is whether --val says "no". */
stria_status source_division(const options *given, stria_dataset_options *out, bool *none, stria_error *error);
/* Images of a data source. limit 0: all. */
stria_status source_data(const options *given, const char *spec, stria_split split, int64_t limit, stria_dataset **out,
                         stria_error *error);
/* --data, or what a run folder was trained with. */
stria_status source_spec(const options *given, const char *model, char *spec, size_t bytes, stria_error *error);
/* --split as the library counts. */
stria_split source_split(const options *given);
/* Threads, batch and a bar with this label (static text), for stria_evaluate and stria_predictor_new. */
stria_inference_options source_inference(const options *given, const char *label);

bool source_is_folder(const char *path);
/* The path is longer than the ending and ends so. */
bool source_ends(const char *path, const char *ending);
/* Makes the folder and those above it. */
stria_status source_make_folder(const char *path, stria_error *error);
/* source_refuse(error, status, "format", …) fills the error and is its status, as a reader and an analyser can see. */
#define source_refuse(error, status, ...) (source_say(error, status, __VA_ARGS__), source_status(status))
static inline stria_status source_status(stria_status status) {
    return status;
}
void source_say(stria_error *error, stria_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
