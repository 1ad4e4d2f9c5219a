/* Named tensors that go into a model and come out of it. */
#ifndef CLI_TENSORS_H
#define CLI_TENSORS_H

#include "cli/options.h"

#include <stria/stria.h>
#include <stria/testing.h>

#include <stdio.h>

typedef struct tensor {
    char *name;
    char file[4096]; /* where it was written; "" if nowhere */
    stria_array array;
    bool own;    /* data is malloc's, not the library's */
    bool turned; /* its file has channels last (--layout nhwc) */
} tensor;

typedef struct tensors {
    int count;
    tensor *items;
} tensors;

/* How sessions run; what only tests want is in `testing`. */
typedef struct tensors_way {
    stria_session_options session;
    stria_testing_options testing;
} tensors_way;
tensors_way tensors_way_default(void);

void tensors_release(tensors *list);
/* A new entry, empty but for its name; NULL when there is no memory. */
tensor *tensors_add(tensors *list, const char *name, stria_error *error);
const tensor *tensors_find(const tensors *list, const char *name);
/* The list as stria_open_options.arrays wants it: one more than there are, for free(); the data stay the list's. NULL
 * when there is no memory. */
stria_named_array *tensors_named(const tensors *list);
/* Room for the tensor's data; shape and type must be set. */
stria_status tensor_allocate(tensor *t, stria_error *error);
/* Returns true if a picture's channels are last where the port wants them first. */
bool tensor_is_last(const stria_port *port, const stria_array *array);
/* Says what the port wants and `file` holds, of which the array was made; STRIA_BAD_SHAPE. turned: the file has its
 * channels last. */
stria_status tensor_misfit(const stria_port *port, const stria_array *array, bool turned, const char *file,
                           stria_error *error);
/* The tensor has the port's shape, or the sentence says what `file` holds instead; numbers are converted to its type.
 */
stria_status tensor_fit(const stria_port *port, tensor *t, const char *file, stria_error *error);
/* Opens the model for the tensors of --input ("[NAME=]FILE" each, in order or by name): open dimensions get their
 * sizes, and those that decide a shape become a part of it. The others are fitted to its types and put into *inputs.
 * *model is set even on failure, if it could be opened. */
stria_status tensors_open_model(tensors *inputs, const options *given, const char *spec, stria_model **model,
                                stria_error *error);
/* An ONNX test case: reads input_0.pb, … and output_0.pb, …, as many as there are, and opens the model for them: inputs
 * that decide its shapes become a part of it. *model is set even on failure, if it could be opened. */
stria_status tensors_open_case(tensors *inputs, tensors *wanted, const char *spec, const char *folder,
                               stria_model **model, stria_error *error);
/* Random numbers in [-1, 1), or small whole ones, for every input at this batch and the sizes that the model is planned
 * with where it leaves others open. */
stria_status tensors_random(tensors *inputs, const stria_model *model, int64_t batch, uint64_t seed,
                            stria_error *error);
/* Shown every session that runs. */
typedef struct tensors_look {
    void (*see)(const stria_session *session, void *context);
    void *context;
} tensors_look;
/* Runs the model on all rows, `rows` at once (0: all at once), and collects the outputs. look: NULL, or who looks. */
stria_status tensors_run(const stria_model *model, const tensors_way *way, const tensors *inputs, int64_t rows,
                         const tensors_look *look, tensors *outputs, stria_error *error);
/* Writes every tensor to folder/NAME.npy; what can't stand in a file's name becomes '_'. */
stria_status tensors_write(tensors *list, const char *folder, stria_error *error);
/* The first and last elements of a tensor, row by row. */
void tensor_print(FILE *stream, const tensor *t);
/* Element i as a number. */
double tensor_value(const stria_array *array, int64_t i);
/* A type of numbers with fractions; 8-bit floats too. */
bool tensor_is_real(stria_type type);
int64_t tensor_count(const stria_array *array);

#endif
