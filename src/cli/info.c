/* stria info: this build and this machine. */
#include "cli/json.h"
#include "cli/verb.h"

static int info_run(const options *given) {
    const stria_info_row *row;
    if (option_given(given, "json")) {
        json_t *object = json_object();
        for (int i = 0; (row = stria_info(i)); i++) json_object_set_new(object, row->key, json_text(row->value));
        return json_finish(object);
    }
    for (int i = 0; (row = stria_info(i)); i++) printf("%-12s %s\n", row->key, row->value);
    return EXIT_DONE;
}

const verb verb_info = {
    .name = "info",
    .usage = "[--json]",
    .about = "version, instruction sets, threads, libraries",
    .examples = "# everything\nstria info\n"
                "# the instruction set in use\nstria info --json | jq -r .isa",
    .run = info_run,
};
