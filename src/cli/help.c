#include "cli/help.h"

#include "cli/term.h"

#include <string.h>

enum { WIDTH = 80 };

/* Prints the possible values of MODEL. */
static void models_print(FILE *stream) {
    char line[2048];
    const char *const *names = stria_zoo_names();
    size_t length = (size_t)snprintf(line, sizeof line, "MODEL is a built-in network");
    for (int i = 0; names[i] && length < sizeof line; i++)
        length += (size_t)snprintf(line + length, sizeof line - length, "%s%s", i ? ", " : " (", names[i]);
    if (length < sizeof line)
        snprintf(line + length, sizeof line - length,
                 "), an .onnx file, a .net file, a run folder, a trained model fetched by stria model, or - for "
                 "standard input. Pictures and arrays may also be - or a pipe.");
    text_wrap(stream, line, 0, WIDTH);
}

void help_all(FILE *stream) {
    fprintf(stream, "stria %s: convolutional neural networks in C\n\nusage: stria VERB …\n\n", stria_version());
    for (int i = 0; verbs[i]; i++) {
        fprintf(stream, "  %-9s ", verbs[i]->name);
        text_wrap(stream, verbs[i]->about, 12, WIDTH);
    }
    fputc('\n', stream);
    models_print(stream);
    fputs("DATA is NAME or NAME:PATH; 'stria data list' shows the names.\n\n"
          "examples:\n"
          "  stria train lenet5 --data fashion-mnist --epochs 5\n"
          "  stria predict runs/lenet5-1 picture.png\n\n"
          "'stria VERB --help' describes a verb.\n"
          "Exit codes: 0 done, 1 the work failed, 2 wrong usage.\n",
          stream);
}

static const char *row_value(const option_row *row, char *text, size_t size) {
    const char *value = row->type ? row->type : "";
    if (row->kind == OPTION_FLAG) return "";
    snprintf(text, size, row->kind == OPTION_OPTIONAL ? " [%s]" : " %s", value);
    return text;
}

/* "why (default 64)" or "which images: train|val|test (default test)". A help text that states its default in
 * parentheses keeps it. */
static void row_help(const option_row *row, char *text, size_t size) {
    bool standard = row->standard && *row->standard && row->kind != OPTION_FLAG && !strstr(row->help, "(default");
    bool choices = row->choices && strcmp(row->choices, row->type) != 0;
    snprintf(text, size, "%s%s%s%s%s%s", row->help, choices ? ": " : "", choices ? row->choices : "",
             standard ? " (default " : "", standard ? row->standard : "", standard ? ")" : "");
}

static const char *row_group(const option_row *row) {
    return row->group ? row->group : "options";
}

/* Calls print for every row, group by group in order of first appearance; `heading` for each group. */
static void rows_each(FILE *stream, const options *given, void (*heading)(FILE *, const char *),
                      void (*print)(FILE *, const option_row *)) {
    bool printed[OPTION_ROWS_MAX] = {false};
    for (int i = 0; i < given->row_count; i++) {
        if (printed[i]) continue;
        const char *group = row_group(&given->rows[i]);
        heading(stream, group);
        for (int j = i; j < given->row_count; j++) {
            if (printed[j] || strcmp(row_group(&given->rows[j]), group) != 0) continue;
            print(stream, &given->rows[j]);
            printed[j] = true;
        }
    }
}

static void heading_plain(FILE *stream, const char *group) {
    fprintf(stream, "\n%s%s:%s\n", term_begin(stream, STYLE_BOLD), group, term_end(stream));
}

static void row_plain(FILE *stream, const option_row *row) {
    char value[64], left[128], help[1024];
    snprintf(left, sizeof left, "--%s%s", row->name, row_value(row, value, sizeof value));
    row_help(row, help, sizeof help);
    int columns = text_columns(left), width = 21;
    fprintf(stream, "  %s", left);
    if (columns > width) fprintf(stream, "\n%*s", width + 4, "");
    else fprintf(stream, "%*s", width - columns + 2, "");
    text_wrap(stream, help, width + 4, WIDTH);
}

/* Calls print for every line of text. */
static void lines_each(FILE *stream, const char *text, void (*print)(FILE *, const verb *, const char *),
                       const verb *of) {
    while (text && *text) {
        size_t length = strcspn(text, "\n");
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        print(stream, of, line);
        text += length;
        text += *text == '\n';
    }
}

static void usage_plain(FILE *stream, const verb *of, const char *line) {
    fprintf(stream, "  stria %s %s\n", of->name, line);
}

static void text_plain(FILE *stream, const verb *of, const char *line) {
    text_wrap(stream, line, 0, WIDTH);
}

static void example_plain(FILE *stream, const verb *of, const char *line) {
    bool why = *line == '#';
    fprintf(stream, "  %s%s%s\n", why ? term_begin(stream, STYLE_DIM) : "", line, why ? term_end(stream) : "");
}

void help_verb(FILE *stream, const verb *of) {
    options rows;
    options_init(&rows, of);
    int head = fprintf(stream, "stria %s: ", of->name);
    text_wrap(stream, of->about, head, WIDTH);
    heading_plain(stream, "usage");
    lines_each(stream, of->usage, usage_plain, of);
    if (of->text) fputc('\n', stream);
    lines_each(stream, of->text, text_plain, of);
    rows_each(stream, &rows, heading_plain, row_plain);
    heading_plain(stream, "examples");
    lines_each(stream, of->examples, example_plain, of);
}

/* ---- stria.1 ---- */

/* Text for troff: a leading dot or quote would be a request, a backslash an escape, a dash must stay a dash. */
static void troff(FILE *stream, const char *text) {
    if (*text == '.' || *text == '\'') fputs("\\&", stream);
    for (; *text; text++)
        if (*text == '\\') fputs("\\e", stream);
        else if (*text == '-') fputs("\\-", stream);
        else fputc(*text, stream);
}

static void heading_man(FILE *stream, const char *group) {
    fputs(".PP\n.I ", stream);
    troff(stream, group);
    fputc('\n', stream);
}

static void row_man(FILE *stream, const option_row *row) {
    char value[64], help[1024];
    fputs(".TP\n.B ", stream);
    fputs("\\-\\-", stream);
    troff(stream, row->name);
    troff(stream, row_value(row, value, sizeof value));
    fputc('\n', stream);
    row_help(row, help, sizeof help);
    troff(stream, help);
    fputc('\n', stream);
}

static void usage_man(FILE *stream, const verb *of, const char *line) {
    fprintf(stream, ".br\n.B stria %s\n", of->name);
    troff(stream, line);
    fputc('\n', stream);
}

static void text_man(FILE *stream, const verb *of, const char *line) {
    fputs(".PP\n", stream);
    troff(stream, line);
    fputc('\n', stream);
}

static void example_man(FILE *stream, const verb *of, const char *line) {
    troff(stream, line);
    fputc('\n', stream);
}

static void verb_man(FILE *stream, const verb *of) {
    options rows;
    options_init(&rows, of);
    fprintf(stream, ".SS \"stria %s\"\n", of->name);
    troff(stream, of->about);
    fputs(".\n", stream);
    lines_each(stream, of->usage, usage_man, of);
    lines_each(stream, of->text, text_man, of);
    rows_each(stream, &rows, heading_man, row_man);
    fputs(".PP\n.I examples\n.PP\n.nf\n", stream);
    lines_each(stream, of->examples, example_man, of);
    fputs(".fi\n", stream);
}

void help_man(FILE *stream) {
    fprintf(stream, ".TH STRIA 1 \"\" \"stria %s\" \"User Commands\"\n", stria_version());
    fputs(".SH NAME\nstria \\- define, train, evaluate, explain and convert convolutional neural networks\n"
          ".SH SYNOPSIS\n.B stria\n.I VERB\n[arguments and options]\n.SH DESCRIPTION\n"
          "MODEL is a built-in network, an .onnx file, a .net file, a run folder, a trained model fetched by\n"
          "\\(lqstria model\\(rq, or - for standard input. Pictures and arrays may also be - or a pipe.\n"
          "DATA is NAME or NAME:PATH; \\(lqstria data list\\(rq shows the names.\n"
          "Options may come before, between and after words, as \\-\\-key value or \\-\\-key=value; \\-\\- ends them.\n"
          ".SH VERBS\n",
          stream);
    for (int i = 0; verbs[i]; i++) verb_man(stream, verbs[i]);
    fputs(".SH EXIT STATUS\n0 done; 1 the work failed (the reason is on standard error); 2 wrong usage.\n"
          ".SH ENVIRONMENT\n.TP\n.B STRIA_ISA\nThe instruction set to use, one of those that \\(lqstria info\\(rq "
          "lists.\n"
          ".TP\n.B NO_COLOR\nNo colours on a terminal.\n",
          stream);
}

/* ---- bash ---- */

static void choices_print(FILE *stream, const option_row *row) {
    for (const char *c = row->choices; *c; c++) fputc(*c == '|' ? ' ' : *c, stream);
}

static void verb_completion(FILE *stream, const verb *of) {
    options rows;
    options_init(&rows, of);
    fprintf(stream, "    %s)\n        options=\"", of->name);
    for (int i = 0; i < rows.row_count; i++) fprintf(stream, "%s--%s", i ? " " : "", rows.rows[i].name);
    fputs("\"\n        case $previous in\n", stream);
    for (int i = 0; i < rows.row_count; i++) {
        const option_row *row = &rows.rows[i];
        if (row->choices) {
            fprintf(stream, "        --%s) words=\"", row->name);
            choices_print(stream, row);
            fputs("\" ;;\n", stream);
        }
    }
    fputs("        esac ;;\n", stream);
}

void help_completion(FILE *stream) {
    fputs("# bash completion of stria: source this file, or put it into bash-completion's folder as \"stria\"\n"
          "_stria() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}\n"
          "    local options=\"\" words=\"\" verbs=\"help",
          stream);
    for (int i = 0; verbs[i]; i++) fprintf(stream, " %s", verbs[i]->name);
    fputs("\"\n    case $verb in\n", stream);
    for (int i = 0; verbs[i]; i++) verb_completion(stream, verbs[i]);
    fputs("    esac\n    if [ \"$COMP_CWORD\" -eq 1 ]; then words=$verbs\n"
          "    elif [ \"$verb\" = help ]; then words=$verbs\n"
          "    elif [ \"$previous\" = --data ]; then words=\"",
          stream);
    const char *const *sources = stria_dataset_names();
    for (int i = 0; sources[i]; i++) fprintf(stream, "%s%s", i ? " " : "", sources[i]);
    fputs("\"\n    elif [ -n \"$words\" ]; then :\n"
          "    elif [ \"$verb\" = data ] && [ \"$COMP_CWORD\" -eq 2 ]; then words=\"list\"\n"
          "    elif [[ $word == -* ]]; then words=$options\n    else words=\"",
          stream);
    const char *const *names = stria_zoo_names();
    for (int i = 0; names[i]; i++) fprintf(stream, "%s%s", i ? " " : "", names[i]);
    fputs("\"; COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\")); return; fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
          "complete -o filenames -F _stria stria\n",
          stream);
}
