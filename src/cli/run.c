/* stria run: any model on raw tensors. */
#include "cli/case.h"
#include "cli/gradient.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/source.h"
#include "cli/tensors.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

enum { VALUES_MAX = 10000 }; /* of a tensor in JSON */

/* Element i with its own kind: true, 7 or 0.5; null for NaN and infinities. */
static json_t *element_json(const stria_array *array, int64_t i) {
    if (array->type == STRIA_BOOL) return json_boolean(tensor_value(array, i) != 0);
    if (array->type == STRIA_INT64) return json_integer((json_int_t)((const int64_t *)array->data)[i]);
    double value = tensor_value(array, i);
    return !tensor_is_real(array->type) && value < 0x1p63 ? json_integer((json_int_t)value) : json_number(value);
}

/* The first elements, row by row, and how many are left out. */
static void values_json(json_t *entry, const stria_array *array) {
    json_t *list = json_array();
    int64_t count = tensor_count(array), shown = count < VALUES_MAX ? count : VALUES_MAX;
    for (int64_t i = 0; i < shown; i++) json_array_append_new(list, element_json(array, i));
    json_object_set_new(entry, "values", list);
    json_object_set_new(entry, "values_left_out", json_integer(count - shown));
}

/* Name, shape, type and the file; of what is in no file the values. */
static json_t *tensors_json(const tensors *outputs, int from, int to) {
    json_t *list = json_array();
    for (int i = from; i < to; i++) {
        const tensor *t = &outputs->items[i];
        json_t *entry = json_pack("{s:o,s:o,s:s,s:o}", "name", json_text(t->name), "shape",
                                  json_shape(t->array.rank, t->array.shape), "type", stria_type_name(t->array.type),
                                  "file", *t->file ? json_text(t->file) : json_null());
        if (!*t->file) values_json(entry, &t->array);
        json_array_append_new(list, entry);
    }
    return list;
}

/* The first `count` are outputs, the rest gradients. */
static json_t *outputs_json(const tensors *outputs, int count) {
    json_t *document = json_pack("{s:o}", "outputs", tensors_json(outputs, 0, count));
    if (count < outputs->count)
        json_object_set_new(document, "gradients", tensors_json(outputs, count, outputs->count));
    return document;
}

static void outputs_print(const tensors *outputs, int count) {
    for (int i = 0; i < outputs->count; i++) {
        const tensor *t = &outputs->items[i];
        printf("%s%s%s: %s [", i ? "\n" : "", i < count ? "" : "gradient ", show_name(t->name),
               stria_type_name(t->array.type));
        for (int d = 0; d < t->array.rank; d++) printf("%s%lld", d ? ", " : "", (long long)t->array.shape[d]);
        if (*t->file) printf("] %s %s\n", term_arrow(), show_name(t->file));
        else {
            printf("]\n");
            tensor_print(stdout, t);
        }
    }
}

static stria_status run_inputs(const options *given, const stria_model *model, const tensors *inputs,
                               const tensors_way *chosen, tensors *outputs, stria_error *error) {
    const char *folder = option_text(given, "output");
    stria_status status = STRIA_OK;
    const char *of = option_text(given, "grad");
    if (status == STRIA_OK && of)
        status = gradient_run(model, chosen, inputs, of, option_text(given, "wrt"), option_text(given, "grad-seed"),
                              outputs, error);
    else if (status == STRIA_OK)
        status = tensors_run(model, chosen, inputs, option_integer(given, "batch"), NULL, outputs, error);
    if (status == STRIA_OK && folder) status = tensors_write(outputs, folder, error);
    for (int i = 0; status == STRIA_OK && folder && i < outputs->count; i++)
        if (outputs->items[i].array.type >= STRIA_BFLOAT16)
            term_say("'%s' is %s, which .npy does not have: written as float32", outputs->items[i].name,
                     stria_type_name(outputs->items[i].array.type));
    return status;
}

/* Options that only one of the two ways has. A test case says its inputs, and a model its weights. */
static bool surplus(const options *given, bool test) {
    static const char *const cases[] = {"every-way", "rtol", "atol", NULL};
    const char *taken = "test-data every-way rtol atol skip reference no-optimize";
    for (int i = 0; cases[i] && !test; i++)
        if (option_given(given, cases[i])) {
            term_say("run: --%s needs --test-data", cases[i]);
            return true;
        }
    if (test && option_given(given, "seed")) {
        term_say("run: --seed has no effect with --test-data");
        return true;
    }
    if (option_given(given, "every-way")) return options_surplus(given, "--every-way", "test-data every-way rtol atol");
    return test && options_surplus(given, "--test-data", taken);
}

static int run_usage(const options *given) {
    bool test = option_given(given, "test-data"), input = option_given(given, "input");
    bool grad = option_given(given, "grad");
    for (int i = 0; i < 2; i++) {
        const char *needs = i ? "grad-seed" : "wrt";
        if (!grad && option_given(given, needs)) {
            term_say("run: --%s is given without --grad OUTPUT", needs);
            return EXIT_USAGE;
        }
    }
    if (option_given(given, "layers") && (test || grad)) {
        term_say("run: --layers is given with --%s; give one of the two", test ? "test-data" : "grad");
        return EXIT_USAGE;
    }
    if (grad && (test || option_given(given, "batch"))) {
        term_say("run: --grad is given with --%s; gradients are those of all rows together",
                 test ? "test-data" : "batch");
        return EXIT_USAGE;
    }
    if (test && input) {
        term_say("run: --test-data and --input are given; give one of the two");
        return EXIT_USAGE;
    }
    return surplus(given, test) ? EXIT_USAGE : EXIT_DONE;
}

/* Without --input, a model must have no inputs. */
static int inputs_usage(const options *given, const stria_model *model) {
    if (option_given(given, "input") || stria_model_input_count(model) == 0) return EXIT_DONE;
    term_say("run: --input is missing; usage: stria run MODEL --input [NAME=]FILE");
    return EXIT_USAGE;
}

static int model_run(const options *given, const stria_model *model, const tensors *inputs, const tensors_way *chosen) {
    stria_error error = {0};
    tensors outputs = {0};
    int code = inputs_usage(given, model);
    if (code != EXIT_DONE) return code;
    if (run_inputs(given, model, inputs, chosen, &outputs, &error) != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(outputs_json(&outputs, stria_model_output_count(model)));
    else outputs_print(&outputs, stria_model_output_count(model));
    tensors_release(&outputs);
    return code;
}

static int run_run(const options *given) {
    if (run_usage(given) != EXIT_DONE) return EXIT_USAGE;
    tensors_way chosen = tensors_way_default();
    chosen.session.threads = (int)option_integer(given, "threads");
    chosen.session.seed = (uint64_t)option_integer(given, "seed");
    chosen.testing.reference = option_given(given, "reference");
    chosen.session.optimize = !option_given(given, "no-optimize");
    chosen.testing.skip = (int)option_integer(given, "skip");
    if (option_given(given, "test-data")) return case_run(given, &chosen);
    stria_model *model = NULL, *shown = NULL;
    stria_error error = {0};
    tensors inputs = {0};
    int code = EXIT_DONE;
    if (tensors_open_model(&inputs, given, given->operands[0], &model, &error) != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "layers") && layers_open(&shown, model, &error) != STRIA_OK) code = term_fail(&error);
    else code = model_run(given, shown ? shown : model, &inputs, &chosen);
    tensors_release(&inputs);
    stria_model_free(shown);
    stria_model_free(model);
    return code;
}

static const option_row run_rows[] = {
    OPTION_WEIGHTS,
    {.name = "layers",
     .kind = OPTION_FLAG,
     .help = "also outputs every layer's result, by the names that stria summary shows"},
    {.name = "input",
     .kind = OPTION_TEXT,
     .type = "[NAME=]FILE",
     .help = "a tensor, .npy, .npz or .pb (ONNX TensorProto), - for standard input; once per input, in order or by "
             "name; by name also for an input with a default in the model"},
    {.name = "output",
     .kind = OPTION_TEXT,
     .type = "DIR",
     .help = "writes DIR/NAME.npy for every output (default: prints the outputs; with --json, the first 10,000 values "
             "of each)"},
    OPTION_LAYOUT("layout of four-dimensional arrays; nhwc: channels last, as in NumPy and TensorFlow"),
    OPTION_DIMS,
    OPTION_BATCH(NULL, "input rows per run (default: all)"),
    {.name = "grad",
     .kind = OPTION_TEXT,
     .type = "OUTPUT",
     .help =
         "also computes the gradients of this output (its elements summed), written next to the outputs as d.NAME.npy"},
    {.name = "wrt",
     .kind = OPTION_TEXT,
     .type = "NAME,…",
     .help = "with --grad: the tensors to differentiate by (default: all floating-point inputs and parameters)"},
    {.name = "grad-seed",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "with --grad: .npy of the output's shape with the weight of each element"},
    {.name = "reference", .kind = OPTION_FLAG, .help = "computes every operator by its float64 reference formula"},
    {.name = "no-optimize", .kind = OPTION_FLAG, .help = "disables constant folding and fusion"},
    {.name = "test-data",
     .kind = OPTION_TEXT,
     .type = "DIR",
     .help = "runs an ONNX test case and compares; DIR has input_*.pb and output_*.pb, or folders test_data_set_*"},
    {.name = "every-way",
     .kind = OPTION_FLAG,
     .help = "with --test-data: tests every instruction set, with and without optimisation, one and two threads, every "
             "implementation that accepts an operator, and the reference"},
    {.name = "skip",
     .kind = OPTION_INTEGER,
     .type = "N",
     .standard = "0",
     .maximum = 64,
     .help = "skips the N best implementations of each operator, but never the last one"},
    {.name = "rtol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-3",
     .help = "with --test-data: tolerated relative error"},
    {.name = "atol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-7",
     .help = "with --test-data: tolerated absolute error"},
    {0},
};

const verb verb_run = {
    .name = "run",
    .usage = "MODEL --input [NAME=]FILE… [--output DIR] [options]\n"
             "MODEL --input [NAME=]FILE… --grad OUTPUT [--wrt NAME,…] [options]\n"
             "MODEL --test-data DIR [--every-way] [options]",
    .about = "runs any model on raw tensors: NumPy's .npy in, .npy out",
    .examples = "# one input; every output is written to out/NAME.npy\n"
                "stria run model.onnx --input x.npy --output out\n"
                "# also every layer's result\n"
                "stria run model.onnx --input x.npy --layers --output out\n"
                "# an input by name, 64 rows per batch\n"
                "stria run model.onnx --input image=x.npy --batch 64 --output out\n"
                "# open dimensions get the sizes of the arrays\n"
                "stria run detector.onnx --input page.npy --output out\n"
                "# gradients of y with respect to x and the first weights: out/d.x.npy, …\n"
                "stria run model.onnx --input x.npy --grad y --wrt x,conv1.weight --output out\n"
                "# one of ONNX's conformance cases, in every way that must give the same result\n"
                "stria run test_conv/model.onnx --test-data test_conv --every-way",
    .operands_min = 1,
    .operands_max = 1,
    .rows = run_rows,
    .run = run_run,
};
