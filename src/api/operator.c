/* Operators from outside: names, formulas, implementations. */
#include "api/api.h"
#include "op/op.h"

static const op_def *at(int index) {
    const op_def *const *all = op_all();
    for (int i = 0; index >= 0 && all[i]; i++)
        if (i == index) return all[i];
    return NULL;
}

static int most(int maximum) {
    return maximum == OP_UNBOUNDED ? -1 : maximum;
}

bool stria_operator_get(int index, stria_operator *out) {
    const op_def *op = at(index);
    if (!op) return false;
    const stria_operator row = {.name = op->name,
                                .domain = op->domain,
                                .text = op->text ? op->text : "",
                                .in_min = op->in_min,
                                .in_max = most(op->in_max),
                                .out_min = op->out_min,
                                .out_max = most(op->out_max),
                                .gradient = op->gradient || op->expand,
                                .composite = op->expand != NULL};
    return output_give(out, &row, sizeof row);
}

const char *stria_operator_implementation(int index, int implementation) {
    const op_def *op = at(index);
    return op && implementation >= 0 ? machine_implementation(op, implementation) : NULL;
}
