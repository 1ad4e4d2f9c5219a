/* The norms of gradients and weights, tensor by tensor. */
#ifndef TRAIN_NORMS_H
#define TRAIN_NORMS_H

#include "base/text.h"
#include "op/op.h"
#include "run/session.h"
#include <stria/train.h>

/* Adds an output to a step's graph for each gradient dx[n] of x[n] (NULL: none): the sum of its squares. */
stria_status norms_append(graph *g, value *const *x, value *const *dx, int n, stria_error *err);

/* The parameter whose gradient v is; NULL: of none. */
const char *norms_parameter(const graph *g, const value *v);

/* The outputs that norms_append added, in their order. Zero-initialise. */
typedef struct norms {
    int count;
    stria_norm *norm;       /* [count]; names are the session's */
    const stria_norm **row; /* [count]: the same, one by one */
    const float **squares;  /* [count]: where the session puts the sums */
    const tensor **weight;  /* [count] */
} norms;

/* Finds them in a session that runs on these states; both must outlive it. Gradients are NaN before the first run. */
stria_status norms_find(norms *out, const session *s, const state_set *states, stria_error *err);
void norms_release(norms *n);
/* After a run: takes its gradients' norms, and returns that over all tensors. */
double norms_take(norms *n);
/* Fills in the norms of the weights as they are now. */
void norms_weigh(norms *n);
/* The gradients' norms as text that norms_read brings back with every bit; another text makes them NaN. */
void norms_write(const norms *n, text *out);
void norms_read(norms *n, const char *words);

#endif
