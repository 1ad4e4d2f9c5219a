/* ONNX's test cases: a model, inputs and the expected outputs. */
#ifndef CLI_CASE_H
#define CLI_CASE_H

#include "cli/compare.h"
#include "cli/options.h"

/* stria run MODEL --test-data DIR [--every-way]; returns the exit code. */
int case_run(const options *given, const tensors_way *chosen);

/* Checks that a case may be written there: into a folder of a case, a new one, or an empty one. STRIA_BAD_FILE for a
 * folder of another kind, whose model it would replace. */
stria_status case_check(const char *folder, stria_error *error);
/* Writes folder/test_data_set_0/input_0.pb, … and output_0.pb, … (case_write.c). STRIA_BAD_FILE where it holds more of
 * them than these, of another case. */
stria_status case_write(const char *folder, const tensors *inputs, const tensors *outputs, stria_error *error);

#endif
