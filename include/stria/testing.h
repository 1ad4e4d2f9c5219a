/* Session options for tests of Stria, of models and of this build's kernels. Not part of <stria/stria.h>; this
 * interface may change with any version. */
#ifndef STRIA_TESTING_H
#define STRIA_TESTING_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stria_testing_options {
    size_t size;    /* sizeof(stria_testing_options) */
    bool reference; /* run every operator by its float64 reference, without the passes that optimise */
    int skip;       /* skips the best `skip` of the implementations that accept an operator, but never the last one */
} stria_testing_options;

/* stria_session_new with these options; testing NULL: the same as stria_session_new. */
STRIA_API stria_status stria_session_new_testing(stria_session **out, const stria_model *model,
                                                 const stria_session_options *options,
                                                 const stria_testing_options *testing, stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
