/* Which operators have no implementation on the CPU but their reference, and why that is allowed; and that those
 * without vectors, too, run without allocating; that whatever passes fuse has a kernel. */
#include <string.h>

#include "base/memory.h"
#include "cases.h"
#include "check.h"
#include "run.h"
#include "run/machine.h"

/* Composites, of which a session has only the parts. */
static const op_def *const composite[] = {
    &op_Sum, &op_Mean, &op_Clip, &op_MeanVarianceNormalization, &op_LocallyConnected, &op_MuonUpdate, &op_DeformConv};

/* Without a kernel of their own: rare operators, and the gradients of LSTM, GRU and RNN. */
static const op_def *const rare[] = {&op_AffineGrid,
                                     &op_AffineGridGradient,
                                     &op_CenterCropPad,
                                     &op_Col2Im,
                                     &op_Col2ImGradient,
                                     &op_Compress,
                                     &op_ConvInteger,
                                     &op_CumProd,
                                     &op_CumProdGradient,
                                     &op_CumSum,
                                     &op_DeformColumns,
                                     &op_DeformColumnsGradient,
                                     &op_DequantizeLinear,
                                     &op_Det,
                                     &op_DetGradient,
                                     &op_DynamicQuantizeLinear,
                                     &op_Einsum,
                                     &op_EinsumGradient,
                                     &op_EyeLike,
                                     &op_GRUGradient,
                                     &op_GridSample,
                                     &op_GridSampleGradient,
                                     &op_LSTMGradient,
                                     &op_MatMulInteger,
                                     &op_NonMaxSuppression,
                                     &op_NonZero,
                                     &op_QLinearConv,
                                     &op_QLinearMatMul,
                                     &op_QuantizeLinear,
                                     &op_RNNGradient,
                                     &op_ReverseSequence,
                                     &op_RoiAlign,
                                     &op_RoiAlignGradient,
                                     &op_Trilu,
                                     &op_Unique};

static bool is_rare(const op_def *op) {
    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++)
        if (rare[i] == op) return true;
    return false;
}

static bool is_composite(const op_def *op) {
    for (size_t i = 0; i < sizeof composite / sizeof *composite; i++)
        if (composite[i] == op) return op->expand != NULL;
    return false;
}

static void list_check(void) {
    for (const op_def *const *op = op_all(); *op; op++) {
        bool only_reference = backend_cpu(*op)[0] == &impl_reference;
        CHECK(only_reference == (is_composite(*op) || is_rare(*op)), "%s %s", (*op)->name,
              only_reference ? "has no implementation but its reference"
                             : "has one, and stands among the composites or the rare");
    }
}

/* No node of the case with `next` after it runs by its reference: what passes fuse, a kernel computes. */
static void fused_check(const kernel_set *ks, const op_def *op, const op_case *text, const op_def *next) {
    case_graph c;
    stria_error err = {0};
    session *s = NULL;
    const char *what = case_name(op, text);
    if (!CHECK(case_new(&c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    value *in[2] = {c.n->out[0]};
    node *n;
    bool made = true;
    if (next == &op_Add) made = graph_add_input(c.g, "side", STRIA_FLOAT32, &in[0]->shape, &in[1], &err) == STRIA_OK;
    made = made && graph_add_node(c.g, next, NULL, in, in[1] ? 2 : 1, NULL, 1, NULL, &n, &err) == STRIA_OK &&
           graph_add_output(c.g, n->out[0], "z", &err) == STRIA_OK;
    run_config config = {.ks = ks, .optimize = true};
    if (in[0]->type == STRIA_FLOAT32 &&
        CHECK(made && run_new(&s, c.g, &config, &err) == STRIA_OK, "%s: %s", what, err.text))
        for (int i = 0; i < run_nodes(s); i++) {
            const program_node *p = run_node(s, i);
            CHECK(p->impl != &impl_reference, "%s, then %s: %s runs by its reference with %s", what, next->name,
                  p->node->op->name, kernels_name(ks));
        }
    session_free(s);
    case_release(&c);
}

static void fused_all_check(const kernel_set *ks) {
    for (const op_def *const *op = op_all(); *op; op++) {
        if (!(*op)->epilogue) continue;
        const node n = {.op = *op};
        int activations = 0;
        for (const op_case *text = (*op)->cases; text->inputs; text++) {
            fused_check(ks, *op, text, &op_Add);
            for (const op_def *const *next = op_all(); *next; next++)
                if (cpu_target.fuses(&n, *next)) fused_check(ks, *op, text, *next), activations++;
        }
        CHECK(activations >= 8, "%d activations fuse into %s", activations, (*op)->name);
    }
}

/* Runs a case twice and counts what the second run asks for. */
static void silent_check(const op_def *op, const op_case *text, const char *implementation) {
    case_graph c;
    stria_error err = {0};
    session *s = NULL;
    const value *v;
    const char *what = case_name(op, text);
    if (!CHECK(case_new(&c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    CHECK(graph_add_output(c.g, c.n->out[0], "y", &err) == STRIA_OK, "%s", err.text);
    if (CHECK(run_new(&s, c.g, &(run_config){.ks = kernel_sets()[0]}, &err) == STRIA_OK, "%s: %s", what, err.text)) {
        for (int i = 0; i < c.n->in_count; i++)
            if (c.contents[i] && c.n->in[i]->kind == VALUE_INPUT)
                memcpy(run_memory(s, c.n->in[i]->name, &v), c.contents[i]->data, c.contents[i]->bytes);
        const char *took = run_node(s, 0)->impl->name;
        CHECK(strcmp(took, implementation) == 0, "%s is run by %s", what, took);
        long before = mem_count();
        CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", what, err.text);
        CHECK(mem_count() == before, "%s allocates %ld times", what, mem_count() - before);
    }
    session_free(s);
    case_release(&c);
}

int main(void) {
    list_check();
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++) fused_all_check(*ks);
    silent_check(&op_BitShift, &(op_case){"u8=255,130:2x1, u8=0,7,200:3", "direction=RIGHT"}, "chunks");
    silent_check(&op_BitwiseNot, &(op_case){"i32=12,-7,0:3", ""}, "chunks");
    silent_check(&op_Add, &(op_case){"i64=1,-2,3,4,5,6:2x3, i64=7,-8,9:3", ""}, "vector");
    silent_check(&op_Mod, &(op_case){"i32=7,-7,8,-8:4, i32=3,3,-3,-5:4", ""}, "chunks");
    silent_check(&op_Less, &(op_case){"u64=7,18446744073709551615:2, u64=8:1", ""}, "chunks");
    silent_check(&op_Relu, &(op_case){"i32=7,-8:2", ""}, "chunks");
    silent_check(&op_Where, &(op_case){"bool=0,1,1:3, i64=1,2,3:3, i64=-4:1", ""}, "vector");
    silent_check(&op_Add, &(op_case){"2x3, 3", ""}, "vector");
    silent_check(&op_Range, &(op_case){"i64=10, i64=-3, i64=-4", ""}, "known");
    silent_check(&op_Constant, &(op_case){"", "value_ints=1,2,3"}, "known");
    silent_check(&op_Shape, &(op_case){"2x3", ""}, "known");
    return check_report();
}
