/* The parts of a loader: loader.c makes it, loader_item.c one item's values, loader_batch.c a batch, and loader_ring.c
 * has threads of its own that make batches ahead. */
#ifndef DATA_LOADER_INSIDE_H
#define DATA_LOADER_INSIDE_H

#include "data/kept.h"
#include "data/loader.h"

/* An item and what is wrong with it; index −1: none. */
typedef struct bad_item {
    int64_t index;
    stria_error error;
} bad_item;

/* A permutation of the data, the order of one epoch; −1: of none yet. */
typedef struct epoch_order {
    int64_t epoch;
    int64_t *items; /* NULL: not shuffled */
} epoch_order;

/* A batch that is being made, in tasks of a few items that any threads run; each thread's part is its own, and the
 * parts are put together by who takes the batch. */
typedef struct batch_work {
    loader *l;
    int64_t epoch, batch, first, items;
    const int64_t *order; /* of the epoch; NULL: not shuffled */
    sample to;
    const _Atomic bool *given_up; /* nobody wants it any more: tasks end early; NULL: it will be wanted */
    double own_share;             /* loader_share */
    stria_status *status;         /* [tasks] */
    stria_error *errors;          /* [tasks] */
    bad_item *worst;              /* [tasks], the first in the data that is bad; NULL: BAD_FAILS */
    float *spare;                 /* a picture, for mixing; NULL: nothing is mixed */
} batch_work;

enum { ITEM_BAD = 1, ITEM_NOTED = 2 }; /* found bad; and known to who takes batches */

typedef struct loader_ring loader_ring;

struct loader {
    const dataset *data;
    preprocess p;
    augment augment;
    pixel_table table;
    loader_options o;
    int shape[3];
    int least_side;       /* of pictures, where fast_decode reduces them */
    _Atomic uint8_t *bad; /* [items of the data], ITEM_…; NULL: BAD_FAILS */
    bad_item first;       /* of those that are noted */
    kept *kept;           /* NULL: nothing is */
    int view;             /* loader_view */
    double share;         /* loader_share */
    epoch_order order;    /* of work */
    batch_work work;      /* what loader_fill makes itself; without a ring */
    loader_ring *ring;    /* NULL: there is none */
};

int64_t loader_item_size(const loader *l); /* floats of a picture */
/* The order of an epoch into o, which may have another one. */
stria_status loader_order_new(const loader *l, epoch_order *o, stria_error *err);
void loader_order_make(const loader *l, int64_t epoch, epoch_order *o);

/* ---- loader_item.c ---- */

/* An item as x[channels][height][width], with the changes of this epoch, and its target (NULL: not wanted).
 * Thread-safe. */
stria_status loader_item(const loader *l, int64_t epoch, int64_t index, float *x, float *target, stria_error *err);

/* ---- loader_batch.c ---- */

/* Room for what becomes of the tasks of any batch; what it fills is the caller's. */
stria_status batch_work_init(batch_work *w, loader *l, stria_error *err);
void batch_work_release(batch_work *w); /* accepts zeros */
void batch_work_begin(batch_work *w, int64_t epoch, int64_t batch, const int64_t *order);
int64_t batch_work_tasks(const batch_work *w);
void batch_work_task(batch_work *w, int64_t task);
/* After all tasks: mixes, where they are mixed. workers NULL: this thread. */
void batch_work_mix(batch_work *w, pool *workers);
/* Then, batch after batch, in the thread that takes them: what was found bad is noted; the first item's error. */
stria_status batch_work_end(batch_work *w, stria_error *err);

/* ---- loader_ring.c ---- */

/* Makes the ring for the loader's options and shape; threads start with the first ring_fill. */
stria_status ring_new(loader_ring **out, loader *l, stria_error *err);
void ring_free(loader_ring *r); /* accepts NULL */
/* As loader_fill. A batch that is not the one after the last begins a new row of batches. */
stria_status ring_fill(loader_ring *r, pool *workers, int64_t epoch, int64_t batch, const sample *to, stria_error *err);
void ring_rest(loader_ring *r); /* loader_rest */
size_t ring_bytes(const loader_ring *r);
int ring_slots(const loader_ring *r);

#endif
