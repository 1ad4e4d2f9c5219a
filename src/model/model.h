/* Models by what the user calls them: a zoo name, an .onnx or .net file, a run folder. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/file.h"
#include "base/text.h"
#include "graph/graph.h"

/* Metadata of a model whose parameters still are the random numbers that it was made with: graph_load sets it of zoo
 * names and .net files, training drops it, and .onnx files keep it. */
#define MODEL_WEIGHTS   "stria.weights"
#define MODEL_UNTRAINED "untrained"

/* spec: a zoo name with options ("lenet5:classes=26"), FILE.onnx, FILE.net, a run folder (its model.onnx, else
 * best.onnx), or the name of a trained model that was fetched (data/catalog.h), unless it is also that of a file. Of a
 * zoo name, a file wins by its ending, and a folder by a checkpoint in it. seed initialises zoo and
 * .net models. */
stria_status graph_load(graph **out, const char *spec, uint64_t seed, stria_error *err);

/* The same with what is known beforehand (model/onnx/onnx.h): of an .onnx file, inputs that decide a shape become
 * constants where their contents are known, and open dimensions of the others are closed; of other models the latter.
 */
struct onnx_known;
stria_status graph_load_known(graph **out, const char *spec, uint64_t seed, const struct onnx_known *known,
                              stria_error *err);

/* Returns true if the spec is of a network built in rather than of a file or folder. */
bool graph_is_built_in(const char *spec);

/* The same of a model's bytes, .onnx or .net, which their contents tell; opens no file. */
stria_status graph_load_bytes(graph **out, const void *data, size_t size, uint64_t seed, const struct onnx_known *known,
                              stria_error *err);

/* By the ending of the path: .onnx (with parameters), .net (without), .safetensors or .npz (only parameters and
 * statistics); atomically. */
stria_status graph_save(const graph *g, const char *path, stria_error *err);
typedef struct graph_saving {
    int opset;        /* of an .onnx file; 0: the lowest */
    dtype weights;    /* see graph_narrow; 0: as they are */
    text *report;     /* of graph_narrow; NULL: not wanted */
    file_judge judge; /* see file_writer_ask */
} graph_saving;
stria_status graph_save_with(const graph *g, const char *path, const graph_saving *how, stria_error *err);

/* A copy whose float32 parameters of two and more dimensions are kept as float16 or bfloat16, each with a Cast to
 * float32 before its uses. Values beyond the type's range become its largest; the report gets a line for each tensor
 * with such values, or with values that are not finite. */
stria_status graph_narrow(graph **out, const graph *g, dtype type, text *report, stria_error *err);

/* A copy of a model that fixes its batch, with the first dimension of every input open ("batch", nominal size 1); sizes
 * in Reshape's shape constants follow. Proved by shape inference: at batches 1 and 2 every output's first dimension is
 * the batch and nothing else of its shape changes, and at the file's batch everything is as it was. Else
 * STRIA_UNSUPPORTED, saying what stands against it. */
stria_status graph_rebatch(graph **out, graph *g, stria_error *err);

#endif
