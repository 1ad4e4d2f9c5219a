/* The attribution of a class's score to the pixels of a picture. Definitions are Captum's: the score is an element of
 * the model's first output (logits or probabilities), without changes. */
#ifndef CLI_ATTRIBUTION_H
#define CLI_ATTRIBUTION_H

#include <stria/stria.h>

typedef struct attribution_job {
    const stria_model *model;
    const stria_array *x; /* [1, channels, height, width], the model's input */
    const char *layer;    /* a value's name; for gradcam and features */
    int element;          /* of the first output of one picture: the class's score, which must be there */
    int sign;             /* 1, or −1 where the element speaks against the class: class 0 of a binary model */
    int threads;
    int64_t window, stride; /* occlusion: pixels */
    int64_t samples;        /* smoothgrad */
    double noise;           /* smoothgrad: standard deviation, in parts of the range of x */
    uint64_t seed;
} attribution_job;

/* All results are float32 arrays whose data is for free(). */

/* The layer's value [1, …]. */
stria_status attribution_features(const attribution_job *j, stria_array *out, stria_error *error);
/* |∂score/∂x|, like x. */
stria_status attribution_saliency(const attribution_job *j, stria_array *out, stria_error *error);
/* ∂score/∂x by guided backpropagation (Springenberg et al. 2015), like x. */
stria_status attribution_guided(const attribution_job *j, stria_array *out, stria_error *error);
/* The mean of saliency over `samples` noisy pictures (Smilkov et al. 2017). */
stria_status attribution_smoothgrad(const attribution_job *j, stria_array *out, stria_error *error);
/* x · ∫ ∂score/∂x(t·x) dt over t in 0…1, by 50 Gauss-Legendre points; the baseline is 0 (Sundararajan et al. 2017). */
stria_status attribution_integrated(const attribution_job *j, stria_array *out, stria_error *error);
/* Σ_c w_c A_c of the layer's channels A, w_c the mean of ∂score/∂A_c over its positions: [1, 1, oh, ow], no ReLU
 * (Selvaraju et al. 2017). */
stria_status attribution_gradcam(const attribution_job *j, stria_array *out, stria_error *error);
/* The same with w_c = Σ α max(g, 0), α = g² / (2g² + ΣA_c · g³) (Chattopadhyay et al. 2018). */
stria_status attribution_gradcam_plus(const attribution_job *j, stria_array *out, stria_error *error);
/* The score less that with a window set to 0, for each pixel the mean over the windows that cover it; like x. Windows
 * take all channels, begin every `stride` pixels; the last ones are cut at the border. */
stria_status attribution_occlusion(const attribution_job *j, stria_array *out, stria_error *error);

#endif
