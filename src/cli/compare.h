/* Two lists of tensors, element by element. */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include "cli/json.h"
#include "cli/tensors.h"

typedef struct compared {
    char name[128];
    double max_abs_error, max_rel_error;
    bool passed;
    char reason[160]; /* "" or what differs before any number does */
} compared;

typedef struct comparison {
    bool passed; /* all of them */
    int count;
    compared *items;
} comparison;

/* got against wanted, by position: an element passes if |got - wanted| <= atol + rtol |wanted|, or both are NaN or the
 * same infinity. Different shapes or types do not pass. */
stria_status compare_tensors(const tensors *got, const tensors *wanted, double rtol, double atol, comparison *out,
                             stria_error *error);
void compare_release(comparison *found);
/* {"passed", "outputs"} together with what `more` has (taken; NULL: nothing), or a table on stdout. */
json_t *compare_document(const comparison *found, json_t *more);
void compare_print(const comparison *found);
/* Prints {"passed", "outputs"} together with what `more` has (taken), or a table; exit code 0 or 1. */
int compare_finish(const comparison *found, bool json, json_t *more);

#endif
