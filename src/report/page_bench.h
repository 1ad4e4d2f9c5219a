/* A timing as a page: time per layer under the machine's roofline, and which implementation ran. */
#ifndef REPORT_PAGE_BENCH_H
#define REPORT_PAGE_BENCH_H

#include "report/page.h"

typedef struct page_bench {
    words_language language;
    const char *title; /* the model */
    bool train;        /* a training step, not inference */
    const char *processor, *isa, *threads;
    const char *command;
    int64_t batch;
    const stria_bench *bench;
} page_bench;

/* The least time that a layer's work takes on this machine, in ms: multiply-adds at the measured peak, or its bytes at
 * the measured bandwidth, whichever takes longer. */
double page_bench_least_ms(const stria_bench *bench, const stria_layer_time *layer);

void page_bench_write(out *o, const page_bench *b);

#endif
