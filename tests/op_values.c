/* What operators give for numbers that are easily got wrong: the reference, and every instruction set, optimised or
 * not. Integers are compared exactly. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "check.h"
#include "run.h"
#include "transform/transform.h"

#define BIG "18446744073709551615" /* 2^64 − 1 */
#define MID "9223372036854775808"  /* 2^63 */

#define RAMP  "f=0,1,2,3,4,5,6,7,8,9,10,11,12,13:14"
#define ASYM  "coordinate_transformation_mode=asymmetric"
#define ALIGN "coordinate_transformation_mode=align_corners"

#define HUGE_WINDOW "kernel_shape=30000,30000 pads=15000,15000,15000,15000"

typedef struct value_row {
    const op_def *op;
    op_case text;
    const char *want; /* output 0, written as an input */
} value_row;

/* uint64 of 2^63 and more: NumPy's results. */
static const value_row rows[] = {
    {&op_Abs, {"u64=0,1," MID "," BIG ":4", ""}, "u64=0,1," MID "," BIG ":4"},
    {&op_Sign, {"u64=0,1," MID "," BIG ":4", ""}, "u64=0,1,1,1:4"},
    {&op_Relu, {"u64=0,1," MID "," BIG ":4", ""}, "u64=0,1," MID "," BIG ":4"},
    {&op_Shrink, {"u64=0,1," MID ":3", "lambd=2"}, "u64=0,0," MID ":3"},
    {&op_Pow, {"u64=" BIG "," MID ",3:3, i64=1,1,2:3", ""}, "u64=" BIG "," MID ",9:3"},
    {&op_Pow, {"u64=" BIG "," BIG ",2:3, i64=-1,-3,-1:3", ""}, "u64=0,0,0:3"},
    {&op_Pow, {"i64=-1,2,1:3, u64=" BIG "," BIG "," BIG ":3", ""}, "i64=-1,0,1:3"},
    {&op_Pow, {"u64=" MID ",4:2, f=1,0.5:2", ""}, "u64=" MID ",2:2"},
    {&op_Pow, {"f=1,2:2, u64=" BIG ",3:2", ""}, "f=1,8:2"},
    {&op_ReduceMax, {"u64=1," BIG "," MID ":3", ""}, "u64=" BIG ":1"},
    {&op_ReduceMin, {"u64=" BIG "," MID ":2", ""}, "u64=" MID ":1"},
    {&op_ReduceSum, {"u64=1," MID ":2", ""}, "u64=9223372036854775809:1"},
    {&op_ReduceMean, {"u64=" MID ",2:2", ""}, "u64=4611686018427387905:1"},
    {&op_ReduceMean, {"i64=9223372036854775807,9223372036854775805,-1:3", ""}, "i64=6148914691236517203:1"},
    {&op_ReduceMean, {"i64=5,-8,3,-1:4", ""}, "i64=0:1"},
    {&op_ReduceMean, {"i64=5,-9,-8:3", ""}, "i64=-4:1"},
    {&op_ReduceL1, {"u64=" MID ",2:2", ""}, "u64=9223372036854775810:1"},
    {&op_ReduceL2, {"u64=" MID ":1", ""}, "u64=" MID ":1"},
    {&op_ReduceLogSum, {"u64=" MID ",0:2", ""}, "u64=43:1"},
    {&op_ReduceLogSumExp, {"u64=" MID ",0:2", ""}, "u64=" MID ":1"},
    {&op_ReduceProd, {"u64=" MID ",1:2", ""}, "u64=" MID ":1"},
    {&op_Resize,
     {"u64=9007199254740993," BIG ":2, -, f=2:1", ""},
     "u64=9007199254740993,9007199254740993," BIG "," BIG ":4"},
    {&op_Resize, {"u64=" MID "," MID ":2, -, f=2:1", "mode=linear"}, "u64=" MID "," MID "," MID "," MID ":4"},
    /* A window that begins after the image, in its padding: ONNX's floor counts it. */
    {&op_AveragePool,
     {"f=1,2,3,4:1x1x2x2", "kernel_shape=1,1 strides=3,3 pads=0,0,2,2 count_include_pad=1"},
     "f=1,0,0,0:1x1x2x2"},
    {&op_MaxPool, {"f=1,2:1x1x2", "kernel_shape=1 strides=3 pads=0,2"}, "f=1,-inf:1x1x2"},
    /* Windows larger than the image, by ceil_mode: PyTorch's numbers. */
    {&op_MaxPool, {"f=1,2,3,4:1x1x2x2", "kernel_shape=3,3 strides=2,2 ceil_mode=1"}, "f=4:1x1x1x1"},
    {&op_AveragePool, {"f=1,2,3,4:1x1x2x2", "kernel_shape=3,3 strides=2,2 ceil_mode=1"}, "f=2.5:1x1x1x1"},
    {&op_AveragePool,
     {"f=1,2,3,4:1x1x2x2", "kernel_shape=3,3 strides=2,2 ceil_mode=1 count_include_pad=1"},
     "f=2.5:1x1x1x1"},
    {&op_AveragePool,
     {"f=1,2,3,4:1x1x2x2", "kernel_shape=5,5 strides=3,3 pads=1,1,1,1 ceil_mode=1 count_include_pad=1"},
     "f=0.625:1x1x1x1"},
    {&op_LpPool, {"f=3,4:1x1x1x2", "kernel_shape=2,3 strides=2,2 ceil_mode=1"}, "f=5:1x1x1x1"},
    {&op_MaxPool, {"f=1,2:1x1x2", "kernel_shape=3 strides=2 ceil_mode=1"}, "f=2:1x1x1"},
    /* Integers that a filter's overshoot takes out of their range; PyTorch's numbers for uint8. */
    {&op_Resize, {"u8=0,0,255,255:1x4, -, f=1,2:2", "mode=cubic"}, "u8=0,0,0,58,197,255,255,255:1x8"},
    {&op_Resize, {"u8=0,0,255,255:1x4, -, f=1,2:2", "mode=linear"}, "u8=0,0,0,63,191,255,255,255:1x8"},
    {&op_Resize, {"u8=0,0,255,255:1x4, -, -, i64=1,3:2", "mode=linear antialias=1"}, "u8=0,128,255:1x3"},
    /* Positions on the border between two elements: ONNX Runtime 1.32's numbers. */
    {&op_Resize, {RAMP ", -, f=0.7:1", ""}, "f=0,2,3,4,6,7,9,10,12:9"},
    {&op_Resize, {RAMP ", -, f=0.7:1", "nearest_mode=round_prefer_ceil"}, "f=0,2,3,5,6,7,9,10,12:9"},
    {&op_Resize, {RAMP ", -, f=0.7:1", "nearest_mode=floor " ASYM}, "f=0,1,2,4,5,7,8,10,11:9"},
    {&op_Resize, {RAMP ", -, f=0.7:1", "nearest_mode=ceil " ASYM}, "f=0,2,3,5,6,8,9,10,12:9"},
    {&op_Resize, {RAMP ", -, f=0.7:1", "nearest_mode=round_prefer_ceil " ALIGN}, "f=0,2,3,5,7,8,10,11,13:9"},
    {&op_Resize, {RAMP ", -, f=0.7:1", "nearest_mode=floor " ALIGN}, "f=0,1,3,4,6,8,9,11,13:9"},
    {&op_Resize, {"f=0,1,2,3:4, -, f=0.6:1", "mode=linear " ALIGN}, "f=0,3:2"},
    {&op_Resize, {"f=0,1,2,3:4, -, f=0.4:1", "mode=linear coordinate_transformation_mode=pytorch_half_pixel"}, "f=0:1"},
    /* Neither is above alpha nor beyond lambd: 0 by the standard's text. */
    {&op_ThresholdedRelu, {"f=nan,inf,-inf,1.5:4", ""}, "f=0,inf,0,1.5:4"},
    {&op_Shrink, {"f=nan,inf,-inf,0.25:4", ""}, "f=0,inf,-inf,0:4"},
    /* Powers of integers that leave the type saturate where one of both is a float. */
    {&op_Pow, {"u8=20,2:2, f=2,3:2", ""}, "u8=255,8:2"},
    {&op_Cast, {"f=9223372036854775808,-1,3e19:3", "to=13"}, "u64=" MID ",0," BIG ":3"},
    {&op_Max, {"u64=1:1, u64=" BIG ":1", ""}, "u64=" BIG ":1"},
    {&op_ArgMax, {"u64=1," MID ",2:3", ""}, "i64=1:1"},
    /* Windows that are nearly all padding: nobody walks over their 9·10⁸ taps. */
    {&op_MaxPool, {"f=1,2,3,4:1x1x2x2", HUGE_WINDOW}, "f=4,4,4,4,4,4,4,4,4:1x1x3x3"},
    {&op_AveragePool, {"f=1,2,3,4:1x1x2x2", HUGE_WINDOW}, "f=2.5,2.5,2.5,2.5,2.5,2.5,2.5,2.5,2.5:1x1x3x3"},
    {&op_LpPool, {"f=1,1,1,1:1x1x2x2", HUGE_WINDOW " p=2"}, "f=2,2,2,2,2,2,2,2,2:1x1x3x3"},
    {&op_AveragePoolGradient,
     {"9..9:1x1x3x3, 1x1x2x2", HUGE_WINDOW " count_include_pad=1"},
     "f=9e-8,9e-8,9e-8,9e-8:1x1x2x2"},
    /* All labels ignored: 0/0, as PyTorch; the sum is 0. */
    {&op_SoftmaxCrossEntropyLoss, {"2x3, i64=1,1:2", "ignore_index=1"}, "f=nan:"},
    {&op_SoftmaxCrossEntropyLoss, {"2x3, i64=1,1:2, 3", "ignore_index=1 reduction=sum"}, "f=0:"},
    {&op_NegativeLogLikelihoodLoss, {"2x3, i64=-9,-9:2, 3", "ignore_index=-9"}, "f=nan:"},
    {&op_NegativeLogLikelihoodLoss, {"f=1,2,3,4:2x2, i64=-9,1:2, f=5,7:2", "ignore_index=-9"}, "f=-4:"},
};

static bool same(const value *v, const void *got, const tensor *want) {
    if (v->type != want->type || !shape_equal(&v->shape, &want->shape)) return false;
    if (!dtype_is_float(v->type)) return want->bytes == 0 || memcmp(got, want->data, want->bytes) == 0;
    for (int64_t i = 0; i < shape_count(&v->shape); i++) {
        double x, y = tensor_f64(want, i);
        convert_to_f64(&x, (const char *)got + (size_t)i * dtype_bytes(v->type), v->type, 1);
        if (!(x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= 1e-6 * fabs(y))) return false;
    }
    return true;
}

/* Gradients of Σ y where formulas divide by zero or a function has a kink: PyTorch 2.15's. */
static const struct {
    const op_def *op;
    op_case text;
    const char *want[3]; /* by input */
} gradients[] = {
    {&op_Pow,
     {"f=0,0,0,0,-0,2,nan:7, f=0,1,2,-1,2,0,0:7", ""},
     {"f=0,1,0,-inf,0,0,0:7", "f=0,0,0,-inf,0,0.6931472,nan:7"}},
    {&op_Pow, {"f=-2,0,3:3, f=2", ""}, {"f=-4,0,6:3"}},
    {&op_ScatterElements,
     {"f=0,1,2,3,0,5:6, i64=0,0,1,4,4,5:6, f=2,3,0,2,0,7:6", "reduction=mul"},
     {"f=6,0,1,1,0,7:6", NULL, "f=0,0,1,0,0,5:6"}},
    {&op_ScatterElements, {"f=2,1:2, i64=0,0:2, f=0,0:2", "reduction=mul"}, {"f=0,1:2", NULL, "f=0,0:2"}},
    {&op_ScatterND, {"f=2,1:2, i64=0,0:2x1, f=0,3:2", "reduction=mul"}, {"f=0,1:2", NULL, "f=6,0:2"}},
    {&op_ScatterND, {"f=2,1:2, i64=0,0:2x1, f=2,1:2", "reduction=max"}, {"f=0.5,1:2", NULL, "f=0.5,0:2"}},
    {&op_ReduceProd, {"f=0,1,2,0,0,2,3,4,5:3x3, i64=1:1", ""}, {"f=2,0,0,0,0,0,20,15,12:3x3"}},
    {&op_ReduceLogSum, {"f=-1,-2,-inf,1:2x2, i64=1:1", ""}, {"f=-0.33333333,-0.33333333,0,0:2x2"}},
    {&op_ReduceLogSumExp, {"f=-inf,1,-inf,-inf:2x2, i64=1:1", ""}, {"f=0,1,nan,nan:2x2"}},
    {&op_ReduceL2, {"f=0,0,3,4:2x2, i64=1:1", ""}, {"f=0,0,0.6,0.8:2x2"}},
    {&op_ReduceL1, {"f=0,-1,2:3, i64=0:1", ""}, {"f=0,-1,1:3"}},
    {&op_ReduceMax, {"f=1,1,0:3, i64=0:1", ""}, {"f=0.5,0.5,0:3"}},
    {&op_LpPool, {"f=0,0,3,4:2x1x2", "kernel_shape=2 p=2"}, {"f=0,0,0.6,0.8:2x1x2"}},
    {&op_LpNormalization, {"f=0,0:2", "axis=0"}, {"f=0,0:2"}},
    {&op_LpNormalization, {"f=0,0,0,1:2x2", "axis=1 p=1"}, {"f=0,0,1,0:2x2"}},
    {&op_Max, {"f=1,2,0:3, f=1,0,3:3", ""}, {"f=0.5,1,0:3", "f=0.5,0,1:3"}},
    {&op_Min, {"f=1,2:2, f=1:1, f=1,0:2", ""}, {"f=0.33333333,0:2", "f=0.33333333:1", "f=0.33333333,1:2"}},
    {&op_Max, {"f=-1,2:2", ""}, {"f=1,1:2"}},
    {&op_Clip, {"f=-1,0,1,6,7:5, f=0, f=6", ""}, {"f=0,0,1,0,0:5", "f=2", "f=2"}},
    {&op_Sqrt, {"f=0,4:2", ""}, {"f=inf,0.25:2"}},
    {&op_Abs, {"f=0,-2,3:3", ""}, {"f=0,-1,1:3"}},
    {&op_Relu, {"f=0,-2,3:3", ""}, {"f=0,0,1:3"}},
    {&op_LeakyRelu, {"f=0,-2,3,nan:4", "alpha=0.25"}, {"f=0.25,0.25,1,0.25:4"}},
    {&op_Elu, {"f=0,3:2", "alpha=0.5"}, {"f=0.5,1:2"}},
    {&op_Selu, {"f=0,3:2", ""}, {"f=1.7580993,1.050701:2"}},
    {&op_PRelu, {"f=0,-2,3:3, f=0.25:1", ""}, {"f=0.25,0.25,1:3", "f=-2:1"}},
    {&op_Where, {"bool=1,0:2, f=nan,1:2, f=1,inf:2", ""}, {NULL, "f=1,0:2", "f=0,1:2"}},
};

/* Data that cannot be: one sentence at the run. */
static const struct {
    const op_def *op;
    op_case text;
    const char *says;
} refused[] = {
#define LABEL "label -9223372036854775808 at position 1 is outside the 3 classes"
    {&op_SoftmaxCrossEntropyLoss, {"2x3, i64=1,-9223372036854775808:2", ""}, LABEL},
    {&op_SoftmaxCrossEntropyLoss, {"2x3, i64=1,-9223372036854775808:2, 3", "reduction=none"}, LABEL},
    {&op_SoftmaxCrossEntropyLossGradient, {":, 2x3, i64=1,-9223372036854775808:2", ""}, LABEL},
    {&op_SoftmaxCrossEntropyLossGradient, {":, 2x3, i64=1,-9223372036854775808:2, 3", ""}, LABEL},
    {&op_NegativeLogLikelihoodLoss, {"2x3, i64=1,-9223372036854775808:2, 3", ""}, LABEL},
    {&op_NegativeLogLikelihoodLossGradient, {":, 2x3, i64=1,-9223372036854775808:2, 3", ""}, LABEL},
    {&op_CrossEntropyLoss, {"2x3, i64=1,-9223372036854775808:2", "label_smoothing=0.5"}, LABEL},
    {&op_CrossEntropyLossGradient, {":, 2x3, i64=1,-9223372036854775808:2", "label_smoothing=0.5"}, LABEL},
    {&op_HingeLoss, {"2x3, i64=1,-9223372036854775808:2", ""}, LABEL},
    {&op_HingeLossGradient, {":, 2x3, i64=1,-9223372036854775808:2", ""}, LABEL},
    {&op_SoftmaxCrossEntropyLoss,
     {"2x3, i64=3,0:2", "ignore_index=-1"},
     "label 3 at position 0 is outside the 3 classes"},
    {&op_SoftmaxCrossEntropyLoss, {"2x3, i32=0,-1:2", ""}, "label -1 at position 1 is outside the 3 classes"},
    {&op_SoftmaxCrossEntropyLoss,
     {"1x3x2, i64=0,9223372036854775807:1x2", ""},
     "label 9223372036854775807 at position 1 is outside the 3 classes"},
    {&op_Gather, {"3x2, i64=0,3:2", ""}, "index 3 is outside a dimension of 3 entries"},
    {&op_GatherElements, {"3, i64=-4:1", ""}, "index -4 is outside a dimension of 3 entries"},
    {&op_GatherND, {"3x2, i64=0,2:1x2", ""}, "index 2 is outside a dimension of 2 entries"},
    {&op_ScatterElements, {"3, i64=5:1, 1", ""}, "index 5 is outside a dimension of 3 entries"},
    {&op_ScatterND, {"3x2, i64=0,-3:1x2, 1", ""}, "index -3 is outside a dimension of 2 entries"},
    {&op_Div, {"i64=1:1, i64=0:1", ""}, "integer division by zero"},
    {&op_Mod, {"i32=1:1, i32=0:1", ""}, "integer division by zero"},
    {&op_MaxUnpool, {"1x1x1x1, i64=9:1x1x1x1", "kernel_shape=2,2"}, "index 9 at position 0"},
};

static tensor *tensor_of(const char *text) {
    case_graph c;
    stria_error err = {0};
    op_case identity = {text, ""};
    if (!CHECK(case_new(&c, &op_Identity, &identity, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", text, err.text))
        return NULL;
    tensor *t = tensor_retain(c.contents[0]);
    case_release(&c);
    return t;
}

/* A session with the case's inputs in it; NULL after a failed check. */
static session *session_of(const case_graph *c, const run_config *config, const char *what) {
    stria_error err = {0};
    session *s = NULL;
    const value *v;
    if (!CHECK(run_new(&s, c->g, config, &err) == STRIA_OK, "%s: %s", what, err.text)) return NULL;
    for (int i = 0; i < c->n->in_count; i++)
        if (c->contents[i] && c->n->in[i]->kind == VALUE_INPUT)
            memcpy(run_memory(s, c->n->in[i]->name, &v), c->contents[i]->data, c->contents[i]->bytes);
    return s;
}

/* Output k of the graph is want[k], where there is one. */
static void way_check(const case_graph *c, const run_config *config, tensor *const *want, const char *what) {
    stria_error err = {0};
    const value *v;
    session *s = session_of(c, config, what);
    if (!s) return;
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", what, err.text);
    for (int k = 0; k < c->g->output_count; k++) {
        const void *got = run_memory(s, c->g->output_names[k], &v);
        CHECK(same(v, got, want[k]), "%s, %s, optimize=%d, reference=%d, output %s", what, config->ks->isa,
              config->optimize, config->reference, c->g->output_names[k]);
    }
    session_free(s);
}

static void ways_check(const case_graph *c, tensor *const *want, const char *what) {
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int way = 0; way < 3; way++)
            way_check(c, &(run_config){.ks = *ks, .optimize = way == 1, .reference = way == 2}, want, what);
}

static void row_check(const value_row *r) {
    case_graph c;
    stria_error err = {0};
    tensor *want = tensor_of(r->want);
    const char *what = case_name(r->op, &r->text);
    if (CHECK(case_new(&c, r->op, &r->text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", what, err.text)) {
        CHECK(graph_add_output(c.g, c.n->out[0], "y", &err) == STRIA_OK, "%s", err.text);
        if (want) ways_check(&c, &want, what);
        case_release(&c);
    }
    tensor_release(want);
}

/* An output for the gradient of each input that has a wanted one. */
static void gradients_add(case_graph *c, const char *const *texts, tensor **want) {
    value *x[3], *dx[3];
    int count = 0;
    stria_error err = {0};
    for (int i = 0; i < 3; i++) {
        if (!texts[i]) continue;
        want[count] = tensor_of(texts[i]);
        x[count++] = c->n->in[i];
    }
    if (!CHECK(autodiff(c->g, c->n->out[0], x, count, dx, &err) == STRIA_OK, "%s", err.text)) return;
    for (int k = 0; k < count; k++) {
        char name[32];
        snprintf(name, sizeof name, "d%s", x[k]->name);
        CHECK(dx[k] && graph_add_output(c->g, dx[k], name, &err) == STRIA_OK, "%s: %s", name, err.text);
    }
}

static void gradient_check(const op_def *op, const op_case *text, const char *const *texts) {
    case_graph c;
    stria_error err = {0};
    tensor *want[3] = {NULL};
    char what[512];
    snprintf(what, sizeof what, "gradient of %s", case_name(op, text));
    if (!CHECK(case_new(&c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    gradients_add(&c, texts, want);
    ways_check(&c, want, what);
    case_release(&c);
    for (int i = 0; i < 3; i++) tensor_release(want[i]);
}

static void refused_check(const op_def *op, const op_case *text, const char *says) {
    case_graph c;
    stria_error err = {0};
    const char *what = case_name(op, text);
    if (!CHECK(case_new(&c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    CHECK(graph_add_output(c.g, c.n->out[0], "y", &err) == STRIA_OK, "%s", err.text);
    for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
        for (int reference = 0; reference < 2; reference++) {
            session *s = session_of(&c, &(run_config){.ks = *ks, .optimize = true, .reference = reference}, what);
            stria_status status = s ? session_run(s, &err) : STRIA_OK;
            CHECK(status == STRIA_BAD_VALUE && strstr(err.text, says) && strstr(err.text, "layer 'case'"),
                  "%s, %s, reference=%d: status %d, '%s'", what, (*ks)->isa, reference, (int)status, err.text);
            session_free(s);
        }
    case_release(&c);
}

/* ---- random numbers ---- */

/* Runs the node and gives output 0 as doubles, to be freed; *count of them. */
static double *drawn(const op_def *op, const op_case *text, uint64_t seed, int64_t *count) {
    case_graph c;
    stria_error err = {0};
    double *x = NULL;
    const value *v;
    if (!CHECK(case_new(&c, op, text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", text->attributes, err.text))
        return NULL;
    CHECK(graph_add_output(c.g, c.n->out[0], "y", &err) == STRIA_OK, "%s", err.text);
    session *s = session_of(&c, &(run_config){.ks = kernel_sets()[0], .seed = seed}, text->attributes);
    CHECK(s && session_run(s, &err) == STRIA_OK, "%s", err.text);
    if (s) {
        const void *y = run_memory(s, "y", &v);
        *count = shape_count(&v->shape);
        x = malloc(sizeof *x * (size_t)*count);
        if (CHECK(x, "memory")) convert_to_f64(x, y, v->type, *count);
    }
    session_free(s);
    case_release(&c);
    return x;
}

/* Below `high`, however the type rounds; normal numbers are finite. */
static void random_check(void) {
    static const struct {
        const op_def *op;
        op_case text;
        double low, high;
    } kinds[] = {{&op_RandomUniform, {"", "shape=300000 dtype=1"}, 0, 1},
                 {&op_RandomUniform, {"", "shape=300000 dtype=10"}, 0, 1},
                 {&op_RandomUniform, {"", "shape=300000 dtype=16"}, 0, 1},
                 {&op_RandomUniform, {"", "shape=300000 dtype=11"}, 0, 1},
                 {&op_RandomUniform, {"", "shape=300000 dtype=10 low=-3 high=-1"}, -3, -1},
                 {&op_RandomUniform, {"", "shape=300000 dtype=16 low=256 high=260"}, 256, 260},
                 {&op_RandomUniform, {"", "shape=300000 dtype=10 low=-1e-7 high=1e-7"}, -1.2e-7, 1e-7},
                 {&op_RandomUniform, {"", "shape=300000 dtype=10 low=65000 high=65504"}, 64992, 65504},
                 {&op_RandomNormal, {"", "shape=300000 dtype=10"}, -8, 8},
                 {&op_RandomNormal, {"", "shape=300000 dtype=10 scale=8000"}, -65504, 65505}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int64_t count = 0, wrong = 0;
        double *x = drawn(kinds[i].op, &kinds[i].text, 5, &count);
        for (int64_t k = 0; x && k < count; k++) wrong += !(x[k] >= kinds[i].low && x[k] < kinds[i].high);
        CHECK(wrong == 0, "%s: %lld numbers are out of range", kinds[i].text.attributes, (long long)wrong);
        free(x);
    }
    case_graph c;
    stria_error err = {0};
    op_case beyond = {"", "shape=3 dtype=10 high=70000"};
    CHECK(case_new(&c, &op_RandomUniform, &beyond, STRIA_FLOAT32, &err) == STRIA_BAD_ARGUMENT &&
              strstr(err.text, "float16 ends at 65504"),
          "'%s'", err.text);
}

/* Which units fall depends on the attribute `seed` and the session's. */
static void dropout_check(void) {
    static const char *const attributes[] = {"", "seed=1", "seed=2", "seed=-1"};
    double *x[8];
    int64_t count = 0;
    for (int i = 0; i < 8; i++)
        x[i] = drawn(&op_Dropout, &(op_case){"1..1:100, f=0.5, bool=1", attributes[i / 2]}, (uint64_t)(i % 2), &count);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            CHECK(x[i] && x[k] && memcmp(x[i], x[k], sizeof **x * (size_t)count) != 0, "%d and %d drop the same", i, k);
    for (int i = 0; i < 8; i++) free(x[i]);
}

int main(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) row_check(&rows[i]);
    for (size_t i = 0; i < sizeof gradients / sizeof *gradients; i++)
        gradient_check(gradients[i].op, &gradients[i].text, gradients[i].want);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        refused_check(refused[i].op, &refused[i].text, refused[i].says);
    random_check();
    dropout_check();
    return check_report();
}
