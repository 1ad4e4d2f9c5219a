/* stria filter --steps: the flipped kernel, and of every window its products. */
#include "cli/filter.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

enum { PRODUCTS_MAX = 100000 };

/* What one window is about. */
typedef struct step {
    const grid *x, *y;
    const bank *b;
    const window *w;
    const double *bias;
    int64_t kernel, map, row, column; /* of the result; map: of the input where maps are filtered one by one */
} step;

/* x[map, i, j], the pad value outside; *outside says so. */
static double input_at(const step *s, int64_t map, int64_t i, int64_t j, bool *outside) {
    const grid *x = s->x;
    int64_t row = window_source(s->w->boundary, i, x->height), column = window_source(s->w->boundary, j, x->width);
    *outside = i < 0 || j < 0 || i >= x->height || j >= x->width;
    if (row < 0 || column < 0) return s->w->pad_value;
    return x->values[(map * x->height + row) * x->width + column];
}

/* Weight (u, v) of the window, as it lies over the input. */
static double weight_at(const step *s, int64_t channel, int64_t u, int64_t v) {
    const grid *w = &s->b->w;
    return w->values[((s->kernel * s->b->channels + channel) * w->height + u) * w->width + v];
}

/* Calls take for every product of the window, in order. */
static void products_each(const step *s, void (*take)(void *context, double x, double w, bool outside, bool row_ends),
                          void *context) {
    const grid *k = &s->b->w;
    for (int64_t c = 0; c < s->b->channels; c++)
        for (int64_t u = 0; u < k->height; u++)
            for (int64_t v = 0; v < k->width; v++) {
                bool outside;
                double x = input_at(s, s->b->channels > 1 ? c : s->map,
                                    s->row * s->w->stride[0] - s->w->pad[0] + u * s->w->dilation[0],
                                    s->column * s->w->stride[1] - s->w->pad[1] + v * s->w->dilation[1], &outside);
                take(context, x, weight_at(s, c, u, v), outside, v + 1 == k->width);
            }
}

static double result_at(const step *s) {
    const grid *y = s->y;
    int64_t shared = s->x->maps / s->b->channels; /* maps of each kernel's result */
    return y->values[((s->kernel * shared + s->map) * y->height + s->row) * y->width + s->column];
}

/* Calls visit for every window. */
static void windows_each(step *s, void (*visit)(const step *s, void *context), void *context) {
    int64_t shared = s->x->maps / s->b->channels;
    for (s->kernel = 0; s->kernel < s->b->count; s->kernel++)
        for (s->map = 0; s->map < shared; s->map++)
            for (s->row = 0; s->row < s->y->height; s->row++)
                for (s->column = 0; s->column < s->y->width; s->column++) visit(s, context);
}

/* ---- text ---- */

static void product_print(void *context, double x, double w, bool outside, bool row_ends) {
    bool *first = context;
    char a[32], b[32];
    printf("%s%s%s%s%s%s", *first ? "" : " + ", outside ? "(" : "", number_text(x, a), outside ? ")" : "",
           term_utf8() ? "·" : "*", number_text(w, b));
    *first = false;
}

/* Of y: each kernel makes one of every group of x's maps. */
static int64_t map_of(const step *s) {
    return s->kernel * (s->x->maps / s->b->channels) + s->map;
}

static void window_print(const step *s, void *context) {
    char text[32];
    bool first = true;
    printf("y[");
    if (s->y->maps > 1) printf("%lld, ", (long long)map_of(s));
    if (s->y->rank == 2) printf("%lld, ", (long long)s->row);
    printf("%lld] = ", (long long)s->column);
    products_each(s, product_print, &first);
    if (s->bias) printf(" + %s", number_text(s->bias[s->kernel], text));
    printf(" = %s\n", number_text(result_at(s), text));
}

static void kernels_print(const step *s, bank *b) {
    if (s->w->flip) {
        grid_flip(&b->w);
        printf("kernel:\n");
        grid_print(stdout, &b->w);
        grid_flip(&b->w);
    }
    printf("%s:\n", s->w->flip ? "flipped, as it slides over the input" : "kernel");
    grid_print(stdout, &b->w);
    const int64_t *p = s->w->pad;
    if (p[0] + p[1] + p[2] + p[3] == 0) printf("no padding\n");
    else if (s->x->rank == 1)
        printf("padding: %lld before, %lld after; its values are in parentheses\n", (long long)p[1], (long long)p[3]);
    else
        printf("padding: %lld above, %lld left, %lld below, %lld right; its values are in parentheses\n",
               (long long)p[0], (long long)p[1], (long long)p[2], (long long)p[3]);
}

/* ---- JSON ---- */

static void product_json(void *context, double x, double w, bool outside, bool row_ends) {
    json_array_append_new(context, json_number(x * w + 0));
}

static void window_json(const step *s, void *context) {
    json_t *products = json_array();
    products_each(s, product_json, products);
    json_t *entry =
        json_pack("{s:I,s:I,s:I,s:o,s:o}", "map", (json_int_t)map_of(s), "row", (json_int_t)s->row, "column",
                  (json_int_t)s->column, "products", products, "value", json_number(result_at(s)));
    json_array_append_new(context, entry);
}

int filter_steps(const options *given, const grid *x, bank *b, const window *w, const double *bias, const grid *y) {
    step s = {.x = x, .y = y, .b = b, .w = w, .bias = bias};
    int64_t windows = y->maps * y->height * y->width, products = b->channels * b->w.height * b->w.width;
    if (w->magnitude) {
        term_say("filter: --steps shows sums of products, and --magnitude is not one; give one of the two");
        return EXIT_USAGE;
    }
    if (windows > PRODUCTS_MAX / products) {
        term_say("--steps would show %lld windows of %lld products, at most %d products are shown", (long long)windows,
                 (long long)products, PRODUCTS_MAX);
        return EXIT_FAILED;
    }
    if (option_given(given, "json")) {
        json_t *list = json_array();
        windows_each(&s, window_json, list);
        return json_finish(json_pack("{s:o,s:o}", "values", grid_json(y), "windows", list));
    }
    kernels_print(&s, b);
    printf("windows:\n");
    windows_each(&s, window_print, NULL);
    printf("result:\n");
    grid_print(stdout, y);
    return EXIT_DONE;
}
