/* Prints the rows' help in four forms. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/verb.h"

#include <stdio.h>

void help_all(FILE *stream);
void help_verb(FILE *stream, const verb *of);
void help_man(FILE *stream);        /* stria.1 */
void help_completion(FILE *stream); /* for bash */

#endif
