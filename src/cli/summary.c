/* stria summary: what a network is made of, and what it costs. */
#include "cli/json.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

static json_t *summary_json(const stria_summary *summary) {
    json_t *layers = json_array();
    for (int i = 0; i < summary->layer_count; i++) {
        const stria_layer_row *row = &summary->layers[i];
        json_array_append_new(
            layers, json_pack("{s:o,s:o,s:o,s:I,s:I}", "name", json_text(row->name), "type", json_text(row->type),
                              "output_shape", json_shape(row->rank, row->output_shape), "parameters",
                              (json_int_t)row->parameters, "multiply_adds", (json_int_t)row->multiply_adds));
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:o}", "parameters", (json_int_t)summary->parameters, "buffers",
                     (json_int_t)summary->buffers, "multiply_adds", (json_int_t)summary->multiply_adds,
                     "inference_bytes", (json_int_t)summary->inference_bytes, "training_bytes",
                     (json_int_t)summary->training_bytes, "layers", layers);
}

static void shape_print(char *text, size_t size, int rank, const int64_t *shape) {
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < rank && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%lld", i ? term_times() : "", (long long)shape[i]);
}

static void summary_print(const stria_model *model, const stria_summary *summary, int64_t batch) {
    char a[32], b[32], shape[128];
    table t;
    table_init(&t, "layer|type|output|>parameters|>multiply-adds");
    for (int i = 0; i < summary->layer_count; i++) {
        const stria_layer_row *row = &summary->layers[i];
        shape_print(shape, sizeof shape, row->rank, row->output_shape);
        table_cell(&t, "%s", row->name);
        table_cell(&t, "%s", row->type);
        table_cell(&t, "%s", shape);
        table_cell(&t, "%s", show_count(row->parameters, a));
        table_cell(&t, "%s", show_count(row->multiply_adds, b));
    }
    table_print(&t, stdout);
    table_release(&t);
    printf("\n%s: %s parameters", show_name(stria_model_name(model)), show_count(summary->parameters, a));
    if (summary->buffers) printf(", %s buffers", show_count(summary->buffers, a));
    printf(", %s multiply-adds for one image\n", show_count(summary->multiply_adds, a));
    printf("memory at batch %lld: inference %s, one training step %s\n", (long long)batch,
           show_bytes(summary->inference_bytes, a), show_bytes(summary->training_bytes, b));
}

static int summary_run(const options *given) {
    stria_model *model = NULL;
    stria_summary summary = {0};
    stria_error error = {0};
    int64_t batch = option_integer(given, "batch");
    int code = EXIT_DONE;
    stria_status status = source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK) status = stria_summarize(model, batch, &summary, &error);
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(summary_json(&summary));
    else summary_print(model, &summary, batch);
    stria_summary_release(&summary);
    stria_model_free(model);
    return code;
}

static const option_row summary_rows[] = {OPTION_BATCH("1", "for the memory"), {0}};

const verb verb_summary = {
    .name = "summary",
    .usage = "MODEL [--batch N]",
    .about = "layer table: output shape, parameters, multiply-adds; memory to run and to train",
    .examples = "# a network built in\n"
                "stria summary lenet5\n"
                "# memory of a training step with 256 images\n"
                "stria summary model.onnx --batch 256",
    .operands_min = 1,
    .operands_max = 1,
    .rows = summary_rows,
    .run = summary_run,
};
