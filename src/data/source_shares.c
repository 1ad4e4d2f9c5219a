/* Labels that are shares of classes: of each item a probability for every class. */
#include <math.h>

#include "base/text.h"
#include "data/source.h"

/* What rounding to three decimals, or a few of them to fewer, leaves of a sum of 1. */
#define SUM_TOLERANCE 1e-3

stria_status source_check_shares(const char *file, const char *unit, int64_t number, float *row, int classes,
                                 stria_error *err) {
    double sum = 0;
    for (int c = 0; c < classes; c++) {
        if (!isfinite(row[c]))
            FAIL(err, STRIA_NOT_FINITE, "%s: %s %lld: the share of class %d is %s", file, unit, (long long)number, c,
                 isnan(row[c]) ? "NaN" : "infinite");
        if (row[c] < 0)
            FAIL(err, STRIA_BAD_VALUE, "%s: %s %lld: the share of class %d is %g, below 0", file, unit,
                 (long long)number, c, (double)row[c]);
        sum += (double)row[c];
    }
    if (fabs(sum - 1) > SUM_TOLERANCE)
        FAIL(err, STRIA_BAD_VALUE, "%s: %s %lld: the shares of its %d classes sum to %g, not to 1", file, unit,
             (long long)number, classes, sum);
    for (int c = 0; c < classes; c++) row[c] = (float)((double)row[c] / sum);
    return STRIA_OK;
}

/* The first of the greatest. */
static int32_t greatest_of(const float *row, int classes) {
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        if (row[c] > row[best]) best = c;
    return best;
}

stria_status source_take_shares(store *s, float **shares, const char *const *names, int classes, stria_error *err) {
    TRY(source_name_classes(s, names, classes, err));
    if (!s->labels) TRY(mem_new(&s->labels, (size_t)s->count, sizeof *s->labels, "labels", err));
    for (int64_t i = 0; i < s->count; i++) s->labels[i] = greatest_of(*shares + i * classes, classes);
    source_add_contents(s, *shares, (size_t)s->count * (size_t)classes * sizeof **shares);
    s->shares = *shares;
    *shares = NULL;
    return STRIA_OK;
}
