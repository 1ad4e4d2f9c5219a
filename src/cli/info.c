/* stria info: this build and this machine. */
#include "cli/json.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

/* False, with the library's sentence on stderr, where STRIA_ISA names what this machine has not. */
static bool isa_known(void) {
    const char *isa = "", *isas = "";
    const stria_info_row *row;
    for (int i = 0; (row = stria_info(i)); i++) {
        if (strcmp(row->key, "isa") == 0) isa = row->value;
        if (strcmp(row->key, "isas") == 0) isas = row->value;
    }
    if (strstr(isas, isa)) return true;
    term_say("%s", isa);
    return false;
}

static void operators_print(void) {
    stria_operator op = {.size = sizeof op};
    table t;
    table_init(&t, "operator|domain|implementations|gradient|formula");
    for (int i = 0; stria_operator_get(i, &op); i++) {
        char list[256] = "";
        const char *name;
        for (int k = 0; (name = stria_operator_implementation(i, k)); k++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", k ? ", " : "", name);
        table_cell(&t, "%s", op.name);
        table_cell(&t, "%s", *op.domain ? op.domain : "ai.onnx");
        table_cell(&t, "%s", op.composite ? "those of its parts" : list);
        table_cell(&t, "%s", op.gradient ? "yes" : "no");
        table_cell(&t, "%s", op.text);
    }
    table_print(&t, stdout);
    table_release(&t);
}

static json_t *operators_json(void) {
    json_t *list = json_array();
    stria_operator op = {.size = sizeof op};
    for (int i = 0; stria_operator_get(i, &op); i++) {
        json_t *names = json_array();
        const char *name;
        for (int k = 0; (name = stria_operator_implementation(i, k)); k++)
            json_array_append_new(names, json_text(name));
        json_array_append_new(list, json_pack("{s:s,s:s,s:o,s:i,s:i,s:i,s:i,s:b,s:b,s:o}", "name", op.name, "domain",
                                              op.domain, "formula", json_text(op.text), "in_min", op.in_min, "in_max",
                                              op.in_max, "out_min", op.out_min, "out_max", op.out_max, "gradient",
                                              op.gradient, "composite", op.composite, "implementations", names));
    }
    return json_pack("{s:o}", "operators", list);
}

static int info_run(const options *given) {
    const stria_info_row *row;
    if (!isa_known()) return EXIT_FAILED;
    if (option_given(given, "operators")) {
        if (option_given(given, "json")) return json_finish(operators_json());
        operators_print();
        return EXIT_DONE;
    }
    if (option_given(given, "json")) {
        json_t *object = json_object();
        for (int i = 0; (row = stria_info(i)); i++) json_object_set_new(object, row->key, json_text(row->value));
        return json_finish(object);
    }
    for (int i = 0; (row = stria_info(i)); i++) printf("%-12s %s\n", row->key, row->value);
    return EXIT_DONE;
}

static const option_row info_rows[] = {
    {.name = "operators",
     .kind = OPTION_FLAG,
     .help = "lists every operator: its implementations, gradient and formula"},
    {0},
};

const verb verb_info = {
    .name = "info",
    .usage = "[--operators] [--json]",
    .about = "version, instruction sets, threads, libraries, operators",
    .rows = info_rows,
    .examples = "# everything\nstria info\n"
                "# the operators for networks\nstria info --operators\n"
                "# the instruction set in use\nstria info --json | jq -r .isa",
    .run = info_run,
};
