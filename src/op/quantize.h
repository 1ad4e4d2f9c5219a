/* Numbers as small integers: what a quantised operator's inputs and outputs share. x ≈ (q − zero point) · scale. */
#ifndef OP_QUANTIZE_H
#define OP_QUANTIZE_H

#include "op/op.h"

/* round(x / scale) + zero point, halves to even, saturated to the type. */
int64_t quantize_one(dtype type, double divided, int64_t zero);
/* x as a number of this floating type. */
double quantize_precision(dtype type, double x);
/* Input i is of 8 bits. */
stria_status quantize_check_bytes(const node *n, int i, const char *what, stria_error *err);

#endif
