/* The structs that the public handles point to. */
#ifndef API_API_H
#define API_API_H

#include "api/options.h"
#include "base/pool.h"
#include "data/dataset.h"
#include "graph/graph.h"
#include "run/machine.h"
#include "run/programs.h"
#include "train/trainer.h"
#include <stria/stria.h>

struct stria_graph {
    graph *g;
    stria_error error; /* the first one sticks */
    uint64_t seed;
};

struct stria_model {
    graph *g;
    programs *programs; /* of its sessions and predictors; forgotten by whoever changes g */
    arena arena;
    stria_port *inputs, *outputs, *optional; /* arena; of g */
    int optional_count;
    char *recipe; /* arena; the words of its metadata for training, each with an end; NULL: none */
    size_t recipe_bytes;
    int references; /* atomic */
};

#define DATA_IN_MEMORY "memory" /* a spec that nothing opens */

struct stria_dataset {
    dataset *d;
    char *spec;
    stria_dataset_options options;
    int references; /* atomic */
};

stria_model *model_retain(const stria_model *m);
stria_status model_wrap(stria_model **out, graph *g, stria_error *err); /* takes g over, on failure too */
stria_dataset *dataset_retain(const stria_dataset *d);
/* How a training opened its data. */
stria_dataset_options run_data_options(const data_source *source);

/* A picture as arrays hold it: uint8 [1 or 3, height, width] with all its bytes. */
stria_status picture_check(const stria_array *a, stria_error *err);
/* Values as arrays hold them: float32 [channels, height, width], all of them there and finite. */
stria_status values_check(const stria_array *a, stria_error *err);

/* A graph's copy in which every symbolic dimension is `batch`. */
stria_status graph_for_batch(graph *g, int64_t batch, graph **out, stria_error *err);

/* The caller's pool, retained, or without one a new pool with this many threads. */
stria_status pool_take(pool **out, const stria_thread_pool *shared, int threads, stria_error *err);

/* A session of the model's program for this wish. */
stria_status model_session(session **out, const stria_model *m, const program_wish *wish, const session_config *config,
                           stria_error *err);

/* The views of stria_inference_options.tta. */
stria_status tta_of(int asked, tta_kind *out, stria_error *err);

stria_port port_of(const value *v, const char *name);

#endif
