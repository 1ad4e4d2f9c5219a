/* The parts of a dataset, for dataset.c, which makes it, and dataset_read.c, which reads it. */
#ifndef DATA_DATASET_INSIDE_H
#define DATA_DATASET_INSIDE_H

#include "data/dataset.h"
#include "data/source.h"

struct dataset {
    store *store;
    int64_t first, count;
    int64_t *order; /* which items of the store; NULL: first, first + 1, … */
    bool lent;      /* it validates, and was cut from what trains */
};

#endif
