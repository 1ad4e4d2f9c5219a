/* --labels FILE: names of the classes for a model that has none. */
#ifndef CLI_LABELS_H
#define CLI_LABELS_H

#include <stria/stria.h>

/* Stores the file's lines, one per class in the order of the model's output, in the model's metadata. Refuses another
 * number of lines than classes, empty lines, long ones, and the same name twice. */
stria_status labels_store(stria_model *model, const char *path, stria_error *error);

#endif
