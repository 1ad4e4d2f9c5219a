/* Every operator with a gradient rule × its cases: the gradient graph, run by the references in float64, against
 * central differences of the operator's own reference. L = Σ over the outputs of Σ y · r with fixed random r. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"
#include "evaluate.h"
#include "op/reduce.h"
#include "transform/transform.h"

#define STEP      1e-5
#define TOLERANCE 1e-8
#define SAMPLES   64 /* elements of an input that are moved */

static double worst;

/* Appends L to the case's graph; NULL if no output is floating. */
static value *loss_build(case_graph *c, stria_error *err) {
    builder b = {c->g, NULL, STRIA_OK, err};
    value *loss = NULL;
    for (int i = 0; i < c->n->out_count; i++) {
        value *y = c->n->out[i], *r;
        if (!dtype_is_float(y->type)) continue;
        tensor *t = random_tensor(y->type, &y->shape, -1, 1, random_hash("r") + (uint64_t)i);
        assert_non_null(t);
        assert_int_equal(graph_add_constant(c->g, NULL, t, &r, err), STRIA_OK);
        tensor_release(t);
        value *sum = build1(&b, &op_ReduceSum, build2(&b, &op_Mul, y, r, NULL), &(reduce_attributes){0, 0});
        loss = loss ? build2(&b, &op_Add, loss, sum, NULL) : sum;
    }
    if (b.status != STRIA_OK) fail_msg("%s", err->text);
    return loss;
}

static tensor **case_contents(const case_graph *c) {
    tensor **contents = contents_new(c->g);
    for (int i = 0; i < c->n->in_count; i++)
        if (c->n->in[i] && !contents[c->n->in[i]->id]) contents[c->n->in[i]->id] = tensor_retain(c->contents[i]);
    return contents;
}

static double loss_at(const case_graph *c, const value *loss, tensor **contents) {
    stria_error err;
    if (graph_evaluate(c->g, contents, loss->producer->id, &err) != STRIA_OK) fail_msg("%s", err.text);
    return tensor_f64(contents[loss->id], 0);
}

/* Moves elements of input x and compares. */
static void check_input(const case_graph *c, const value *loss, tensor **contents, const value *x, const value *dx,
                        const char *name) {
    tensor *t = contents[x->id];
    int64_t count = shape_count(&x->shape), stride = count / SAMPLES + 1;
    for (int64_t i = 0; i < count; i += stride) {
        double at = tensor_f64(t, i), analytic = dx ? tensor_f64(contents[dx->id], i) : 0;
        tensor_put(t, i, at + STEP);
        double above = loss_at(c, loss, contents);
        tensor_put(t, i, at - STEP);
        double below = loss_at(c, loss, contents);
        tensor_put(t, i, at);
        double numeric = (above - below) / (2 * STEP);
        double scale = fmax(1, fmax(fabs(numeric), fabs(above))), error = fabs(numeric - analytic) / scale;
        if (!(error < TOLERANCE))
            fail_msg("%s: d/d%s[%lld]: rule %.12g, difference %.12g", name, x->name, (long long)i, analytic, numeric);
        worst = fmax(worst, error);
    }
}

/* Returns whether anything was differentiated. */
static bool check_case(const op_def *op, const op_case *text) {
    stria_error err = {0};
    case_graph c;
    value *x[CASE_INPUTS], *dx[CASE_INPUTS] = {NULL};
    int count = 0;
    const char *name = case_name(op, text);
    if (case_new(&c, op, text, STRIA_FLOAT64, &err) != STRIA_OK) fail_msg("%s: %s", name, err.text);
    value *loss = loss_build(&c, &err);
    for (int i = 0; i < c.n->in_count; i++)
        if (c.n->in[i] && dtype_is_float(c.n->in[i]->type) && !((op->shape_inputs | op->value_inputs) >> i & 1))
            x[count++] = c.n->in[i];
    if (!loss || count == 0) {
        case_release(&c);
        return false;
    }
    /* soft labels and class weights of a loss are data: no rule differentiates them */
    if (op->infer == op_SoftmaxCrossEntropyLoss.infer || op == &op_CrossEntropyLoss) count = 1;
    /* nor do dropout's ratio and the regions of RoiAlign have a gradient */
    if (op == &op_Dropout || op == &op_RoiAlign) count = 1;
    if (autodiff(c.g, loss, x, count, dx, &err) != STRIA_OK) fail_msg("%s: %s", name, err.text);
    tensor **contents = case_contents(&c);
    if (graph_evaluate(c.g, contents, -1, &err) != STRIA_OK) fail_msg("%s: %s", name, err.text);
    for (int i = 0; i < count; i++) {
        assert_true(!dx[i] || shape_equal(&dx[i]->shape, &x[i]->shape));
        check_input(&c, loss, contents, x[i], dx[i], name);
    }
    contents_free(c.g, contents);
    case_release(&c);
    return true;
}

static void rules_match_differences(void **state) {
    (void)state;
    int operators = 0;
    for (const op_def *const *op = op_all(); *op; op++) {
        if (!(*op)->gradient && !(*op)->expand) continue;
        int checked = 0;
        for (const op_case *c = (*op)->cases; c->inputs; c++) checked += check_case(*op, c);
        operators += checked > 0;
    }
    printf("%d operators differentiated, worst error %.2g\n", operators, worst);
    assert_true(operators >= 40);
}

/* The gradient of a gradient: f = Σ (x·w convolved)², by hand 2·conv against the rules of the two gradient operators.
 */
static void second_order(void **state) {
    (void)state;
    stria_error err = {0};
    case_graph c;
    const op_case text = {"1x2x5x4, 3x2x3x2", "strides=2,1 pads=1,0,1,1"};
    value *dx, *ddw;
    assert_int_equal(case_new(&c, &op_Conv, &text, STRIA_FLOAT64, &err), STRIA_OK);
    builder b = {c.g, NULL, STRIA_OK, &err};
    value *x = c.n->in[0], *w = c.n->in[1], *y = c.n->out[0];
    value *square = build2(&b, &op_Mul, y, y, NULL);
    assert_int_equal(autodiff(c.g, square, &x, 1, &dx, &err), STRIA_OK);
    value *norm = build1(&b, &op_ReduceSum, build2(&b, &op_Mul, dx, dx, NULL), &(reduce_attributes){0, 0});
    assert_int_equal(b.status, STRIA_OK);
    if (autodiff(c.g, norm, &w, 1, &ddw, &err) != STRIA_OK) fail_msg("%s", err.text);
    tensor **contents = case_contents(&c);
    if (graph_evaluate(c.g, contents, -1, &err) != STRIA_OK) fail_msg("%s", err.text);
    check_input(&c, norm, contents, w, ddw, "the norm of a convolution's data gradient");
    contents_free(c.g, contents);
    case_release(&c);
}

static void every_operator_is_complete(void **state) {
    (void)state;
    for (const op_def *const *op = op_all(); *op; op++) {
        const op_def *o = *op;
        if (!(o->name && o->domain && o->fields && o->infer && (o->reference || o->expand) && o->text))
            fail_msg("operator %s lacks a part", o->name ? o->name : "?");
        if (!(o->cases && o->cases[0].inputs)) fail_msg("operator %s has no cases", o->name);
        assert_ptr_equal(op_find(o->domain, o->name), o);
        for (const op_case *c = o->cases; c->inputs; c++) {
            stria_error err;
            case_graph g;
            if (case_new(&g, o, c, STRIA_FLOAT32, &err) != STRIA_OK) fail_msg("%s: %s", case_name(o, c), err.text);
            tensor **contents = case_contents(&g);
            if (graph_evaluate(g.g, contents, -1, &err) != STRIA_OK) fail_msg("%s: %s", case_name(o, c), err.text);
            assert_int_equal(graph_check(g.g, &err), STRIA_OK);
            contents_free(g.g, contents);
            case_release(&g);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_is_complete),
        cmocka_unit_test(rules_match_differences),
        cmocka_unit_test(second_order),
    };
    return cmocka_run_group_tests_name("gradient_ops", tests, NULL, NULL);
}
