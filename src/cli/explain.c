/* stria explain: which kernel runs each node, and why better ones declined. */
#include "cli/json.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

static json_t *explain_json(const stria_session *session) {
    json_t *nodes = json_array();
    const stria_explained_node *node;
    for (int i = 0; (node = stria_session_explain(session, i)); i++) {
        json_t *refused = json_array();
        for (int r = 0; r < node->refusal_count; r++)
            json_array_append_new(refused,
                                  json_pack("{s:o,s:o}", "implementation", json_text(node->refusals[r]->implementation),
                                            "reason", json_text(node->refusals[r]->reason)));
        json_array_append_new(nodes, json_pack("{s:o,s:o,s:o,s:o,s:o}", "name", json_text(node->name), "operator",
                                               json_text(node->op), "implementation", json_text(node->implementation),
                                               "storage", json_text(node->storage), "refused", refused));
    }
    if (json_array_size(nodes) < (size_t)stria_session_node_count(session)) term_lost();
    return json_pack("{s:o,s:I}", "nodes", nodes, "workspace_bytes", (json_int_t)stria_session_bytes(session));
}

static void explain_print(const stria_session *session) {
    char bytes[32];
    const stria_explained_node *node;
    table t;
    int i = 0;
    table_init(&t, "node|operator|implementation|storage|better ones that declined");
    for (; (node = stria_session_explain(session, i)); i++) {
        for (int r = 0; r == 0 || r < node->refusal_count; r++) {
            table_cell(&t, "%s", r ? "" : node->name);
            table_cell(&t, "%s", r ? "" : node->op);
            table_cell(&t, "%s", r ? "" : node->implementation);
            table_cell(&t, "%s", r ? "" : node->storage);
            if (r < node->refusal_count)
                table_cell(&t, "%s: %s", node->refusals[r]->implementation, node->refusals[r]->reason);
            else table_cell(&t, "%s", "");
        }
    }
    if (i < stria_session_node_count(session)) term_lost();
    table_print(&t, stdout);
    table_release(&t);
    printf("\nworkspace %s\n", show_bytes(stria_session_bytes(session), bytes));
}

static int explain_run(const options *given) {
    stria_model *model = NULL;
    stria_session *session = NULL;
    stria_session_options chosen = stria_session_options_default();
    stria_error error = {0};
    int code = EXIT_DONE;
    chosen.batch = option_integer(given, "batch");
    chosen.threads = (int)option_integer(given, "threads");
    stria_status status = source_used(given, given->operands[0], &model, &error);
    if (status == STRIA_OK) status = stria_session_new(&session, model, &chosen, &error);
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(explain_json(session));
    else explain_print(session);
    stria_session_free(session);
    stria_model_free(model);
    return code;
}

static const option_row explain_rows[] = {OPTION_BATCH("1", "images per batch"), OPTION_DIMS, OPTIONS_NETWORK, {0}};

const verb verb_explain = {
    .name = "explain",
    .usage = "MODEL [--batch N]",
    .about = "shows per node the kernel that runs it, and why each better one was refused",
    .text = "Nodes are listed as a session runs them, after constant folding and fusion of bias and activation.",
    .examples = "# the kernels of LeNet-5 for one image, and for 64\n"
                "stria explain lenet5\n"
                "stria explain lenet5 --batch 64\n"
                "# the same with another instruction set\n"
                "STRIA_ISA=portable stria explain lenet5",
    .operands_min = 1,
    .operands_max = 1,
    .rows = explain_rows,
    .run = explain_run,
};
