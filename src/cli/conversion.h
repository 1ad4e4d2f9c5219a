/* Checks that the written file is the same network. */
#ifndef CLI_CONVERSION_H
#define CLI_CONVERSION_H

#include "cli/layer_diff.h"

typedef struct conversion {
    const options *given; /* IN and OUT are its operands */
    const stria_model *before;
    stria_type weights; /* that are stored as this type; 0: as they are */
    bool text;          /* a .net file, which has no weights: only the structure is compared */
    bool checked;       /* the comparison was made */
    bool passed;
    const char *input;      /* what the models ran on, in words */
    comparison outputs;     /* the largest differences at one and two rows */
    stria_array picture;    /* of --image, read once */
    tensors inputs, wanted; /* of IN at one row */
    bool by_layer;          /* there are few enough to compare one by one */
    layer_diff layers;      /* at one row */
} conversion;

/* For stria_save_options.accept; context: the conversion. STRIA_BAD_FILE where the models differ. */
stria_status conversion_check(const char *file, void *context, stria_error *error);
void conversion_release(conversion *c);
/* Prints a document or tables; the exit code. */
int conversion_finish(const conversion *c);

#endif
