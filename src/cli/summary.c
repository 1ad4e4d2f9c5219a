/* stria summary: what a network is made of, and what it costs. */
#include "cli/summary.h"

#include "cli/json.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>
#include <unistd.h>

enum { NAMES_SHOWN = 8 };

/* Keys of docs/metadata.md that say how a picture becomes the input. */
static const char *const picture_keys[] = {"resize", "crop", "channels", "scale", "mean", "std"};
enum { PICTURE_KEYS = sizeof picture_keys / sizeof *picture_keys };

static const char *picture_text(const stria_model *model, int i) {
    char key[32];
    snprintf(key, sizeof key, "stria.%s", picture_keys[i]);
    return stria_model_metadata(model, key);
}

/* ---- JSON ---- */

static json_t *port_json(stria_port port) {
    return json_pack("{s:o,s:s,s:o}", "name", json_text(port.name), "type", stria_type_name(port.type), "shape",
                     json_shape(port.rank, port.shape)); /* 0: open */
}

static json_t *names_json(const stria_model *model) {
    if (!stria_model_metadata(model, "stria.classes")) return json_null();
    json_t *list = json_array();
    char **names;
    int count;
    stria_status status = stria_model_class_names(&names, &count, model, NULL);
    if (status == STRIA_NO_MEMORY) term_lost();
    if (status != STRIA_OK) return list;
    for (int i = 0; i < count; i++) json_array_append_new(list, json_text(names[i]));
    stria_class_names_free(names);
    return list;
}

/* Null for what is not a classifier of pictures. */
static json_t *classifier_json(const stria_model *model) {
    stria_classifier c = {.size = sizeof c};
    stria_error none;
    if (stria_model_classifier(model, &c, &none) != STRIA_OK) return json_null();
    json_t *pictures = json_object();
    for (int i = 0; i < PICTURE_KEYS; i++)
        if (picture_text(model, i)) json_object_set_new(pictures, picture_keys[i], json_text(picture_text(model, i)));
    return json_pack("{s:i,s:o,s:s,s:s,s:b,s:o,s:b}", "classes", c.classes, "names", names_json(model), "output",
                     c.probabilities ? "probabilities" : "logits", "relation", source_relation(c.relation), "certain",
                     c.certain, "preprocessing", pictures, "untrained", c.untrained);
}

static json_t *connected_json(const stria_layer_row *row) {
    json_t *names = json_array();
    for (int i = 0; i < row->connected_count; i++) json_array_append_new(names, json_text(row->connected[i]));
    return names;
}

static json_t *layers_json(const stria_summary *summary) {
    json_t *layers = json_array();
    for (int i = 0; i < summary->layer_count; i++) {
        const stria_layer_row *row = summary->layers[i];
        json_array_append_new(layers, json_pack("{s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o,s:o}", "name", json_text(row->name),
                                                "type", json_text(row->type), "output", json_text(row->output),
                                                "output_shape", json_shape(row->rank, row->output_shape), "parameters",
                                                (json_int_t)row->parameters, "multiply_adds",
                                                (json_int_t)row->multiply_adds, "connected_to", connected_json(row),
                                                "receptive_field", json_shape(2, row->receptive_field),
                                                "receptive_stride", json_shape(2, row->receptive_stride)));
    }
    return layers;
}

static json_t *tensors_json(const stria_summary *summary) {
    json_t *tensors = json_array();
    for (int i = 0; i < summary->tensor_count; i++) {
        const stria_tensor_row *row = summary->tensors[i];
        json_array_append_new(tensors,
                              json_pack("{s:o,s:s,s:s,s:o}", "name", json_text(row->name), "role", row->role, "type",
                                        stria_type_name(row->type), "shape", json_shape(row->rank, row->shape)));
    }
    return tensors;
}

static json_t *summary_json(const stria_model *model, const stria_summary *summary) {
    json_t *inputs = json_array(), *optional = json_array(), *outputs = json_array();
    for (int i = 0; i < stria_model_input_count(model); i++)
        json_array_append_new(inputs, port_json(*stria_model_input(model, i)));
    for (int i = 0; i < stria_model_optional_input_count(model); i++)
        json_array_append_new(optional, port_json(*stria_model_optional_input(model, i)));
    for (int i = 0; i < stria_model_output_count(model); i++)
        json_array_append_new(outputs, port_json(*stria_model_output(model, i)));
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "parameters",
                     (json_int_t)summary->parameters, "frozen", (json_int_t)summary->frozen, "auxiliary_parameters",
                     (json_int_t)summary->auxiliary, "buffers", (json_int_t)summary->buffers, "multiply_adds",
                     (json_int_t)summary->multiply_adds, "inference_bytes", (json_int_t)summary->inference_bytes,
                     "training_bytes",
                     summary->training_bytes ? json_integer((json_int_t)summary->training_bytes) : json_null(),
                     "inputs", inputs, "optional_inputs", optional, "outputs", outputs, "classifier",
                     classifier_json(model), "layers", layers_json(summary), "tensors", tensors_json(summary));
}

/* ---- text ---- */

/* "1×6×28×28"; an open dimension, 0, as N. */
static void shape_print(char *text, size_t size, int rank, const int64_t *shape, bool open) {
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < rank && length < size; i++) {
        const char *times = i ? term_times() : "";
        if (open && shape[i] == 0) length += (size_t)snprintf(text + length, size - length, "%sN", times);
        else length += (size_t)snprintf(text + length, size - length, "%s%lld", times, (long long)shape[i]);
    }
    if (rank == 0) snprintf(text, size, "scalar");
}

/* Returns true if a layer's result is called otherwise than the layer: then both names are shown. */
static bool results_named(const stria_summary *summary) {
    for (int i = 0; i < summary->layer_count; i++)
        if (strcmp(summary->layers[i]->name, summary->layers[i]->output) != 0) return true;
    return false;
}

/* What the user asks for beside the plain table. */
typedef struct columns {
    bool results, field, formula, tensors;
} columns;

static void connected_cell(table *t, const stria_layer_row *row) {
    char text[256] = "";
    size_t length = 0;
    for (int i = 0; i < row->connected_count && length < sizeof text; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i ? ", " : "", row->connected[i]);
    table_cell(t, "%s", text);
}

/* "7×7" of a receptive field; "all" if it is not a window. */
static void pair_cell(table *t, const int64_t pair[2]) {
    if (pair[0] && pair[1]) table_cell(t, "%lld%s%lld", (long long)pair[0], term_times(), (long long)pair[1]);
    else table_cell(t, "all");
}

/* "(28 + 2 + 2 - 5) / 1 + 1 = 28", of the height and, where it differs, of the width. */
static void formula_cell(table *t, const stria_layer_row *row) {
    char text[256] = "";
    size_t length = 0;
    for (int d = 0; d < row->windows && length < sizeof text; d++) {
        const stria_window *w = &row->window[d];
        if (d && memcmp(w, &row->window[0], sizeof *w) == 0) break;
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s(%lld + %lld + %lld - %lld) / %lld + 1 = %lld",
                             d ? "; " : "", (long long)w->in, (long long)w->before, (long long)w->after,
                             (long long)((w->kernel - 1) * w->dilation + 1), (long long)w->stride, (long long)w->out);
    }
    table_cell(t, "%s", text);
}

static void layers_print(const stria_summary *summary, columns show) {
    char count[32], shape[160], heads[256];
    table t;
    show.results = results_named(summary);
    snprintf(heads, sizeof heads, "layer|type%s|>parameters|>multiply-adds%s%s|connected to",
             show.results ? "|result|shape" : "|output", show.field ? "|>receptive field|>stride" : "",
             show.formula ? "|size" : "");
    table_init(&t, heads);
    for (int i = 0; i < summary->layer_count; i++) {
        const stria_layer_row *row = summary->layers[i];
        shape_print(shape, sizeof shape, row->rank, row->output_shape, false);
        table_cell(&t, "%s", row->name);
        table_cell(&t, "%s", row->type);
        if (show.results) table_cell(&t, "%s", row->output);
        table_cell(&t, "%s", shape);
        table_cell(&t, "%s", show_count(row->parameters, count));
        table_cell(&t, "%s", show_count(row->multiply_adds, count));
        if (show.field) pair_cell(&t, row->receptive_field);
        if (show.field) pair_cell(&t, row->receptive_stride);
        if (show.formula) formula_cell(&t, row);
        connected_cell(&t, row);
    }
    table_print(&t, stdout);
    table_release(&t);
}

static void tensors_print(const stria_summary *summary) {
    char shape[160];
    table t;
    table_init(&t, "tensor|role|type|shape");
    for (int i = 0; i < summary->tensor_count; i++) {
        const stria_tensor_row *row = summary->tensors[i];
        shape_print(shape, sizeof shape, row->rank, row->shape, false);
        table_cell(&t, "%s", row->name);
        table_cell(&t, "%s", row->role);
        table_cell(&t, "%s", stria_type_name(row->type));
        table_cell(&t, "%s", shape);
    }
    putchar('\n');
    table_print(&t, stdout);
    table_release(&t);
}

static void totals_print(const stria_model *model, const stria_summary *summary, int64_t batch) {
    char text[32], frozen[64] = "", buffers[64] = "", sums[32];
    const char *name = show_name(stria_model_name(model));
    if (summary->frozen) snprintf(frozen, sizeof frozen, " (%s of them frozen)", show_count(summary->frozen, text));
    if (summary->buffers) snprintf(buffers, sizeof buffers, ", %s buffers", show_count(summary->buffers, text));
    show_count(summary->multiply_adds, sums);
    size_t size = strlen(name) + 256;
    char *line = malloc(size);
    putchar('\n');
    if (line)
        snprintf(line, size, "%s: %s parameters%s%s, %s multiply-adds for one image", name,
                 show_count(summary->parameters, text), frozen, buffers, sums);
    if (line) term_wrap(stdout, line, 0);
    else term_lost();
    free(line);
    if (summary->auxiliary)
        printf("auxiliary heads, in training only: %s parameters more\n", show_count(summary->auxiliary, text));
    printf("memory at batch %lld: inference %s", (long long)batch, show_bytes(summary->inference_bytes, text));
    if (summary->training_bytes) printf(", one training step %s", show_bytes(summary->training_bytes, text));
    putchar('\n');
}

static void port_print(const char *what, stria_port port) {
    char shape[160];
    shape_print(shape, sizeof shape, port.rank, port.shape, true);
    printf("%-9s %s: %s %s\n", what, show_name(port.name), stria_type_name(port.type), shape);
}

static void classes_print(const stria_model *model, const stria_classifier *c) {
    printf("classes   %d", c->classes);
    char **names = NULL;
    int shown = 0;
    if (stria_model_metadata(model, "stria.classes") &&
        stria_model_class_names(&names, &shown, model, NULL) == STRIA_NO_MEMORY)
        term_lost();
    for (int i = 0; i < shown && i < NAMES_SHOWN; i++) printf("%s%s", i ? ", " : ": ", text_clean(names[i]));
    stria_class_names_free(names);
    puts(shown > NAMES_SHOWN ? ", …" : shown ? "" : ", without names");
}

static void pictures_print(const stria_model *model) {
    bool any = false;
    printf("pictures  ");
    for (int i = 0; i < PICTURE_KEYS; i++) {
        const char *is = picture_text(model, i);
        if (!is || !*is) continue;
        printf("%s%s %s", any ? ", " : "", picture_keys[i], show_name(is));
        any = true;
    }
    puts(any ? "" : "the model says nothing: pixels are divided by 255");
}

/* What the model stores about itself. */
static void classifier_print(const stria_model *model) {
    static const char *const means[] = {[STRIA_EXCLUSIVE] = "classes that exclude each other",
                                        [STRIA_BINARY] = "class 1 of two",
                                        [STRIA_MULTI_LABEL] = "each class by itself (multi-label)"};
    stria_classifier c = {.size = sizeof c};
    stria_error none;
    if (stria_model_classifier(model, &c, &none) != STRIA_OK) return;
    printf("scores    %s of %s%s\n", c.probabilities ? "probabilities" : "logits", means[c.relation],
           c.certain ? "" : ", as far as can be told");
    classes_print(model, &c);
    pictures_print(model);
    if (c.untrained) puts("weights   untrained");
}

static void summary_print(const stria_model *model, const stria_summary *summary, int64_t batch, columns show) {
    layers_print(summary, show);
    if (show.tensors) tensors_print(summary);
    totals_print(model, summary, batch);
    for (int i = 0; i < stria_model_input_count(model); i++) port_print("input", *stria_model_input(model, i));
    for (int i = 0; i < stria_model_optional_input_count(model); i++)
        port_print("optional", *stria_model_optional_input(model, i));
    for (int i = 0; i < stria_model_output_count(model); i++) port_print("output", *stria_model_output(model, i));
    classifier_print(model);
}

/* The network as .net text, heads and all. A file gets it as it is, to be read again; a terminal without what could
 * drive it. */
static int net_print(const stria_model *model) {
    char *text = NULL;
    stria_error error = {0};
    if (stria_model_text(model, &text, &error) != STRIA_OK) return term_fail(&error);
    if (isatty(STDOUT_FILENO)) text_clean_lines(text);
    fputs(text, stdout);
    stria_text_free(text);
    return EXIT_DONE;
}

static int summary_run(const options *given) {
    stria_model *model = NULL;
    columns show = {.field = option_given(given, "receptive-field"),
                    .formula = option_given(given, "formula"),
                    .tensors = option_given(given, "tensors")};
    stria_summary summary = {.size = sizeof summary};
    stria_error error = {0};
    int64_t batch = option_integer(given, "batch");
    int code = EXIT_DONE;
    stria_status status = source_model(given, given->operands[0], &model, &error);
    bool net = option_given(given, "net"), map = option_given(given, "memory-map");
    if (status == STRIA_OK && (net || map)) {
        code = net ? net_print(model) : summary_map(given, model);
        stria_model_free(model);
        return code;
    }
    if (status == STRIA_OK) status = stria_summarize(model, batch, &summary, &error);
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(summary_json(model, &summary));
    else summary_print(model, &summary, batch, show);
    stria_summary_release(&summary);
    stria_model_free(model);
    return code;
}

static const option_row summary_rows[] = {
    OPTION_BATCH("1", "images per batch, for the memory figures"),
    OPTION_DIMS,
    {.name = "tensors",
     .kind = OPTION_FLAG,
     .help = "also lists the parameters and statistics, by their names for run --wrt"},
    {.name = "receptive-field",
     .kind = OPTION_FLAG,
     .help = "also shows each layer's receptive field in pixels, and its step between neighbours"},
    {.name = "formula",
     .kind = OPTION_FLAG,
     .help = "also shows how each size is computed: (in + pads - kernel) / stride + 1"},
    {.name = "net", .kind = OPTION_FLAG, .help = "prints only the network as .net text"},
    {.name = "memory-map",
     .kind = OPTION_FLAG,
     .help = "only draws the planned memory of a training step, node by node (with --out)"},
    {.name = "out", .kind = OPTION_TEXT, .type = "FILE.svg", .help = "output file of --memory-map"},
    OPTIONS_NETWORK,
    {0},
};

const verb verb_summary = {
    .name = "summary",
    .usage = "MODEL [--batch N]\nMODEL --memory-map --out FILE.svg [--batch N]",
    .about = "shows a layer table (shape, parameters, multiply-adds, connections) and the memory to run and train",
    .text =
        "Below the table are the inputs and outputs, the kind of the output, and the stored classes and preprocessing. "
        "If a layer's result has its own name, the table shows it; run --grad and --wrt take this name.",
    .examples = "# a network built in\n"
                "stria summary lenet5\n"
                "# memory of a training step with 256 images\n"
                "stria summary model.onnx --batch 256\n"
                "# the names of the parameters\n"
                "stria summary model.onnx --tensors\n"
                "# a network with other sizes, its receptive fields, and its text to edit\n"
                "stria summary resnet50 --classes 10 --size 3x32x32 --receptive-field\n"
                "stria summary squeezenet1.1 --net\n"
                "# what uses the memory of a training step, and when\n"
                "stria summary resnet20 --batch 32 --memory-map --out memory.svg",
    .operands_min = 1,
    .operands_max = 1,
    .rows = summary_rows,
    .run = summary_run,
};
