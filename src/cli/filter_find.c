/* stria filter --find: where a pattern matches best, by normalised cross-correlation:
 *   score = Σ (x − mean x)(p − mean p) / √(Σ (x − mean x)² · Σ (p − mean p)²), over every window of the pattern's size.
 */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct match {
    grid x, pattern;
    double mean_size;          /* mean square of the input, which says how small a variance is rounding only */
    double pattern_size;       /* Σ (p − mean p)² */
    double *products, *spread; /* of every window: Σ x (p − mean p), Σ (x − mean x)² */
    int64_t out[2], best;      /* −1: none */
    double score;
} match;

static void match_release(match *m) {
    grid_release(&m->x);
    grid_release(&m->pattern);
    free(m->products);
    free(m->spread);
}

/* Subtracts the mean, which loses nothing here and saves digits; returns Σ of the squares of what is left. */
static double centre(grid *g) {
    int64_t count = g->maps * g->height * g->width;
    double mean = 0, size = 0;
    for (int64_t i = 0; i < count; i++) mean += g->values[i] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        g->values[i] -= mean;
        size += g->values[i] * g->values[i];
    }
    return size;
}

static stria_status match_read(match *m, const options *given, stria_error *error) {
    char sizes[2][96];
    stria_status status = grid_read(&m->x, given->operands[0], "the input", error);
    if (status == STRIA_OK) status = grid_read(&m->pattern, option_text(given, "find"), "the pattern", error);
    if (status != STRIA_OK) return status;
    const grid *x = &m->x, *p = &m->pattern;
    if (p->maps != x->maps)
        return source_refuse(error, STRIA_BAD_SHAPE, "the pattern has %lld channel%s, the input has %lld",
                             (long long)p->maps, show_s(p->maps), (long long)x->maps);
    if (p->height > x->height || p->width > x->width)
        return source_refuse(error, STRIA_BAD_SHAPE, "the pattern is %s, larger than the input of %s",
                             grid_size(p, sizes[0]), grid_size(x, sizes[1]));
    int64_t count = x->maps * x->height * x->width, taps = p->maps * p->height * p->width;
    double first = p->values[0], size = centre(&m->pattern);
    m->mean_size = centre(&m->x) / (double)count;
    m->pattern_size = size;
    if (!isfinite(m->mean_size))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "the input has a value that is not finite");
    if (!isfinite(size)) return source_refuse(error, STRIA_BAD_ARGUMENT, "the pattern has a value that is not finite");
    if (size <= 1e-20 * (double)taps * first * first)
        return source_refuse(
            error, STRIA_BAD_ARGUMENT,
            "the pattern is flat: all of its values are %g, so it matches nowhere better than elsewhere", first);
    m->out[0] = x->height - p->height + 1;
    m->out[1] = x->width - p->width + 1;
    size_t windows = (size_t)(m->out[0] * m->out[1]);
    m->products = malloc(windows * sizeof *m->products);
    m->spread = malloc(windows * sizeof *m->spread);
    return m->products && m->spread ? STRIA_OK : source_refuse(error, STRIA_NO_MEMORY, "out of memory for the scores");
}

/* The sums over all windows of h × w, of all channels: columns first, then rows. */
static stria_value *window_sums(filter_graph *g, stria_value *x, int64_t maps, int64_t h, int64_t w, const char *of) {
    char name[64];
    int64_t count = maps * h > w ? maps * h : w;
    double *ones = malloc((size_t)count * sizeof *ones);
    if (!ones) {
        g->lost = true;
        return NULL;
    }
    for (int64_t i = 0; i < count; i++) ones[i] = 1;
    for (int pass = 0; pass < 2; pass++) {
        snprintf(name, sizeof name, "%s_%s", of, pass ? "rows" : "columns");
        int64_t shape[4] = {1, pass ? 1 : maps, pass ? 1 : h, pass ? w : 1};
        stria_value *kernel = filter_constant(g, name, shape, ones);
        x = stria_node(g->graph, "Conv", (stria_value *[]){x, kernel}, 2, NULL);
    }
    free(ones);
    return x;
}

/* products = x ⋆ (p − mean p); spread = Σx² − (Σx)² / n. The sums are in float64, since their difference is small; the
 * products of pictures need no more than float32. */
static stria_status match_build(filter_graph *g, const match *m, stria_error *error) {
    const grid *x = &m->x, *p = &m->pattern;
    int64_t x_shape[4] = {1, x->maps, x->height, x->width}, p_shape[4] = {1, p->maps, p->height, p->width};
    double share = 1 / (double)(p->maps * p->height * p->width);
    stria_value *in = stria_input(g->graph, "x", STRIA_FLOAT64, 4, x_shape);
    stria_value *pattern = filter_constant(g, "pattern", p_shape, p->values);
    stria_value *less = stria_constant(g->graph, "share", STRIA_FLOAT64, 0, NULL, &share);
    stria_value *slid = in;
    if (x->picture) {
        slid = stria_node(g->graph, "Cast", &slid, 1, "to=1"); /* float32 */
        pattern = stria_node(g->graph, "Cast", &pattern, 1, "to=1");
    }
    slid = stria_node(g->graph, "Conv", (stria_value *[]){slid, pattern}, 2, NULL);
    stria_value *products = stria_node(g->graph, "Cast", &slid, 1, "to=11"); /* float64 */
    stria_value *sum = window_sums(g, in, p->maps, p->height, p->width, "sum");
    stria_value *squares = window_sums(g, stria_mul(g->graph, in, in), p->maps, p->height, p->width, "squares");
    stria_value *spread = stria_sub(g->graph, squares, stria_mul(g->graph, stria_mul(g->graph, sum, sum), less));
    stria_output(g->graph, products, "products");
    stria_output(g->graph, spread, "spread");
    return filter_graph_ready(g, error);
}

/* The first of the best; windows that are flat match nothing. */
static void match_best(match *m) {
    double taps = (double)(m->pattern.maps * m->pattern.height * m->pattern.width);
    m->best = -1;
    for (int64_t i = 0; i < m->out[0] * m->out[1]; i++) {
        if (!(m->spread[i] > 1e-12 * taps * m->mean_size)) continue;
        double score = m->products[i] / sqrt(m->spread[i] * m->pattern_size);
        if (m->best >= 0 && !(score > m->score)) continue;
        m->best = i;
        m->score = score > 1 ? 1 : score;
    }
}

static stria_status match_run(match *m, int threads, stria_error *error) {
    filter_graph g;
    const grid *x = &m->x;
    int64_t windows = m->out[0] * m->out[1];
    stria_status status = filter_graph_init(&g, STRIA_FLOAT64, threads, error);
    if (status == STRIA_OK) status = match_build(&g, m, error);
    if (status == STRIA_OK) status = filter_graph_set(&g, "x", x->values, x->maps * x->height * x->width, error);
    if (status == STRIA_OK) status = stria_session_run(g.session, error);
    if (status == STRIA_OK) status = filter_graph_get(&g, "products", m->products, windows, error);
    if (status == STRIA_OK) status = filter_graph_get(&g, "spread", m->spread, windows, error);
    filter_graph_release(&g);
    if (status != STRIA_OK) return status;
    match_best(m);
    return m->best >= 0 ? STRIA_OK
                        : source_refuse(error, STRIA_BAD_ARGUMENT,
                                        "the input is flat under every window, so the pattern matches nowhere");
}

static int match_show(const match *m, bool json) {
    int64_t row = m->best / m->out[1], column = m->best % m->out[1];
    if (json)
        return json_finish(json_pack("{s:I,s:I,s:I,s:I,s:o}", "row", (json_int_t)row, "column", (json_int_t)column,
                                     "height", (json_int_t)m->pattern.height, "width", (json_int_t)m->pattern.width,
                                     "score", json_number(m->score)));
    if (m->x.rank == 1) printf("best match: position %lld", (long long)column);
    else printf("best match: row %lld, column %lld", (long long)row, (long long)column);
    printf(", score %.4f\n", m->score);
    return EXIT_DONE;
}

int filter_find(const options *given) {
    match m = {0};
    stria_error error = {0};
    stria_status status = match_read(&m, given, &error);
    if (status == STRIA_OK) status = match_run(&m, (int)option_integer(given, "threads"), &error);
    int code = status == STRIA_OK ? match_show(&m, option_given(given, "json")) : term_fail(&error);
    match_release(&m);
    return code;
}
