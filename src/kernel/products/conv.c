#include "kernel/products/conv.h"

conv_plan *conv_plan_new(const conv_kernel *kernel, const kernel_set *ks, const conv_shape *s, int threads, arena *a) {
    return kernel->plan(&(conv_plan){.kernel = kernel, .ks = ks, .shape = *s, .threads = threads}, a);
}
