/* stria convert: one model format into another, and proof that it is still the same network. */
#include "cli/case.h"
#include "cli/conversion.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

static stria_save_options saving_of(const conversion *c) {
    stria_save_options chosen = stria_save_options_default();
    if (option_given(c->given, "opset")) chosen.opset = (int)option_integer(c->given, "opset");
    chosen.weights = c->weights;
    return chosen;
}

static stria_status model_write(conversion *c, stria_error *error) {
    stria_save_options chosen = saving_of(c);
    char *report = NULL;
    chosen.accept = conversion_check;
    chosen.context = c;
    chosen.report = &report;
    stria_status status = stria_model_save_with(c->before, c->given->operands[1], &chosen, error);
    for (char *line = report, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        term_say("warning: %s", show_name(line));
    }
    stria_text_free(report);
    return status;
}

/* The model once more, beside what both ran on and what IN made of it. */
static stria_status case_save(const conversion *c, stria_error *error) {
    const char *folder = option_text(c->given, "save-test-case");
    char path[4096];
    stria_save_options chosen = saving_of(c);
    if (!folder) return STRIA_OK;
    if (snprintf(path, sizeof path, "%s/model.onnx", folder) >= (int)sizeof path)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
    stria_status status = case_write(folder, &c->inputs, &c->wanted, error);
    return status == STRIA_OK ? stria_model_save_with(c->before, path, &chosen, error) : status;
}

static int convert_usage(const options *given, bool text) {
    const char *path = given->operands[1];
    if (!text && !source_ends(path, ".onnx") && !source_ends(path, ".safetensors") && !source_ends(path, ".npz")) {
        term_say("convert: '%s' does not end in .onnx, .net, .safetensors or .npz, so its format is not known", path);
        return EXIT_USAGE;
    }
    if (option_given(given, "fp16") && option_given(given, "bf16")) {
        term_say("convert: --fp16 and --bf16 are given; give one of the two");
        return EXIT_USAGE;
    }
    if (option_given(given, "save-test-case") && !source_ends(path, ".onnx")) {
        term_say("convert: --save-test-case is given, but '%s' is not an .onnx file, and test cases need one", path);
        return EXIT_USAGE;
    }
    if (!text || !option_given(given, "image")) return EXIT_DONE;
    term_say("convert: --image is given, but a .net file holds no weights, so nothing is computed");
    return EXIT_USAGE;
}

static int convert_run(const options *given) {
    conversion c = {.given = given,
                    .weights = option_given(given, "fp16")   ? STRIA_FLOAT16
                               : option_given(given, "bf16") ? STRIA_BFLOAT16
                                                             : 0,
                    .text = source_ends(given->operands[1], ".net"),
                    .outputs.passed = true};
    stria_model *before = NULL;
    stria_error error = {0};
    int code = convert_usage(given, c.text);
    if (code != EXIT_DONE) return code;
    stria_status status = source_used(given, given->operands[0], &before, &error);
    c.before = before;
    const char *folder = option_text(given, "save-test-case");
    if (status == STRIA_OK && folder) status = case_check(folder, &error);
    if (status == STRIA_OK) status = model_write(&c, &error);
    if (status == STRIA_OK) status = case_save(&c, &error);
    bool differ = c.checked && !c.passed;
    if (status == STRIA_OK || differ) code = conversion_finish(&c);
    if (status != STRIA_OK) code = term_fail(&error);
    conversion_release(&c);
    stria_model_free(before);
    return code;
}

static const option_row convert_rows[] = {
    {.name = "opset",
     .kind = OPTION_INTEGER,
     .type = "N",
     .minimum = 13,
     .maximum = 28,
     .help = "opset of an .onnx file; newer operators are expressed by older ones (default: the lowest opset that has "
             "the model's operators)"},
    {.name = "fp16",
     .kind = OPTION_FLAG,
     .help = "stores weights of two and more dimensions as float16; computation stays float32"},
    {.name = "bf16", .kind = OPTION_FLAG, .help = "the same with bfloat16: larger range, fewer digits; not for .npz"},
    {.name = "image",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "picture to compare both on, with its mirror image as the second row (default: random numbers)"},
    {.name = "save-test-case",
     .kind = OPTION_TEXT,
     .type = "DIR",
     .help = "for an .onnx file: also writes DIR/model.onnx with one row of input and IN's output as ONNX test data, "
             "for other programs and for stria run --test-data"},
    OPTION_DIMS,
    {.name = "rtol",
     .kind = OPTION_REAL,
     .type = "X",
     .help = "tolerated relative error; for layers, relative to the largest value (default 1e-5; 0.0625 with --fp16, "
             "0.5 with --bf16)"},
    {.name = "atol", .kind = OPTION_REAL, .type = "X", .standard = "1e-6", .help = "tolerated absolute error"},
    OPTIONS_PREPROCESS,
    OPTIONS_NETWORK,
    {0},
};

const verb verb_convert = {
    .name = "convert",
    .usage = "IN OUT.onnx|OUT.net|OUT.safetensors|OUT.npz [options]",
    .about = "converts model formats and checks that both files compute the same",
    .text = "IN is any MODEL. OUT is written to a temporary file, read back, and compared with IN on the same input, "
            "of one row and, if IN takes two, of two: final outputs, and every layer separately (--json lists all). If "
            "they differ, the exit code is 1 and OUT is not written; an existing OUT is not changed. A .net file holds "
            "no weights, so its parameters, multiply-adds and outputs are compared. --weights reads a file of weights; "
            "OUT may be .safetensors or .npz to write one. Preprocessing and class options are stored in OUT. "
            "Auxiliary heads, which only training uses, are left out.",
    .examples = "# a built-in network with initial weights, for other programs\n"
                "stria convert lenet5 lenet5.onnx --seed 1\n"
                "# store class names and preprocessing in a model from another program\n"
                "stria convert resnet.onnx named.onnx --labels names.txt --preprocess imagenet\n"
                "# PyTorch's weights for a built-in network\n"
                "stria convert lenet5 lenet5.onnx --weights lenet5.pth\n"
                "# a file of half the size, with float16 weights\n"
                "stria convert resnet.onnx small.onnx --fp16\n"
                "# compared on a picture\n"
                "stria convert resnet.onnx named.onnx --image cat.jpg\n"
                "# a test case, to check another program\n"
                "stria convert resnet.onnx named.onnx --save-test-case case --image cat.jpg\n"
                "stria run case/model.onnx --test-data case\n"
                "# weights for other programs\n"
                "stria convert runs/lenet5-1 lenet5.safetensors\n"
                "# for programs that lack newer operators\n"
                "stria convert lenet5 old.onnx --opset 13\n"
                "# the structure of a trained network as text\n"
                "stria convert runs/lenet5-1 lenet5.net",
    .operands_min = 2,
    .operands_max = 2,
    .rows = convert_rows,
    .run = convert_run,
};
