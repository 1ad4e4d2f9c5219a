/* Timings as files, and the comparison of two of them. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/options.h"

#include <jansson.h>

typedef struct bench_told {
    const char *model;
    int64_t batch;
    bool train;
    const stria_bench *bench;
} bench_told;

json_t *bench_json(const stria_bench *bench);

/* ---- bench_files.c ---- */

/* The runs one after another as complete events of Chrome's trace event format. */
stria_status bench_trace(const bench_told *told, const char *file, stria_error *error);
/* report/page_bench.h */
stria_status bench_page(const options *given, const bench_told *told, const char *file, stria_error *error);

/* ---- bench_compare.c ---- */

/* stria bench --compare A.json B.json; returns the exit code. */
int bench_compare(const options *given);

#endif
