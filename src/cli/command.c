/* The `stria` command: a client of <stria/stria.h> and nothing else. */
#include "cli/command.h"

#include "cli/help.h"
#include "cli/json.h"
#include "cli/term.h"

#include <string.h>

const verb *const verbs[] = {&verb_train,   &verb_eval,    &verb_predict, &verb_run,    &verb_summary, &verb_explain,
                             &verb_bench,   &verb_convert, &verb_diff,    &verb_filter, &verb_graph,   &verb_report,
                             &verb_compare, &verb_show,    &verb_model,   &verb_data,   &verb_info,    NULL};

static const verb *verb_find(const char *name) {
    for (int i = 0; verbs[i]; i++)
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    return NULL;
}

/* The verb that other programs call so. */
static const char *verb_foreign(const char *name) {
    static const char *const pairs[][2] = {
        {"evaluate", "eval"},  {"test", "eval"},        {"validate", "eval"},  {"val", "eval"},
        {"infer", "predict"},  {"classify", "predict"}, {"detect", "predict"}, {"export", "convert"},
        {"import", "convert"}, {"fit", "train"},        {"finetune", "train"}, {"benchmark", "bench"},
        {"profile", "bench"},  {"inspect", "summary"},  {"version", "info"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(pairs[i][0], name) == 0) return pairs[i][1];
    return NULL;
}

static int verb_unknown(const char *name) {
    const char *names[32];
    int count = 0;
    while (verbs[count] && count < 32) {
        names[count] = verbs[count]->name;
        count++;
    }
    const char *near = verb_foreign(name);
    if (!near) near = stria_nearest(name, names, count);
    if (near) term_say("unknown verb '%s'; did you mean '%s'?", name, near);
    else term_say("unknown verb '%s'; 'stria --help' lists them", name);
    return EXIT_USAGE;
}

/* Words of the device option that this build knows but cannot serve. */
static bool device_refused(const options *given) {
    if (strcmp(option_text(given, "device"), "cuda") != 0) return false;
    term_say("device cuda: this build of stria computes on the cpu only");
    return true;
}

static int verb_run_words(const verb *of, int argc, char **argv) {
    options given;
    stria_error error = {0};
    int code;
    options_init(&given, of);
    if (!options_parse(&given, argc, argv, &error)) code = term_fail(&error);
    else if (option_given(&given, "help")) {
        help_verb(stdout, of);
        code = EXIT_DONE;
    } else if (device_refused(&given)) code = EXIT_FAILED;
    else code = of->run(&given);
    options_release(&given);
    return code;
}

/* An option before any verb. */
static int option_early(const char *word) {
    static const char *const names[] = {"--version", "--help", "--man", "--completion"};
    const char *near = stria_nearest(word, names, 4);
    if (strcmp(word, "-v") == 0) term_say("unknown option -v; did you mean -V or --version?");
    else if (near) term_say("unknown option %s; did you mean %s?", word, near);
    else term_say("option %s stands before the verb; 'stria VERB --help' lists the options of a verb", word);
    return EXIT_USAGE;
}

/* The words before any verb. */
static int top_level(int argc, char **argv) {
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (strcmp(word, "help") == 0 && argc == 2)) {
        help_all(stdout);
    } else if (strcmp(word, "help") == 0) {
        const verb *of = verb_find(argv[2]);
        if (!of) return verb_unknown(argv[2]);
        help_verb(stdout, of);
    } else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("stria %s\n", stria_version());
    } else if (strcmp(word, "--man") == 0) {
        help_man(stdout);
    } else if (strcmp(word, "--completion") == 0 && argc == 3 && strcmp(argv[2], "bash") == 0) {
        help_completion(stdout);
    } else if (strcmp(word, "--completion") == 0) {
        term_say("--completion: the shell must be bash");
        return EXIT_USAGE;
    } else if (*word == '-') {
        return option_early(word);
    } else {
        const verb *of = verb_find(word);
        return of ? verb_run_words(of, argc - 2, argv + 2) : verb_unknown(word);
    }
    return EXIT_DONE;
}

int command(int argc, char **argv) {
    term_init();
    json_begin();
    if (argc < 2) {
        help_all(stderr);
        return EXIT_USAGE;
    }
    int code = top_level(argc, argv);
    if (!term_finish() && code == EXIT_DONE) code = EXIT_FAILED;
    return code;
}
