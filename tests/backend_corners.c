/* Corners: empty batches, images of one pixel, windows larger than the image, strides longer than the window, groups of
 * one channel, 1000 classes, NaN, infinities, denormals and huge scores. Every instruction set, optimised or not, with
 * 1 and 3 threads, gives what the float64 reference gives: the same places are NaN, the same infinities, the rest is
 * near. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "cases.h"
#include "check.h"
#include "run.h"

typedef enum special { ORDINARY, NOT_A_NUMBER, INFINITE, DENORMAL, HUGE_SCORES, SPECIALS } special;
static const char *const special_names[] = {"ordinary", "NaN", "infinity", "denormals", "±1e4"};

#define ALL    (1 << ORDINARY | 1 << NOT_A_NUMBER | 1 << INFINITE | 1 << DENORMAL)
#define PLAIN  (1 << ORDINARY)
#define FINITE (1 << ORDINARY | 1 << DENORMAL)
#define SCORES (1 << ORDINARY | 1 << HUGE_SCORES)

static const struct {
    const op_def *op;
    op_case text;
    int specials; /* of input 0 */
} corners[] = {
    {&op_Conv, {"0x3x5x5, 4x3x3x3, 4", "pads=1,1,1,1"}, PLAIN},
    {&op_Conv, {"1x3x1x1, 4x3x1x1, 4", ""}, ALL},
    {&op_Conv, {"2x3x1x1, 4x3x3x3, 4", "pads=1,1,1,1"}, ALL},
    {&op_Conv, {"1x2x2x3, 2x2x5x5", "pads=2,2,2,2"}, ALL},
    {&op_Conv, {"2x3x9x9, 4x3x2x2", "strides=5,4"}, ALL},
    {&op_Conv, {"2x20x5x6, 20x1x3x3, 20", "group=20 pads=1,1,1,1"}, ALL},
    {&op_Conv, {"0x20x5x6, 20x1x3x3, 20", "group=20 pads=1,1,1,1"}, PLAIN},
    {&op_Conv, {"17x2x3x3, 3x2x2x2", ""}, ALL},
    {&op_ConvTranspose, {"0x3x4x4, 3x2x3x3", "strides=2,2"}, PLAIN},
    {&op_ConvTranspose, {"1x3x1x1, 3x2x2x2", "strides=4,3"}, ALL},
    {&op_Gemm, {"0x7, 7x3, 3", ""}, PLAIN},
    {&op_Gemm, {"3x1, 1x1, 1", ""}, ALL},
    {&op_MatMul, {"0x4x5, 5x3", ""}, PLAIN},
    {&op_MatMul, {"2x0, 0x3", ""}, PLAIN},
    {&op_MaxPool, {"0x3x4x4", "kernel_shape=2,2"}, PLAIN},
    {&op_MaxPool, {"1x1x1x1", "kernel_shape=3,3 pads=1,1,1,1"}, ALL},
    {&op_MaxPool, {"2x18x7x7", "kernel_shape=2,2 strides=3,4"}, ALL},
    {&op_MaxPool, {"2x3x3x2", "kernel_shape=3,2 ceil_mode=1 strides=2,2"}, ALL},
    {&op_AveragePool, {"0x3x4x4", "kernel_shape=2,2"}, PLAIN},
    {&op_AveragePool, {"1x1x1x1", "kernel_shape=3,3 pads=1,1,1,1"}, ALL},
    {&op_AveragePool, {"2x18x7x7", "kernel_shape=2,2 strides=3,4"}, ALL},
    {&op_GlobalAveragePool, {"0x3x4x4", ""}, PLAIN},
    {&op_GlobalMaxPool, {"2x3x1x1", ""}, ALL},
    {&op_BatchNormalization, {"0x3x4x4, 3, 3, 3, pos:3", ""}, PLAIN},
    {&op_BatchNormalization, {"2x3x1x1, 3, 3, 3, pos:3", ""}, ALL},
    {&op_LayerNormalization, {"0x7, 7, 7", ""}, PLAIN},
    {&op_LayerNormalization, {"3x1, 1, 1", ""}, FINITE},
    {&op_InstanceNormalization, {"2x3x1x1, 3, 3", ""}, FINITE},
    {&op_Relu, {"0x5", ""}, PLAIN},
    {&op_Relu, {"3x37", ""}, ALL},
    {&op_LeakyRelu, {"3x37", ""}, ALL},
    {&op_Clip, {"3x37, f=-0.5, f=0.5", ""}, ALL},
    {&op_Sigmoid, {"3x37", ""}, ALL | SCORES},
    {&op_Tanh, {"3x37", ""}, ALL | SCORES},
    {&op_Exp, {"3x37", ""}, ALL | SCORES},
    {&op_Gelu, {"3x37", ""}, ALL | SCORES},
    {&op_Softplus, {"3x37", ""}, ALL | SCORES},
    {&op_Max, {"3x37, 37", ""}, ALL},
    {&op_Min, {"3x37, 37", ""}, ALL},
    {&op_Add, {"0x4, 4", ""}, PLAIN},
    {&op_Div, {"3x37, 37", ""}, ALL},
    {&op_Softmax, {"0x1000", ""}, PLAIN},
    {&op_Softmax, {"3x1000", ""}, SCORES | 1 << DENORMAL | 1 << NOT_A_NUMBER},
    {&op_Softmax, {"3x1", ""}, SCORES},
    {&op_LogSoftmax, {"3x1000", ""}, SCORES | 1 << DENORMAL | 1 << NOT_A_NUMBER},
    {&op_SoftmaxCrossEntropyLoss, {"2x1000, i64=0,999:2", ""}, SCORES},
    {&op_ReduceSum, {"0x4", ""}, PLAIN},
    {&op_ReduceMax, {"3x37", ""}, ALL},
    {&op_ReduceMean, {"3x1", ""}, ALL},
    {&op_ReduceLogSumExp, {"3x37", ""}, SCORES},
    {&op_Concat, {"0x3, 2x3", "axis=0"}, PLAIN},
    {&op_Transpose, {"0x3x4", "perm=2,0,1"}, PLAIN},
    {&op_ArgMax, {"3x37", "axis=1"}, ALL},
};

/* Every seventh element is special; the first and the last are, so that vectors and their tails meet one. */
static void make_special(tensor *t, special what) {
    static const double denormal[] = {1e-40, -3e-42, FLT_MIN / 3};
    int64_t count = shape_count(&t->shape);
    for (int64_t i = 0; i < count && what != ORDINARY; i++) {
        double x = tensor_f64(t, i);
        if (what == HUGE_SCORES) tensor_put(t, i, x * 1e4);
        else if (what == DENORMAL) tensor_put(t, i, denormal[i % 3]);
        else if (i % 7 == 0 || i == count - 1)
            tensor_put(t, i, what == NOT_A_NUMBER ? (double)NAN : i % 2 ? (double)INFINITY : -(double)INFINITY);
    }
}

static bool near(double want, double got) {
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return want == got || (isinf(got) && fabs(want) > 3.4028e38);
    return fabs(want - got) <= 2e-5 * fabs(want) + 2e-6 || fabs(want) < 1e-38;
}

static session *session_of(const case_graph *c, const run_config *config, const char *what) {
    stria_error err = {0};
    session *s = NULL;
    if (!CHECK(run_new(&s, c->g, config, &err) == STRIA_OK, "%s: %s", what, err.text)) return NULL;
    for (int i = 0; i < c->n->in_count; i++) {
        const value *v;
        if (!c->contents[i] || c->n->in[i]->kind != VALUE_INPUT) continue;
        void *memory = run_memory(s, c->n->in[i]->name, &v);
        if (c->contents[i]->bytes) memcpy(memory, c->contents[i]->data, c->contents[i]->bytes);
    }
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", what, err.text);
    return s;
}

static void same_outputs(const case_graph *c, const session *want, const session *got, const char *what) {
    for (int k = 0; k < c->g->output_count; k++) {
        const value *v, *u;
        const char *name = c->g->outputs[k]->name;
        const void *a = run_memory(want, name, &v), *b = run_memory(got, name, &u);
        for (int64_t i = 0; i < shape_count(&v->shape); i++) {
            double x, y;
            convert_to_f64(&x, (const char *)a + (size_t)i * dtype_bytes(v->type), v->type, 1);
            convert_to_f64(&y, (const char *)b + (size_t)i * dtype_bytes(v->type), v->type, 1);
            if (!near(x, y)) {
                CHECK(false, "%s: output %d, element %lld should be %.9g and is %.9g", what, k, (long long)i, x, y);
                return;
            }
        }
    }
    CHECK(true, "%s", what);
}

static void corner_check(const op_def *op, const op_case *text, special what, pool *const pools[2]) {
    char name[640];
    case_graph c;
    stria_error err = {0};
    snprintf(name, sizeof name, "%s, %s", case_name(op, text), special_names[what]);
    if (!CHECK(case_new(&c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", name, err.text)) return;
    make_special(c.contents[0], what);
    CHECK(graph_add_output(c.g, c.n->out[0], NULL, &err) == STRIA_OK, "%s", err.text);
    session *want = session_of(&c, &(run_config){.ks = kernel_sets()[0], .reference = true}, name);
    for (const kernel_set *const *ks = kernel_sets(); *ks && want; ks++)
        for (int way = 0; way < 4; way++) {
            run_config config = {.ks = *ks, .optimize = way % 2, .pool = pools[way / 2]};
            char full[768];
            snprintf(full, sizeof full, "%s, %s, optimize=%d, %s", name, (*ks)->isa, way % 2,
                     way / 2 ? "3 threads" : "1 thread");
            session *got = session_of(&c, &config, full);
            if (got) same_outputs(&c, want, got, full);
            session_free(got);
        }
    session_free(want);
    case_release(&c);
}

/* Sizes that cannot be are refused with a sentence that has the numbers. */
static void overflow_refused(void) {
    static const struct {
        const op_def *op;
        op_case text;
        const char *says;
    } rows[] = {
        {&op_Conv, {"1x1x4x4, 1x1x7x7", ""}, "7"},
        {&op_Conv, {"1x1x4x4, 1x1x2x2", "pads=4611686018427387904,0,4611686018427387904,0"}, "4611686018427387904"},
        {&op_MaxPool, {"1x1x4x4", "kernel_shape=5,5"}, "5"},
        {&op_Expand, {"1x1, i64=4611686018427387904,4611686018427387904:2", ""}, "4611686018427387904"},
        {&op_Tile, {"2x2, i64=4611686018427387904,2:2", ""}, "4611686018427387904"},
        {&op_Pad, {"2x2, i64=9223372036854775807,0,1,0:4", ""}, "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        case_graph c;
        stria_error err = {0};
        const char *name = case_name(rows[i].op, &rows[i].text);
        if (!CHECK(case_new(&c, rows[i].op, &rows[i].text, STRIA_FLOAT32, &err) != STRIA_OK, "%s is taken", name)) {
            case_release(&c);
            continue;
        }
        CHECK(strstr(err.text, rows[i].says), "%s: '%s' does not say %s", name, err.text, rows[i].says);
    }
}

int main(void) {
    pool *pools[2] = {NULL, NULL};
    CHECK(pool_new(&pools[1], 3, NULL) == STRIA_OK, "threads");
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++)
        for (int what = 0; what < SPECIALS; what++)
            if (corners[i].specials >> what & 1) corner_check(corners[i].op, &corners[i].text, (special)what, pools);
    overflow_refused();
    pool_release(pools[1]);
    return check_report();
}
