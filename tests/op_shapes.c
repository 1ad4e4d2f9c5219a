/* Shape rules: what each operator infers, and the sentences with which it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "op/conv.h"
#include "op/matmul.h"
#include "op/pool.h"

typedef struct row {
    const char *op, *inputs, *attributes, *expected; /* "[2, 3] …" of each output, or the end of the sentence */
} row;

static const op_def *operator_of(const char *name) {
    const op_def *op;
    assert_int_equal(op_find_any(name, &op, NULL), STRIA_OK);
    return op;
}

static const row shapes[] = {
    {"Conv", "2x3x28x28, 6x3x5x5, 6", "", "[2, 6, 24, 24]"},
    {"Conv", "2x3x28x28, 6x3x5x5", "pads=2,2,2,2 strides=2,2", "[2, 6, 14, 14]"},
    {"Conv", "1x3x7x8, 2x3x3x2", "strides=2,3 pads=1,0,2,1", "[1, 2, 4, 3]"},
    {"Conv", "1x2x9x8, 3x2x3x2", "dilations=2,3", "[1, 3, 5, 5]"},
    {"Conv", "1x2x9x8, 3x2x3x3", "auto_pad=SAME_UPPER strides=2,2", "[1, 3, 5, 4]"},
    {"Conv", "1x2x9x8, 3x2x3x3", "auto_pad=VALID", "[1, 3, 7, 6]"},
    {"Conv", "1x4x11, 4x2x3", "group=2 strides=2", "[1, 4, 5]"},
    {"Conv", "0x4x11, 4x2x3", "group=2", "[0, 4, 9]"},
    {"Conv", "2x3x2x2, 4x3x5x5, 4", "pads=2,2,2,2", "[2, 4, 2, 2]"},
    {"Conv", "2x3x1x1, 4x3x1x1", "strides=7,7", "[2, 4, 1, 1]"},
    {"Conv", "2x6x9x9, 12x1x2x2", "group=6 strides=3,5", "[2, 12, 3, 2]"},
    {"ConvTranspose", "2x3x4x5, 3x4x3x3, 4", "", "[2, 4, 6, 7]"},
    {"ConvTranspose", "2x6x3x3, 6x2x3x3", "group=3 strides=2,3 pads=1,0,1,1 output_padding=1,2", "[2, 6, 6, 10]"},
    {"ConvTranspose", "1x1x3x3, 1x2x3x3", "auto_pad=SAME_UPPER strides=2,2", "[1, 2, 6, 6]"},
    {"ConvTranspose", "1x1x3x3, 1x2x3x3", "output_shape=10,8 strides=3,2", "[1, 2, 10, 8]"},
    {"ConvTranspose", "1x1x3x3, 1x2x3x3", "output_shape=1,2,10,8 strides=3,2", "[1, 2, 10, 8]"},
    {"ConvTranspose", "0x3x4x5, 3x4x3x3", "auto_pad=VALID pads=1,1,1,1", "[0, 4, 6, 7]"},
    {"ConvTranspose", "1x3x5, 3x2x4", "strides=2 dilations=2", "[1, 2, 15]"},
    {"LocallyConnected", "2x3x5x6, 3x4x3x3x3x2, 3x4x2", "", "[2, 2, 3, 4]"},
    {"LocallyConnected", "2x3x8, 4x2x3x5, 4x5", "strides=2", "[2, 5, 4]"},
    {"ConvDataGradient", "2x6x24x24, 6x3x5x5, 2x3x28x28", "", "[2, 3, 28, 28]"},
    {"ConvWeightGradient", "2x6x24x24, 2x3x28x28, 6x3x5x5", "", "[6, 3, 5, 5]"},
    {"MaxPool", "2x3x7x7", "kernel_shape=2,2 strides=2,2", "[2, 3, 3, 3] [2, 3, 3, 3]"},
    {"MaxPool", "2x3x7x7", "kernel_shape=2,2 strides=2,2 ceil_mode=1", "[2, 3, 4, 4] [2, 3, 4, 4]"},
    {"MaxPool", "1x1x2x2", "kernel_shape=1,1 strides=3,3 pads=0,0,2,2 ceil_mode=1", "[1, 1, 2, 2] [1, 1, 2, 2]"},
    {"AveragePool", "1x1x5x5", "kernel_shape=2,2 strides=3,3 pads=1,1,1,1 ceil_mode=1", "[1, 1, 2, 2]"},
    {"GlobalAveragePool", "2x3x7x5", "", "[2, 3, 1, 1]"},
    {"Gemm", "3x4, 5x4, 5", "transB=1", "[3, 5]"},
    {"MatMul", "2x1x3x4, 5x4x6", "", "[2, 5, 3, 6]"},
    {"MatMul", "4, 2x4x6", "", "[2, 6]"},
    {"MatMul", "4, 4", "", "[]"},
    {"Add", "2x1x4, 3x1", "", "[2, 3, 4]"},
    {"Flatten", "2x3x4", "", "[2, 12]"},
    {"Flatten", "2x3x4", "axis=-1", "[6, 4]"},
    {"Flatten", "2x3x4", "axis=3", "[24, 1]"},
    {"Reshape", "2x3x4, i64=0,-1:2", "", "[2, 12]"},
    {"Reshape", "0x3, i64=3,0:2", "allowzero=1", "[3, 0]"},
    {"Squeeze", "1x3x1", "", "[3]"},
    {"Unsqueeze", "3, i64=0,2:2", "", "[1, 3, 1]"},
    {"Transpose", "2x3x4", "", "[4, 3, 2]"},
    {"Concat", "2x3, 2x1", "axis=-1", "[2, 4]"},
    {"Split", "2x7", "axis=1 outputs=3 num_outputs=3", "[2, 3] [2, 3] [2, 1]"},
    {"Split", "2x7, i64=7,0:2", "axis=-1 outputs=2", "[2, 7] [2, 0]"},
    {"Tile", "2x3, i64=0,4:2", "", "[0, 12]"},
    {"Pad", "2x3x4, i64=1,-1,2,3:4, -, i64=-1,0:2", "", "[4, 3, 7]"},
    {"GatherElements", "4x3, i64=1,2:1x2", "", "[1, 2]"},
    {"GatherND", "2x3x4, i64=1,0:2x1", "batch_dims=1", "[2, 4]"},
    {"ScatterND", "2x3x4, i64=1,0:1x2, 1x4", "", "[2, 3, 4]"},
    {"OneHot", "i64=1,0:2x1, i64=5, 2", "axis=1", "[2, 5, 1]"},
    {"ConstantOfShape", "i64=2,0:2", "", "[2, 0]"},
    {"Range", "i64=5, i64=0, i64=-2", "", "[3]"},
    {"DepthToSpace", "1x8x2x3", "blocksize=2", "[1, 2, 4, 6]"},
    {"SpaceToDepth", "1x2x4x6", "blocksize=2", "[1, 8, 2, 3]"},
    {"Size", "2x3", "", "[]"},
    {"Slice", "10, i64=8:1, i64=-100:1, i64=0:1, i64=-3:1", "", "[3]"},
    {"Slice", "10, i64=-3:1, i64=9223372036854775807:1", "", "[3]"},
    {"Gather", "5x6, i64=1,2:2", "axis=1", "[5, 2]"},
    {"Shape", "2x3x4", "start=-2", "[2]"},
    {"ReduceSum", "2x3x4, i64=1:1", "keepdims=0", "[2, 4]"},
    {"ReduceSum", "2x3x4", "noop_with_empty_axes=1", "[2, 3, 4]"},
    {"ReduceTo", "2x3x4, 3x1", "", "[3, 1]"},
    {"ReduceL2", "2x3x4, i64=1:1", "keepdims=0", "[2, 4]"},
    {"ReduceMax", "2x0x4, i64=1:1", "", "[2, 1, 4]"},
    {"ArgMax", "2x3x4", "axis=1 keepdims=0", "[2, 4]"},
    {"TopK", "2x5, i64=3:1", "", "[2, 3] [2, 3]"},
    {"LpPool", "2x3x7x7", "kernel_shape=2,2 strides=2,2 ceil_mode=1", "[2, 3, 4, 4]"},
    {"GlobalLpPool", "2x3x7", "", "[2, 3, 1]"},
    {"MaxUnpool", "1x1x2x2, i64=5,7,13,15:1x1x2x2", "kernel_shape=2,2 strides=2,2", "[1, 1, 4, 4]"},
    {"Resize", "1x1x4x6, -, f=0.6,2:2", "axes=2,3", "[1, 1, 2, 12]"},
    {"Resize", "10, -, f=0.7:1", "", "[7]"},
    {"Resize", "4x6, -, -, i64=7,5:2", "keep_aspect_ratio_policy=not_larger", "[3, 5]"},
    {"Resize", "4x6, -, -, i64=7,5:2", "keep_aspect_ratio_policy=not_smaller", "[7, 11]"},
    {"SoftmaxCrossEntropyLoss", "2x5x3, i64=0,1,2,3,4,0:2x3", "", "[] [2, 5, 3]"},
    {"SoftmaxCrossEntropyLoss", "2x5, i64=0,1:2", "reduction=none", "[2] [2, 5]"},
};

static const row refusals[] = {
    {"Conv", "2x1x28x28, 6x3x5x5", "", "input has 1 channel, weights expect 3"},
    {"Conv", "2x4x28x28, 6x3x5x5", "group=2", "input has 4 channels in 2 groups, weights expect 3 in each"},
    {"Conv", "2x4x8x8, 5x2x3x3", "group=2", "cannot divide 5 output channels into 2 groups"},
    {"Conv", "2x4x8x8, 5x2x3x3", "group=0", "group is 0, expected 1 or more"},
    {"Conv", "2x3x4x4, 6x3x5x5", "", "a window of 5 does not fit into the height of 4 with pads 0 and 0"},
    {"Conv", "2x3x9x4, 6x3x3x3", "dilations=1,2", "a window of 5 does not fit into the width of 4 with pads 0 and 0"},
    {"Conv", "2x3x8x8, 6x3x3x3", "kernel_shape=3,5", "kernel_shape says 5, the weights' dimension 3 is 3"},
    {"Conv", "2x3x8x8, 6x3x3x3, 5", "", "bias is [5], expected [6]"},
    {"Conv", "2x3x8x8, 6x3x3x3", "strides=0,1", "strides has the entry 0, expected 1 to 2147483647"},
    {"Conv", "2x3x8x8, 6x3x3x3", "strides=1,1,1", "strides has 3 entries, expected 2"},
    {"Conv", "2x3x8x8, 6x3x3x3", "pads=1,1,-1,1", "pads has the entry -1, expected 0 to 2147483647"},
    {"Conv", "2x3x8x8, 6x3x3x3", "pads=1,1,9223372036854775807,1",
     "pads has the entry 9223372036854775807, expected 0 to 2147483647"},
    {"Conv", "2x3x8x8, 6x3x3x3", "auto_pad=SAME",
     "auto_pad is 'SAME', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID"},
    {"Conv", "1x1x1x1, 1x1x1x1", "pads=2147483647,2147483647,2147483647,2147483647",
     "its output 0 is too large: float32 [1, 1, 4294967295, 4294967295] has more bytes than a process can address"},
    {"ConvTranspose", "1x1x3x3, 1x1x3x3", "strides=2147483647,2147483647",
     "its output 0 is too large: float32 [1, 1, 4294967297, 4294967297] has more bytes than a process can address"},
    {"ConvTranspose", "1x1x3x3, 1x1x3x3", "pads=4,4,4,0", "pads 4 and 4 leave nothing of a result of height 5"},
    {"ConvTranspose", "1x4x3x3, 3x1x3x3", "", "input has 4 channels, weights expect 3"},
    {"ConvTranspose", "1x4x3x3, 4x1x3x3", "group=3", "cannot divide 4 input channels into 3 groups"},
    {"ConvTranspose", "1x4x3x3, 4x2x3x3, 2", "group=2", "bias is [2], expected [4]"},
    {"ConvTranspose", "1x1x3x3, 1x1x3x3", "output_padding=1", "output_padding has 1 entry, expected 2"},
    {"ConvTranspose", "1x1x3x3x3x3, 1x1x3x3x3x3", "",
     "input is [1, 1, 3, 3, 3, 3], expected [batch, channels, height, width]"},
    {"LocallyConnected", "2x3x5x6, 3x3x3x3x3x2", "", "weights are of 3 positions in dimension 1, but 4 windows fit"},
    {"LocallyConnected", "2x3x5x6, 3x4x3x3x2x2", "", "input has 3 channels, weights expect 2"},
    {"LocallyConnected", "2x3x5x6, 3x4x3x3x3x2", "kernel_shape=5,5",
     "kernel_shape says 5 where the weights have 3 taps"},
    {"LocallyConnected", "2x3x5x6, 3x4x3x3x3x2, 2", "", "bias is [2], expected [3, 4, 2]"},
    {"LocallyConnected", "1x1x40x40, 1x1x40x40x1x1", "", "windows of 1600 taps, at most 1024 can be unshared"},
    {"Conv", "2x3x8x8x8, 6x3x9x3x3", "", "a window of 9 does not fit into the depth of 8 with pads 0 and 0"},
    {"Conv", "2x3, 6x3", "", "input is [2, 3], expected [batch, channels, height, width]"},
    {"Conv", "2x3x8x8, 6x3x3", "", "weights are [6, 3, 3], expected rank 4 as the input's"},
    {"Conv", "i64=1:1x1x1x1, 1x1x1x1", "", "input 0 is int64, expected a floating type"},
    {"ConvDataGradient", "2x6x24x23, 6x3x5x5, 2x3x28x28", "",
     "dy is [2, 6, 24, 23], but the convolution's output is [2, 6, 24, 24]"},
    {"MaxPool", "2x3x8x8", "kernel_shape=2", "kernel_shape has 1 entry, expected 2"},
    {"MaxPool", "2x3x8x8", "kernel_shape=2,2 storage_order=2", "storage_order is 2, expected 0 or 1"},
    {"AveragePool", "2x3x8x8x8", "kernel_shape=2,2", "kernel_shape has 2 entries, expected 3"},
    {"Gemm", "3x4, 5x6", "transB=1", "cannot multiply [3, 4] by [5, 6] transposed: 4 columns against 6 rows"},
    {"Gemm", "3x4, 4x5, 3", "", "C is [3], which does not broadcast to the product's [3, 5]"},
    {"Gemm", "2x3x4, 4x5", "", "inputs are [2, 3, 4] and [4, 5], expected two matrices"},
    {"MatMul", "3x4, 5x6", "", "cannot multiply [3, 4] by [5, 6]: 4 columns against 5 rows"},
    {"MatMul", "2x3x4, 3x4x5", "", "cannot multiply [2, 3, 4] by [3, 4, 5]: their batches do not broadcast"},
    {"Add", "2x3, 4", "", "[2, 3] and [4] do not broadcast"},
    {"Mul", "2, i64=1,2:2", "", "input 0 is float32, but input 1 is int64"},
    {"Relu", "u8=1:1", "", ""},
    {"Sigmoid", "i64=1:1", "", "input is int64, expected a floating type"},
    {"Reshape", "2x3, i64=4,-1:2", "", "cannot reshape [2, 3] (6 elements) to [4, -1]"},
    {"Reshape", "2x3, i64=-1,-1:2", "", "cannot reshape [2, 3] to [-1, -1]"},
    {"Reshape", "2x3, i64=1,1,0:3", "", "cannot reshape [2, 3] to [1, 1, 0]: dimension 2 has no size to keep"},
    {"Reshape", "2x3, i64=4611686018427387904,4,6:3", "", "cannot reshape [2, 3] to [4611686018427387904, 4, 6]"},
    {"Reshape", "2x3, i64=1,1,1,1,1,1,1,1,6:9", "", "the input shape has 9 entries, at most 8 fit"},
    {"Squeeze", "2x3, i64=1:1", "", "cannot squeeze dimension 1, its size is 3"},
    {"Transpose", "2x3", "perm=0,0", "perm is not a permutation of 0…1: entry 0"},
    {"Concat", "2x3, 3x3", "axis=1", "cannot join [2, 3] and [3, 3] along axis 1"},
    {"Gather", "2x3, i64=0:1", "axis=2", "axis 2 is out of range for a tensor of rank 2"},
    {"Slice", "4, i64=0:1, i64=1:1, i64=0:1, i64=0:1", "", "a slice cannot step by 0"},
    {"Split", "2x7", "axis=1 outputs=2", "cannot split 7 entries into 2 equal parts"},
    {"Split", "2x7, i64=3,3:2", "axis=1 outputs=2", "cannot split 7 entries into 2 parts of together 6 (2 sizes)"},
    {"Split", "2x7, i64=8,-1:2", "axis=1 outputs=2", "part 1 has size -1"},
    {"Split", "2x2", "outputs=2 num_outputs=3", "num_outputs is 3, but there are 2 outputs"},
    {"Tile", "2x3, i64=1:1", "", "there are 1 repeats for a tensor of rank 2"},
    {"Tile", "2x3, i64=1,-1:2", "", "dimension 1 of [2, 3] cannot be repeated -1 times"},
    {"Tile", "2x3, i64=4611686018427387904,4:2", "",
     "dimension 0 of [2, 3] cannot be repeated 4611686018427387904 times"},
    {"Pad", "2x3, i64=0,1,0:3", "", "pads has 3 entries, expected two for each of 2 dimensions"},
    {"Pad", "2x3, i64=0,-2,0,-2:4", "", "dimension 1 of size 3 cannot be padded by -2 and -2"},
    {"Pad", "2x3, i64=0,9223372036854775807,0,1:4", "",
     "dimension 1 of size 3 cannot be padded by 9223372036854775807 and 1"},
    {"Pad", "2x0, i64=0,1,0,1:4", "mode=edge", "nothing is left of dimension 1 of size 0 to pad with"},
    {"Pad", "2x3, i64=0,0:2, -, i64=2:1", "", "axis 2 is out of range for a tensor of rank 2"},
    {"Pad", "2x3, i64=0,0,0,0:4", "mode=mirror", "mode is 'mirror', expected constant, reflect, edge or wrap"},
    {"GatherElements", "2x3, i64=0,1,0:3x1", "axis=1", "indices are [3, 1], which do not fit the input's [2, 3]"},
    {"GatherND", "2x3, i64=0,1,0:1x3", "", "indices [1, 3] with 0 batch dimensions do not fit the input's [2, 3]"},
    {"ScatterElements", "2x3, i64=0,1:2x1, 2x2", "axis=1", "updates is [2, 2], but what is indexed is [2, 1]"},
    {"ScatterND", "2x3, i64=0,1:1x2, 1", "reduction=sum", "reduction is 'sum', expected none, add, mul, max or min"},
    {"OneHot", "i64=0:1, i64=-1, 2", "", "the input depth is -1 with shape [], expected one whole number"},
    {"ConstantOfShape", "i64=2,-3:2", "", "dimension 1 has size -3"},
    {"ConstantOfShape", "i64=4611686018427387904,4:2", "",
     "its output 0 is too large: float32 [4611686018427387904, 4] has more bytes than a process can address"},
    {"Range", "i64=0, i64=5, i64=0", "", "a range from 0 to 5 cannot step by 0"},
    {"DepthToSpace", "1x6x2x2", "blocksize=2", "6 channels cannot become blocks of 2 × 2"},
    {"SpaceToDepth", "1x1x4x5", "blocksize=2", "4 × 5 pixels cannot be cut into blocks of 2 × 2"},
    {"ReduceSum", "2x3, i64=0,-2:2", "", "axis -2 is given twice"},
    {"TopK", "2x5, i64=6:1", "", "k is 6, but axis 1 of [2, 5] has 5 elements"},
    {"ArgMax", "2x0", "axis=1", "input is [2, 0]: axis 1 has no elements to choose from"},
    {"LpPool", "2x3x8x8", "kernel_shape=2,2 p=0", "p is 0, expected 1 or more"},
    {"MaxUnpool", "1x1x2x2, i64=5,7,13:1x1x3x1", "kernel_shape=2,2",
     "the tensor of indices is [1, 1, 3, 1], but the input is [1, 1, 2, 2]"},
    {"Resize", "2x3", "", "give scales or sizes, and not both"},
    {"Resize", "2x3, -, f=1,-2:2", "", "cannot resize 3 elements by -2"},
    {"Resize", "2x3, -, f=1,3e38:2", "", "cannot resize 3 elements by 3e+38"},
    {"Resize", "2x3, -, f=1:1", "", "scales has 1 entry, expected 2"},
    {"Resize", "2x3, -, f=1,2:2", "mode=bilinear", "mode is 'bilinear', expected nearest, … or cubic"},
    {"Resize", "2x0, -, -, i64=2,3:2", "", "cannot resize 0 elements to 3"},
    {"ReduceTo", "2x3, 4", "", "[4] does not broadcast to [2, 3]"},
    {"Softmax", "2x3", "axis=2", "axis 2 is out of range for a tensor of rank 2"},
    {"SoftmaxCrossEntropyLoss", "2x3, i64=0,1,2:3", "", "labels are [3], but scores are [2, 3]"},
    {"SoftmaxCrossEntropyLoss", "2x3, 2", "", "labels are float32, expected int32 or int64"},
    {"SoftmaxCrossEntropyLoss", "2x3, i64=0,1:2, 4", "", "class weights are [4], but there are 3 classes"},
    {"SoftmaxCrossEntropyLoss", "2x3, i64=0,1:2", "reduction=avg", "reduction is 'avg', expected none, mean or sum"},
    {"Cast", "2", "to=8", "a cast to ONNX type 8 is not supported"},
    {"Momentum", "0..1:, i64=0, 3, 4, 3", "alpha=0.9 beta=1 norm_coefficient=0 mode=standard",
     "the gradient is [4], but the parameter is [3]"},
    {"BatchNormalization", "2x3x4x4, 3, 2, 3, 3", "", "bias is [2], but the input has 3 channels"},
};

static void shapes_are_inferred(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const row *r = &shapes[i];
        const op_case text = {r->inputs, r->attributes};
        stria_error err = {0};
        case_graph c;
        char found[512] = "", one[192];
        if (case_new(&c, operator_of(r->op), &text, STRIA_FLOAT32, &err) != STRIA_OK)
            fail_msg("%s (%s; %s): %s", r->op, r->inputs, r->attributes, err.text);
        for (int k = 0; k < c.n->out_count; k++) {
            size_t length = strlen(found);
            snprintf(found + length, sizeof found - length, "%s%s", k ? " " : "", shape_text(&c.n->out[k]->shape, one));
        }
        if (strcmp(found, r->expected) != 0)
            fail_msg("%s (%s; %s): %s, expected %s", r->op, r->inputs, r->attributes, found, r->expected);
        case_release(&c);
    }
}

/* Every sentence begins with the layer's name and ends with the rule's words; "" means that it is taken after all. */
static void mistakes_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const row *r = &refusals[i];
        const op_case text = {r->inputs, r->attributes};
        stria_error err = {0};
        case_graph c;
        stria_status status = case_new(&c, operator_of(r->op), &text, STRIA_FLOAT32, &err);
        if ((status == STRIA_OK) != (r->expected[0] == 0))
            fail_msg("%s (%s; %s) gives status %d: %s", r->op, r->inputs, r->attributes, status, err.text);
        if (status == STRIA_OK) {
            case_release(&c);
            continue;
        }
        char expected[512];
        snprintf(expected, sizeof expected, "layer 'case' (%s): %s", r->op, r->expected);
        if (strcmp(err.text, expected) != 0) fail_msg("found    %s\nexpected %s", err.text, expected);
    }
}

static void values_must_be_known(void **state) {
    (void)state;
    stria_error err = {0};
    graph *g;
    value *in[2];
    node *n;
    assert_int_equal(graph_new(&g, "test", &err), STRIA_OK);
    assert_int_equal(graph_add_input(g, "x", STRIA_FLOAT32, &(shape){2, {2, 3}}, &in[0], &err), STRIA_OK);
    assert_int_equal(graph_add_input(g, "s", STRIA_INT64, &(shape){1, {2}}, &in[1], &err), STRIA_OK);
    assert_int_equal(graph_add_node(g, &op_Reshape, "r", in, 2, NULL, 0, NULL, &n, &err), STRIA_UNSUPPORTED);
    assert_string_equal(err.text, "layer 'r' (Reshape): the input shape ('s') must be constant");
    graph_free(g);
}

static void geometry(void **state) {
    (void)state;
    stria_error err = {0};
    case_graph c;
    const op_case conv = {"2x4x7x8, 6x2x3x2", "strides=2,3 pads=1,0,2,1 dilations=1,2 group=2"};
    assert_int_equal(case_new(&c, &op_Conv, &conv, STRIA_FLOAT32, &err), STRIA_OK);
    const conv_shape g = conv_shape_of(c.n),
                     want = {.batch = 2,
                             .ic = 4,
                             .oc = 6,
                             .groups = 2,
                             .y = {.in = 7, .out = 4, .kernel = 3, .stride = 2, .dilation = 1, .before = 1, .after = 2},
                             .x = {.in = 8, .out = 3, .kernel = 2, .stride = 3, .dilation = 2, .before = 0, .after = 1},
                             .z = {.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1}};
    assert_memory_equal(&g, &want, sizeof g);
    assert_int_equal(c.n->op->cost(c.n).multiply_adds, 2 * 6 * 4 * 3 * 2 * 3 * 2);
    case_release(&c);
    const op_case odd = {"1x1x4x4, 1x1x2x2", "auto_pad=SAME_LOWER"};
    assert_int_equal(case_new(&c, &op_Conv, &odd, STRIA_FLOAT32, &err), STRIA_OK);
    assert_int_equal(conv_shape_of(c.n).y.before, 1);
    assert_int_equal(conv_shape_of(c.n).y.after, 0);
    case_release(&c);
    const op_case space = {"2x4x9x7x8, 6x2x2x3x2", "strides=3,2,3 pads=1,1,0,0,2,1 dilations=2,1,2 group=2"};
    assert_int_equal(case_new(&c, &op_Conv, &space, STRIA_FLOAT32, &err), STRIA_OK);
    const window depth = {.in = 9, .out = 3, .kernel = 2, .stride = 3, .dilation = 2, .before = 1};
    conv_shape deep = conv_shape_of(c.n);
    assert_memory_equal(&deep.z, &depth, sizeof depth);
    assert_memory_equal(&deep.y, &want.y, sizeof want.y);
    assert_memory_equal(&deep.x, &want.x, sizeof want.x);
    assert_true(shape_equal(&c.n->out[0]->shape, &(shape){5, {2, 6, 3, 4, 3}}));
    assert_int_equal(c.n->op->cost(c.n).multiply_adds, 2 * 6 * 3 * 4 * 3 * 2 * 2 * 3 * 2);
    case_release(&c);
    const op_case gemm = {"4x3, 5x4", "transA=1 transB=1"};
    assert_int_equal(case_new(&c, &op_Gemm, &gemm, STRIA_FLOAT32, &err), STRIA_OK);
    product_geometry p = product_geometry_of(c.n);
    assert_true(p.m == 3 && p.n == 5 && p.k == 4 && p.a_row == 1 && p.a_column == 3 && p.b_row == 1 && p.b_column == 4);
    case_release(&c);
}

static void names_are_found(void **state) {
    (void)state;
    stria_error err = {0};
    const op_def *op;
    assert_ptr_equal(op_find("", "Conv"), &op_Conv);
    assert_ptr_equal(op_find("ai.onnx", "Conv"), &op_Conv);
    assert_null(op_find("stria", "Conv"));
    assert_ptr_equal(op_find("stria", "ReduceTo"), &op_ReduceTo);
    assert_ptr_equal(op_find("ai.onnx.preview.training", "Momentum"), &op_Momentum);
    assert_int_equal(op_find_any("ConvDataGradient", &op, &err), STRIA_OK);
    assert_int_equal(op_find_any("AvergePool", &op, &err), STRIA_UNSUPPORTED);
    assert_string_equal(err.text, "there is no operator 'AvergePool'; did you mean 'AveragePool'?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_inferred),  cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(values_must_be_known), cmocka_unit_test(geometry),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests_name("op_shapes", tests, NULL, NULL);
}
