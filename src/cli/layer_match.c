#include "cli/layer_match.h"

#include "cli/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

stria_status layer_results_list(layer_results *out, const stria_model *model, const tensors *results,
                                stria_error *error) {
    int at = stria_model_output_count(model);
    stria_node_row node = {.size = sizeof node};
    stria_operand result = {.size = sizeof result};
    layer_results list = {.items = calloc((size_t)results->count + 1, sizeof *list.items)};
    if (!list.items) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d layers", results->count);
    for (int i = 0; stria_model_node(model, i, &node); i++)
        for (int k = 0; stria_model_node_output(model, i, k, &result) && at < results->count; k++)
            if (strcmp(result.name, results->items[at].name) == 0)
                list.items[list.count++] = (layer_result){.t = &results->items[at++], .op = node.op, .other = -1};
    *out = list;
    return STRIA_OK;
}

void layer_results_release(layer_results *list) {
    free(list->items);
    *list = (layer_results){0};
}

/* ---- by name ---- */

static int by_name(const void *a, const void *b) {
    const layer_result *const *left = a, *const *right = b;
    return strcmp((*left)->t->name, (*right)->t->name);
}

static stria_status names_match(layer_results *a, layer_results *b, stria_error *error) {
    layer_result **sorted = calloc((size_t)b->count + 1, sizeof *sorted);
    if (!sorted) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d layers", b->count);
    for (int j = 0; j < b->count; j++) sorted[j] = &b->items[j];
    qsort(sorted, (size_t)b->count, sizeof *sorted, by_name);
    for (int i = 0; i < a->count; i++) {
        layer_result *left = &a->items[i];
        layer_result **found = bsearch(&left, sorted, (size_t)b->count, sizeof *sorted, by_name);
        if (!found || (*found)->other >= 0 || !compare_shapes(&left->t->array, &(*found)->t->array)) continue;
        left->other = (int)(*found - b->items);
        (*found)->other = i;
    }
    free(sorted);
    return STRIA_OK;
}

/* ---- by order: the alignment of two sequences with the greatest sum (Needleman and Wunsch 1970) ---- */

enum { SAMPLES = 64, PAIRS_MAX = 1 << 22 };

/* How alike two tensors look by some elements, evenly spread: 4 within the bound, 3 nearly, 0. Nearly the same are
 * still each other's counterparts where an earlier layer differs. */
static int likeness(const stria_array *a, const stria_array *b, const compare_bound *bound) {
    int64_t count = tensor_count(a), step = count / SAMPLES + 1;
    double scale = 0, error = 0;
    for (int64_t i = 0; i < count; i += step) {
        double x = tensor_value(a, i), y = tensor_value(b, i);
        scale = fmax(scale, fabs(x));
        if (x != y) error = fmax(error, fabs(x - y));
    }
    return error <= bound->atol + bound->rtol * scale ? 4 : 3 * (error <= 0.25 * scale);
}

/* What a pair is worth; 0: it may not be one, as neither shape, nor operator or numbers speak for it. */
static int pair_worth(const layer_result *a, const layer_result *b, const compare_bound *bound) {
    if (!compare_shapes(&a->t->array, &b->t->array)) return 0;
    return 2 * (strcmp(a->op, b->op) == 0) + likeness(&a->t->array, &b->t->array, bound);
}

enum { STEP_PAIR = 1, STEP_LEFT, STEP_RIGHT };

/* Fills the steps [n + 1][m + 1] that lead to the best sum; row[m + 1] is for the sums. */
static void align(layer_result *const *a, int n, layer_result *const *b, int m, const compare_bound *bound,
                  uint8_t *step, int *row) {
    for (int i = 1; i <= n; i++) {
        int diagonal = 0; /* the sum at [i - 1][j - 1] */
        for (int j = 1; j <= m; j++) {
            int worth = pair_worth(a[i - 1], b[j - 1], bound), up = row[j], left = row[j - 1], best = up;
            uint8_t *to = &step[(size_t)i * ((size_t)m + 1) + (size_t)j];
            *to = STEP_LEFT;
            if (left > best) best = left, *to = STEP_RIGHT;
            if (worth && diagonal + worth > best) best = diagonal + worth, *to = STEP_PAIR;
            diagonal = up;
            row[j] = best;
        }
    }
}

static void pairs_take(layer_results *a, layer_result **left, int n, layer_results *b, layer_result **right, int m,
                       const uint8_t *step) {
    for (int i = n, j = m; i > 0 && j > 0;) {
        uint8_t to = step[(size_t)i * ((size_t)m + 1) + (size_t)j];
        if (to == STEP_PAIR) {
            left[i - 1]->other = (int)(right[j - 1] - b->items);
            right[j - 1]->other = (int)(left[i - 1] - a->items);
        }
        i -= to != STEP_RIGHT;
        j -= to != STEP_LEFT;
    }
}

/* Those without a counterpart. */
static int rest_of(layer_results *of, layer_result **rest) {
    int count = 0;
    for (int i = 0; i < of->count; i++)
        if (of->items[i].other < 0) rest[count++] = &of->items[i];
    return count;
}

static stria_status order_match(layer_results *a, layer_results *b, const compare_bound *bound, stria_error *error) {
    layer_result **left = calloc((size_t)a->count + 1, sizeof *left);
    layer_result **right = calloc((size_t)b->count + 1, sizeof *right);
    stria_status status = STRIA_OK;
    int n = left && right ? rest_of(a, left) : 0, m = left && right ? rest_of(b, right) : 0;
    bool few = ((int64_t)n + 1) * ((int64_t)m + 1) <= PAIRS_MAX; /* else names alone must do */
    uint8_t *step = few ? calloc(((size_t)n + 1) * ((size_t)m + 1), 1) : NULL;
    int *row = calloc((size_t)m + 1, sizeof *row);
    if (!left || !right || !row || (few && !step))
        status = source_refuse(error, STRIA_NO_MEMORY, "out of memory for %d and %d layers", a->count, b->count);
    else if (few && n && m) {
        align(left, n, right, m, bound, step, row);
        pairs_take(a, left, n, b, right, m, step);
    }
    free(left);
    free(right);
    free(step);
    free(row);
    return status;
}

stria_status layer_match(layer_results *a, layer_results *b, const compare_bound *bound, stria_error *error) {
    stria_status status = names_match(a, b, error);
    return status == STRIA_OK ? order_match(a, b, bound, error) : status;
}
