/* stria filter --learn: a kernel from an input and what it should become, by gradient descent on the mean squared
 * difference. The gradient is the library's, asked for by name. */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_COLUMNS = 40, WEIGHTS_MAX = 1 << 16 };
#define CLOSE_ENOUGH 1e-14 /* of the first loss: what is left is rounding */

/* x[batch, channels] * w[kernels, channels] → target[batch, kernels]. */
typedef struct lesson {
    grid x, target;
    window w;
    int64_t batch, channels, kernels, size[2];
    const char *mode;
    double rate; /* 0: chosen */
    int64_t iterations;
    double *losses; /* [iterations + 1] */
    int64_t done;
    grid kernel;
} lesson;

static void lesson_release(lesson *l) {
    grid_release(&l->x);
    grid_release(&l->target);
    grid_release(&l->kernel);
    free(l->losses);
}

static stria_status mismatch(const lesson *l, stria_error *error) {
    char target[96], kernel[96], result[96];
    grid one = l->target;
    one.maps = 1;
    return source_refuse(error, STRIA_BAD_SHAPE, "the target is %s, a kernel of %s makes %s of the input%s%s",
                         grid_size(&one, target),
                         grid_size(&(grid){.rank = l->x.rank, .height = l->size[0], .width = l->size[1]}, kernel),
                         grid_size(&(grid){.rank = l->x.rank, .height = l->w.out[0], .width = l->w.out[1]}, result),
                         l->mode ? " in mode " : "", l->mode ? l->mode : "");
}

static bool out_fits(const lesson *l) {
    return l->w.out[0] == l->target.height && l->w.out[1] == l->target.width;
}

/* Where no mode is asked for and the input's own does not fit, the one that does. */
static stria_status lesson_window(lesson *l, const options *given, stria_error *error) {
    static const char *const modes[] = {"valid", "same", "full"};
    stria_error ignored;
    l->mode = window_mode_name(given, &l->x);
    stria_status status = window_read(&l->w, given, &l->x, l->size[0], l->size[1], error);
    bool words = l->w.stride[0] > 0 && l->w.dilation[0] > 0; /* were understood */
    if ((status == STRIA_OK && out_fits(l)) || !words) return status;
    window asked = l->w;
    for (int i = 0; i < 3 && l->mode && !option_given(given, "mode"); i++) {
        if (window_mode(&l->w, modes[i], &l->x, l->size[0], l->size[1], &ignored) != STRIA_OK || !out_fits(l)) continue;
        l->mode = modes[i];
        return STRIA_OK;
    }
    l->w = asked;
    return status == STRIA_OK ? mismatch(l, error) : status;
}

/* As many maps on both sides: one kernel goes over each map; else every kernel sees all maps. */
static stria_status lesson_read(lesson *l, const options *given, stria_error *error) {
    stria_status status = grid_read(&l->x, given->operands[0], "the input", error);
    if (status == STRIA_OK) status = grid_read(&l->target, option_text(given, "learn"), "the target", error);
    if (status != STRIA_OK) return status;
    bool shared = l->x.maps == l->target.maps;
    l->batch = shared ? l->x.maps : 1;
    l->channels = shared ? 1 : l->x.maps;
    l->kernels = shared ? 1 : l->target.maps;
    l->iterations = option_integer(given, "iterations");
    l->rate = option_real(given, "lr");
    status = size_parse("--size", option_text(given, "size"), l->x.rank, l->size, error);
    if (status == STRIA_OK && l->x.rank == 1 && l->size[0] != 1)
        status = source_refuse(error, STRIA_BAD_SHAPE, "--size: the input is one row, so the kernel is one, too");
    if (status == STRIA_OK && l->size[0] * l->size[1] > WEIGHTS_MAX / (l->kernels * l->channels))
        status = source_refuse(error, STRIA_UNSUPPORTED,
                               "a kernel of %lldx%lld has more than the %d weights that are learned",
                               (long long)l->size[0], (long long)l->size[1], WEIGHTS_MAX);
    if (status == STRIA_OK) status = lesson_window(l, given, error);
    if (status == STRIA_OK)
        status = grid_new(&l->kernel, l->x.rank, l->kernels * l->channels, l->size[0], l->size[1], "the kernel", error);
    l->losses = malloc((size_t)(l->iterations + 1) * sizeof *l->losses);
    if (status == STRIA_OK && !l->losses)
        status = source_refuse(error, STRIA_NO_MEMORY, "out of memory for the losses");
    return status;
}

/* ---- the graph ---- */

static stria_value *two(filter_graph *g, const char *op, stria_value *a, stria_value *b) {
    return stria_node(g->graph, op, (stria_value *[]){a, b}, 2, NULL);
}

/* Nesterov's accelerated descent; with momentum 0 and the gradient at the kernel itself it is the plain one.
 *   kernel' = ahead − rate · dw(ahead)        ahead' = kernel' + momentum · (kernel' − kernel) */
static void descend(filter_graph *g, const lesson *l, stria_value *ahead, stria_value *loss) {
    int64_t shape[4] = {l->kernels, l->channels, l->size[0], l->size[1]};
    stria_value *kernel = stria_variable(g->graph, "kernel", g->type, 4, shape, NULL);
    stria_value *rate = stria_input(g->graph, "rate", g->type, 0, NULL);
    stria_value *momentum = stria_input(g->graph, "momentum", g->type, 0, NULL);
    stria_value *next = two(g, "Sub", ahead, two(g, "Mul", rate, stria_gradient(g->graph, loss, ahead)));
    stria_assign(g->graph, ahead, two(g, "Add", next, two(g, "Mul", momentum, two(g, "Sub", next, kernel))));
    stria_assign(g->graph, kernel, next);
}

static stria_status lesson_build(filter_graph *g, const lesson *l, stria_error *error) {
    int64_t x_shape[4] = {l->batch, l->channels, l->x.height, l->x.width};
    int64_t t_shape[4] = {l->batch, l->kernels, l->target.height, l->target.width};
    int64_t shape[4] = {l->kernels, l->channels, l->size[0], l->size[1]};
    window inside = l->w; /* once the border is there; Conv's own padding stays */
    stria_value *x = stria_input(g->graph, "x", g->type, 4, x_shape);
    stria_value *target = stria_input(g->graph, "target", g->type, 4, t_shape);
    stria_value *ahead = stria_variable(g->graph, "ahead", g->type, 4, shape, NULL);
    x = filter_border(g, x, &l->w, inside.pad);
    inside.boundary = BOUNDARY_FILL;
    inside.pad_value = 0;
    stria_value *d = two(g, "Sub", filter_conv(g, x, ahead, NULL, &inside), target);
    stria_value *square = two(g, "Mul", d, d);
    stria_value *loss = stria_node(g->graph, "ReduceMean", &square, 1, "keepdims=0");
    stria_output(g->graph, loss, "loss");
    descend(g, l, ahead, loss);
    return filter_graph_ready(g, error);
}

/* ---- the descent ---- */

/* One step; *loss is that before it. */
static stria_status step_run(filter_graph *g, double rate, double momentum, double *loss, stria_error *error) {
    stria_status status = filter_graph_set(g, "rate", &rate, 1, error);
    if (status == STRIA_OK) status = filter_graph_set(g, "momentum", &momentum, 1, error);
    if (status == STRIA_OK) status = stria_session_run(g->session, error);
    return status == STRIA_OK ? filter_graph_get(g, "loss", loss, 1, error) : status;
}

/* No rate above 2 / (the loss's greatest second derivative) converges; its trace, 2 · mean over the windows of Σ x², is
 * at least that, and this at least the trace: every tap sees each value of the bordered input at most once. */
static stria_status rate_choose(lesson *l, stria_error *error) {
    const grid *x = &l->x;
    double squares = 0;
    for (int64_t m = 0; m < x->maps; m++)
        for (int64_t i = -l->w.pad[0]; i < x->height + l->w.pad[2]; i++)
            for (int64_t j = -l->w.pad[1]; j < x->width + l->w.pad[3]; j++) {
                int64_t row = window_source(l->w.boundary, i, x->height);
                int64_t column = window_source(l->w.boundary, j, x->width);
                double v =
                    row < 0 || column < 0 ? l->w.pad_value : x->values[(m * x->height + row) * x->width + column];
                squares += v * v;
            }
    double windows = (double)(l->batch * l->kernels) * (double)(l->w.out[0] * l->w.out[1]);
    double bend = 2 * (double)(l->size[0] * l->size[1]) * squares / windows;
    if (!(bend > 0 && isfinite(bend)))
        return source_refuse(error, STRIA_BAD_ARGUMENT, "the input is %s, so no kernel can be learned from it",
                             bend == 0 ? "zero everywhere" : "not finite");
    l->rate = 1 / bend;
    return STRIA_OK;
}

/* Momentum grows as n / (n + 3) and starts again when the loss has risen (O'Donoghue and Candès). */
static stria_status lesson_run(filter_graph *g, lesson *l, stria_error *error) {
    bool plain = l->rate > 0;
    int64_t n = 0;
    char tail[64];
    stria_status status = plain ? STRIA_OK : rate_choose(l, error);
    for (l->done = 0; status == STRIA_OK; l->done++) {
        double *loss = &l->losses[l->done];
        bool last = l->done == l->iterations || (l->done > 0 && loss[-1] <= CLOSE_ENOUGH * l->losses[0]);
        status = step_run(g, last ? 0 : l->rate, plain || last ? 0 : (double)n / (double)(n + 3), loss, error);
        if (status != STRIA_OK || last) break;
        if (!isfinite(*loss))
            return source_refuse(error, STRIA_NOT_FINITE,
                                 "the loss is not finite after step %lld; a smaller --lr helps", (long long)l->done);
        n = l->done > 0 && *loss > loss[-1] ? 0 : n + 1;
        snprintf(tail, sizeof tail, "loss %.4g", *loss);
        term_bar("learning", (double)l->done / (double)l->iterations, tail);
    }
    term_bar_clear();
    return status == STRIA_OK ? filter_graph_get(g, "kernel", l->kernel.values,
                                                 l->kernel.maps * l->kernel.height * l->kernel.width, error)
                              : status;
}

static stria_status lesson_learn(lesson *l, stria_error *error) {
    filter_graph g;
    const grid *x = &l->x, *t = &l->target;
    bool pictures = x->picture || t->picture; /* of many values, so in float32 */
    stria_status status = filter_graph_init(&g, pictures ? STRIA_FLOAT32 : STRIA_FLOAT64, l->w.threads, error);
    if (status == STRIA_OK) status = lesson_build(&g, l, error);
    if (status == STRIA_OK) status = filter_graph_set(&g, "x", x->values, x->maps * x->height * x->width, error);
    if (status == STRIA_OK) status = filter_graph_set(&g, "target", t->values, t->maps * t->height * t->width, error);
    if (status == STRIA_OK) status = lesson_run(&g, l, error);
    filter_graph_release(&g);
    return status;
}

/* ---- what was learned ---- */

/* Steps 0, 1, 2, 5, 10, 20, 50, …: whether s is one of them, or the last. */
static bool is_shown(int64_t s, int64_t last) {
    int64_t digits = s;
    while (digits >= 10 && digits % 10 == 0) digits /= 10;
    return s == last || digits == 0 || digits == 1 || digits == 2 || digits == 5;
}

/* A line a step; the bars are logarithmic. */
static void losses_print(const lesson *l) {
    double most = 0, least = INFINITY;
    for (int64_t i = 0; i <= l->done; i++) {
        most = fmax(most, l->losses[i]);
        if (l->losses[i] > 0) least = fmin(least, l->losses[i]);
    }
    printf("  step          loss\n");
    for (int64_t i = 0; i <= l->done; i++) {
        if (!is_shown(i, l->done)) continue;
        printf("%6lld  %12.6g", (long long)i, show_real(l->losses[i]));
        double share = l->losses[i] > 0 && most > least ? log(l->losses[i] / least) / log(most / least) : 0;
        for (int c = 0; c < (int)(share * BAR_COLUMNS); c++) printf("%s%s", c ? "" : "  ", term_utf8() ? "█" : "#");
        printf("\n");
    }
}

static stria_status kernel_save(const lesson *l, const char *path, stria_error *error) {
    const grid *k = &l->kernel;
    stria_array a = {.type = STRIA_FLOAT64, .data = k->values};
    if (l->kernels > 1) a.shape[a.rank++] = l->kernels;
    if (k->maps > 1) a.shape[a.rank++] = l->channels;
    if (k->rank == 2 || k->maps > 1) a.shape[a.rank++] = k->height;
    a.shape[a.rank++] = k->width;
    a.bytes = (size_t)(k->maps * k->height * k->width) * sizeof(double);
    return stria_array_write(path, &a, error);
}

static int lesson_show(const lesson *l, const char *file, bool json) {
    if (json) {
        json_t *losses = json_array();
        for (int64_t i = 0; i <= l->done; i++) json_array_append_new(losses, json_number(l->losses[i]));
        return json_finish(json_pack("{s:o,s:o,s:o,s:I,s:o,s:o}", "kernel", grid_json(&l->kernel), "loss",
                                     json_number(l->losses[l->done]), "rate", json_number(l->rate), "steps",
                                     (json_int_t)l->done, "losses", losses, "file",
                                     file ? json_text(file) : json_null()));
    }
    losses_print(l);
    printf("kernel%s:\n", l->w.flip ? ", before flipping" : "");
    grid_print(stdout, &l->kernel);
    if (file) printf("%s %s\n", term_arrow(), show_name(file));
    return EXIT_DONE;
}

int filter_learn(const options *given) {
    lesson l = {0};
    stria_error error = {0};
    const char *file = option_text(given, "save-kernel");
    stria_status status = lesson_read(&l, given, &error);
    if (status == STRIA_OK) status = lesson_learn(&l, &error);
    if (status == STRIA_OK && l.w.flip) grid_flip(&l.kernel); /* what slid over the input is the flipped form */
    if (status == STRIA_OK && file) status = kernel_save(&l, file, &error);
    int code = status == STRIA_OK ? lesson_show(&l, file, option_given(given, "json")) : term_fail(&error);
    lesson_release(&l);
    return code;
}
