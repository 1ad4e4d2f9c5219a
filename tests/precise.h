/* What a node should compute: its reference rule and its epilogue in float64, nothing rounded; and how far a float32
 * implementation may be from it (docs: error bounds). */
#ifndef TESTS_PRECISE_H
#define TESTS_PRECISE_H

#include "op/op.h"

#define PRECISE_OUTPUTS 5

typedef enum precise_inputs {
    PRECISE_GIVEN,
    PRECISE_ABSOLUTE, /* of |x|, no activation: Σ|ab| of a product */
    PRECISE_ONES      /* of ones, no activation: how many terms a product has */
} precise_inputs;

/* contents[i] of n->in[i], in ONNX order, NULL where absent. out[i].f is double, out[i].i int64; precise_release frees.
 */
stria_status precise_run(const node *n, tensor *const *contents, precise_inputs how, ref_tensor out[PRECISE_OUTPUTS],
                         stria_error *err);
void precise_release(ref_tensor out[PRECISE_OUTPUTS]);

/* True if every float32 implementation must give the reference rounded once. */
bool bound_exact(const node *n);
/* bound[i] for every element of output 0 or 1 of n, whose precise results are `results`; 0 where it must be exact. */
stria_status bound_fill(const node *n, tensor *const *contents, const ref_tensor *results, int output, double *bound,
                        stria_error *err);
/* The element against the reference: equal where both are NaN or infinite, else within the bound and float32's
 * underflow. */
bool bound_holds(double got, double wanted, double bound);

#endif
