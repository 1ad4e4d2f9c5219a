/* Two lists of tensors, element by element. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/json.h"
#include "cli/tensors.h"

typedef struct compared {
    char name[128];
    double max_abs_error, max_rel_error;
    bool passed;
    int64_t first;      /* the first element that does not pass; -1: none */
    double got, wanted; /* that element */
    char reason[160];   /* "" or what differs before any number does */
} compared;

/* The tolerance for the difference of two tensors. */
typedef struct compare_bound {
    double rtol, atol;
    bool of_tensor; /* rtol is a share of the tensor's largest value, not of each element's own */
    bool any_type;  /* the same numbers in another type are the same */
} compare_bound;

typedef struct comparison {
    bool passed; /* all of them */
    int count;
    compared *items;
} comparison;

bool compare_shapes(const stria_array *a, const stria_array *b);
/* One tensor: an element passes if |got - wanted| <= atol + rtol s, where s is |wanted| or, of_tensor, the largest
 * finite |wanted| of the tensor; or if both are NaN or the same infinity. Different shapes do not pass, nor different
 * types unless any_type. Sets all but the name. */
void compare_pair(const stria_array *got, const stria_array *wanted, const compare_bound *bound, compared *out);
/* got against wanted, by position. */
stria_status compare_tensors(const tensors *got, const tensors *wanted, const compare_bound *bound, comparison *out,
                             stria_error *error);
void compare_release(comparison *found);
/* {"passed", "outputs"} together with what `more` has (taken; NULL: nothing), or a table on stdout. */
json_t *compare_document(const comparison *found, json_t *more);
void compare_print(const comparison *found);
/* Prints {"passed", "outputs"} together with what `more` has (taken), or a table; exit code 0 or 1. */
int compare_finish(const comparison *found, bool json, json_t *more);

#endif
