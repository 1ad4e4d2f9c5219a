/* Graphs, models and sessions: defining, storing and running a network. Include <stria/stria.h>. */
#ifndef STRIA_MODEL_H
#define STRIA_MODEL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types of elements, numbered as ONNX's TensorProto.DataType. */
typedef enum stria_type {
    STRIA_FLOAT32 = 1,
    STRIA_UINT8 = 2,
    STRIA_INT8 = 3,
    STRIA_UINT16 = 4,
    STRIA_INT16 = 5,
    STRIA_INT32 = 6,
    STRIA_INT64 = 7,
    STRIA_BOOL = 9,
    STRIA_FLOAT16 = 10,
    STRIA_FLOAT64 = 11,
    STRIA_UINT32 = 12,
    STRIA_UINT64 = 13,
    STRIA_BFLOAT16 = 16,
    STRIA_FLOAT8E4M3FN = 17, /* 8-bit floats are stored and converted; no operator computes with them */
    STRIA_FLOAT8E4M3FNUZ = 18,
    STRIA_FLOAT8E5M2 = 19,
    STRIA_FLOAT8E5M2FNUZ = 20,
    STRIA_FLOAT8E8M0 = 24
} stria_type;

/* Returns "float32", …; "unknown type" for any other number. Static storage. Thread-safe. */
STRIA_API const char *stria_type_name(stria_type type);
/* Returns the bytes of one element; 0 for any other number. Thread-safe. */
STRIA_API size_t stria_type_bytes(stria_type type);

#define STRIA_RANK_MAX 8

/* A tensor's contents. */
typedef struct stria_array {
    stria_type type;
    int rank;
    int64_t shape[STRIA_RANK_MAX];
    void *data; /* dense, row-major */
    size_t bytes;
} stria_array;

typedef struct stria_named_array {
    char name[256]; /* "": no name */
    stria_array array;
} stria_named_array;

/* ---------------------------------------------------------------------------------------------------------------
 * Graph: symbolic tensors and operators.
 *
 * Builder calls chain: the graph keeps the first error, which names its layer, and every later call returns NULL and
 * does nothing. So a network needs no check per line, only one call of stria_graph_status at the end. Values belong to
 * their graph. Shapes are in ONNX's order (images: batch, channels, height, width). Not thread-safe. `options` strings
 * are "key=value key=value"; NULL is the same as "". Every layer and operator takes name=NAME.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_graph stria_graph;
typedef struct stria_value stria_value;

/* Returns a new, empty graph; NULL if there is no memory. */
STRIA_API stria_graph *stria_graph_new(const char *name);
STRIA_API void stria_graph_free(stria_graph *graph); /* accepts NULL */
/* Returns the first error of any builder call, or STRIA_OK; STRIA_NO_MEMORY for a NULL graph. */
STRIA_API stria_status stria_graph_status(const stria_graph *graph, stria_error *error);

/* Enters a scope: the names of layers, operators, variables and constants made in it begin with its name and '.', for
 * example "layer1.0.conv1" in scope "layer1.0". Scopes nest; NULL leaves the innermost one. */
STRIA_API void stria_scope(stria_graph *graph, const char *name);

/* Raw level: inputs, constants, variables, single operators. */

/* An input that is set before every run. A dimension of 0 is the batch; it may differ between sessions. */
STRIA_API stria_value *stria_input(stria_graph *graph, const char *name, stria_type type, int rank,
                                   const int64_t *shape);
/* A constant; `data` is copied (dense, row-major). */
STRIA_API stria_value *stria_constant(stria_graph *graph, const char *name, stria_type type, int rank,
                                      const int64_t *shape, const void *data);
/* A variable keeps its value between runs and can be set and read there (stria_session_set, stria_session_get).
 * Training changes variables of a float type. data NULL: zeros. */
STRIA_API stria_value *stria_variable(stria_graph *graph, const char *name, stria_type type, int rank,
                                      const int64_t *shape, const void *data);
/* Any operator by its ONNX name ("Conv", "Gemm", …) with attributes as options ("kernel_shape=5,5 pads=2,2,2,2"), or
 * any layer of docs/net.md that takes no plain numbers ("batch_norm", "dropout", "gelu", …) with its options; a layer
 * makes its own parameters. inputs[count]; NULL entries are absent optional inputs. Returns the first output. */
STRIA_API stria_value *stria_node(stria_graph *graph, const char *op, stria_value *const *inputs, int count,
                                  const char *options);
/* Appends the nodes that compute the gradient of y (its elements summed) with respect to x, and returns it: a zero
 * constant if y does not depend on x. */
STRIA_API stria_value *stria_gradient(stria_graph *graph, stria_value *y, stria_value *x);
/* The same for `count` values in one backward pass: dx[i] for x[i]. All are NULL after an error. */
STRIA_API void stria_gradients(stria_graph *graph, stria_value *y, stria_value *const *x, int count, stria_value **dx);
/* stria_gradient by guided backpropagation (Springenberg et al. 2015): Relu, and Clip from 0, pass back only positive
 * gradients. It is an error if there is neither between x and y. */
STRIA_API stria_value *stria_gradient_guided(stria_graph *graph, stria_value *y, stria_value *x);
/* Assigns `next` to `variable` after each run; reads within the run see the value from its start. */
STRIA_API void stria_assign(stria_graph *graph, stria_value *variable, stria_value *next);
/* Makes a value an output, readable after a run under `name` (NULL: the value's own). */
STRIA_API void stria_output(stria_graph *graph, stria_value *value, const char *name);
/* Removes an output by its output name; the value stays in the graph. An unknown name is an error of the graph. */
STRIA_API void stria_graph_remove_output(stria_graph *graph, const char *name);
/* Replaces an output by another value, with the same position and name. */
STRIA_API void stria_graph_replace_output(stria_graph *graph, const char *name, stria_value *value);
/* Returns a value by its name, or an output by its output name; NULL if there is none (which is not an error of the
 * graph). */
STRIA_API stria_value *stria_find(const stria_graph *graph, const char *name);
/* Return inputs and parameters (variables that training changes) in order; NULL past the last. */
STRIA_API stria_value *stria_graph_input(const stria_graph *graph, int index);
STRIA_API stria_value *stria_graph_parameter(const stria_graph *graph, int index);
/* For NULL (a failed builder call) these return "", 0 and rank 0. */
STRIA_API const char *stria_value_name(const stria_value *value);
STRIA_API stria_type stria_value_type(const stria_value *value);
/* Returns the rank and writes the dimensions to shape[STRIA_RANK_MAX] (the batch as 1). */
STRIA_API int stria_value_shape(const stria_value *value, int64_t *shape);

/* Layer level: layers make and initialise their own parameters, named NAME.weight and NAME.bias. Their random numbers
 * depend on the last seed that stria_graph_seed set before the layer's call (0 if none) and on the parameter's name.
 * init=glorot-uniform (default), glorot-normal, he-uniform, he-normal, lecun-uniform, lecun-normal, normal,
 * truncated-normal, uniform, orthogonal, each optionally times a number (glorot-uniform:gain=4); zeros,
 * constant:value=0.1. */
STRIA_API void stria_graph_seed(stria_graph *graph, uint64_t seed);

/* x[batch, ic, ih, iw] → [batch, channels, oh, ow]. Options: kernel=K|KH,KW (required) stride=1
 * padding=0|P|PH,PW|same|valid dilation=1 groups=1 bias=1 init=…. ONNX Conv. */
STRIA_API stria_value *stria_conv(stria_graph *graph, stria_value *x, int64_t channels, const char *options);
/* x[batch, …] (flattened) → [batch, units]. Options: bias=1 init=…. ONNX Gemm with transB=1. */
STRIA_API stria_value *stria_dense(stria_graph *graph, stria_value *x, int64_t units, const char *options);
/* Options: kernel=2 stride=kernel padding=0; average: include_pad=0. ONNX MaxPool, AveragePool. */
STRIA_API stria_value *stria_max_pool(stria_graph *graph, stria_value *x, const char *options);
STRIA_API stria_value *stria_average_pool(stria_graph *graph, stria_value *x, const char *options);
STRIA_API stria_value *stria_relu(stria_graph *graph, stria_value *x);
STRIA_API stria_value *stria_sigmoid(stria_graph *graph, stria_value *x);
STRIA_API stria_value *stria_tanh(stria_graph *graph, stria_value *x);
STRIA_API stria_value *stria_softmax(stria_graph *graph, stria_value *x); /* along the last dimension */
STRIA_API stria_value *stria_flatten(stria_graph *graph, stria_value *x); /* [batch, everything else] */
STRIA_API stria_value *stria_reshape(stria_graph *graph, stria_value *x, int rank,
                                     const int64_t *shape); /* 0 keeps, −1 fits */
STRIA_API stria_value *stria_add(stria_graph *graph, stria_value *a,
                                 stria_value *b); /* with broadcasting, as the next three */
STRIA_API stria_value *stria_sub(stria_graph *graph, stria_value *a, stria_value *b);
STRIA_API stria_value *stria_mul(stria_graph *graph, stria_value *a, stria_value *b);
STRIA_API stria_value *stria_div(stria_graph *graph, stria_value *a, stria_value *b);
STRIA_API stria_value *stria_matmul(stria_graph *graph, stria_value *a, stria_value *b);

/* Blocks: several layers in a scope with the block's name (name=NAME). x[batch, ic, ih, iw]. All blocks take
 * init=he-normal (fire: he-uniform) activation=relu (a layer, or none); all except stria_fire take epsilon=0.00001
 * (inception: 0.001). Tensors are named as in torchvision's networks: NAME.conv1.weight, NAME.bn1.running_mean, …
 *
 * Convolution, batch normalisation, activation → [batch, channels, oh, ow]. Options: kernel=3 stride=1 padding=half the
 * kernel, groups=1 norm=1 (0: a bias instead) names=conv,bn,relu. */
STRIA_API stria_value *stria_conv_bn_relu(stria_graph *graph, stria_value *x, int64_t channels, const char *options);
/* relu(f(x) + x), f two 3×3 convolutions with normalisation (He et al., CVPR 2016). Options: stride=1, of the first;
 * shortcut=b, used where size or channels change: a: every stride-th pixel and channels of zeros, b: a 1×1 convolution
 * (NAME.downsample), none: no sum. */
STRIA_API stria_value *stria_residual(stria_graph *graph, stria_value *x, int64_t channels, const char *options);
/* The same with 1×1 to squeeze= channels (default: a quarter), 3×3 with the stride, 1×1 to `channels`. style=keras: the
 * first 1×1 has the stride, and all convolutions have biases. */
STRIA_API stria_value *stria_bottleneck(stria_graph *graph, stria_value *x, int64_t channels, const char *options);
/* A depthwise and a pointwise convolution, each with normalisation and activation (Howard et al., 2017). Options:
 * kernel=3 stride=1 padding=half the kernel. */
STRIA_API stria_value *stria_depthwise_separable(stria_graph *graph, stria_value *x, int64_t channels,
                                                 const char *options);
/* 1×1 to expand=6 times the channels, depthwise, 1×1 to `channels` without activation; + x where shapes agree (Sandler
 * et al., CVPR 2018). Options: kernel=3 stride=1 padding=half the kernel, activation=relu6. */
STRIA_API stria_value *stria_inverted_residual(stria_graph *graph, stria_value *x, int64_t channels,
                                               const char *options);
/* 1×1 to `squeeze` channels, then 1×1 and 3×3 to `one` and `three` in parallel → [batch, one + three, ih, iw] (Iandola
 * et al., 2016). Options: bypass=none, simple (+ x, with the same number of channels), complex (+ a 1×1
 * convolution). */
STRIA_API stria_value *stria_fire(stria_graph *graph, stria_value *x, int64_t squeeze, int64_t one, int64_t three,
                                  const char *options);
/* Four parallel branches (Szegedy et al., CVPR 2015). channels[6]: of the 1×1; before the 3×3, of the 3×3; before the
 * 5×5, of the 5×5; after the pooling. Options: kernel=5 of the third branch, norm=1 (0: biases instead). */
STRIA_API stria_value *stria_inception(stria_graph *graph, stria_value *x, const int64_t *channels,
                                       const char *options);

/* Mean cross-entropy of softmax(logits[batch, classes]) against labels int64 [batch]: a scalar. Numerically stable. */
STRIA_API stria_value *stria_softmax_cross_entropy(stria_graph *graph, stria_value *logits, stria_value *labels);

/* ---------------------------------------------------------------------------------------------------------------
 * Model: a graph and its parameters, as an .onnx file holds them. Its weights never change (a trainer works on a copy),
 * so sessions in many threads may share it; functions that set metadata need exclusive access. Reference-counted: every
 * holder frees its own reference. Names and metadata that its functions return live as long as the model.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_model stria_model;

/* Takes ownership of the graph on success; on failure the caller keeps it. Fails with the graph's first error. A graph
 * without outputs gets its last value as output. */
STRIA_API stria_status stria_model_from_graph(stria_model **out, stria_graph *graph, stria_error *error);
/* Opens a model. spec: a zoo name with options ("lenet5", "mlp:hidden=128"), an .onnx file, a .net file, a run folder,
 * a fetched model of stria_catalog ("resnet18-v1-7"; the catalog's preprocessing becomes its metadata), or "-" for
 * standard input. A pipe or a device is read like a file, at most 2 GiB of a pipe and 64 MiB of a device; the format is
 * detected from the contents. Files in a run folder and external weights must be regular files. seed initialises the
 * parameters of a zoo or .net model. STRIA_BAD_ARGUMENT for an unknown name or option, STRIA_NO_FILE, STRIA_BAD_FILE
 * (also for an .onnx file above 2 GiB, the limit of its format), STRIA_BAD_SHAPE for layers whose shapes do not match,
 * STRIA_UNSUPPORTED for operators and types that Stria does not compute. */
STRIA_API stria_status stria_model_open(stria_model **out, const char *spec, uint64_t seed, stria_error *error);
/* The same for a model whose shapes depend on the contents of some inputs (Reshape's shape, Slice's starts), because a
 * session is planned for fixed shapes. known[count] are the contents of its first inputs, in the file's order (data
 * NULL: not known). Inputs that decide a shape become constants, are no longer inputs of the model, and set fixed[i];
 * the others stay inputs and get the shapes of their contents. */
STRIA_API stria_status stria_model_open_known(stria_model **out, const char *spec, uint64_t seed,
                                              const stria_array *known, bool *fixed, int count, stria_error *error);
/* How a model is opened. */
typedef struct stria_open_options {
    size_t size;      /* sizeof(stria_open_options); set by stria_open_options_default */
    uint64_t seed;    /* initialises the parameters of a zoo or .net model */
    const char *dims; /* sizes of the model's open dimensions: "height=320,width=480" by the name of the dimension, or
                         "image:2=320" by input and axis; NULL: none */
    const stria_named_array *arrays; /* contents of inputs, by name; arrays without the name of an input are assigned to
                                        the remaining inputs in order. Inputs that decide a shape, and conditions of If,
                                        become constants; open dimensions of the others get their sizes. */
    int array_count;
    bool keep_batch;                  /* true: an open first dimension stays open */
    const struct stria_dataset *data; /* sets the classes and size that a built-in network leaves open; NULL: the
                                         network's defaults */
    bool by_contents; /* spec is a file of either format, .onnx or .net, detected from its contents and not from its
                         name */
} stria_open_options;
STRIA_API stria_open_options stria_open_options_default(void);
/* stria_model_open with options (NULL: the defaults). fixed[array_count], or NULL: set if an array became part of the
 * model. Errors as for stria_model_open, and STRIA_BAD_ARGUMENT for a dimension in dims that is not open. */
STRIA_API stria_status stria_model_open_with(stria_model **out, const char *spec, const stria_open_options *options,
                                             bool *fixed, stria_error *error);
/* The same for a model in memory, .onnx or .net, detected from its contents. The data is not needed afterwards.
 * STRIA_BAD_FILE for any other format, STRIA_UNSUPPORTED for an ONNX model whose weights are in other files; no file is
 * opened. */
STRIA_API stria_status stria_model_open_bytes(stria_model **out, const void *data, size_t bytes,
                                              const stria_open_options *options, bool *fixed, stria_error *error);
/* Copies the model's graph, to build on it: losses, gradients, further layers. Its parameters are variables; open
 * dimensions are planned for `batch` images. STRIA_BAD_ARGUMENT for a batch below 1. */
STRIA_API stria_status stria_graph_from_model(stria_graph **out, const stria_model *model, int64_t batch,
                                              stria_error *error);
/* Writes .onnx (with parameters), .net (without), or only parameters and statistics as .safetensors or .npz; the path's
 * ending chooses the format. Atomic: on failure an existing file is not changed. STRIA_BAD_ARGUMENT for another ending,
 * STRIA_UNSUPPORTED for a graph that the format cannot express, STRIA_IO. */
STRIA_API stria_status stria_model_save(const stria_model *model, const char *path, stria_error *error);
/* How a model is written. */
typedef struct stria_save_options {
    size_t size; /* sizeof(stria_save_options) */
    int opset; /* 13…28: newer operators are expressed by those of this opset where possible; 0: the lowest opset that
                  has the model's operators */
    /* Called after the temporary file is complete and before it replaces `path`, with the temporary file's name (its
     * ending does not show the format). If it returns an error, the temporary file is deleted, `path` is not changed,
     * and the error is returned. NULL: not called. */
    stria_status (*accept)(const char *file, void *context, stria_error *error);
    void *context;      /* passed to accept */
    stria_type weights; /* STRIA_FLOAT16 or STRIA_BFLOAT16: the type in which float32 parameters of two and more
                           dimensions are stored; an .onnx file casts them to float32 where they are used; 0: unchanged.
                           Values beyond the type's range become its largest. .npz has no bfloat16 */
    char **report;      /* with `weights`: receives a line for each tensor with values beyond the range or not finite,
                           NULL if there is none; also on failure; free it with stria_text_free. NULL: no report */
} stria_save_options;
STRIA_API stria_save_options stria_save_options_default(void);
/* stria_model_save with options (NULL: the defaults). STRIA_BAD_ARGUMENT also for another opset, or for an opset with a
 * file that is not .onnx; STRIA_UNSUPPORTED names the layer that the opset cannot express. */
STRIA_API stria_status stria_model_save_with(const stria_model *model, const char *path,
                                             const stria_save_options *options, stria_error *error);
/* Writes the model as .net text to *text, which the caller frees with stria_text_free. Errors as for
 * stria_model_save. */
STRIA_API stria_status stria_model_text(const stria_model *model, char **text, stria_error *error);
STRIA_API void stria_text_free(char *text); /* accepts NULL */
/* Loads a file of weights into the model's parameters and statistics: safetensors, NumPy's .npz, state dictionaries of
 * PyTorch (.pth, .pt; zip archives and older pickles, which are not executed), Keras' .keras, .weights.h5 and .h5. The
 * zoo uses torchvision's names; those of Keras Applications are mapped, and arrays are converted to ONNX's order.
 * report (NULL: none): receives a line for each tensor of the file that was not used or did not match, or NULL; also on
 * failure; free it with stria_text_free. STRIA_BAD_FILE if a tensor of the model would get no contents or contents of
 * another shape; the model is then not changed. Only for the model's only holder. HDF5 (Keras' files) is read in a
 * forked child process, which ends before the call returns: the host gets a SIGCHLD, must not wait for all children
 * during the call, and must have no other thread in the HDF5 library when the call forks. */
STRIA_API stria_status stria_model_load_weights(stria_model *model, const char *path, char **report,
                                                stria_error *error);
/* Makes a copy without the parts that only training uses: the outputs that metadata stria.auxiliary names, and the
 * nodes that only they need. */
STRIA_API stria_status stria_model_without_heads(stria_model **out, const stria_model *model, stria_error *error);
/* Makes a copy whose classifier is replaced by a new one of `classes` classes; the model may come from any program. The
 * last Conv, Gemm or MatMul before output 0 is replaced by one with head.weight and head.bias, initialised by the seed.
 * Of the nodes after it only the pooling of positions is kept (a ReLU or softmax is removed), so the only output,
 * "logits", is [batch, classes]. Class names are dropped. STRIA_BAD_ARGUMENT for fewer than 2 classes, STRIA_BAD_SHAPE
 * for a model that is not an image classifier, STRIA_UNSUPPORTED if the output does not come from one such product. */
STRIA_API stria_status stria_model_replace_head(stria_model **out, const stria_model *model, int64_t classes,
                                                uint64_t seed, stria_error *error);
/* Makes a copy of an untrained network and initialises the weights of its convolutions and dense layers again: init as
 * for stria_graph_seed ("he-normal", "orthogonal:gain=2"). The numbers depend on the seed and the weights' names, so
 * adding a layer does not change those of the others. Biases, normalisations and frozen weights are kept.
 * STRIA_BAD_ARGUMENT for an unknown init, a model whose weights come from a file or a training, or one without such
 * layers; STRIA_UNSUPPORTED for matrices that are too large to be made orthogonal (the square of the smaller side times
 * the larger above 1e11). */
STRIA_API stria_status stria_model_initialize(stria_model **out, const stria_model *model, const char *init,
                                              uint64_t seed, stria_error *error);
/* Makes a copy in which some parameters are frozen: training does not change them. A batch normalisation with frozen
 * scale and bias keeps its running statistics and normalises by them. what: "all-but-head" (all before the last Conv,
 * Gemm or MatMul), "until:NAME" (all that the layer or value NAME is computed from, its own weights included), "none",
 * or patterns with * and ? for the names of weights or layers, joined by commas: "conv1*,bn?.*". Parameters that were
 * frozen before stay frozen unless `what` is "none". The model's file stores the frozen names (metadata stria.frozen).
 * STRIA_BAD_ARGUMENT for a name or pattern that matches nothing; for "all-but-head" also the errors of
 * stria_model_replace_head. */
STRIA_API stria_status stria_model_freeze(stria_model **out, const stria_model *model, const char *what,
                                          stria_error *error);
/* Makes a copy that takes from `from` the contents of all parameters, statistics and other float variables with the
 * same name and shape (types may differ), and the scaling of pictures if the model does not define it. report (NULL:
 * none) receives a sentence that says what was taken and what was not; free it with stria_text_free. STRIA_BAD_ARGUMENT
 * if nothing matches. */
STRIA_API stria_status stria_model_take_weights(stria_model **out, const stria_model *model, const stria_model *from,
                                                char **report, stria_error *error);
/* Releases the caller's reference; sessions, trainers and predictors do not need it after they are made. Accepts
 * NULL. */
STRIA_API void stria_model_free(stria_model *model);

/* The graph's name. Lives as long as the model. */
STRIA_API const char *stria_model_name(const stria_model *model);
/* metadata_props of the ONNX file; NULL if the key does not exist. Setting replaces the value; only the model's only
 * holder may do it. */
STRIA_API const char *stria_model_metadata(const stria_model *model, const char *key);
STRIA_API stria_status stria_model_set_metadata(stria_model *model, const char *key, const char *value,
                                                stria_error *error);
/* Sets the class names, names[count] in the order of output 0; any bytes except NUL. When read, equal names get the
 * number of their class: "crane (134)". STRIA_BAD_ARGUMENT for a count below 1, STRIA_NO_MEMORY. */
STRIA_API stria_status stria_model_set_classes(stria_model *model, const char *const *names, int64_t count,
                                               stria_error *error);
/* Sets the preprocessing that a family of published weights needs, "imagenet", "caffe" or "tf": the metadata
 * stria.channels, stria.scale, stria.mean and stria.std. STRIA_BAD_ARGUMENT for another name. */
STRIA_API stria_status stria_model_set_preprocess(stria_model *model, const char *preset, stria_error *error);

/* Inputs and outputs in order; NULL past the last. The batch (any symbolic dimension) is 0 in shape. They live as long
 * as the model. */
typedef struct stria_port {
    size_t size; /* sizeof(stria_port) */
    const char *name;
    stria_type type;
    int rank;
    int64_t shape[STRIA_RANK_MAX];
} stria_port;
STRIA_API int stria_model_input_count(const stria_model *model);
STRIA_API int stria_model_output_count(const stria_model *model);
STRIA_API const stria_port *stria_model_input(const stria_model *model, int index);
STRIA_API const stria_port *stria_model_output(const stria_model *model, int index);
/* Inputs that have a default: initialisers that an ONNX file of IR version 4 or later lists as inputs too. A session
 * starts with the default; stria_session_set changes it. They are not counted among the inputs above. An initialiser
 * that decides a shape cannot be set. */
STRIA_API int stria_model_optional_input_count(const stria_model *model);
STRIA_API const stria_port *stria_model_optional_input(const stria_model *model, int index);

/* The names of the built-in networks, NULL-terminated, and one line about each (NULL for an unknown name). Static
 * storage. */
STRIA_API const char *const *stria_zoo_names(void);
STRIA_API const char *stria_zoo_about(const char *name);

/* ---------------------------------------------------------------------------------------------------------------
 * Session: a model prepared for fixed input shapes, with kernels chosen and memory planned. Running allocates nothing
 * and may be repeated without limit. One thread at a time may use a session; many sessions of one model may run
 * concurrently.
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct stria_session stria_session;

typedef struct stria_session_options {
    size_t size;                   /* sizeof(stria_session_options); set by stria_session_options_default */
    int64_t batch;                 /* size of the symbolic dimensions, default 1 */
    int threads;                   /* 0: all CPUs that the process may use */
    const char *isa;               /* NULL: the environment's STRIA_ISA, else the best of this machine */
    bool optimize;                 /* fold, fuse, layouts; default true */
    uint64_t seed;                 /* for random operators */
    const stria_thread_pool *pool; /* NULL: its own threads; else `threads` is ignored */
} stria_session_options;

/* One image, all CPUs, the best instruction set, optimised. */
STRIA_API stria_session_options stria_session_options_default(void);
/* options NULL: the defaults. The session does not need the model afterwards. It has its own variables, which start
 * with the model's contents. Sessions of one model with equal options (except the seed) share packed weights and all
 * else that they do not change, so each further session costs only its workspace and is made quickly.
 * STRIA_BAD_ARGUMENT for a batch below 1 or a number of threads out of range, STRIA_BAD_SHAPE if the model cannot be
 * run with this batch, STRIA_UNSUPPORTED, also for an instruction set that this machine lacks. */
STRIA_API stria_status stria_session_new(stria_session **out, const stria_model *model,
                                         const stria_session_options *options, stria_error *error);
STRIA_API void stria_session_free(stria_session *session); /* accepts NULL */

/* Copies `bytes` of dense row-major data into the named input or variable. STRIA_BAD_ARGUMENT if the name does not
 * exist, STRIA_BAD_SHAPE if its size is not exactly `bytes`. */
STRIA_API stria_status stria_session_set(stria_session *session, const char *name, const void *data, size_t bytes,
                                         stria_error *error);
/* Runs the model once with the current inputs (0 before they are set) and updates variables. Allocates nothing. Fails
 * only for input values that an operator does not accept: a label or index that does not exist (STRIA_BAD_VALUE), or a
 * loss that RequireFinite finds not finite (STRIA_NOT_FINITE). */
STRIA_API stria_status stria_session_run(stria_session *session, stria_error *error);
/* Copies the named output of the last run, or the named variable, as dense row-major data. Errors as for
 * stria_session_set. */
STRIA_API stria_status stria_session_get(const stria_session *session, const char *name, void *data, size_t bytes,
                                         stria_error *error);
/* Returns type and concrete shape of the named input, output or variable; STRIA_BAD_ARGUMENT if it does not exist.
 * `out->name` lives as long as the session. */
STRIA_API stria_status stria_session_port(const stria_session *session, const char *name, stria_port *out,
                                          stria_error *error);
/* Bytes of the planned workspace: activations and scratch memory, without variables and packed weights. */
STRIA_API size_t stria_session_bytes(const stria_session *session);

#ifdef __cplusplus
}
#endif
#endif
