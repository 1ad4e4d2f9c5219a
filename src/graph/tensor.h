/* Types, shapes, and dense host tensors in ONNX order (row-major, NCHW for images). */
#ifndef GRAPH_TENSOR_H
#define GRAPH_TENSOR_H

#include "base/error.h"
#include "base/sizes.h"
#include <stria/model.h>

#define RANK_MAX 8

typedef stria_type dtype; /* numbered as ONNX's TensorProto.DataType */

typedef struct shape {
    int rank;
    int64_t dim[RANK_MAX];
} shape;

size_t dtype_bytes(dtype t);             /* 0 for a type that is none of ours */
const char *dtype_name(dtype t);         /* "float32" … */
bool dtype_is_float(dtype t);            /* computed in float32, double in the reference */
bool dtype_is_float8(dtype t);           /* stored and converted only (graph/float8.h) */
dtype dtype_from_name(const char *name); /* 0 if unknown */

shape shape_of(int rank, const int64_t *dim);
bool shape_equal(const shape *a, const shape *b);
/* Elements, or −1 when the product overflows int64 or a dimension is negative. 1 for rank 0. */
int64_t shape_count(const shape *s);
/* Bytes of a dense tensor, or −1 when there are more than SIZE_BYTES_MAX, a dimension is negative or the type unknown.
 */
int64_t shape_bytes(const shape *s, dtype type);
/* STRIA_BAD_SHAPE where shape_bytes is −1; the sentence begins with the formatted text and names type and shape. */
stria_status shape_check(const shape *s, dtype type, stria_error *err, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
/* "[2, 3, 28, 28]"; returns buffer. */
const char *shape_text(const shape *s, char buffer[192]);
/* ONNX multidirectional broadcasting of a and b; false if they do not fit. */
bool shape_broadcast(const shape *a, const shape *b, shape *out);

/* A counted, dense tensor with its own memory (64-byte aligned). Immutable once shared, except for the state tensors of
 * a trainer. Counting is atomic. */
typedef struct tensor {
    dtype type;
    shape shape;
    void *data;
    size_t bytes;
    int references; /* atomic */
} tensor;

/* Zeroed contents. `what` names the tensor in the sentence of a failure. */
stria_status tensor_new(tensor **out, dtype type, const shape *shape, const char *what, stria_error *err);
/* The same with contents that are not set: for who writes all of them. */
stria_status tensor_raw(tensor **out, dtype type, const shape *shape, const char *what, stria_error *err);
tensor *tensor_retain(tensor *t);
void tensor_release(tensor *t); /* accepts NULL */

/* Element i converted; float16 and bfloat16 too. As int64, an 8-bit float is its code. */
double tensor_f64(const tensor *t, int64_t i);
int64_t tensor_i64(const tensor *t, int64_t i);
void tensor_put(tensor *t, int64_t i, double value); /* rounds to the type */
/* Element i from a number as text: of whole types exactly, of floats also "inf", "-inf" and "nan". False if it is not a
 * number of the type. */
bool tensor_parse(tensor *t, int64_t i, const char *text);

/* Count elements of type `from` at src to float64 / int64 and back (rounding to nearest even; integers and
 * 8-bit floats saturate; E8M0 rounds up). As int64, 8-bit floats are their codes. */
void convert_to_f64(double *dst, const void *src, dtype from, int64_t count);
void convert_from_f64(void *dst, dtype to, const double *src, int64_t count);
void convert_to_i64(int64_t *dst, const void *src, dtype from, int64_t count);
void convert_from_i64(void *dst, dtype to, const int64_t *src, int64_t count);

#endif
