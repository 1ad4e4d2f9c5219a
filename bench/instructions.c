/* The cases whose instructions tools/count-instructions counts: instructions CASE runs one of them, in counted();
 * without CASE it names the compiler and all cases. One thread, so that nothing waits. */
#define PROGRAM "instructions"
#include "conv_operation.h"
#include "measure.h"

#include <string.h>

/* A convolution: channels, groups, pixels of a side, kernel, stride, batch; padding is half the kernel. */
typedef struct kernel_case {
    const char *name;
    const conv_kernel *kernel;
    enum conv_op op;
    int64_t ic, oc, groups, in, size, stride, batch;
} kernel_case;

static const kernel_case kernels[] = {
    {"conv_1x1_few_channels", conv_gemm, CONV_FORWARD, 32, 64, 1, 28, 1, 1, 1},
    {"conv_1x1_many_channels", conv_gemm, CONV_FORWARD, 512, 256, 1, 7, 1, 1, 1},
    {"conv_3x3", conv_gemm, CONV_FORWARD, 64, 64, 1, 14, 3, 1, 1},
    {"conv_3x3_data_gradient", conv_gemm, CONV_DX, 64, 64, 1, 14, 3, 1, 1},
    {"conv_3x3_weight_gradient", conv_gemm, CONV_DW, 64, 64, 1, 14, 3, 1, 1},
    {"conv_first_layer", conv_gemm, CONV_FORWARD, 3, 32, 1, 64, 3, 2, 1},
    {"conv_first_layer_weight_gradient", conv_rows, CONV_DW, 3, 32, 1, 64, 3, 2, 1},
    {"winograd_4x4", conv_winograd_4, CONV_FORWARD, 64, 64, 1, 28, 3, 1, 1},
    {"winograd_2x2", conv_winograd_2, CONV_FORWARD, 64, 64, 1, 14, 3, 1, 1},
    {"depthwise_3x3", conv_depthwise, CONV_FORWARD, 64, 64, 64, 28, 3, 1, 1},
    {"depthwise_3x3_weight_gradient", conv_depthwise, CONV_DW, 64, 64, 64, 28, 3, 1, 1},
    {"grouped_3x3", conv_grouped, CONV_FORWARD, 64, 64, 16, 28, 3, 1, 1},
    {"plain_3x3", conv_plain, CONV_FORWARD, 16, 16, 1, 28, 3, 1, 1},
    {"batch_last_5x5", conv_batch, CONV_FORWARD, 6, 16, 1, 14, 5, 1, 64},
};
#define KERNELS (sizeof kernels / sizeof *kernels)

/* Inference of a network: by the sums, what lies between the kernels. */
static const struct network_case {
    const char *name, *spec;
    int64_t batch;
} networks[] = {{"run_lenet5", "lenet5", 1},
                {"run_lenet5_batch", "lenet5", 64},
                {"run_resnet20", "resnet20", 1},
                {"run_mobilenet_v2", "mobilenet-v2:dropout=0,size=3x64x64", 1}};
#define NETWORKS (sizeof networks / sizeof *networks)

/* valgrind counts what happens in here. */
static __attribute__((noinline)) void counted(const operation *o, stria_session *session) {
    stria_error error = {0};
    if (o) operation_run(o, NULL);
    else check(stria_session_run(session, &error), &error);
    __asm__ volatile("" ::: "memory"); /* not the tail of another function */
}

static void kernel_count(const kernel_case *k) {
    window w = {.in = k->in, .kernel = k->size, .stride = k->stride, .dilation = 1, .before = k->size / 2};
    w.after = w.before;
    w.out = (w.in + 2 * w.before - w.kernel) / w.stride + 1;
    conv_shape s = {.batch = k->batch, .ic = k->ic, .oc = k->oc, .groups = k->groups, .y = w, .x = w};
    operation o = operation_new(&k->kernel[0], kernel_set_find(getenv("STRIA_ISA")), &s, k->op, 1);
    counted(&o, NULL);
    operation_free(&o);
}

static void network_count(const struct network_case *n) {
    stria_error error = {0};
    stria_model *model = NULL;
    stria_session *session = NULL;
    stria_session_options options = stria_session_options_default();
    options.threads = 1;
    options.batch = n->batch;
    check(stria_model_open(&model, n->spec, 1, &error), &error);
    check(stria_session_new(&session, model, &options, &error), &error);
    counted(NULL, session);
    stria_session_free(session);
    stria_model_free(model);
}

int main(int argc, char **argv) {
    if (argc < 2) printf("# %s\n", __VERSION__);
    for (size_t i = 0; i < KERNELS; i++)
        if (argc < 2) printf("%s\n", kernels[i].name);
        else if (!strcmp(argv[1], kernels[i].name)) return kernel_count(&kernels[i]), EXIT_SUCCESS;
    for (size_t i = 0; i < NETWORKS; i++)
        if (argc < 2) printf("%s\n", networks[i].name);
        else if (!strcmp(argv[1], networks[i].name)) return network_count(&networks[i]), EXIT_SUCCESS;
    if (argc < 2) return EXIT_SUCCESS;
    return fprintf(stderr, "instructions: there is no case '%s'\n", argv[1]), EXIT_FAILURE;
}
