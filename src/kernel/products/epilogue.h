/* The operations on a finished tile of a matrix product or convolution before it is stored: c = f(alpha·sum (+ c, if
 * accumulating) + bias + residual) One struct for every product and every convolution; products/epilogue.inc has what
 * their kernels share of it. */
#ifndef KERNEL_PRODUCTS_EPILOGUE_H
#define KERNEL_PRODUCTS_EPILOGUE_H

#include <stdbool.h>
#include <stdint.h>

/* f of the epilogue; alpha and beta are the ONNX attributes of the operator of that name. */
enum activation {
    ACTIVATION_NONE,
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU, /* v < 0 ? alpha·v : v */
    ACTIVATION_CLIP,       /* min(max(v, alpha), beta): Clip, ReLU6 */
    ACTIVATION_SIGMOID,    /* 1 / (1 + e^−v) */
    ACTIVATION_TANH,
    ACTIVATION_HARD_SIGMOID, /* min(max(alpha·v + beta, 0), 1) */
    ACTIVATION_HARD_SWISH,   /* v · hard sigmoid(v) with the given alpha, beta (ONNX: 1/6, 1/2) */
    ACTIVATION_SWISH         /* v · sigmoid(alpha·v) */
};

typedef struct epilogue {
    const float *bias; /* NULL: none. One value per column n (channel), or per row m */
    bool bias_per_row; /* matrix products only */
    /* NULL: none. It has the result's shape and lies as the result does, and must not overlap it. */
    const float *residual;
    enum activation activation;
    float alpha, beta;
} epilogue;

#endif
