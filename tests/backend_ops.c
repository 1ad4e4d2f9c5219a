/* Every operator × its cases × every implementation that accepts × storage orders × fused epilogues × instruction sets
 * × threads 1, 2, 7, against the float64 reference. A failure prints the words that repeat it alone: backend_ops
 * OPERATOR CASE STORAGE FUSED CONTENTS IMPLEMENTATION ISA THREADS      ("-" or nothing: all) */
#include <math.h>
#include <string.h>

#include "backend/backend.h"
#include "base/random.h"
#include "cases.h"
#include "check.h"
#include "precise.h"

#define PORTS   16
#define THREADS 3
#define PAIRS   4096
#define GUARD   64   /* bytes around every buffer */
#define POISON  0xff /* of float: NaN */

static const int thread_counts[THREADS] = {1, 2, 7};
static pool *pools[THREADS];
static int word_count;
static char **words;

/* Cases beyond the operators' own: more than a vector, more than a tile, more than a task; edges. */
static const struct {
    const op_def *op;
    op_case text;
} extra[] = {
    {&op_Conv, {"16x1x12x12, 6x1x5x5, 6", "pads=2,2,2,2"}},
    {&op_Conv, {"33x6x7x7, 16x6x5x5, 16", ""}},
    {&op_Conv, {"2x64x9x9, 40x64x3x3, 40", "pads=1,1,1,1"}},
    {&op_Conv, {"5x20x8x8, 50x20x5x5, 50", ""}},
    {&op_Conv, {"3x21x10x7, 70x21x3x3, 70", "pads=0,1,2,3"}},
    {&op_Conv, {"2x32x9x7, 32x1x3x3, 32", "group=32 pads=1,1,1,1"}},
    {&op_Conv, {"17x8x6x6, 18x4x3x3", "group=2 strides=2,1"}},
    {&op_Conv, {"2x3x2x2, 4x3x5x5, 4", "pads=2,2,2,2"}},
    {&op_Conv, {"2x3x9x9, 4x3x2x2", "strides=3,3"}},
    {&op_Conv, {"3x7x1x1, 5x7x1x1, 5", ""}},
    {&op_Conv, {"64x3x5x5, 2x3x3x3, 2", "pads=0,1,2,0"}},
    {&op_Conv, {"1x6x9x33x34, 4x3x3x3x3, 4", "group=2 pads=1,1,1,1,1,1"}}, /* several matrices of columns */
    {&op_ConvDataGradient, {"1x4x9x33x34, 4x6x3x3x3, 1x6x9x33x34", "pads=1,1,1,1,1,1"}},
    {&op_ConvWeightGradient, {"1x4x9x33x34, 1x6x9x33x34, 4x6x3x3x3", "pads=1,1,1,1,1,1"}},
    {&op_ConvDataGradient, {"16x6x12x12, 6x1x5x5, 16x1x12x12", "pads=2,2,2,2"}},
    {&op_ConvDataGradient, {"33x16x3x3, 16x6x5x5, 33x6x7x7", ""}},
    {&op_ConvDataGradient, {"2x40x9x9, 40x64x3x3, 2x64x9x9", "pads=1,1,1,1"}},
    {&op_ConvDataGradient, {"2x32x9x7, 32x1x3x3, 2x32x9x7", "group=32 pads=1,1,1,1"}},
    {&op_ConvDataGradient, {"2x4x3x3, 4x3x2x2, 2x3x9x9", "strides=3,3"}},
    {&op_ConvWeightGradient, {"16x6x12x12, 16x1x12x12, 6x1x5x5", "pads=2,2,2,2"}},
    {&op_ConvWeightGradient, {"33x16x3x3, 33x6x7x7, 16x6x5x5", ""}},
    {&op_ConvWeightGradient, {"2x40x9x9, 2x64x9x9, 40x64x3x3", "pads=1,1,1,1"}},
    {&op_ConvWeightGradient, {"2x32x9x7, 2x32x9x7, 32x1x3x3", "group=32 pads=1,1,1,1"}},
    {&op_ConvWeightGradient, {"2x4x3x3, 2x3x9x9, 4x3x2x2", "strides=3,3"}},
    {&op_ConvWeightGradient, {"2x4x2x2, 2x3x2x2, 4x3x5x5", "pads=2,2,2,2"}},
    {&op_Conv, {"1x40x15x15, 40x1x3x3, 40", "group=40 strides=2,2 pads=1,1,1,1"}},
    {&op_Conv, {"2x33x9x17, 33x1x5x5", "group=33 pads=2,2,2,2"}},
    {&op_Conv, {"1x24x8x9, 72x1x3x3, 72", "group=24 pads=0,1,2,1"}},
    {&op_Conv, {"2x24x7x7, 24x1x3x3", "group=24 dilations=2,2 pads=2,2,2,2"}},
    {&op_Conv, {"2x32x1x1, 32x1x3x3, 32", "group=32 pads=1,1,1,1"}},
    {&op_Conv, {"2x32x5x5, 64x4x3x3, 64", "group=8 pads=1,1,1,1"}},
    {&op_Conv, {"0x4x5x5, 4x1x3x3, 4", "group=4 pads=1,1,1,1"}},
    {&op_Conv, {"0x4x5x5, 6x4x3x3, 6", "pads=1,1,1,1"}},
    {&op_ConvDataGradient, {"1x40x8x8, 40x1x3x3, 1x40x15x15", "group=40 strides=2,2 pads=1,1,1,1"}},
    {&op_ConvDataGradient, {"2x48x6x7, 48x1x5x5, 2x24x6x7", "group=24 pads=2,2,2,2"}},
    {&op_ConvWeightGradient, {"1x40x8x8, 1x40x15x15, 40x1x3x3", "group=40 strides=2,2 pads=1,1,1,1"}},
    {&op_ConvWeightGradient, {"2x48x6x7, 2x24x6x7, 48x1x5x5", "group=24 pads=2,2,2,2"}},
    {&op_ConvWeightGradient, {"0x8x6x7, 0x8x6x7, 8x1x3x3", "group=8 pads=1,1,1,1"}},
    {&op_ConvTranspose, {"2x64x7x7, 64x32x4x4, 32", "strides=2,2 pads=1,1,1,1"}},
    {&op_ConvTranspose, {"17x6x5x4, 6x5x3x3, 5", "strides=2,1 output_padding=1,0"}},
    {&op_ConvTranspose, {"2x32x7x7, 32x1x4x4, 32", "group=32 strides=2,2 pads=1,1,1,1"}},
    {&op_ConvTranspose, {"1x5x3x3, 5x3x2x2, 3", "strides=4,5 output_padding=5,0"}},
    {&op_ConvTranspose, {"0x5x3x3, 5x3x2x2, 3", ""}},
    {&op_Gemm, {"64x400, 120x400, 120", "transB=1"}},
    {&op_Gemm, {"1x784, 300x784, 300", "transB=1"}},
    {&op_Gemm, {"64x10, 64x84", "transA=1"}},
    {&op_Gemm, {"300x3, 3x2, 2", ""}},
    {&op_MatMul, {"130x70, 70x90", ""}},
    {&op_MatMul, {"1x500, 500x10", ""}},
    {&op_MaxPool, {"33x17x10x10", "kernel_shape=2,2 strides=2,2"}},
    {&op_MaxPool, {"2x35x7x7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1"}},
    {&op_MaxPool, {"2x35x7x7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1 storage_order=1"}},
    {&op_MaxPool, {"3x5x9x7", "kernel_shape=2,3 strides=3,4 pads=0,1,1,1 dilations=3,1 storage_order=1"}},
    {&op_LpPool, {"3x70x10x10", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1 p=3"}},
    {&op_AveragePoolGradient, {"2x35x4x4, 2x35x7x7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1 sum=1"}},
    {&op_AveragePool, {"33x17x10x10", "kernel_shape=2,2 strides=2,2"}},
    {&op_AveragePool, {"2x35x7x7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1"}},
    {&op_MaxPoolGradient, {"33x17x5x5, 33x17x10x10", "kernel_shape=2,2 strides=2,2"}},
    {&op_MaxPoolGradient, {"2x35x4x4, 2x35x7x7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1"}},
    {&op_AveragePoolGradient, {"33x17x5x5, 33x17x10x10", "kernel_shape=2,2 strides=2,2"}},
    {&op_AveragePoolGradient, {"2x35x4x4, 2x35x7x7", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1"}},
    {&op_BatchNormalization, {"33x17x10x10, 17, 17, 17, pos:17", ""}},
    {&op_BatchNormalization, {"33x17x10x10, 17, 17, 17, pos:17", "training_mode=1"}},
    {&op_BatchNormalization, {"2x70x15x15, 70, 70, 70, pos:70", "training_mode=1"}},
    {&op_BatchNormalization, {"5000x3, 3, 3, 3, pos:3", "training_mode=1"}},
    {&op_BatchNormalizationGradient, {"33x17x10x10, 33x17x10x10, 17", "training_mode=1"}},
    {&op_BatchNormalizationGradient, {"2x70x15x15, 2x70x15x15, 70, 70, pos:70", ""}},
    {&op_LayerNormalization, {"70x300, 300, 300", ""}},
    {&op_LayerNormalization, {"33x16x5x5, 16x5x5, 16x5x5", "axis=1"}},
    {&op_LayerNormalizationGradient, {"70x300, 70x300, 300", ""}},
    {&op_RMSNormalization, {"33x16x5x5, 5x5", "axis=2"}},
    {&op_InstanceNormalization, {"33x17x10x10, 17, 17", ""}},
    {&op_InstanceNormalizationGradient, {"33x17x10x10, 33x17x10x10, 17", ""}},
    {&op_GroupNormalization, {"33x18x7x5, 18, 18", "num_groups=6"}},
    {&op_GroupNormalization, {"2x96x9x9, 96, 96", "num_groups=1"}},
    {&op_GroupNormalizationGradient, {"33x18x7x5, 33x18x7x5, 18", "num_groups=6"}},
    {&op_LRN, {"3x37x7x9", "size=5 alpha=0.1"}},
    {&op_LRN, {"33x6x5x5", "size=4 alpha=0.1 beta=0.6"}},
    {&op_LRNGradient, {"3x37x7x9, 3x37x7x9", "size=5 alpha=0.1"}},
    {&op_LpNormalization, {"70x300", ""}},
    {&op_LpNormalization, {"5x33x9x17", "axis=1 p=1"}},
    {&op_Dropout, {"33x12x6x6, 0.25..0.25:, bool=1", ""}},
    {&op_Dropout, {"5x7x5x3, 0.75..0.75:, bool=1", ""}},
    {&op_Dropout, {"40000, 0.5..0.5:, bool=1", ""}},
    {&op_Add, {"7x33x5x5, 33x1x1", ""}},
    {&op_Mul, {"64x500, 500", ""}},
    {&op_Sub, {"5, 4x3x33x5", ""}},
    {&op_ReduceTo, {"64x500, 500", ""}},
    {&op_ReduceTo, {"40x33x5x5, 33x1x1", ""}},
    {&op_ReduceTo, {"40x33x5x5, 33x5x1", ""}},
    {&op_ReduceSum, {"70x41x9, i64=0,2:2", "keepdims=0"}},
    {&op_ReduceMean, {"2x64x7x7, i64=2,3:2", ""}},
    {&op_ReduceMax, {"300x500, i64=0:1", ""}},
    {&op_ReduceLogSumExp, {"-9..9:300x500, i64=0:1", ""}},
    {&op_ReduceLogSumExp, {"3x70000, i64=1:1", ""}},
    {&op_ReduceL2, {"70000", ""}},
    {&op_ReduceProd, {"0.9..1.1:70x41x9, i64=0,2:2", "keepdims=0"}},
    {&op_ArgMax, {"5x1000", "axis=1"}},
    {&op_ArgMin, {"2x1000x35", "axis=1 keepdims=0 select_last_index=1"}},
    {&op_Hardmax, {"f=1,3,3,2,3,1:2x3", ""}},
    {&op_Hardmax, {"3x5x7x35", "axis=1"}},
    {&op_TopK, {"7x1000, i64=5:1", ""}},
    {&op_TopK, {"f=1,3,3,2,3,1,-1,0:2x4, i64=3:1", "largest=0"}},
    {&op_TopK, {"f=1,3,3,2,3,1,-1,0:2x4, i64=3:1", ""}},
    {&op_LSTM, {"5x3x33, 2x280x33, 2x280x70, 2x560, -, 2x3x70, 2x3x70", "direction=bidirectional"}},
    {&op_LSTM, {"1x5x7, 1x76x7, 1x76x19, -, i32=5:1", "direction=reverse layout=1"}},
    {&op_GRU, {"5x3x33, 2x210x33, 2x210x70, 2x420, i32=5,1,0:3, 2x3x70", "direction=bidirectional"}},
    {&op_GRU, {"5x3x9, 1x99x9, 1x99x33, 1x198", "linear_before_reset=1"}},
    {&op_RNN, {"5x3x33, 2x70x33, 2x70x70, 2x140, i32=4,1,5:3", "direction=bidirectional"}},
    {&op_Resize, {"2x35x6x5, -, f=1,1,2,2:4", "mode=linear"}},
    {&op_Resize, {"2x35x6x5, -, f=1,1,2,3:4", ""}},
    {&op_Resize, {"1x3x40x37, -, f=2.2,1.9:2", "axes=2,3 mode=cubic"}},
    {&op_Resize, {"4x5x6x7, -, -, i64=7,3,9,5:4", "mode=linear"}},
    {&op_Resize,
     {"1x1x4x4, f=0,0,0.4,0.6,1,1,1.2,1.7:8, -, i64=1,1,3,3:4",
      "mode=cubic extrapolation_value=10 coordinate_transformation_mode=tf_crop_and_resize"}},
    {&op_ResizeGradient, {"2x35x12x10, 2x35x6x5, -, f=1,1,2,2:4", "mode=linear"}},
    {&op_ResizeGradient, {"2x3x5x40, 2x3x33x17, -, -, i64=5,40:2", "axes=2,3"}},
    {&op_ResizeGradient, {"7x3x9x5, 4x5x6x7, -, -, i64=7,3,9,5:4", "mode=linear"}},
    {&op_Softmax, {"64x10", ""}},
    {&op_Softmax, {"-5..5:3x1000", ""}},
    {&op_SoftmaxGradient, {"64x10, 64x10", ""}},
    {&op_SoftmaxCrossEntropyLoss,
     {"33x10, i64=3,0,9,3,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9:33", ""}},
    {&op_SoftmaxCrossEntropyLossGradient,
     {":, 33x10, i64=3,0,9,3,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9:33", ""}},
    {&op_SoftmaxCrossEntropyLoss, {"2x3x4, i64=0,1,2,0,2,2,1,0:2x4", ""}},
    {&op_SoftmaxCrossEntropyLossGradient, {":, 2x3x4, i64=0,1,2,0,2,2,1,0:2x4", ""}},
    {&op_SoftmaxCrossEntropyLoss, {"4x5, i64=3,-1,4,3:4", "ignore_index=-1"}},
    {&op_SoftmaxCrossEntropyLossGradient, {":, 4x5, i64=3,-1,4,3:4", "ignore_index=-1"}},
    {&op_Transpose, {"37x65", ""}},
    {&op_Transpose, {"5x33x9x17", "perm=0,2,3,1"}},
    {&op_Cast, {"2x3x4x5", "to=10"}},
    {&op_Cast, {"2x3x4x5", "to=16"}},
    {&op_Cast, {"-99..99:3x33x5x70", "to=6"}},
    {&op_Cast, {"-99..99:3x33x5x70", "to=7"}},
    {&op_Concat, {"2x64x7x9, 2x32x7x9, 2x1x7x9", "axis=1"}},
    {&op_Concat, {"33x3x5x70, 33x3x5x2", "axis=-1"}},
    {&op_Split, {"2x97x7x9, i64=64,32,1:3", "outputs=3 axis=1"}},
    {&op_Slice, {"3x40x30x20, i64=5,-1:2, i64=37,-31:2, i64=1,2:2, i64=3,-2:2", ""}},
    {&op_Pad, {"2x40x30x20, i64=0,1,2,3,0,0,4,5:8, f=2", ""}},
    {&op_Pad, {"2x40x30x20, i64=0,0,2,3,0,0,4,5:8", "mode=reflect"}},
    {&op_PadGradient, {"2x40x36x28, 2x40x30x20, i64=0,0,2,3,0,0,4,5:8", "mode=reflect"}},
    {&op_Tile, {"3x20x9x5, i64=2,1,3,7:4", ""}},
    {&op_ExpandTo, {"2x70x1x1, 2x70x9x8", "mean=1"}},
    {&op_DepthToSpace, {"2x72x15x14", "blocksize=3"}},
    {&op_SpaceToDepth, {"2x8x30x28", "blocksize=2"}},
    {&op_GatherElements, {"70x90, i64=0,69,-70,5,5,7,1,2:4x2", ""}},
    {&op_Gather, {"900x70, i64=899,0,-900,5,5,7,1,2:8", ""}},
    {&op_GatherGradient, {"8x2000, i64=9,0,-10,5,5,7,1,5:8, 10x2000", ""}},
    {&op_ScatterND, {"30x700, i64=3,4,3,-1:4x1, 4x700", "reduction=add"}},
    {&op_Reorder, {"33x6x5x7", ""}},
    {&op_Reorder, {"1x3x224x3", ""}},
    {&op_Flatten, {"33x16x3x5", ""}},
    {&op_ReshapeTo, {"33x240, 33x16x3x5", ""}},
};
static const op_case extra_elementwise = {"pos:3x35x7x11", ""},
                     extra_elementwise_gradient = {"3x35x7x11, pos:3x35x7x11", ""};

/* Storage of the first input, of the others, of the outputs; only strided operators may mix. */
static const struct storage {
    const char *name;
    int first, others, outputs;
} storages[] = {
    {"plain", PLAIN, PLAIN, PLAIN},
    {"channels-last", CHANNELS_LAST, CHANNELS_LAST, CHANNELS_LAST},
    {"batch-last", BATCH_LAST, BATCH_LAST, BATCH_LAST},
    {"from-channels-last", CHANNELS_LAST, CHANNELS_LAST, PLAIN},
    {"from-batch-last", BATCH_LAST, BATCH_LAST, PLAIN},
    {"to-channels-last", PLAIN, PLAIN, CHANNELS_LAST},
    {"to-batch-last", PLAIN, PLAIN, BATCH_LAST},
    {"first-batch-last", BATCH_LAST, PLAIN, BATCH_LAST},
    {"others-batch-last", PLAIN, BATCH_LAST, BATCH_LAST},
    {"channels-to-batch-last", CHANNELS_LAST, CHANNELS_LAST, BATCH_LAST},
};

/* ---- one trial: a node with contents, storage, and what it should give ---- */

typedef struct trial {
    case_graph c;
    tensor *contents[PORTS]; /* of the node's inputs, epilogue too; ONNX order */
    ref_tensor want[PRECISE_OUTPUTS];
    double *bound[PRECISE_OUTPUTS];
    const char *storage, *fused, *kind; /* words of the repeating line */
    int index;
} trial;

static struct {
    const op_def *op;
    const char *impl;
    long cases;
} pairs[PAIRS];
static int pair_count;
static long ran;

static bool wanted(int word, const char *text) {
    return word >= word_count || strcmp(words[word], "-") == 0 || strcmp(words[word], text) == 0;
}

static bool wanted_number(int word, int n) {
    char text[16];
    snprintf(text, sizeof text, "%d", n);
    return wanted(word, text);
}

static layout layout_of(int order, int rank) {
    return order == CHANNELS_LAST ? layout_channels_last(rank)
           : order == BATCH_LAST  ? layout_batch_last(rank)
                                  : layout_identity();
}

/* Storage orders as the layout pass gives them to an operator of this kind; false: it never would. */
static bool storage_set(node *n, const struct storage *s) {
    bool uniform = s->first == s->others && s->first == s->outputs;
    op_layouts kind = n->op->layouts;
    if (kind == LAYOUT_PLAIN && s != &storages[0]) return false;
    if (kind == LAYOUT_FOLLOW) kind = LAYOUT_STRIDED;
    if (kind != LAYOUT_STRIDED && !uniform) return false;
    for (int i = 0; i < n->in_count; i++) {
        if (!n->in[i]) continue;
        bool image = i == n->epilogue.residual || kind == LAYOUT_STRIDED || (kind == LAYOUT_KEEP_BATCH && i == 0) ||
                     (kind == LAYOUT_IMAGE && n->op->image_inputs >> i & 1) ||
                     (kind == LAYOUT_SAME && shape_equal(&n->in[i]->shape, &n->out[0]->shape));
        if (i == n->epilogue.bias) image = false;
        n->in[i]->layout = layout_of(image ? (i ? s->others : s->first) : PLAIN, n->in[i]->shape.rank);
    }
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i])
            n->out[i]->layout = layout_of(n->op->plain_outputs >> i & 1 ? PLAIN : s->outputs, n->out[i]->shape.rank);
    return true;
}

/* Copies between ONNX order and the value's own. */
static void store(const value *v, void *stored, void *plain, bool load) {
    int64_t pitch[RANK_MAX], index[RANK_MAX] = {0}, count = shape_count(&v->shape);
    size_t size = dtype_bytes(v->type);
    layout_pitches(&v->layout, &v->shape, pitch);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0;
        for (int d = 0; d < v->shape.rank; d++) at += index[d] * pitch[d];
        char *a = (char *)stored + (size_t)at * size, *b = (char *)plain + (size_t)i * size;
        memcpy(load ? b : a, load ? a : b, size);
        for (int d = v->shape.rank - 1; d >= 0 && ++index[d] == v->shape.dim[d]; d--) index[d] = 0;
    }
}

/* ---- running one implementation ---- */

typedef struct buffer {
    unsigned char *block, *data;
    size_t bytes;
} buffer;

static void buffer_new(buffer *b, size_t bytes) {
    b->bytes = bytes;
    b->block = mem_alloc(bytes + 2 * GUARD);
    if (!b->block) abort();
    b->data = b->block + GUARD;
    memset(b->block, POISON, bytes + 2 * GUARD);
}

static bool buffer_intact(const buffer *b) {
    for (int i = 0; i < GUARD; i++)
        if (b->block[i] != POISON || b->data[b->bytes + (size_t)i] != POISON) return false;
    return true;
}

static void buffer_free(buffer *b) {
    mem_free(b->block);
    *b = (buffer){0};
}

typedef struct run_memory {
    buffer in[PORTS], out[PRECISE_OUTPUTS], scratch, packed;
    void *pointers[PORTS + PRECISE_OUTPUTS];
} run_memory;

static void memory_new(run_memory *m, const trial *t) {
    const node *n = t->c.n;
    *m = (run_memory){0};
    for (int i = 0; i < n->in_count; i++) {
        if (!n->in[i] || n->op->shape_inputs >> i & 1) continue;
        buffer_new(&m->in[i], value_bytes(n->in[i]));
        store(n->in[i], m->in[i].data, t->contents[i]->data, false);
        m->pointers[i] = m->in[i].data;
    }
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i]) continue;
        buffer_new(&m->out[i], value_bytes(n->out[i]));
        m->pointers[n->in_count + i] = m->out[i].data;
    }
}

static void memory_free(run_memory *m) {
    for (int i = 0; i < PORTS; i++) buffer_free(&m->in[i]);
    for (int i = 0; i < PRECISE_OUTPUTS; i++) buffer_free(&m->out[i]);
    buffer_free(&m->scratch);
    buffer_free(&m->packed);
}

static bool memory_intact(const run_memory *m, const trial *t) {
    const node *n = t->c.n;
    for (int i = 0; i < n->in_count; i++) {
        if (!m->in[i].block) continue;
        buffer before;
        buffer_new(&before, m->in[i].bytes);
        store(n->in[i], before.data, t->contents[i]->data, false);
        bool same = memcmp(before.data, m->in[i].data, before.bytes) == 0;
        buffer_free(&before);
        if (!same || !buffer_intact(&m->in[i])) return false;
    }
    for (int i = 0; i < n->out_count; i++)
        if (m->out[i].block && !buffer_intact(&m->out[i])) return false;
    return buffer_intact(&m->scratch) && buffer_intact(&m->packed);
}

/* "repeat: backend_ops Conv 3 channels-last Relu given gemm_implicit avx2 7" */
static const char *repeat(const trial *t, const op_impl *impl, const kernel_set *ks, int threads) {
    static char line[256];
    snprintf(line, sizeof line, "repeat: backend_ops %s %d %s %s %s %s %s %d", t->c.n->op->name, t->index, t->storage,
             t->fused, t->kind, impl->name, ks->isa, threads);
    return line;
}

/* Where errors are bounded by the largest sums nearby, by how much of the widest bound; tests/kernel_conv_winograd.c
 * derives a bound for each element. */
#define TILEWISE 8

static double widest_bound(const double *bound, int64_t count) {
    double most = 0;
    for (int64_t i = 0; i < count; i++) most = fmax(most, bound[i]);
    return most;
}

/* The results' first element outside its bound. */
static bool results_check(const trial *t, const op_impl *impl, const run_memory *m, const char *line) {
    const node *n = t->c.n;
    for (int k = 0; k < n->out_count; k++) {
        if (!n->out[k] || !m->out[k].block) continue;
        tensor *plain;
        if (tensor_new(&plain, n->out[k]->type, &n->out[k]->shape, "a test", NULL) != STRIA_OK) abort();
        store(n->out[k], m->out[k].data, plain->data, true);
        int64_t count = shape_count(&n->out[k]->shape);
        bool holds = true;
        double widest = TILEWISE * widest_bound(t->bound[k], impl->tilewise ? count : 0);
        for (int64_t i = 0; i < count && holds; i++) {
            double got = tensor_f64(plain, i), want = t->want[k].i ? (double)t->want[k].i[i] : t->want[k].f[i];
            double bound = impl->tilewise ? widest : t->bound[k][i];
            holds = t->want[k].i ? tensor_i64(plain, i) == t->want[k].i[i] : bound_holds(got, want, bound);
            if (!holds || i + 1 == count)
                CHECK(holds, "%s: output %d element %lld is %.9g, not %.9g ± %.2g", line, k, (long long)i, got, want,
                      bound);
        }
        tensor_release(plain);
        if (!holds) return false;
    }
    return true;
}

static bool results_equal(const run_memory *a, const run_memory *b) {
    for (int k = 0; k < PRECISE_OUTPUTS; k++)
        if (a->out[k].block && memcmp(a->out[k].data, b->out[k].data, a->out[k].bytes) != 0) return false;
    return true;
}

/* Prepares and runs in m; `again` makes a second run over the first one's scratch and packed weights. */
static bool run(const trial *t, const op_impl *impl, const kernel_set *ks, int threads_index, run_memory *m,
                bool again) {
    stria_error err = {0};
    arena a = {0};
    void *prepared = NULL;
    impl_plan plan = {.node = t->c.n, .ks = ks, .threads = thread_counts[threads_index], .arena = &a};
    stria_status status = impl->prepare ? impl->prepare(&plan, &prepared, &err) : STRIA_OK;
    if (!m->scratch.block) buffer_new(&m->scratch, plan.scratch_bytes);
    if (!m->packed.block) buffer_new(&m->packed, plan.packed_bytes);
    impl_call call = {.node = t->c.n,
                      .prepared = prepared,
                      .ks = ks,
                      .pool = pools[threads_index],
                      .in = m->pointers,
                      .out = m->pointers + t->c.n->in_count,
                      .scratch = m->scratch.data,
                      .packed = m->packed.data};
    if (status == STRIA_OK && impl->pack && !again) impl->pack(&call);
    if (status == STRIA_OK) status = impl_run(impl, &call, &err);
    arena_release(&a);
    return CHECK(status == STRIA_OK, "%s: %s", repeat(t, impl, ks, thread_counts[threads_index]), err.text);
}

/* Output k over input i, where the plan may put it: the same bits. */
static void run_in_place(const trial *t, const op_impl *impl, const kernel_set *ks, int i, int k,
                         const run_memory *first) {
    const node *n = t->c.n;
    run_memory m;
    if (i >= n->in_count || k >= n->out_count || !n->in[i] || !n->out[k] || n->in[i]->type != n->out[k]->type ||
        !shape_equal(&n->in[i]->shape, &n->out[k]->shape) ||
        !layout_equal(&n->in[i]->layout, &n->out[k]->layout, n->in[i]->shape.rank))
        return;
    memory_new(&m, t);
    m.pointers[n->in_count + k] = m.in[i].data;
    if (run(t, impl, ks, 1, &m, false))
        CHECK(memcmp(m.in[i].data, first->out[k].data, first->out[k].bytes) == 0, "%s: output %d over input %d differs",
              repeat(t, impl, ks, thread_counts[1]), k, i);
    memory_free(&m);
}

static void run_all_in_place(const trial *t, const op_impl *impl, const kernel_set *ks, const run_memory *first) {
    for (int i = 0; i < 32; i++)
        if (t->c.n->op->in_place >> i & 1) run_in_place(t, impl, ks, i, 0, first);
    for (int k = 0; k < 4; k++)
        if (t->c.n->op->in_place_pair[k]) run_in_place(t, impl, ks, t->c.n->op->in_place_pair[k] - 1, k, first);
}

/* All thread counts with one kernel set: right once, then the same bits. */
static void run_set(const trial *t, const op_impl *impl, const kernel_set *ks) {
    run_memory first = {0};
    for (int k = 0; k < THREADS; k++) {
        int threads = thread_counts[k];
        run_memory m;
        if (!wanted_number(7, threads)) continue;
        memory_new(&m, t);
        const char *line = repeat(t, impl, ks, threads);
        bool good = run(t, impl, ks, k, &m, false);
        good = good && CHECK(memory_intact(&m, t), "%s: writes outside its memory", line);
        good = good &&
               (first.out[0].block ? CHECK(results_equal(&first, &m), "%s: other bits than with fewer threads", line)
                                   : results_check(t, impl, &m, line));
        run_memory before = {0};
        for (int i = 0; good && i < PRECISE_OUTPUTS; i++)
            if (m.out[i].block) {
                buffer_new(&before.out[i], m.out[i].bytes);
                memcpy(before.out[i].data, m.out[i].data, m.out[i].bytes);
            }
        if (good && run(t, impl, ks, k, &m, true))
            CHECK(results_equal(&before, &m), "%s: a second run gives other bits", line);
        memory_free(&before);
        if (good && !first.out[0].block) {
            run_all_in_place(t, impl, ks, &m);
            first = m;
        } else {
            memory_free(&m);
        }
        if (!good) break;
    }
    memory_free(&first);
}

static void pair_count_up(const op_def *op, const char *impl) {
    int i = 0;
    while (i < pair_count && (pairs[i].op != op || strcmp(pairs[i].impl, impl) != 0)) i++;
    if (i == PAIRS) abort();
    if (i == pair_count) pairs[pair_count++].op = op;
    pairs[i].impl = impl;
    pairs[i].cases++;
    ran++;
}

static void run_implementations(const trial *t) {
    for (const op_impl *const *impl = backend_cpu(t->c.n->op); *impl; impl++) {
        refusal why;
        if (*impl == &impl_reference || !wanted(5, (*impl)->name) || !(*impl)->accept(t->c.n, &why)) continue;
        pair_count_up(t->c.n->op, (*impl)->name);
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
            if (wanted(6, (*ks)->isa)) run_set(t, *impl, *ks);
    }
}

/* ---- making trials ---- */

/* Non-finite, tiny, huge and signed-zero elements among the others. */
static void specials_put(tensor *t, uint64_t stream) {
    static const double special[] = {NAN,    INFINITY, -INFINITY, -0.0, 0.0, 1e-40, -1e-45,
                                     3.4e38, -3.4e38,  88.8,      -104, 0.5, 1.5,   -2.5};
    int64_t count = shape_count(&t->shape);
    for (int64_t i = 0; i < count; i++) {
        uint32_t r[4];
        random_block(11, stream, (uint64_t)i, r);
        if (r[0] % 3 == 0) tensor_put(t, i, special[r[1] % (sizeof special / sizeof *special)]);
    }
}

/* Non-finite numbers are promised where one element comes of one, or of a maximum: no sums. */
static bool specials_apply(const node *n) {
    const char *name = n->op->name;
    if (strstr(name, "Gradient") || n->op->layouts == LAYOUT_STRIDED)
        return bound_exact(n) && n->op != &op_ReluGradient;
    if (n->op == &op_Dropout || n->op == &op_LpNormalization) return false; /* a ratio; sums */
    return n->op->layouts == LAYOUT_SAME ? !n->op->in_place_pair[0] && n->op != &op_Pow : bound_exact(n);
}

static bool trial_expect(trial *t) {
    const node *n = t->c.n;
    stria_error err = {0};
    stria_status status = precise_run(n, t->contents, PRECISE_GIVEN, t->want, &err);
    for (int k = 0; k < n->out_count && status == STRIA_OK; k++) {
        if (!n->out[k]) continue;
        t->bound[k] = mem_zalloc((size_t)shape_count(&n->out[k]->shape) + 1, sizeof(double));
        status = bound_fill(n, t->contents, t->want, k, t->bound[k], &err);
    }
    return CHECK(status == STRIA_OK, "%s case %d: %s", n->op->name, t->index, err.text);
}

static void trial_run(trial *t) {
    if (!trial_expect(t)) return;
    for (size_t s = 0; s < sizeof storages / sizeof *storages; s++) {
        t->storage = storages[s].name;
        if (wanted(2, t->storage) && storage_set(t->c.n, &storages[s])) run_implementations(t);
    }
}

static void trial_release(trial *t) {
    for (int i = 0; i < PORTS; i++) tensor_release(t->contents[i]);
    for (int k = 0; k < PRECISE_OUTPUTS; k++) mem_free(t->bound[k]);
    precise_release(t->want);
    case_release(&t->c);
}

static bool epilogue_input(trial *t, const shape *s, int *index) {
    value *v;
    node *n = t->c.n;
    *index = n->in_count;
    t->contents[*index] = random_tensor(STRIA_FLOAT32, s, -1, 1, random_hash("epilogue"));
    return graph_add_input(t->c.g, NULL, STRIA_FLOAT32, s, &v, NULL) == STRIA_OK &&
           graph_append_input(t->c.g, n, v, NULL) == STRIA_OK;
}

/* fused: "none", or an activation, or "residual" or "bias" alone or before one: "residual+Relu". */
static bool trial_fuse(trial *t, const char *fused) {
    node *n = t->c.n;
    const shape *y = &n->out[0]->shape;
    const char *plus = strchr(fused, '+'), *activation = plus ? plus + 1 : fused;
    bool good = true;
    if (strcmp(fused, "none") == 0) return true;
    if (n->out[0]->type != STRIA_FLOAT32 || y->rank < 2) return false;
    if (strncmp(fused, "bias", 4) == 0) good = epilogue_input(t, &(shape){1, {y->dim[1]}}, &n->epilogue.bias);
    if (strncmp(fused, "residual", 8) == 0) good = epilogue_input(t, y, &n->epilogue.residual);
    n->epilogue.activation = op_find("", activation);
    if (!n->epilogue.activation) return good;
    void *attributes = arena_alloc(&t->c.g->arena, n->epilogue.activation->attribute_bytes + 1);
    n->epilogue.activation_attributes = attributes;
    return good && attributes_default(n->epilogue.activation, attributes, &t->c.g->arena, NULL) == STRIA_OK;
}

/* kind: "given" contents, "special" ones, or "computed": inputs that another node makes, so nothing is packed once for
 * all. */
static void trial_one(const op_def *op, const op_case *text, int index, int outputs, const char *fused,
                      const char *kind) {
    trial t = {.index = index, .fused = fused, .kind = kind};
    bool specials = strcmp(kind, "special") == 0;
    stria_error err = {0};
    if (!wanted(3, fused) || !wanted(4, t.kind)) return;
    if (!CHECK(case_new(&t.c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", case_name(op, text), err.text))
        return;
    if (op->out_max != OP_UNBOUNDED) t.c.n->out_count = outputs;
    for (int i = 0; i < t.c.n->in_count; i++) t.contents[i] = tensor_retain(t.c.contents[i]);
    if (!specials || specials_apply(t.c.n)) {
        for (int i = 0; specials && i < t.c.n->in_count; i++)
            if (t.contents[i] && dtype_is_float(t.contents[i]->type)) specials_put(t.contents[i], (uint64_t)i);
        bool good = trial_fuse(&t, fused);
        for (int i = 0; strcmp(kind, "computed") == 0 && i < t.c.n->in_count; i++)
            if (t.c.n->in[i]) t.c.n->in[i]->kind = VALUE_NODE;
        if (good) trial_run(&t);
    }
    trial_release(&t);
}

static void trial_case(const op_def *op, const op_case *text, int index) {
    static const char *const added[] = {"bias", "residual", "residual+Relu", "bias+Tanh"};
    if (!wanted_number(1, index)) return;
    for (int outputs = op->out_min; outputs <= op->out_max; outputs++) {
        trial_one(op, text, index, outputs, "none", "given");
        trial_one(op, text, index, outputs, "none", "special");
        if (op->out_max == OP_UNBOUNDED) break;
    }
    if (!op->epilogue) return;
    for (const op_def *const *f = op_all(); *f; f++)
        if (cpu_target.fuses(&(node){.op = op}, *f)) trial_one(op, text, index, 1, (*f)->name, "given");
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) trial_one(op, text, index, 1, added[i], "given");
    trial_one(op, text, index, 1, "none", "computed");
    trial_one(op, text, index, 1, "residual+Relu", "computed");
}

static void operator_run(const op_def *op) {
    int index = 0;
    if (!wanted(0, op->name) || *backend_cpu(op) == &impl_reference) return;
    for (const op_case *c = op->cases; c->inputs; c++) trial_case(op, c, index++);
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        if (extra[i].op == op) trial_case(op, &extra[i].text, index++);
    bool floats = op != &op_Not && op != &op_BitwiseNot && op != &op_Cast; /* a cast says to what */
    if (op->layouts == LAYOUT_SAME && floats && op->in_min == 1 && op->in_max == 1)
        trial_case(op, &extra_elementwise, index++);
    if (op->layouts == LAYOUT_SAME && op->in_min == 2 && strstr(op->name, "Gradient"))
        trial_case(op, &extra_elementwise_gradient, index++);
}

/* An implementation that no case reaches is not tested. */
static void reached_check(void) {
    for (const op_def *const *op = op_all(); *op; op++)
        for (const op_impl *const *impl = backend_cpu(*op); *impl; impl++) {
            bool found = *impl == &impl_reference;
            for (int i = 0; i < pair_count; i++)
                found |= pairs[i].op == *op && strcmp(pairs[i].impl, (*impl)->name) == 0;
            CHECK(found, "implementation %s of %s is never exercised", (*impl)->name, (*op)->name);
        }
}

int main(int argc, char **argv) {
    word_count = argc - 1;
    words = argv + 1;
    for (int k = 0; k < THREADS; k++)
        if (pool_new(&pools[k], thread_counts[k], NULL) != STRIA_OK) return EXIT_FAILURE;
    for (const op_def *const *op = op_all(); *op; op++) operator_run(*op);
    if (word_count == 0) reached_check();
    printf("%ld (case, storage, epilogue) × implementation pairs ran, %d (operator, implementation) pairs\n", ran,
           pair_count);
    for (int k = 0; k < THREADS; k++) pool_release(pools[k]);
    return check_report();
}
