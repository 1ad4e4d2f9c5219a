/* Many numbers a thing, drawn in two dimensions. */
#ifndef REPORT_EMBED_H
#define REPORT_EMBED_H

#include <stdbool.h>
#include <stdint.h>

/* Principal components: y[n][2] are the projections of x[n][d], less their mean, on the two directions of greatest
 * variance; share: of the variance, what each explains. The greatest loading of a direction is positive. Orthogonal
 * iteration, to 1e-10. False without memory. */
bool embed_pca(const float *x, int64_t n, int64_t d, double *y, double share[2]);

/* t-SNE (van der Maaten, Hinton 2008), exact: y[n][2] begins with the principal components at a standard deviation of
 * 1e-4; `steps` steps, the first 250 with probabilities times 12 and momentum 0.5, then 0.8; gains by van der Maaten's
 * rule; rate max(n / 48, 50). perplexity: of the neighbours of each, below n. divergence: Kullback-Leibler, at the end.
 * Time and memory grow with n². False without memory. */
bool embed_tsne(const float *x, int64_t n, int64_t d, double perplexity, int64_t steps, double *y, double *divergence);

#endif
