/* stria bench: time per layer and in all, and the share of what this machine can do. */
#include "cli/bench.h"

#include "cli/json.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

json_t *bench_json(const stria_bench *bench) {
    json_t *layers = json_array();
    for (int i = 0; i < bench->layer_count; i++) {
        const stria_layer_time *layer = bench->layers[i];
        json_array_append_new(
            layers, json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:I}", "name", json_text(layer->name), "operator",
                              json_text(layer->op), "implementation", json_text(layer->implementation), "median_ms",
                              json_number(layer->median_ms), "gflops", json_number(layer->gflops), "multiply_adds",
                              (json_int_t)layer->multiply_adds, "bytes", (json_int_t)layer->bytes));
    }
    return json_pack("{s:o,s:o,s:o,s:o,s:I,s:o,s:o}", "median_ms", json_number(bench->median_ms), "min_ms",
                     json_number(bench->min_ms), "gflops", json_number(bench->gflops), "peak_gflops",
                     json_number(bench->peak_gflops), "peak_rss_bytes", (json_int_t)bench->peak_rss_bytes, "layers",
                     layers, "bandwidth_gbs", json_number(bench->bandwidth_gbs));
}

static double share(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

static void bench_print(const stria_bench *bench, int64_t batch, bool train) {
    char bytes[32];
    table t;
    table_init(&t, "layer|operator|implementation|>ms|>time|>GFLOP/s|>of peak");
    for (int i = 0; i < bench->layer_count; i++) {
        const stria_layer_time *layer = bench->layers[i];
        table_cell(&t, "%s", layer->name);
        table_cell(&t, "%s", layer->op);
        table_cell(&t, "%s", layer->implementation);
        table_cell(&t, "%.4f", layer->median_ms);
        table_cell(&t, "%.1f %%", share(layer->median_ms, bench->median_ms));
        if (layer->gflops > 0) {
            table_cell(&t, "%.1f", layer->gflops);
            table_cell(&t, "%.1f %%", share(layer->gflops, bench->peak_gflops));
        } else {
            table_cell(&t, "%s", "");
            table_cell(&t, "%s", "");
        }
    }
    table_print(&t, stdout);
    table_release(&t);
    printf("\n%s of batch %lld: median %.4f ms, least %.4f ms, %.0f images/s\n",
           train ? "a training step" : "inference", (long long)batch, bench->median_ms, bench->min_ms,
           bench->median_ms > 0 ? 1000 * (double)batch / bench->median_ms : 0);
    printf("%.1f GFLOP/s, %.1f %% of the measured peak of %.1f; peak memory %s\n", bench->gflops,
           share(bench->gflops, bench->peak_gflops), bench->peak_gflops, show_bytes(bench->peak_rss_bytes, bytes));
}

/* The files that were asked for. */
static stria_status files_write(const options *given, const bench_told *told, stria_error *error) {
    const char *trace = option_text(given, "trace"), *html = option_text(given, "html");
    stria_status status = trace ? bench_trace(told, trace, error) : STRIA_OK;
    return status == STRIA_OK && html ? bench_page(given, told, html, error) : status;
}

static int bench_run(const options *given) {
    stria_model *model = NULL;
    stria_bench bench = {.size = sizeof bench};
    stria_session_options chosen = stria_session_options_default();
    stria_error error = {0};
    bool train = option_given(given, "train");
    int code = EXIT_DONE;
    if (option_given(given, "compare")) return bench_compare(given);
    if (given->operand_count != 1) {
        term_say("bench: one MODEL is timed, but %d are given; --compare takes two files", given->operand_count);
        return EXIT_USAGE;
    }
    chosen.batch = option_integer(given, "batch");
    chosen.threads = (int)option_integer(given, "threads");
    chosen.seed = (uint64_t)option_integer(given, "seed");
    stria_status status = source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK)
        status = stria_bench_model(model, &chosen, train, (int)option_integer(given, "repeat"), &bench, &error);
    bench_told told = {given->operands[0], chosen.batch, train, &bench};
    if (status == STRIA_OK) status = files_write(given, &told, &error);
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(bench_json(&bench));
    else bench_print(&bench, chosen.batch, train);
    stria_bench_release(&bench);
    stria_model_free(model);
    return code;
}

static const option_row bench_rows[] = {
    OPTION_BATCH("1", "images per batch"),
    OPTION_DIMS,
    {.name = "train", .kind = OPTION_FLAG, .help = "a whole training step: forward, backward, momentum update"},
    {.name = "repeat",
     .kind = OPTION_INTEGER,
     .type = "R",
     .standard = "0",
     .maximum = 1000,
     .help = "number of runs, whose median is shown; 0: for about a second"},
    {.name = "trace",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "also writes a trace of the first runs, layer by layer, for ui.perfetto.dev and chrome://tracing (.json)"},
    {.name = "html",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "also writes a page: each layer under this machine's roofline, and why better kernels were refused"},
    {.name = "compare",
     .kind = OPTION_FLAG,
     .help = "compares two files of --json, the older one first, without timing: shows what got slower"},
    OPTION_LANG,
    OPTIONS_NETWORK,
    {0},
};

const verb verb_bench = {
    .name = "bench",
    .usage = "MODEL [--batch N] [--train] [--html FILE] [--trace FILE]\n--compare A.json B.json",
    .about = "time per layer and in total, GFLOP/s, share of this machine's measured peak",
    .examples = "# inference of one image\n"
                "stria bench lenet5\n"
                "# a training step with 64 images on one thread\n"
                "stria bench lenet5 --batch 64 --train --threads 1\n"
                "# a page and a trace to look at\n"
                "stria bench lenet5 --batch 64 --html bench.html --trace trace.json\n"
                "# what a change made slower\n"
                "stria bench lenet5 --json >before.json\n"
                "stria bench lenet5 --json >after.json\n"
                "stria bench --compare before.json after.json",
    .operands_min = 1,
    .operands_max = 2,
    .rows = bench_rows,
    .run = bench_run,
};
