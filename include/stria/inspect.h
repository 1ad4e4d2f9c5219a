/* Inspection: summary, chosen kernels, timings, raw tensors, this machine. Include <stria/stria.h>. */
#ifndef STRIA_INSPECT_H
#define STRIA_INSPECT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- summary ---- */

/* A window that slides along one side of an image: out = ⌊(in + before + after − ((kernel − 1)·dilation + 1)) / stride⌋
 * + 1, or ⌈…⌉ + 1 if the layer rounds up. All fields count elements. */
typedef struct stria_window {
    int64_t in, before, after, kernel, dilation, stride, out;
} stria_window;

typedef struct stria_layer_row {
    const char *name, *type;
    const char *output; /* name of its first result, for stria_find and `run --grad` */
    int rank;
    int64_t output_shape[STRIA_RANK_MAX];
    int64_t parameters, multiply_adds; /* for one image */
    int connected_count;
    const char *const *connected; /* the layers and model inputs that it reads */
    int windows;                  /* 2 for convolutions and poolings of images, else 0 */
    stria_window window[2];       /* height, width */
    /* Height and width, in image pixels, of the area that one element of the result depends on, and the distance
     * between neighbouring areas. 0: the whole image, or not known. */
    int64_t receptive_field[2], receptive_stride[2];
} stria_layer_row;

/* A tensor that the model keeps between runs, by its name for stria_find and `run --wrt`. */
typedef struct stria_tensor_row {
    const char *name;
    const char *role; /* "parameter", "frozen" (a parameter that is not trained), "statistic" or "variable" */
    stria_type type;
    int rank;
    int64_t shape[STRIA_RANK_MAX];
} stria_tensor_row;

typedef struct stria_summary {
    size_t size;                                /* sizeof(stria_summary) */
    void *memory;                               /* owns all rows and their strings, which do not need the model
                                                   afterwards */
    int64_t parameters, buffers, multiply_adds; /* multiply-adds for one image */
    int64_t frozen;                             /* parameters that are not trained, included in `parameters` */
    int64_t auxiliary; /* parameters of auxiliary heads, which only training has; not included in `parameters` */
    uint64_t inference_bytes, training_bytes; /* with parameters, for `batch` images */
    int layer_count;
    const stria_layer_row *const *layers; /* [layer_count] */
    int tensor_count;
    const stria_tensor_row *const *tensors; /* [tensor_count], in the model's order */
} stria_summary;

/* Summarises the model without its auxiliary heads (metadata stria.auxiliary); only tensors and training_bytes include
 * them. Shapes and multiply-adds are for one image; the bytes are for `batch` images and come from the memory plan,
 * without allocating it. training_bytes is 0 for a model that is not an image classifier. STRIA_BAD_ARGUMENT for a
 * batch below 1, STRIA_BAD_SHAPE if the model cannot be run with it. */
STRIA_API stria_status stria_summarize(const stria_model *model, int64_t batch, stria_summary *out, stria_error *error);
/* Frees the rows and their strings, and leaves a struct of the same size without any; accepts one that was not
 * filled. */
STRIA_API void stria_summary_release(stria_summary *summary);

/* ---- the planned workspace ---- */

/* A range of the workspace while it holds one tensor. */
typedef struct stria_memory_block {
    const char *name;       /* the value, or the node that uses it as scratch memory */
    const char *kind;       /* "input", "activation", "gradient", "parameter gradient", "scratch" or "update" */
    uint64_t offset, bytes; /* in the workspace */
    int first, last;        /* the first and last node that need it, both included */
} stria_memory_block;

typedef struct stria_memory_map {
    size_t size;                          /* sizeof(stria_memory_map) */
    void *memory;                         /* owns all that the struct points to */
    uint64_t workspace_bytes, peak_bytes; /* peak: the maximum in use at the same time; the rest are gaps */
    int peak;                             /* the first node at which peak_bytes are in use */
    int backward;                         /* the first node that computes a gradient; node_count: none */
    int node_count;
    const char *const *nodes; /* names, in the order in which they run, after the passes */
    int block_count;
    const stria_memory_block *const *blocks; /* the largest first */
} stria_memory_map;

/* The memory plan: offset and lifetime of each tensor in the workspace of inference (without auxiliary heads), or of a
 * whole training step of an image classifier with the default optimiser. The workspace is not allocated. It does not
 * contain parameters and the optimiser's states. Errors as for stria_bench_model. */
STRIA_API stria_status stria_map_memory(const stria_model *model, int64_t batch, bool train, stria_memory_map *out,
                                        stria_error *error);
/* Frees the contents and empties the struct, whose size stays set; accepts a struct that was not filled. */
STRIA_API void stria_memory_map_release(stria_memory_map *map);

/* ---- the graph, node by node ---- */

/* A node of a model. Strings belong to the model. */
typedef struct stria_node_row {
    size_t size;                    /* sizeof(stria_node_row) */
    const char *name, *op, *domain; /* domain "" is ONNX's own */
    const char *origin;             /* "", or the forward node that this node differentiates */
    int input_count, output_count;
} stria_node_row;
/* A value that a node reads or makes. */
typedef struct stria_operand {
    size_t size;      /* sizeof(stria_operand) */
    const char *name; /* "": an absent optional input */
    const char *kind; /* "input", "constant", "parameter", "frozen", "statistic", "variable", "result", "absent" */
    int node;         /* the node that computes it, −1: none */
    stria_type type;
    int rank;
    int64_t shape[STRIA_RANK_MAX]; /* for one image if the batch is open */
} stria_operand;
/* Fills `out` with the index-th node; nodes are in topological order. Like the next two, returns false past the last
 * and for a size of 0. */
STRIA_API bool stria_model_node(const stria_model *model, int index, stria_node_row *out);
/* Fill `out` with the node's index-th input or output; return false past the last. */
STRIA_API bool stria_model_node_input(const stria_model *model, int node, int index, stria_operand *out);
STRIA_API bool stria_model_node_output(const stria_model *model, int node, int index, stria_operand *out);

/* ---- which kernel runs each node, and why better ones refused it ---- */

typedef struct stria_refusal {
    const char *implementation;
    const char *reason;
} stria_refusal;

typedef struct stria_explained_node {
    const char *name, *op, *implementation;
    const char *storage; /* "plain", "channels-last", "batch-last" */
    int refusal_count;
    const stria_refusal *const *refusals; /* [refusal_count] */
} stria_explained_node;

/* The nodes that the session runs, after fusion. The row and its strings live as long as the session. NULL past the
 * last node; for an earlier index, NULL means that there was no memory for the table, and the next call tries again. */
STRIA_API int stria_session_node_count(const stria_session *session);
STRIA_API const stria_explained_node *stria_session_explain(const stria_session *session, int index);

/* ---- timing ---- */

typedef struct stria_layer_time {
    const char *name, *op, *implementation;
    double median_ms;
    double gflops;     /* 0 for operators that are not measured in multiply-adds */
    const char *fused; /* op and the operators fused into it: "Conv+Relu" */
    const char *storage;
    int64_t multiply_adds; /* for the whole batch */
    uint64_t bytes;        /* bytes of its inputs and outputs, each counted once: the minimum memory traffic */
    int refusal_count;
    const stria_refusal *const *refusals; /* [refusal_count] */
} stria_layer_time;

typedef struct stria_bench {
    size_t size;                                   /* sizeof(stria_bench) */
    double median_ms, min_ms, gflops, peak_gflops; /* peak: measured on this machine with the same ISA and threads */
    uint64_t peak_rss_bytes;
    int layer_count;
    const stria_layer_time *const *layers; /* [layer_count] */
    double bandwidth_gbs; /* memory bandwidth of copying, bytes read and written, in 10⁹ bytes per second; measured like
                             the peak; 0: not measured, for lack of memory */
    int run_count;        /* rows of run_ms: the first runs, at most 20 */
    /* [run_count][1 + layer_count]: the whole run, then its layers in execution order */
    const double *run_ms;
    void *memory; /* owns all that the struct points to */
} stria_bench;

/* Times `repeat` runs (0: for about a second) of inference, or of a whole training step (forward, backward, momentum
 * update) with random data. options: as for a session, NULL: the defaults. STRIA_BAD_ARGUMENT for repeat outside
 * 0…1000, STRIA_BAD_SHAPE for training a model that is not an image classifier, else the errors of
 * stria_session_new. */
STRIA_API stria_status stria_bench_model(const stria_model *model, const stria_session_options *options, bool train,
                                         int repeat, stria_bench *out, stria_error *error);
/* Frees the rows and their strings, and leaves a struct of the same size without any; accepts one that was not
 * filled. */
STRIA_API void stria_bench_release(stria_bench *bench);

/* ---- raw tensors: .npy and .npz files ---- */

/* Reads .npy, an .npz of one array, or one tensor of ONNX's TensorProto (.pb), also from a pipe or standard input
 * ("-"), whose format is detected from the contents. Free with stria_array_release. STRIA_NO_FILE, STRIA_BAD_FILE,
 * STRIA_UNSUPPORTED for an element type that Stria does not have. */
STRIA_API stria_status stria_array_read(const char *path, stria_array *out, stria_error *error);
/* Reads every array of an .npz, in the archive's order, or the single array of another file. Free with
 * stria_arrays_release. Errors as above. */
STRIA_API stria_status stria_arrays_read(const char *path, stria_named_array **out, int *count, stria_error *error);
/* Accepts NULL. */
STRIA_API void stria_arrays_release(stria_named_array *arrays, int count);
/* Converts the elements to another type. Floats round to nearest even; conversion to integers truncates and saturates,
 * conversion to 8-bit floats saturates. Free with stria_array_release. STRIA_BAD_ARGUMENT for an unknown type,
 * STRIA_BAD_SHAPE if `bytes` does not match the shape. */
STRIA_API stria_status stria_array_convert(const stria_array *array, stria_type type, stria_array *out,
                                           stria_error *error);
/* Converts images from channels last to ONNX's order: [n, height, width, channels] → [n, channels, height, width]. Free
 * with stria_array_release. STRIA_BAD_SHAPE for another rank, or if `bytes` does not match the shape. */
STRIA_API stria_status stria_array_channels_first(const stria_array *array, stria_array *out, stria_error *error);
/* Writes .npy, atomically; bfloat16 and 8-bit floats, which NumPy does not have, as float32. STRIA_BAD_SHAPE if `bytes`
 * does not match the shape, STRIA_IO. */
STRIA_API stria_status stria_array_write(const char *path, const stria_array *array, stria_error *error);
/* Writes ONNX's TensorProto of this name ("": none), the format of ONNX test data (input_0.pb); any type, atomically.
 * Errors as for stria_array_write, and STRIA_BAD_FILE for 2 GiB and more. */
STRIA_API stria_status stria_tensor_write(const char *path, const char *name, const stria_array *array,
                                          stria_error *error);
/* Frees the data; accepts a zeroed array. */
STRIA_API void stria_array_release(stria_array *array);

/* ---- pictures ---- */

/* Returns true if folders of pictures use a file of this name: by its ending (png, jpg, jpeg, webp, tif, tiff, bmp,
 * pgm, ppm, pnm, in either case). */
STRIA_API bool stria_picture_named(const char *name);
/* Reads a PNG, JPEG, WebP, TIFF, BMP or PNM file, which may be a pipe, or standard input ("-"): uint8 [channels,
 * height, width], 1 channel (grey) or 3 (red, green, blue). Free with stria_array_release. STRIA_NO_FILE,
 * STRIA_BAD_FILE, STRIA_UNSUPPORTED for another kind of picture. */
STRIA_API stria_status stria_picture_read(const char *path, stria_array *out, stria_error *error);
/* The same for a file's contents in memory, which may come from an untrusted source. max_pixels limits the picture's
 * pixels; 0: 2^26, and at most 16 MiB plus 4,096 times the data's size when decoded. */
STRIA_API stria_status stria_picture_decode(const void *data, size_t bytes, int64_t max_pixels, stria_array *out,
                                            stria_error *error);
/* Writes such an array; the path's ending chooses the format: .png, .pgm (grey), .ppm (colour) or .pnm. Atomic.
 * STRIA_BAD_SHAPE for another array, STRIA_BAD_ARGUMENT for another ending, STRIA_IO. */
STRIA_API stria_status stria_picture_write(const char *path, const stria_array *picture, stria_error *error);

/* ---- operators ---- */

typedef struct stria_operator {
    size_t size;                          /* sizeof(stria_operator) */
    const char *name, *domain;            /* domain "" is ONNX's own */
    const char *text;                     /* the formula, one line */
    int in_min, in_max, out_min, out_max; /* a maximum of −1: any number */
    bool gradient;                        /* it has a gradient, which may be zero everywhere */
    bool composite;                       /* built of other operators; it uses their implementations and gradients */
} stria_operator;

/* Fills `out` with the index-th operator that models and graphs may use; returns false past the last and for a size of
 * 0. Strings are static. */
STRIA_API bool stria_operator_get(int index, stria_operator *out);
/* Returns the name of its index-th implementation on the CPU, best first, the float64 reference last; NULL past the
 * last. */
STRIA_API const char *stria_operator_implementation(int index, int implementation);

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
