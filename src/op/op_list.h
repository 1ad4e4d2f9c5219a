/* Every operator: OP(symbol) is the op_def op_symbol of op/<family>.c. ONNX's first, then ours. */

/* unary.c: a row is the operator and its gradient */
#define UNARY(name, ...)      OP(name)
#define UNARY_FLAT(name, ...) OP(name)
#include "op/unary_rows.h"
#undef UNARY
#undef UNARY_FLAT

OP(Conv)
OP(MatMul)
OP(Gemm)
OP(MaxPool)
OP(AveragePool)
OP(GlobalMaxPool)
OP(GlobalAveragePool)
OP(BatchNormalization)
OP(Dropout)
OP(Add)
OP(Sub)
OP(Mul)
OP(Div)
OP(Pow)
OP(Min)
OP(Max)
OP(Identity)
OP(Flatten)
OP(Reshape)
OP(Squeeze)
OP(Unsqueeze)
OP(Transpose)
OP(Expand)
OP(Concat)
OP(Slice)
OP(Gather)
OP(Shape)
OP(Cast)
OP(Constant)
OP(ReduceSum)
OP(ReduceMean)
OP(Softmax)
OP(LogSoftmax)
OP(SoftmaxCrossEntropyLoss)

/* ai.onnx.preview.training */
OP(Momentum)

/* stria */
#define UNARY(name, ...) OP(name##Gradient)
#define UNARY_FLAT(name, ...)
#include "op/unary_rows.h"
#undef UNARY
#undef UNARY_FLAT
OP(ConvDataGradient)
OP(ConvWeightGradient)
OP(MaxPoolGradient)
OP(AveragePoolGradient)
OP(SoftmaxGradient)
OP(LogSoftmaxGradient)
OP(SoftmaxCrossEntropyLossGradient)
OP(SelectEqual)
OP(SliceGradient)
OP(GatherGradient)
OP(ReduceTo)
OP(ExpandTo)
OP(ReshapeTo)
OP(Reorder)
