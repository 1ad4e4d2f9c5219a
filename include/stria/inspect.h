/* Looking inside: summary, kernels chosen, timings, raw tensors, this machine. Include <stria/stria.h>. */
#ifndef STRIA_INSPECT_H
#define STRIA_INSPECT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- summary ---- */

typedef struct stria_layer_row {
    const char *name, *type;
    int rank;
    int64_t output_shape[STRIA_RANK_MAX];
    int64_t parameters, multiply_adds; /* for one image */
} stria_layer_row;

typedef struct stria_summary {
    int64_t parameters, buffers, multiply_adds; /* multiply-adds for one image */
    uint64_t inference_bytes, training_bytes;   /* parameters included, at the batch asked for */
    int layer_count;
    stria_layer_row *layers; /* strings belong to the model */
} stria_summary;

/* Shapes and multiply-adds are those of one image; the bytes, of `batch` images, come from the memory plan, with
 * nothing allocated. training_bytes is 0 for what is no classifier of pictures. */
STRIA_API stria_status stria_summarize(const stria_model *model, int64_t batch, stria_summary *out, stria_error *error);
/* Frees the array of layers. */
STRIA_API void stria_summary_release(stria_summary *summary);

/* ---- which kernel runs each node, and why better ones declined ---- */

typedef struct stria_refusal {
    const char *implementation;
    const char *reason;
} stria_refusal;

typedef struct stria_explained_node {
    const char *name, *op, *implementation;
    const char *storage; /* "plain", "channels-last", "batch-last" */
    int refusal_count;
    const stria_refusal *refusals;
} stria_explained_node;

/* Nodes as the session runs them, after fusing. The strings live as long as the session. NULL past the end. */
STRIA_API const stria_explained_node *stria_session_explain(const stria_session *session, int index);

/* ---- timing ---- */

typedef struct stria_layer_time {
    const char *name, *op, *implementation;
    double median_ms;
    double gflops; /* 0 where multiply-adds do not matter */
} stria_layer_time;

typedef struct stria_bench {
    double median_ms, min_ms, gflops, peak_gflops; /* peak: measured on this machine with the same ISA and threads */
    uint64_t peak_rss_bytes;
    int layer_count;
    stria_layer_time *layers;
} stria_bench;

/* Times `repeat` runs (0: for about a second) of inference, or of a whole training step (forward, backward, momentum
 * update) with random data. options: as for a session. */
STRIA_API stria_status stria_bench_model(const stria_model *model, const stria_session_options *options, bool train,
                                         int repeat, stria_bench *out, stria_error *error);
/* Frees the array of layers. */
STRIA_API void stria_bench_release(stria_bench *bench);

/* ---- raw tensors: .npy files ---- */

/* Reads .npy, or one tensor of ONNX's TensorProto (.pb). Free with stria_array_release. */
STRIA_API stria_status stria_array_read(const char *path, stria_array *out, stria_error *error);
/* Writes .npy, atomically. */
STRIA_API stria_status stria_array_write(const char *path, const stria_array *array, stria_error *error);
/* Frees the data; accepts a zeroed array. */
STRIA_API void stria_array_release(stria_array *array);

/* ---- this build, this machine ---- */

/* "key: value" pairs: version, compiler, isa, isas, threads, cgroup, libraries. NULL past the end. Static storage. */
typedef struct stria_info_row {
    const char *key, *value;
} stria_info_row;
STRIA_API const stria_info_row *stria_info(int index);

#ifdef __cplusplus
}
#endif
#endif
