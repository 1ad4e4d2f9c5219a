/* For the tests of Stria, of models and of this build's kernels: how a session runs apart from what a user chooses. Not
 * part of <stria/stria.h>; what is in here may change with any version. */
#ifndef STRIA_TESTING_H
#define STRIA_TESTING_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct stria_testing_options {
    size_t size;    /* sizeof(stria_testing_options) */
    bool reference; /* run every operator by its float64 reference, without the passes that optimise */
    int skip;       /* of the implementations that accept an operator, the best `skip` are passed over, as far as there
                       are others */
} stria_testing_options;

/* stria_session_new with them; testing NULL: the same. */
STRIA_API stria_status stria_session_new_testing(stria_session **out, const stria_model *model,
                                                 const stria_session_options *options,
                                                 const stria_testing_options *testing, stria_error *error);

#ifdef __cplusplus
}
#endif
#endif
