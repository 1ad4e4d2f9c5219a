#include "report/page_bench.h"

#include "report/plot.h"
#include "report/svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BARS_MAX = 30, ROWS_MAX = 2000, REFUSALS_MAX = 8 };

static double flops_ms(const stria_bench *b, const stria_layer_time *l) {
    return b->peak_gflops > 0 ? 2e-6 * (double)l->multiply_adds / b->peak_gflops : 0;
}

static double bytes_ms(const stria_bench *b, const stria_layer_time *l) {
    return b->bandwidth_gbs > 0 ? 1e-6 * (double)l->bytes / b->bandwidth_gbs : 0;
}

double page_bench_least_ms(const stria_bench *b, const stria_layer_time *l) {
    return fmax(flops_ms(b, l), bytes_ms(b, l));
}

static double share(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

/* Of all layers: the whole run has pauses of other programs in it. */
static double layers_ms(const stria_bench *b) {
    double sum = 0;
    for (int i = 0; i < b->layer_count; i++) sum += b->layers[i]->median_ms;
    return sum;
}

static void roof(out *o, const page *p, const page_bench *b) {
    const stria_bench *bench = b->bench;
    const plot_roof_texts texts = {page_word(p, "Roofline"), page_word(p, "FLOP per byte"), "GFLOP/s"};
    double all = layers_ms(bench);
    plot_dot *dots = calloc((size_t)bench->layer_count + 1, sizeof *dots);
    if (!dots) o->failed = true;
    if (!dots || !(bench->peak_gflops > 0) || !(bench->bandwidth_gbs > 0)) {
        free(dots);
        return;
    }
    for (int i = 0; i < bench->layer_count; i++) {
        const stria_layer_time *l = bench->layers[i];
        dots[i] = (plot_dot){l->name, l->bytes ? 2 * (double)l->multiply_adds / (double)l->bytes : 0, l->gflops,
                             share(l->median_ms, all)};
    }
    out_raw(o, "<div class=\"card\">");
    plot_roof(o, &texts, dots, bench->layer_count, bench->peak_gflops, bench->bandwidth_gbs, 400, 320);
    out_printf(o, "<div class=\"dim\">%s</div></div>\n", page_word(p, "dots: layers; areas: their shares of the time"));
    free(dots);
}

static const stria_layer_time *const *sorted;

static int slowest_first(const void *a, const void *b) {
    double left = sorted[*(const int *)a]->median_ms, right = sorted[*(const int *)b]->median_ms;
    return left > right ? -1 : left < right ? 1 : *(const int *)a - *(const int *)b;
}

static void bars(out *o, const page *p, const page_bench *b) {
    const char *legend[] = {page_word(p, "share of the time"), page_word(p, "share of what is possible")};
    int n = b->bench->layer_count, shown = n < BARS_MAX ? n : BARS_MAX;
    double all = layers_ms(b->bench);
    int *order = calloc((size_t)n + 1, sizeof *order);
    plot_bar *bar = calloc((size_t)shown + 1, sizeof *bar);
    for (int i = 0; order && i < n; i++) order[i] = i;
    sorted = b->bench->layers;
    if (order) qsort(order, (size_t)n, sizeof *order, slowest_first);
    for (int i = 0; order && bar && i < shown; i++) {
        const stria_layer_time *l = b->bench->layers[order[i]];
        double possible = share(page_bench_least_ms(b->bench, l), l->median_ms);
        bar[i] = (plot_bar){l->name, {share(l->median_ms, all), fmin(possible, 1), 0}, ""};
    }
    out_raw(o, "<div class=\"card\">");
    if (order && bar)
        plot_bars(o, page_word(p, n > shown ? "The slowest layers" : "Layers"), bar, shown, legend, 2, 400, false);
    else o->failed = true;
    out_raw(o, "</div>\n");
    free(order);
    free(bar);
}

static void cell_real(out *o, const char *format, double value, bool there) __attribute__((format(printf, 2, 0)));
static void cell_real(out *o, const char *format, double value, bool there) {
    char text[40] = "";
    if (there) snprintf(text, sizeof text, format, value);
    page_cell(o, text, true);
}

static void refusals(out *o, const stria_layer_time *l) {
    out_raw(o, "<td>");
    for (int i = 0; i < l->refusal_count && i < REFUSALS_MAX; i++) {
        if (i) out_raw(o, "<br>");
        out_text_cut(o, l->refusals[i]->implementation, 40);
        out_raw(o, ": ");
        out_text_cut(o, l->refusals[i]->reason, PAGE_CELLS);
    }
    out_raw(o, "</td>");
}

static void rows(out *o, const page *p, const page_bench *b) {
    static const char *const headings[] = {"layer",
                                           "operator",
                                           "implementation",
                                           "storage",
                                           ">ms",
                                           ">time",
                                           ">GFLOP/s",
                                           ">GB/s",
                                           ">FLOP/byte",
                                           ">of what is possible",
                                           "bound by",
                                           "better ones that declined"};
    const stria_bench *bench = b->bench;
    double all = layers_ms(bench);
    page_table(o, p, "Layers as a table", headings, 12);
    for (int i = 0; i < bench->layer_count && i < ROWS_MAX; i++) {
        const stria_layer_time *l = bench->layers[i];
        bool timed = l->median_ms > 0, works = l->multiply_adds > 0;
        out_raw(o, "<tr>");
        page_cell(o, l->name, false);
        page_cell(o, l->fused, false);
        page_cell(o, l->implementation, false);
        page_cell(o, l->storage, false);
        cell_real(o, "%.4f", l->median_ms, true);
        cell_real(o, "%.1f %%", 100 * share(l->median_ms, all), true);
        cell_real(o, "%.1f", l->gflops, works);
        cell_real(o, "%.2f", 1e-6 * (double)l->bytes / l->median_ms, timed);
        cell_real(o, "%.2f", 2 * (double)l->multiply_adds / (double)(l->bytes ? l->bytes : 1), works);
        cell_real(o, "%.1f %%", 100 * share(page_bench_least_ms(bench, l), l->median_ms), timed);
        page_cell(o, page_word(p, flops_ms(bench, l) > bytes_ms(bench, l) ? "computing" : "memory"), false);
        refusals(o, l);
        out_raw(o, "</tr>\n");
    }
    page_table_end(o);
}

static void tiles(out *o, const page *p, const page_bench *b) {
    const stria_bench *bench = b->bench;
    char text[64];
    out_raw(o, "<div class=\"tiles\">\n");
    snprintf(text, sizeof text, "%.4g ms", bench->median_ms);
    page_tile(o, p, "median", text);
    snprintf(text, sizeof text, "%.4g ms", bench->min_ms);
    page_tile(o, p, "least", text);
    snprintf(text, sizeof text, "%.4g", share(1000 * (double)b->batch, bench->median_ms));
    page_tile(o, p, "images per second", text);
    snprintf(text, sizeof text, "%.4g", bench->gflops);
    page_tile(o, p, "GFLOP/s", text);
    snprintf(text, sizeof text, "%.4g", bench->peak_gflops);
    page_tile(o, p, "measured peak, GFLOP/s", text);
    snprintf(text, sizeof text, "%.4g", bench->bandwidth_gbs);
    page_tile(o, p, "measured bandwidth, GB/s", text);
    out_raw(o, "</div>\n");
}

void page_bench_write(out *o, const page_bench *b) {
    page p = {.language = b->language, .title = b->title};
    page_head(o, &p, "Timing");
    out_raw(o, "<main id=\"page\" data-state=\"complete\">\n<header><h1>");
    out_text_cut(o, b->title, PAGE_CELLS);
    out_printf(o, "</h1><div>%s · %s · %s %" PRId64 "</div></header>\n", page_word(&p, "Timing"),
               page_word(&p, b->train ? "a training step" : "inference"), page_word(&p, "batch"), b->batch);
    tiles(o, &p, b);
    page_section(o, &p, "layers", "Time by layer");
    out_raw(o, "<div class=\"cards\">");
    roof(o, &p, b);
    bars(o, &p, b);
    out_raw(o, "</div>\n");
    rows(o, &p, b);
    out_printf(o, "<p class=\"dim\">%s",
               page_word(&p, "Possible: multiply-adds at the peak, or all operands moved once."));
    out_printf(o, " %s</p>\n", page_word(&p, "What lies in a cache can be faster."));
    page_section_end(o);
    const page_fact facts[] = {{"command", b->command, true},
                               {"processor", b->processor, false},
                               {"instruction set", b->isa, false},
                               {"threads", b->threads, false}};
    p.facts = facts;
    p.fact_count = 4;
    page_facts(o, &p);
    page_end(o, &p, false);
}
