/* Windows that slide over images, and how much of the picture an element of a value depends on. */
#ifndef API_SIGHT_H
#define API_SIGHT_H

#include "graph/graph.h"
#include <stria/stria.h>

/* The receptive field of a value's element: `field` pixels along a side, `stride` pixels to the next element's; 0: not
 * known, or the whole picture. */
typedef struct sight {
    int64_t field[2], stride[2];
} sight;

/* Height and width of the window that slides over images; false where none does. */
bool sight_windows(const node *n, stria_window out[2]);
/* Settles what the results of a node see; by_value: by the number of the value, settled for what the node reads. Only
 * operators that are known to work position by position see what their inputs see; any other sees all. */
void sight_of(const node *n, sight *by_value);

#endif
