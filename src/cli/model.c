/* stria model: trained models that can be fetched. */
#include "cli/fetch.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

enum { COLUMN = 18 }; /* where what is said of a model begins */

static bool model_next(int *at, stria_catalog_entry *e) {
    *e = (stria_catalog_entry){.size = sizeof *e};
    while (stria_catalog((*at)++, e))
        if (strcmp(e->kind, "model") == 0) return true;
    return false;
}

static int list_json(void) {
    json_t *list = json_array();
    stria_catalog_entry e;
    for (int at = 0; model_next(&at, &e);) {
        json_t *row =
            json_pack("{s:o,s:o,s:s,s:o,s:s}", "name", json_text(e.name), "about", json_text(e.about), "sha256",
                      e.sha256 ? e.sha256 : "", "preprocess", json_text(e.preprocess), "home", e.home);
        if (row) fetch_facts(&e, row);
        json_array_append_new(list, row);
    }
    return json_finish(json_pack("{s:o}", "models", list));
}

static int model_list(const options *given) {
    stria_catalog_entry e;
    if (option_given(given, "json")) return list_json();
    for (int at = 0; model_next(&at, &e);) {
        printf("%-*s ", COLUMN - 1, e.name);
        text_wrap(stdout, e.about, COLUMN, 80);
        printf("%*spictures: ", COLUMN, "");
        text_wrap(stdout, *e.preprocess ? e.preprocess : "not known", COLUMN + 10, 80);
        printf("%*sSHA-256: %.32s\n%*s%s\n", COLUMN, "", e.sha256, COLUMN + 9, "", e.sha256 + 32);
        fetch_show(&e, COLUMN);
    }
    return EXIT_DONE;
}

static int model_fetch(const options *given) {
    const char *what = given->operands[1], *sum = option_text(given, "sum");
    if (strstr(what, "://")) {
        if (!option_given(given, "from")) return fetch_address(given);
        term_say("model fetch: --from is given with an address; it is for names");
        return EXIT_USAGE;
    }
    if (!sum) return fetch_run(given, "model");
    term_say("model fetch: --sum is given with a name, whose sum is known; it is for addresses");
    return EXIT_USAGE;
}

static int model_run(const options *given) {
    const char *what = given->operands[0], *names[] = {"list", "fetch"};
    bool fetch = strcmp(what, "fetch") == 0;
    if (!fetch && strcmp(what, "list") != 0) {
        const char *near = stria_nearest(what, names, 2);
        term_say("model: unknown word '%s'; %s%s%s", show_name(what),
                 near ? "did you mean '" : "there are list and fetch", near ? near : "", near ? "'?" : "");
        return EXIT_USAGE;
    }
    if (!fetch && options_surplus(given, "list", "")) return EXIT_USAGE;
    if (given->operand_count - 1 == fetch) return fetch ? model_fetch(given) : model_list(given);
    term_say(fetch ? "model fetch: NAME is missing; 'stria model fetch mobilenetv2-12'" : "model list takes no model");
    return EXIT_USAGE;
}

static const option_row rows[] = {
    {.name = "output",
     .kind = OPTION_TEXT,
     .type = "PATH",
     .help = "folder to write (for a NAME), or file to write (for an ADDRESS; default: its last part, in the working "
             "folder)"},
    {.name = "sum", .kind = OPTION_TEXT, .type = "SHA256", .help = "SHA-256 that the file at an ADDRESS must have"},
    {.name = "from",
     .kind = OPTION_TEXT,
     .type = "ADDRESS",
     .help = "address of a folder with the same file, http:// or https://, instead of the model's own"},
    {0}};

const verb verb_model = {
    .name = "model",
    .usage = "list|fetch [NAME|ADDRESS] [options]",
    .about = "lists and fetches trained models",
    .text = "list: shows names, sizes, licences and sums of trained models, their preprocessing, and where they are on "
            "this machine. fetch: downloads a model, checks its sum and resumes a broken download. Every verb then "
            "accepts its name as MODEL, unless a built-in network or a file has the same name; the preprocessing of "
            "the list is used if the model's file has none.",
    .examples = "# the available models\n"
                "stria model list\n"
                "# fetch one; then: stria predict mobilenetv2-12 cat.png\n"
                "stria model fetch mobilenetv2-12\n"
                "# names and sums for a script\n"
                "stria model list --json | jq -r '.models[] | .sha256 + \"  \" + .name'",
    .operands_min = 1,
    .operands_max = 2,
    .rows = rows,
    .run = model_run,
};
