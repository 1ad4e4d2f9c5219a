/* stria run: any model on raw tensors. */
#include "cli/compare.h"
#include "cli/json.h"
#include "cli/source.h"
#include "cli/tensors.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

static json_t *outputs_json(const tensors *outputs) {
    json_t *list = json_array();
    for (int i = 0; i < outputs->count; i++) {
        const tensor *t = &outputs->items[i];
        json_array_append_new(list, json_pack("{s:o,s:o,s:s,s:o}", "name", json_text(t->name), "shape",
                                              json_shape(t->array.rank, t->array.shape), "type",
                                              source_type_name(t->array.type), "file",
                                              *t->file ? json_text(t->file) : json_null()));
    }
    return json_pack("{s:o}", "outputs", list);
}

static void outputs_print(const tensors *outputs) {
    for (int i = 0; i < outputs->count; i++) {
        const tensor *t = &outputs->items[i];
        char name[256];
        snprintf(name, sizeof name, "%s", t->name);
        printf("%s%s: %s [", i ? "\n" : "", text_clean(name), source_type_name(t->array.type));
        for (int d = 0; d < t->array.rank; d++) printf("%s%lld", d ? ", " : "", (long long)t->array.shape[d]);
        if (*t->file) printf("] %s %s\n", term_arrow(), t->file);
        else {
            printf("]\n");
            tensor_print(stdout, t);
        }
    }
}

static stria_status run_inputs(const options *given, const stria_model *model, const stria_session_options *chosen,
                               tensors *outputs, stria_error *error) {
    tensors inputs = {0};
    const char *folder = option_text(given, "output");
    stria_status status = STRIA_OK;
    for (int i = 0; option_each(given, "input", i) && status == STRIA_OK; i++)
        status = tensors_read_input(&inputs, model, option_each(given, "input", i), error);
    if (status == STRIA_OK)
        status = tensors_run(model, chosen, &inputs, option_integer(given, "batch"), outputs, error);
    if (status == STRIA_OK && folder) status = tensors_write(outputs, folder, error);
    tensors_release(&inputs);
    return status;
}

/* A folder of input_*.pb and output_*.pb, as ONNX's own conformance cases have it. */
static stria_status run_test(const options *given, const stria_session_options *chosen, const char *folder,
                             comparison *found, stria_error *error) {
    tensors inputs = {0}, wanted = {0}, outputs = {0};
    stria_model *model = NULL;
    stria_status status = tensors_open_case(&inputs, &wanted, given->operands[0], folder, &model, error);
    if (status == STRIA_OK) status = tensors_run(model, chosen, &inputs, 0, &outputs, error);
    if (status == STRIA_OK)
        status =
            compare_tensors(&outputs, &wanted, option_real(given, "rtol"), option_real(given, "atol"), found, error);
    tensors_release(&inputs);
    tensors_release(&wanted);
    tensors_release(&outputs);
    stria_model_free(model);
    return status;
}

static int run_usage(const options *given) {
    bool test = option_given(given, "test-data"), input = option_given(given, "input");
    if (test != input) return EXIT_DONE;
    term_say("run: %s", test ? "--test-data and --input are given; one of the two is wanted"
                             : "--input is missing; usage: stria run MODEL --input [NAME=]FILE");
    return EXIT_USAGE;
}

static int run_run(const options *given) {
    if (run_usage(given) != EXIT_DONE) return EXIT_USAGE;
    const char *test = option_text(given, "test-data");
    bool json = option_given(given, "json");
    stria_session_options chosen = stria_session_options_default();
    chosen.threads = (int)option_integer(given, "threads");
    chosen.seed = (uint64_t)option_integer(given, "seed");
    chosen.reference = option_given(given, "reference");
    chosen.optimize = !option_given(given, "no-optimize");
    stria_model *model = NULL;
    stria_error error = {0};
    tensors outputs = {0};
    comparison found = {.passed = true};
    stria_status status =
        test ? run_test(given, &chosen, test, &found, &error) : source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK && !test) status = run_inputs(given, model, &chosen, &outputs, &error);
    int code = EXIT_DONE;
    if (status != STRIA_OK) code = term_fail(&error);
    else if (test) code = compare_finish(&found, json, NULL);
    else if (json) code = json_finish(outputs_json(&outputs));
    else outputs_print(&outputs);
    compare_release(&found);
    tensors_release(&outputs);
    stria_model_free(model);
    return code;
}

static const option_row run_rows[] = {
    {.name = "input",
     .kind = OPTION_TEXT,
     .type = "[NAME=]FILE",
     .help = "a tensor, .npy or .pb (ONNX TensorProto); once for each input, in order or by name"},
    {.name = "output",
     .kind = OPTION_TEXT,
     .type = "DIR",
     .help = "writes DIR/NAME.npy for every output; printed if not given"},
    OPTION_BATCH(NULL, "rows of the inputs to run at once; all of them if not given"),
    {.name = "reference", .kind = OPTION_FLAG, .help = "computes every operator by its formula in float64"},
    {.name = "no-optimize", .kind = OPTION_FLAG, .help = "neither folds constants nor fuses layers"},
    {.name = "test-data",
     .kind = OPTION_TEXT,
     .type = "DIR",
     .help = "runs an ONNX test case (input_*.pb, output_*.pb) and compares"},
    {.name = "rtol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-3",
     .help = "with --test-data: relative error allowed"},
    {.name = "atol",
     .kind = OPTION_REAL,
     .type = "X",
     .standard = "1e-7",
     .help = "with --test-data: absolute error allowed"},
    {0},
};

const verb verb_run = {
    .name = "run",
    .usage = "MODEL --input [NAME=]FILE… [--output DIR] [options]\nMODEL --test-data DIR [options]",
    .about = "any model on raw tensors: NumPy's .npy in, .npy out",
    .examples = "# one input, every output into out/NAME.npy\n"
                "stria run model.onnx --input x.npy --output out\n"
                "# an input by name, 64 rows at once\n"
                "stria run model.onnx --input image=x.npy --batch 64 --output out\n"
                "# one of ONNX's conformance cases\n"
                "stria run test_conv/model.onnx --test-data test_conv/test_data_set_0",
    .operands_min = 1,
    .operands_max = 1,
    .rows = run_rows,
    .run = run_run,
};
