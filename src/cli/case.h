/* ONNX's test cases: a model, inputs and the expected outputs. */
#ifndef CLI_CASE_H
#define CLI_CASE_H

#include "cli/compare.h"
#include "cli/options.h"

/* stria run MODEL --test-data DIR [--every-way]; returns the exit code. */
int case_run(const options *given, const tensors_way *chosen);

#endif
