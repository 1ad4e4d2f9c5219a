/* A timing as a trace and as a page. */
#include "cli/bench.h"
#include "cli/json.h"
#include "cli/record.h"
#include "cli/report.h"
#include "cli/source.h"

#include "report/page_bench.h"

#include <stdlib.h>
#include <string.h>

/* ---- trace ---- */

static json_t *meta_event(const char *what, int thread, const char *name) {
    return json_pack("{s:s,s:s,s:i,s:i,s:{s:o}}", "name", what, "ph", "M", "pid", 1, "tid", thread, "args", "name",
                     json_text(name));
}

/* A piece of time: from and for how many nanoseconds; the format wants microseconds. */
static json_t *piece(const char *name, const char *category, int64_t from, int64_t length, json_t *arguments) {
    return json_pack("{s:o,s:s,s:s,s:i,s:i,s:f,s:f,s:o}", "name", json_text(name), "cat", category, "ph", "X", "pid", 1,
                     "tid", 1, "ts", (double)from / 1e3, "dur", (double)length / 1e3, "args", arguments);
}

static json_t *layer_arguments(const stria_layer_time *l, double ms) {
    return json_pack("{s:o,s:o,s:o,s:I,s:I,s:o}", "operator", json_text(l->fused), "implementation",
                     json_text(l->implementation), "storage", json_text(l->storage), "multiply_adds",
                     (json_int_t)l->multiply_adds, "bytes", (json_int_t)l->bytes, "GFLOP/s",
                     json_number(ms > 0 ? 2e-6 * (double)l->multiply_adds / ms : 0));
}

static int64_t nanoseconds(double ms) {
    return (int64_t)(ms * 1e6 + 0.5);
}

/* A run and, within it, its layers, which follow each other; returns how long it took. */
static int64_t run_add(json_t *events, const bench_told *told, int run, int64_t from) {
    const stria_bench *b = told->bench;
    const double *ms = b->run_ms + (size_t)run * ((size_t)b->layer_count + 1);
    int64_t at = 0;
    json_t *whole = json_array();
    for (int k = 0; k < b->layer_count; k++) {
        const stria_layer_time *l = b->layers[k];
        int64_t length = nanoseconds(ms[1 + k]);
        json_array_append_new(whole, piece(l->name, l->op, from + at, length, layer_arguments(l, ms[1 + k])));
        at += length;
    }
    int64_t all = nanoseconds(ms[0]) > at ? nanoseconds(ms[0]) : at; /* layers lie within their run */
    json_array_append_new(events, piece(told->train ? "training step" : "inference", "run", from, all,
                                        json_pack("{s:i,s:I}", "run", run + 1, "batch", (json_int_t)told->batch)));
    json_array_extend(events, whole);
    json_decref(whole);
    return all;
}

stria_status bench_trace(const bench_told *told, const char *file, stria_error *error) {
    const stria_bench *b = told->bench;
    json_t *events = json_array();
    int64_t at = 0;
    json_array_append_new(events, meta_event("process_name", 1, told->model));
    json_array_append_new(events, meta_event("thread_name", 1, "layers"));
    for (int run = 0; run < b->run_count; run++) at += run_add(events, told, run, at);
    json_t *document = json_pack("{s:o,s:s}", "traceEvents", events, "displayTimeUnit", "ms");
    char *text = json_whole(document, JSON_COMPACT);
    stria_status status = text ? stria_file_write(file, text, strlen(text), error)
                               : source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file);
    free(text);
    json_decref(document);
    return status;
}

/* ---- page ---- */

static const char *info(const char *key) {
    const stria_info_row *row;
    for (int i = 0; (row = stria_info(i)); i++)
        if (strcmp(row->key, key) == 0) return row->value;
    return "";
}

stria_status bench_page(const options *given, const bench_told *told, const char *file, stria_error *error) {
    char threads[24];
    int64_t wanted = option_integer(given, "threads");
    char *command = record_command(given);
    out o = {0};
    snprintf(threads, sizeof threads, "%lld", (long long)wanted);
    page_bench page = {.language = report_language(given),
                       .title = told->model,
                       .train = told->train,
                       .processor = info("processor"),
                       .isa = info("isa"),
                       .threads = wanted ? threads : info("threads"),
                       .command = command ? command : "",
                       .batch = told->batch,
                       .bench = told->bench};
    page_bench_write(&o, &page);
    stria_status status = o.failed || !command
                              ? source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file)
                              : stria_file_write(file, o.data, o.length, error);
    out_release(&o);
    free(command);
    return status;
}
