/* A verb of the command: one file, one of these. Exit codes everywhere: 0 done, 1 the work failed, 2 wrong usage. */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include "cli/options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef struct verb {
    const char *name;
    const char *usage;    /* what follows the name; a line each where there are several forms */
    const char *about;    /* one line, for `stria --help` */
    const char *text;     /* paragraphs, for `stria VERB --help`; NULL: about is enough */
    const char *examples; /* lines: "# why", then the command */
    int operands_min, operands_max;
    bool training;          /* the rows of stria_train_option() are this verb's too */
    const option_row *rows; /* ends with a row without a name; NULL: none but the common ones */
    int (*run)(const options *given);
} verb;

/* In the order of `stria --help`, NULL-terminated. */
extern const verb *const verbs[];

extern const verb verb_train, verb_eval, verb_predict, verb_run, verb_summary, verb_explain, verb_bench, verb_convert,
    verb_diff, verb_filter, verb_graph, verb_report, verb_compare, verb_show, verb_model, verb_data, verb_info;

#endif
