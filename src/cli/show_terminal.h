#ifndef CLI_SHOW_TERMINAL_H
#define CLI_SHOW_TERMINAL_H

#include "cli/options.h"

/* A picture uint8 [3, height, width] on stdout, as --protocol says. */
stria_status show_terminal(const options *given, const stria_array *picture, stria_error *error);

#endif
