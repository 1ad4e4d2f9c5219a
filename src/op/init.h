/* First contents of parameters. */
#ifndef OP_INIT_H
#define OP_INIT_H

#include "graph/graph.h"

/* Adds a state of role ROLE_PARAMETER. w[out, in, …] has fan_in = in · taps and fan_out = out · taps. init:
 *   glorot-uniform  U(−r, r), r = √(6 / (fan_in + fan_out))      (Glorot, Bengio, AISTATS 2010)
 *   glorot-normal   N(0, 2 / (fan_in + fan_out))
 *   he-uniform      U(−r, r), r = √(6 / fan_in)                  (He et al., ICCV 2015)
 *   he-normal       N(0, 2 / fan_in)
 *   lecun-uniform   U(−r, r), r = √(3 / fan_in)                  (LeCun, Bottou, Orr, Müller, "Efficient backprop")
 *   lecun-normal    N(0, 1 / fan_in)
 *   normal          N(0, 1), meant with a gain, as in normal:gain=0.01
 *   truncated-normal N(0, 1), drawn again beyond 2 deviations: meant with a gain, as in truncated-normal:gain=0.02
 *   zeros
 *   uniform         U(−1, 1), meant with a gain
 *   orthogonal      Q of w[dim 0, rest] = QR, w normal: orthonormal rows, or columns where there are fewer of them
 *                   (Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning …", ICLR 2014)
 *   constant        the number of constant:value=X
 * NAME:gain=X multiplies by X, as in glorot-uniform:gain=4, which the same paper's authors advise for logistic
 * sigmoids: their slope at 0 is 1/4, and without it a deep stack of them sees almost nothing of its input and of its
 * error. Random numbers are those of (seed, random_hash(name), index). */
stria_status init_parameter(graph *g, const char *name, dtype type, const shape *s, const char *init, uint64_t seed,
                            value **out, stria_error *err);

/* The same where the weights are not of that form: `fans` is the shape w[out, in, …] that counts, of one position. */
stria_status init_parameter_of(graph *g, const char *name, dtype type, const shape *s, const shape *fans,
                               const char *init, uint64_t seed, value **out, stria_error *err);

/* Contents as init_parameter_of gives them. */
stria_status init_draw(tensor **out, const char *name, dtype type, const shape *s, const shape *fans, const char *init,
                       uint64_t seed, stria_error *err);
/* STRIA_BAD_ARGUMENT for what is not of the forms above. */
stria_status init_check(const char *init, stria_error *err);

/* "glorot-uniform", …; NULL-terminated. */
extern const char *const init_names[];

#endif
