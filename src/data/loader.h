/* Batches of a dataset as tensors. What a batch holds is a pure function of (seed, epoch, batch number): no state, so
 * training resumes anywhere with the same pictures.
 *
 * With threads of its own a loader makes batches ahead of who takes them, into a ring of buffers: while a step
 * computes, the next pictures are decoded and changed. These threads share the cores with those that compute: all of
 * them work while the step waits, and all of them sleep when the ring is full. In between the system schedules both;
 * the total work is the same, so on busy cores a step takes longer by the time that it no longer waits. Without threads
 * each step makes its own batch. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include "base/pool.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "data/tta.h"

typedef struct loader loader;

/* The fields of a batch, arrays of the caller; NULL: not wanted. */
typedef struct sample {
    float *image; /* [items][channels][height][width], preprocessed and changed; always wanted */
    float
        *target; /* as image, but as it was before steps that damage it (augment_apply): needs loader_options.target */
    int64_t *label; /* [items], the class in the dataset; −1: the picture cannot be read (BAD_MARKED) */
    int64_t *index; /* [items], in the dataset */
} sample;

/* The treatment of a picture that cannot be read or does not get the right shape. */
typedef enum loader_bad {
    BAD_FAILS,    /* the batch fails with its sentence */
    BAD_MARKED,   /* its label is −1, its values are 0 */
    BAD_REPLACED, /* the next good one in the epoch's order takes its place */
} loader_bad;

typedef struct loader_options {
    int64_t batch; /* items a batch, at least 1 */
    uint64_t seed;
    bool shuffle;   /* a new permutation every epoch; else the dataset's order */
    bool drop_last; /* leave out a last batch that is not full */
    loader_bad bad;
    size_t keep_bytes;      /* memory for decoded pictures of files, so that later epochs read no files; 0: none */
    const augment *augment; /* random changes to every picture, copied; NULL: none */
    bool target;            /* samples may want targets */
    tta_kind tta; /* views of every picture, which loader_view chooses; where there are several, no picture is kept */
    int shape[3]; /* channels, height, width that every picture must get: what `preprocess` does not say follows from
                     it (preprocess_fit); zeros: what preprocessing makes of the dataset's own */
    int threads;  /* of its own, which make batches ahead; 0: none. None either where pixels lie in memory and nothing
                     is random, or `tta` has several views */
    int ahead;    /* batches that are made ahead, with `threads`; 0: 2 to 8, as many as take 64 MiB */
    bool apart;   /* epochs are not asked for one after another: nothing is made ahead past an epoch's end, and nothing
                     at all where an epoch is one batch */
} loader_options;

/* Threads that a loader gets, by an option's value: 0: as many as compute, at most one per CPU, none beside a single
 * one; −1: none. */
int loader_workers(int64_t wanted, int64_t threads);

/* The dataset outlives the loader; preprocess is copied. STRIA_BAD_SHAPE if it is known now that pictures do not come
 * out in one shape (which may be another than the options' one: loader_shape); STRIA_BAD_ARGUMENT if there would be no
 * batch, or the augmentation is not for such pictures. */
stria_status loader_new(loader **out, const dataset *d, const preprocess *p, const loader_options *options,
                        stria_error *err);
void loader_free(loader *l); /* accepts NULL */

void loader_shape(const loader *l, int shape[3]);     /* channels, height, width of x */
int64_t loader_batches(const loader *l);              /* in an epoch */
int64_t loader_items(const loader *l, int64_t batch); /* in this batch: fewer only in a last one that is not dropped */

/* The number of threads that make batches ahead, and of these batches; 0: none. */
int loader_threads(const loader *l);
int loader_ahead(const loader *l);
/* Memory that batches made ahead take, and the most that kept pictures may. */
size_t loader_most_bytes(const loader *l);

/* Fills the fields that are wanted, decoding over the pool (NULL: this thread), or waiting for the loader's own
 * threads. Batches that are made ahead follow the one that was taken last; any other may be asked for. Fails with the
 * first item's error; STRIA_BAD_FILE where no picture is good that could take a bad one's place. One thread at a time
 * for a loader. */
stria_status loader_fill(loader *l, pool *workers, int64_t epoch, int64_t batch, const sample *to, stria_error *err);

/* Until the next loader_fill the loader's threads work no more: they read nothing and call no callback. */
void loader_rest(loader *l);

/* Which of the tta_views(options.tta) the next batches hold; the first from the beginning. */
void loader_view(loader *l, int view);

/* Returns true if batches are mixed (augment_mixes), and what share of the last filled batch's pictures is of their own
 * label; the rest is of the label before theirs in the batch, for the first of the last. 1: all of it. */
bool loader_mixes(const loader *l);
double loader_share(const loader *l);

/* Memory that kept pictures take now. */
size_t loader_kept_bytes(const loader *l);

/* Pictures that turned out bad until now, each counted once, unless BAD_FAILS; *first (NULL: not wanted) is the
 * sentence of the first of them in the dataset, as long as there is one. The same for any number of threads. */
int64_t loader_bad_count(const loader *l, const char **first);
/* Fails with the sentence for data that turned out bad altogether. */
stria_status loader_none_good(const loader *l, stria_error *err);

#endif
