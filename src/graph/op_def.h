/* The definition of an operator: the record at the end of its file in op/. */
#ifndef GRAPH_OP_DEF_H
#define GRAPH_OP_DEF_H

#include "graph/graph.h"

#define OP_UNBOUNDED 0x7fff /* in_max of Concat, Sum, … */

/* ---- attributes: a typed struct and its table of fields ---- */

typedef struct ints {
    int64_t count;
    const int64_t *value; /* in the graph's arena, or static */
} ints;

typedef struct floats {
    int64_t count;
    const float *value;
} floats;

typedef struct strings {
    int64_t count;
    const char *const *value;
} strings;

typedef enum attr_kind {
    ATTR_INT,     /* int64_t */
    ATTR_FLOAT,   /* float */
    ATTR_STRING,  /* const char * */
    ATTR_INTS,    /* ints */
    ATTR_FLOATS,  /* floats */
    ATTR_STRINGS, /* strings */
    ATTR_TENSOR   /* tensor * (counted by the node's graph); as text of one dimension: "int64:1,2,3" */
} attr_kind;

typedef struct attr_field {
    const char *name; /* ONNX's */
    attr_kind kind;
    size_t offset;
    const char *standard; /* the default as text ("1", "0.01", "NOTSET", "1,1"); NULL: none, the zero value */
    bool required;
} attr_field;

#define ATTR(type, member, kind, standard)                                                                             \
    { #member, kind, offsetof(type, member), standard, false }

/* Fills a struct with the defaults; ints and floats point into the arena. */
stria_status attributes_default(const op_def *op, void *attributes, arena *a, stria_error *err);
/* Sets one field from text ("3", "1,1", "SAME_UPPER"). Unknown names are refused with the nearest one. A tensor that it
 * makes is the struct's (attributes_release). */
stria_status attribute_set(const op_def *op, void *attributes, const char *name, const char *text, arena *a,
                           stria_error *err);
/* Deep copy into another arena. */
stria_status attributes_copy(const op_def *op, void *to, const void *from, arena *a, stria_error *err);
/* Gives up the tensors that the struct counts. */
void attributes_release(const op_def *op, void *attributes);
bool attributes_equal(const op_def *op, const void *a, const void *b);

/* ---- rules ---- */

/* Infers type and shape of every output (out[i], may be NULL) from inputs and attributes. Contents of value inputs are
 * value_contents(in[i]); when one is needed and not known: STRIA_UNSUPPORTED. Errors need not name the node: the caller
 * does. */
typedef stria_status op_infer(node *n, stria_error *err);

/* Builds gradient nodes. dy[i] is the gradient of output i (NULL: zero). For each input i with wanted[i], sets dx[i] to
 * a value of in[i]'s shape and type (or leaves NULL: zero). Touches no numbers. */
typedef stria_status op_gradient(graph *g, const node *n, value *const *dy, const bool *wanted, value **dx,
                                 stria_error *err);

typedef struct op_cost {
    int64_t multiply_adds; /* products with a sum, as networks are compared by */
    int64_t other;         /* further floating-point operations, roughly */
} op_cost;
typedef op_cost op_cost_rule(const node *n);

/* The reference's tensors: dense, ONNX order; floats as double, integers and bool as int64. data NULL: absent. */
typedef struct ref_tensor {
    dtype type;
    shape shape;
    double *f;  /* of floating types */
    int64_t *i; /* of all others */
} ref_tensor;

typedef struct ref_call {
    const node *node;
    const void *attributes;
    const ref_tensor *in;
    ref_tensor *out; /* written completely */
    int in_count, out_count;
    uint64_t seed, step; /* of random numbers, with node->stream */
} ref_call;
/* The formula, obviously right. May allocate; STRIA_NO_MEMORY is the only failure besides values out of range (labels,
 * indices). */
typedef stria_status op_reference(const ref_call *c, stria_error *err);

/* A test case: inputs as shapes ("2x3x5x5, 4x3x3x3, i64:7, -"; '-' is absent; "i64=0,1,2:3" gives contents; "pos:2x3"
 * positive values), attributes as text ("pads=1,1,1,1 strides=2,2"). */
typedef struct op_case {
    const char *inputs, *attributes;
} op_case;

/* Which storage orders the operator's kernels understand; the layout pass obeys, the reference takes all. */
typedef enum op_layouts {
    LAYOUT_PLAIN,   /* ONNX order only */
    LAYOUT_IMAGE,   /* inputs in image_inputs and outputs (but plain_outputs) share channels-last or batch-last; others
                       plain */
    LAYOUT_SAME,    /* elementwise: all inputs of the output's shape share its order; smaller ones broadcast by strides,
                       plain */
    LAYOUT_STRIDED, /* any order of each tensor (matrix products, reductions, copies) */
    LAYOUT_FOLLOW, /* the same; the outputs best take the order of the inputs of their rank (Concat, Pad, Slice, …) */
    LAYOUT_KEEP_BATCH /* Flatten and Reshape that keep dimension 0: plain → plain, or batch-last → batch-last */
} op_layouts;

struct op_def {
    const char *name;   /* ONNX's, or ours in domain "stria" */
    const char *domain; /* "" is ONNX's default */
    int in_min, in_max, out_min, out_max;
    size_t attribute_bytes;
    const attr_field *fields; /* ends with a NULL name */
    op_infer *infer;
    int64_t (*infer_work)(const node *n); /* steps of infer; NULL: the known elements that it reads (value_inputs) */
    op_gradient *gradient;                /* NULL: none */
    op_cost_rule *cost;                   /* NULL: one operation an output element */
    op_reference *reference;
    const op_case *cases; /* ends with NULL inputs */

    uint32_t value_inputs;     /* bit i: the shape rule reads the contents of input i */
    uint32_t learnable_inputs; /* bit i: a float initialiser that comes here is a parameter */
    uint32_t shape_inputs; /* bit i: only the shape of input i is read, never its contents (gradients of pooling, …) */
    uint32_t statistic_inputs; /* bit i: … is a running statistic */
    op_layouts layouts;
    uint32_t image_inputs;  /* of LAYOUT_IMAGE: bit i */
    uint32_t plain_outputs; /* of LAYOUT_IMAGE: bit i, an output that is not an image (a weight's gradient) */
    uint32_t in_place;      /* bit i: output 0 may overwrite input i (same shape, type and order) */
    /* output k may also overwrite input in_place_pair[k]−1 (optimiser updates) */
    uint8_t in_place_pair[4];
    bool float8;   /* takes 8-bit floats, which its reference gets as codes; who computes has none */
    bool random;   /* draws random numbers: never computed ahead of a run */
    bool view;     /* output 0 is input 0's memory under another shape (Reshape, Identity) */
    bool product;  /* sums of products with weights: most of a network's work; its epilogue may hold a bias and a
                      residual */
    bool epilogue; /* an activation may be fused into it */
    /* Composite operators: builds the outputs of other operators instead (domain-free). NULL for primitive ones. */
    stria_status (*expand)(graph *g, const node *n, value **out, stria_error *err);
    const char *text; /* one line for the docs: the formula */
    const char *note; /* for the docs: conventions that frameworks differ in; NULL: none */
};

#endif
