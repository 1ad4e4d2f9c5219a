/* Opening what the words of the command name. */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/options.h"

/* The model that a word names; --seed initialises one from the zoo; flags about pictures and classes are put into its
 * metadata. */
stria_status source_model(const options *given, const char *spec, stria_model **out, stria_error *error);
/* Says so if the model is from elsewhere and says nothing of pictures: it may have been trained with other numbers. */
void source_warn(const stria_model *model);
/* Says so if the data (NULL: pictures from files) have other values than those that the model was trained on. */
void source_check_range(const stria_model *model, const stria_dataset *data);
/* Says what of the source is left out, if anything. */
void source_note(const stria_dataset *data);
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
/* The name of an element type as in ONNX, "float32"; and its bytes. */
const char *source_type_name(stria_type type);
size_t source_type_bytes(stria_type type);

#endif
