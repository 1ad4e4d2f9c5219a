/* stria data: where images come from. */
#include "cli/json.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

static int data_run(const options *given) {
    const char *what = given->operands[0];
    if (strcmp(what, "list") != 0) {
        const char *near = stria_nearest(what, (const char *const[]){"list"}, 1);
        term_say("data: unknown word '%s'%s", what, near ? "; did you mean 'list'?" : "; 'list' is what there is");
        return EXIT_USAGE;
    }
    const char *const *names = stria_dataset_names();
    if (option_given(given, "json")) {
        json_t *list = json_array();
        for (int i = 0; names[i]; i++)
            json_array_append_new(list, json_pack("{s:o,s:o}", "name", json_text(names[i]), "about",
                                                  json_text(stria_dataset_about(names[i]))));
        return json_finish(json_pack("{s:o}", "sources", list));
    }
    for (int i = 0; names[i]; i++) {
        printf("%-15s ", names[i]);
        text_wrap(stdout, stria_dataset_about(names[i]), 16, 80);
    }
    return EXIT_DONE;
}

const verb verb_data = {
    .name = "data",
    .usage = "list",
    .about = "the data sources that there are",
    .examples = "# names for --data\nstria data list\n"
                "# the same for a script\nstria data list --json | jq -r '.sources[].name'",
    .operands_min = 1,
    .operands_max = 1,
    .run = data_run,
};
