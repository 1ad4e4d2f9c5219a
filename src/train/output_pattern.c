#include "train/output_pattern.h"

#include "op/reduce.h"

bool pattern_number(const value *v, double *x) {
    const tensor *t = v ? value_contents(v) : NULL;
    if (!t || shape_count(&t->shape) != 1) return false;
    *x = tensor_f64(t, 0);
    return true;
}

bool pattern_is_number(const value *v, double x) {
    double is;
    return pattern_number(v, &is) && is == x;
}

bool pattern_made_by(const value *v, const op_def *op) {
    return v && v->producer && v->producer->op == op && v->slot == 0;
}

/* `sum` is x reduced over the classes of one picture. */
static bool sums_over_classes(const value *sum, const op_def *op, const value *x, place at) {
    bool axis[RANK_MAX];
    int64_t reduced = 1, inner = 1;
    while (pattern_made_by(sum, &op_Unsqueeze) || pattern_made_by(sum, &op_Reshape) || pattern_made_by(sum, &op_Expand))
        sum = sum->producer->in[0];
    if (!pattern_made_by(sum, op) || sum->producer->in[0] != x) return false;
    reduce_axes_of(sum->producer, axis);
    for (int d = 0; d < x->shape.rank; d++) {
        if (axis[d]) reduced *= x->shape.dim[d];
        else if (reduced > 1) inner *= x->shape.dim[d];
    }
    if (at.axis >= 0) return axis[at.axis] && reduced == at.classes;
    return reduced == at.classes && inner == 1;
}

static bool never_negative(const value *v) {
    const op_def *const ops[] = {&op_Exp, &op_Relu, &op_Abs, &op_Softplus, &op_Sigmoid, &op_Softmax, &op_Sqrt};
    if (pattern_made_by(v, &op_Mul)) return v->producer->in[0] == v->producer->in[1];
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (pattern_made_by(v, ops[i])) return true;
    return false;
}

bool pattern_share(const value *x, const value *sum, place at) {
    return never_negative(x) &&
           (sums_over_classes(sum, &op_ReduceSum, x, at) || sums_over_classes(sum, &op_ReduceL1, x, at));
}

/* 1 / (1 + exp(−z)): z, or NULL. */
value *pattern_sigmoid(const value *below) {
    if (!pattern_made_by(below, &op_Add)) return NULL;
    value *const *in = below->producer->in;
    const value *e = pattern_is_number(in[0], 1) ? in[1] : pattern_is_number(in[1], 1) ? in[0] : NULL;
    const value *minus = pattern_made_by(e, &op_Exp) ? e->producer->in[0] : NULL;
    return pattern_made_by(minus, &op_Neg) ? minus->producer->in[0] : NULL;
}

bool pattern_log_softmax(const value *x, const value *below, place at) {
    if (sums_over_classes(below, &op_ReduceLogSumExp, x, at)) return true;
    const value *sum = pattern_made_by(below, &op_Log) ? below->producer->in[0] : NULL;
    const value *e = pattern_made_by(sum, &op_ReduceSum) ? sum->producer->in[0] : NULL;
    return pattern_made_by(e, &op_Exp) && e->producer->in[0] == x && sums_over_classes(sum, &op_ReduceSum, e, at);
}
