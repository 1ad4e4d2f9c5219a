#include "cli/options.h"

#include "cli/term.h"
#include "cli/verb.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option_row common_rows[] = {
    {.name = "threads",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "0",
     .maximum = 1024,
     .group = EVERYWHERE,
     .help = "0…1024, 0: all CPUs that this process may use; never changes a result"},
    {.name = "seed",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "0",
     .maximum = INT64_MAX,
     .group = EVERYWHERE,
     .help = "seed of all random numbers, 0…9223372036854775807"},
    {.name = "device",
     .kind = OPTION_CHOICE,
     .type = "DEVICE",
     .standard = "cpu",
     .choices = "cpu|cuda",
     .group = EVERYWHERE,
     .help = "device to compute on; this build supports only the cpu"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .group = EVERYWHERE,
     .help = "prints one JSON document on stdout, and nothing else"},
    {.name = "help", .kind = OPTION_FLAG, .group = EVERYWHERE, .help = "prints this help"},
};

static const option_row *row_find(const options *given, const char *name, size_t length) {
    for (int i = 0; i < given->row_count; i++)
        if (strlen(given->rows[i].name) == length && memcmp(given->rows[i].name, name, length) == 0)
            return &given->rows[i];
    return NULL;
}

/* The first row of a name wins, so a verb may have its own help text for a common option. */
static void row_add(options *given, const option_row *row) {
    if (given->row_count == OPTION_ROWS_MAX || row_find(given, row->name, strlen(row->name))) return;
    given->rows[given->row_count++] = *row;
}

void options_init(options *given, const verb *of) {
    *given = (options){.verb = of};
    for (const option_row *row = of->rows; row && row->name; row++) row_add(given, row);
    const stria_option_row *library;
    for (int i = 0; of->training && (library = stria_train_option(i)); i++) {
        bool common = strcmp(library->name, "threads") == 0 || strcmp(library->name, "seed") == 0;
        row_add(given, &(option_row){.name = library->name,
                                     .kind = library->type ? OPTION_TRAINING : OPTION_FLAG,
                                     .type = library->type,
                                     .standard = library->standard,
                                     .help = library->help,
                                     .group = common ? EVERYWHERE : "training"});
    }
    for (size_t i = 0; i < sizeof common_rows / sizeof *common_rows; i++) row_add(given, &common_rows[i]);
}

void options_release(options *given) {
    free(given->values);
    free(given->operands);
    given->values = NULL;
    given->operands = NULL;
}

__attribute__((format(printf, 2, 3))) static bool refuse(stria_error *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error->status = STRIA_BAD_ARGUMENT;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return false;
}

/* Option names of other programs. `name` is the option used instead, if the verb has it; `hint` is what to write
 * here. */
static const struct {
    const char *typed, *name, *hint;
} foreign[] = {
    {"batch-size", "batch", NULL},
    {"learning-rate", "lr", NULL},
    {"output", "out", NULL},
    {"out", "output", NULL},
    {"save", "out", NULL},
    {"save-dir", "out", NULL},
    {"output-dir", "out", NULL},
    {"workers", "threads", NULL},
    {"num-workers", "workers", NULL},
    {"num-workers", "threads", NULL},
    {"momentum", NULL, "optimizer sgd:momentum=0.9"},
    {"nesterov", NULL, "optimizer sgd:nesterov=1"},
    {"img-size", NULL, "resize SIZE"},
    {"imgsz", NULL, "resize SIZE"},
};
enum { FOREIGN = sizeof foreign / sizeof *foreign };

/* Returns the row that a foreign name stands for, or sets the hint for it. */
static const option_row *row_foreign(const options *given, const char *name, size_t length, const char **hint) {
    for (int i = 0; i < FOREIGN; i++) {
        if (strlen(foreign[i].typed) != length || memcmp(foreign[i].typed, name, length) != 0) continue;
        const char *of = foreign[i].name ? foreign[i].name : foreign[i].hint;
        const option_row *row = row_find(given, of, strcspn(of, " "));
        if (row && !foreign[i].hint) return row;
        if (row) *hint = foreign[i].hint;
    }
    return NULL;
}

/* The only option that begins with these letters, three at least. */
static const char *only_beginning(const options *given, const char *typed) {
    const char *found = NULL;
    for (int i = 0; i < given->row_count; i++) {
        if (strlen(typed) < 3 || strncmp(given->rows[i].name, typed, strlen(typed)) != 0) continue;
        if (found) return NULL;
        found = given->rows[i].name;
    }
    return found;
}

/* A hint, whose last word or number is an example, with the value that was typed where that is a number. */
static const char *hint_with(const char *hint, const char *value, char text[96]) {
    const char *example = strrchr(hint, '=') ? strrchr(hint, '=') : strrchr(hint, ' ');
    char *end = NULL;
    bool number = value && *value && strlen(value) < 32 && isfinite(strtod(value, &end)) && !*end;
    if (!example || !number) return hint;
    snprintf(text, 96, "%.*s%s", (int)(example - hint) + 1, hint, value);
    return text;
}

static bool refuse_unknown(const options *given, const char *name, size_t length, const char *hint, const char *value,
                           stria_error *error) {
    const char *names[OPTION_ROWS_MAX + FOREIGN];
    int count = 0;
    for (int i = 0; i < given->row_count; i++) names[count++] = given->rows[i].name;
    for (int i = 0; i < FOREIGN; i++)
        if (foreign[i].name && row_find(given, foreign[i].name, strlen(foreign[i].name)))
            names[count++] = foreign[i].typed;
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)(length < 63 ? length : 63), name);
    const char *near = only_beginning(given, typed);
    if (!near) near = stria_nearest(typed, names, count);
    char full[96];
    if (hint)
        return refuse(error, "%s: unknown option --%s; it is written --%s", given->verb->name, typed,
                      hint_with(hint, value, full));
    if (near) return refuse(error, "%s: unknown option --%s; did you mean --%s?", given->verb->name, typed, near);
    return refuse(error, "%s: unknown option --%s; 'stria %s --help' lists them", given->verb->name, typed,
                  given->verb->name);
}

static bool check_integer(const option_row *row, const char *text, stria_error *error) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || (*text != '-' && (*text < '0' || *text > '9')))
        return refuse(error, "--%s: '%s' is not a whole number", row->name, text);
    if (errno == 0 && value >= row->minimum && value <= row->maximum) return true;
    if (row->maximum == INT64_MAX)
        return refuse(error, "--%s: %s is out of range, %lld is the least", row->name, text, (long long)row->minimum);
    return refuse(error, "--%s: %s is out of range %lld to %lld", row->name, text, (long long)row->minimum,
                  (long long)row->maximum);
}

static bool check_real(const option_row *row, const char *text, stria_error *error) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || isnan(value)) return refuse(error, "--%s: '%s' is not a number", row->name, text);
    if (value >= 0 && value < 1e300) return true;
    return refuse(error, "--%s: %s is out of range, 0 is the least", row->name, text);
}

static bool check_choice(const option_row *row, const char *text, stria_error *error) {
    char copy[128];
    const char *names[16];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", row->choices);
    for (char *rest = copy, *name; (name = strsep(&rest, "|")) && count < 16;) {
        if (strcmp(name, text) == 0) return true;
        names[count++] = name;
    }
    const char *near = stria_nearest(text, names, count);
    if (near)
        return refuse(error, "--%s: '%s' is not one of %s; did you mean %s?", row->name, text, row->choices, near);
    return refuse(error, "--%s: '%s' is not one of %s", row->name, text, row->choices);
}

static bool check_value(const option_row *row, const char *text, stria_error *error) {
    switch (row->kind) {
    case OPTION_INTEGER:
        return check_integer(row, text, error);
    case OPTION_REAL:
        return check_real(row, text, error);
    case OPTION_CHOICE:
        return check_choice(row, text, error);
    case OPTION_TRAINING: {
        if (!*text) return refuse(error, "--%s: the value is empty", row->name);
        stria_train_options scratch = stria_train_options_default();
        if (stria_train_option_set(&scratch, row->name, text, error) == STRIA_OK) return true;
        error->status = STRIA_BAD_ARGUMENT; /* whatever is wrong, the user typed it */
        return false;
    }
    case OPTION_TEXT:
        if (!*text) return refuse(error, "--%s: the value is empty", row->name);
        return true;
    case OPTION_FLAG:
    case OPTION_OPTIONAL:
        return true;
    }
    return true;
}

/* After a value that is none of an option's choices: names the option that other programs call so. */
static void other_meant(const options *given, const option_row *row, stria_error *error) {
    const char *hint = NULL;
    const option_row *other = row->choices ? row_foreign(given, row->name, strlen(row->name), &hint) : NULL;
    stria_error said = *error;
    if (other) refuse(error, "%s; did you mean --%s?", said.text, other->name);
}

/* One option at argv[0]; how many words it took, 0 if it is refused. */
static int parse_option(options *given, int argc, char **argv, stria_error *error) {
    const char *name = argv[0] + 2;
    size_t length = strcspn(name, "=");
    const char *hint = NULL;
    const option_row *row = row_find(given, name, length);
    if (!row) row = row_foreign(given, name, length, &hint);
    if (!row) {
        refuse_unknown(given, name, length, hint, name[length] ? name + length + 1 : argc > 1 ? argv[1] : NULL, error);
        return 0;
    }
    const char *text = name[length] ? name + length + 1 : NULL;
    int words = 1;
    if (row->kind == OPTION_FLAG) {
        if (text) {
            refuse(error, "--%s takes no value", row->name);
            return 0;
        }
        text = "";
    } else if (!text) {
        bool follows = argc > 1 && strncmp(argv[1], "--", 2) != 0;
        if (!follows && row->kind != OPTION_OPTIONAL) {
            refuse(error, "--%s needs a value: --%s %s", row->name, row->name, row->type);
            return 0;
        }
        text = follows ? argv[1] : "";
        words += follows;
    }
    if (!check_value(row, text, error)) {
        other_meant(given, row, error);
        return 0;
    }
    given->values[given->value_count++] = (option_value){row, text};
    return words;
}

/* "MODEL": the index-th word of the usage that is not an option. */
static const char *operand_name(const verb *of, int index, int *length) {
    const char *word = of->usage;
    for (;; word += strspn(word, " ")) {
        size_t n = strcspn(word, " \n");
        *length = (int)n;
        if (n == 0 || *word == '[' || *word == '-') return NULL;
        if (index-- == 0) return word;
        word += n;
    }
}

static bool check_operands(const options *given, stria_error *error) {
    const verb *of = given->verb;
    const char *line_end = strchr(of->usage, '\n');
    int length = line_end ? (int)(line_end - of->usage) : (int)strlen(of->usage);
    int name_length = 0;
    const char *missing = operand_name(of, given->operand_count, &name_length);
    if (given->operand_count < of->operands_min && missing)
        return refuse(error, "%s: %.*s is missing; usage: stria %s %.*s", of->name, name_length, missing, of->name,
                      length, of->usage);
    if (given->operand_count < of->operands_min)
        return refuse(error, "%s: arguments are missing; usage: stria %s %.*s", of->name, of->name, length, of->usage);
    if (given->operand_count > of->operands_max)
        return refuse(error, "%s: unexpected argument '%s'; usage: stria %s %.*s", of->name,
                      given->operands[of->operands_max], of->name, length, of->usage);
    return true;
}

static bool takes_out(const options *given) {
    return row_find(given, "out", 3) || row_find(given, "output", 6);
}

bool options_parse(options *given, int argc, char **argv, stria_error *error) {
    given->values = calloc((size_t)argc + 1, sizeof *given->values);
    given->operands = calloc((size_t)argc + 1, sizeof *given->operands);
    if (!given->values || !given->operands) {
        refuse(error, "out of memory for %d words", argc);
        error->status = STRIA_NO_MEMORY;
        return false;
    }
    given->words = argv;
    given->word_count = argc;
    bool ended = false;
    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
            i++;
        } else if (!ended && (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)) {
            given->values[given->value_count++] = (option_value){row_find(given, "help", 4), ""};
            return true;
        } else if (!ended && strncmp(word, "--", 2) == 0) {
            int words = parse_option(given, argc - i, argv + i, error);
            if (words == 0) return false;
            i += words;
        } else if (!ended && strcmp(word, "-o") == 0 && takes_out(given)) { /* as compilers have it */
            char out[] = "--out", *pair[] = {out, i + 1 < argc ? argv[i + 1] : NULL};
            int words = parse_option(given, i + 1 < argc ? 2 : 1, pair, error);
            if (words == 0) return false;
            i += words;
        } else if (!ended && word[0] == '-' && word[1] && !strchr(".0123456789", word[1])) { /* "-1 2" is an array */
            return refuse(error, "%s: unknown option %s; options are words after two dashes", given->verb->name, word);
        } else {
            given->operands[given->operand_count++] = word;
            i++;
        }
    }
    return check_operands(given, error);
}

const char *option_each(const options *given, const char *name, int index) {
    for (int i = 0; i < given->value_count; i++)
        if (strcmp(given->values[i].row->name, name) == 0 && index-- == 0) return given->values[i].text;
    return NULL;
}

bool option_given(const options *given, const char *name) {
    return option_each(given, name, 0) != NULL;
}

const char *option_text(const options *given, const char *name) {
    for (int i = given->value_count - 1; i >= 0; i--)
        if (strcmp(given->values[i].row->name, name) == 0) return given->values[i].text;
    const option_row *row = row_find(given, name, strlen(name));
    return row ? row->standard : NULL;
}

static bool word_in(const char *words, const char *word) {
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
    return false;
}

bool options_surplus(const options *given, const char *what, const char *taken) {
    for (int i = 0; i < given->value_count; i++) {
        const option_row *row = given->values[i].row;
        bool always = row->group && (strcmp(row->group, EVERYWHERE) == 0 || strcmp(row->group, PREPROCESS_GROUP) == 0);
        if (always || word_in(taken, row->name)) continue;
        term_say("%s: --%s has no effect with %s", given->verb->name, row->name, what);
        return true;
    }
    return false;
}

int64_t option_integer(const options *given, const char *name) {
    const char *text = option_text(given, name);
    return text ? (int64_t)strtoll(text, NULL, 10) : 0;
}

double option_real(const options *given, const char *name) {
    const char *text = option_text(given, name);
    return text ? strtod(text, NULL) : 0;
}
