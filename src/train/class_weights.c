#include "train/class_weights.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define BALANCED   "balanced"
#define WEIGHT_MAX 1e6

/* The next number of a list; false at its end, or where it is none. */
static bool number_next(const char **list, double *x) {
    char word[40];
    size_t length = strcspn(*list, ",");
    if (length == 0 || length >= sizeof word) return false;
    memcpy(word, *list, length);
    word[length] = 0;
    *list += length + ((*list)[length] == ',' && (*list)[length + 1]);
    return text_to_double(word, x) && *x > 0 && *x <= WEIGHT_MAX;
}

stria_status class_weights_check(const char *spec, stria_error *err) {
    double x;
    if (!*spec || strcmp(spec, BALANCED) == 0) return STRIA_OK;
    for (const char *rest = spec; *rest;)
        if (!number_next(&rest, &x))
            FAIL(err, STRIA_BAD_ARGUMENT,
                 "--class-weights: '%s' is neither balanced nor numbers above 0, one for each class: 1,2.5,1", spec);
    return STRIA_OK;
}

static stria_status weights_balance(const dataset *d, const int64_t *permutation, double *w, stria_error *err) {
    int64_t classes = dataset_classes(d), used = 0;
    double *images; /* of each class, sums of their shares of it */
    TRY(mem_new(&images, (size_t)classes + 1, sizeof *images, "class weights", err));
    for (int64_t i = 0; i < dataset_count(d); i++) {
        const float *shares = dataset_shares(d, i);
        for (int64_t c = 0; shares && c < classes; c++) images[c] += (double)shares[c];
        if (!shares) images[dataset_label(d, i)]++;
    }
    for (int64_t c = 0; c < classes; c++) used += images[c] > 0;
    for (int64_t c = 0; c < classes; c++)
        if (images[c] > 0) w[permutation[c]] = fmin(WEIGHT_MAX, (double)dataset_count(d) / ((double)used * images[c]));
    mem_free(images);
    return STRIA_OK;
}

static stria_status weights_read(const char *spec, const dataset *d, const int64_t *permutation, double *w,
                                 stria_error *err) {
    int c = 0;
    double x;
    for (; *spec && number_next(&spec, &x); c++)
        if (c < dataset_classes(d)) w[permutation[c]] = x;
    if (c == dataset_classes(d)) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "--class-weights: %d number%s, but the data has %d classes", c, text_s(c),
         dataset_classes(d));
}

stria_status class_weights_of(const char *spec, const dataset *d, const int64_t *permutation, int64_t count,
                              double **out, stria_error *err) {
    double *w;
    *out = NULL;
    if (!*spec) return STRIA_OK;
    TRY(mem_new(&w, (size_t)count + 1, sizeof *w, "class weights", err));
    for (int64_t i = 0; i < count; i++) w[i] = 1;
    bool balanced = strcmp(spec, BALANCED) == 0;
    stria_status status =
        balanced ? weights_balance(d, permutation, w, err) : weights_read(spec, d, permutation, w, err);
    if (status == STRIA_OK) *out = w;
    else mem_free(w);
    return status;
}
