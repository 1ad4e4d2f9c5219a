#ifndef REPORT_PLOT_MEMORY_H
#define REPORT_PLOT_MEMORY_H

#include "report/out.h"

#include <stria/stria.h>

/* The map as a picture by itself: a box for each block (the largest 4,000), from its first node to its last, from its
 * first byte to its last; a line for what is in use; the peak and where the backward pass begins. */
void plot_memory(out *o, const char *title, const stria_memory_map *map);

/* "63.4 MiB" */
void plot_memory_size(uint64_t bytes, char text[32]);

#endif
