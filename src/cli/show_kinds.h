/* The kinds of pictures that stria show makes, and the options of each. */
#ifndef CLI_SHOW_KINDS_H
#define CLI_SHOW_KINDS_H

#include "cli/attribution.h"
#include "cli/options.h"

typedef stria_status attribution(const attribution_job *j, stria_array *out, stria_error *error);

typedef struct show_kind {
    const char *name;
    attribution *compute; /* NULL: of weights, or a dream */
    bool layer;           /* it looks at a layer */
    bool scored;          /* it asks for a class */
    bool positive;        /* what is below 0 is not drawn */
    bool dreams;          /* it changes a picture until the network likes it */
    bool image;           /* it needs one */
    const char *taken;    /* options that it takes, "out layer" */
} show_kind;

/* NULL, and a sentence, where there is none of this name. */
const show_kind *show_kind_find(const char *name);
/* Returns true if an option was given that does nothing for this kind, alone or without another; then a sentence says
 * so. */
bool show_kind_surplus(const options *given, const show_kind *kind);

#endif
