/* What tests call the rows of unary_list.h: unary_names[UNARY_relu] is "relu". */
#ifndef TESTS_UNARY_NAMES_H
#define TESTS_UNARY_NAMES_H

#include "kernel/elements/elementwise.h"

static const char *const unary_names[UNARY_COUNT] = {
#define UNARY(name, needs, f, df) #name,
#include "kernel/elements/unary_list.h"
#undef UNARY
};

#endif
