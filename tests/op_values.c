/* What operators give for numbers that are easily got wrong: the reference, and every instruction set, optimised or
 * not. Integers are compared exactly. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "check.h"
#include "run/session.h"

#define BIG "18446744073709551615" /* 2^64 − 1 */
#define MID "9223372036854775808"  /* 2^63 */

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
    {&op_ReduceL1, {"u64=" MID ",2:2", ""}, "u64=9223372036854775810:1"},
    {&op_ReduceL2, {"u64=" MID ":1", ""}, "u64=" MID ":1"},
    {&op_ReduceLogSum, {"u64=" MID ",0:2", ""}, "u64=43:1"},
    {&op_ReduceLogSumExp, {"u64=" MID ",0:2", ""}, "u64=" MID ":1"},
    {&op_ReduceProd, {"u64=" MID ",1:2", ""}, "u64=" MID ":1"},
    {&op_Resize,
     {"u64=9007199254740993," BIG ":2, -, f=2:1", ""},
     "u64=9007199254740993,9007199254740993," BIG "," BIG ":4"},
    {&op_Resize, {"u64=" MID "," MID ":2, -, f=2:1", "mode=linear"}, "u64=" MID "," MID "," MID "," MID ":4"},
    {&op_Cast, {"f=9223372036854775808,-1,3e19:3", "to=13"}, "u64=" MID ",0," BIG ":3"},
    {&op_Max, {"u64=1:1, u64=" BIG ":1", ""}, "u64=" BIG ":1"},
    {&op_ArgMax, {"u64=1," MID ",2:3", ""}, "i64=1:1"},
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

static void way_check(const case_graph *c, const session_config *config, const tensor *want, const char *what) {
    stria_error err = {0};
    session *s = NULL;
    const value *v;
    if (!CHECK(session_new(&s, c->g, config, &err) == STRIA_OK, "%s: %s", what, err.text)) return;
    for (int i = 0; i < c->n->in_count; i++)
        if (c->contents[i] && c->n->in[i]->kind == VALUE_INPUT)
            memcpy(session_memory(s, c->n->in[i]->name, &v), c->contents[i]->data, c->contents[i]->bytes);
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", what, err.text);
    const void *got = session_memory(s, "y", &v);
    CHECK(same(v, got, want), "%s, %s, optimize=%d, reference=%d", what, config->ks->isa, config->optimize,
          config->reference);
    session_free(s);
}

static void row_check(const value_row *r) {
    case_graph c, expected;
    stria_error err = {0};
    op_case wanted = {r->want, ""};
    const char *what = case_name(r->op, &r->text);
    if (!CHECK(case_new(&expected, &op_Identity, &wanted, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", r->want,
               err.text))
        return;
    what = case_name(r->op, &r->text);
    if (CHECK(case_new(&c, r->op, &r->text, STRIA_FLOAT32, &err) == STRIA_OK, "%s: %s", what, err.text)) {
        CHECK(graph_add_output(c.g, c.n->out[0], "y", &err) == STRIA_OK, "%s", err.text);
        for (const kernel_set *const *ks = kernel_sets(); *ks; ks++)
            for (int way = 0; way < 3; way++)
                way_check(&c, &(session_config){.ks = *ks, .optimize = way == 1, .reference = way == 2},
                          expected.contents[0], what);
        case_release(&c);
    }
    case_release(&expected);
}

int main(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) row_check(&rows[i]);
    return check_report();
}
