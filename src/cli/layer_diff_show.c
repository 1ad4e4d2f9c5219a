/* What layer by layer comparisons print. */
#include "cli/layer_diff.h"
#include "cli/table.h"
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS = 28, PAIR_COLUMNS = 24, OP_COLUMNS = 18 }; /* with the numbers 80 at most */

/* At most so many columns; of what is longer the end, which tells layers apart. Returns text. */
static const char *name_end(const char *name, int columns, char text[160]) {
    const char *from = show_name(name);
    int wide = text_columns(from);
    if (wide <= columns) columns = wide;
    else
        while (text_columns(from) > columns - 1) {
            unsigned code;
            from += show_character(from, &code);
        }
    snprintf(text, 160, "%s%s", wide > columns ? term_utf8() ? "…" : "." : "", from);
    return text;
}

static bool names_differ(const layer_diff *diff) {
    for (int i = 0; i < diff->count + diff->output_count; i++)
        if (*diff->pairs[i].b && strcmp(diff->pairs[i].a, diff->pairs[i].b) != 0) return true;
    return false;
}

static void row_put(table *t, const layer_pair *p, bool both) {
    char first[160], second[160];
    int columns = both ? PAIR_COLUMNS : NAME_COLUMNS;
    table_cell(t, "%s", name_end(p->a, columns, first));
    table_cell(t, "%s", name_end(both ? p->b : p->op, both ? columns : OP_COLUMNS, second));
    table_cell(t, "%.2g", show_real(p->found.max_abs_error));
    table_cell(t, "%.2g", show_real(p->found.max_rel_error));
    table_cell(t, "%s", p->found.passed ? "passed" : "FAILED");
}

static double error_of(const layer_pair *p) {
    return isnan(p->found.max_rel_error) ? INFINITY : p->found.max_rel_error;
}

/* The largest first; of equals the first. */
static int by_error(const void *a, const void *b) {
    const layer_pair *const *left = a, *const *right = b;
    double x = error_of(*left), y = error_of(*right);
    return x != y ? (x < y) - (x > y) : (*left > *right) - (*left < *right);
}

static int by_place(const void *a, const void *b) {
    const layer_pair *const *left = a, *const *right = b;
    return (*left > *right) - (*left < *right);
}

void layer_diff_print(const layer_diff *diff, int most, bool outputs) {
    table t;
    bool both = names_differ(diff);
    int shown = most > 0 && most < diff->count ? most : diff->count, hidden = diff->count - shown;
    const layer_pair **layers = calloc((size_t)diff->count + 1, sizeof *layers);
    if (!layers) {
        term_lost();
        return;
    }
    for (int i = 0; i < diff->count; i++) layers[i] = &diff->pairs[i];
    qsort(layers, (size_t)diff->count, sizeof *layers, by_error);
    qsort(layers, (size_t)shown, sizeof *layers, by_place);
    table_init(&t, both ? "layer|of the other|>absolute|>relative|" : "layer|operator|>absolute|>relative|");
    for (int i = 0; i < shown; i++) row_put(&t, layers[i], both);
    for (int i = 0; outputs && i < diff->output_count; i++) row_put(&t, &diff->pairs[diff->count + i], both);
    table_print(&t, stdout);
    table_release(&t);
    free(layers);
    if (hidden)
        printf("and %d layer%s more, which differ%s no more than those\n", hidden, show_s(hidden),
               hidden == 1 ? "s" : "");
}

/* Where the first element that does not pass is; a tensor that has one has no dimension of 0. */
static void place_of(const layer_pair *p, int64_t index[STRIA_RANK_MAX]) {
    int64_t rest = p->found.first;
    for (int d = p->rank - 1; d >= 0; d--) {
        index[d] = rest % p->shape[d];
        rest /= p->shape[d];
    }
}

/* "[0, 3, 1]" */
static const char *place_text(const layer_pair *p, char text[160]) {
    int64_t index[STRIA_RANK_MAX];
    size_t length = 1;
    place_of(p, index);
    snprintf(text, 160, "[");
    for (int d = 0; d < p->rank && length < 130; d++)
        length += (size_t)snprintf(text + length, 160 - length, "%s%lld", d ? ", " : "", (long long)index[d]);
    snprintf(text + length, 160 - length, "]");
    return text;
}

void layer_diff_print_first(const layer_diff *diff) {
    char place[160];
    const layer_pair *p = layer_diff_first(diff);
    if (!p) return;
    bool output = strcmp(p->op, "output") == 0;
    printf("they first differ in %s '%s'", output ? "output" : "layer", show_name(p->a));
    if (!output) printf(" (%s)", show_name(p->op));
    if (p->found.first < 0) printf(": %s\n", p->found.reason);
    else printf(", at %s: %.6g and %.6g\n", place_text(p, place), show_real(p->found.wanted), show_real(p->found.got));
}

/* ---- JSON ---- */

static json_t *pair_json(const layer_pair *p) {
    const compared *found = &p->found;
    json_t *entry = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "name", json_text(p->a), "other",
                              *p->b ? json_text(p->b) : json_null(), "operator", json_text(p->op), "shape",
                              json_shape(p->rank, p->shape), "max_abs_error", json_number(found->max_abs_error),
                              "max_rel_error", json_number(found->max_rel_error), "passed", found->passed);
    if (*found->reason) json_object_set_new(entry, "reason", json_text(found->reason));
    if (found->first < 0) return entry;
    int64_t index[STRIA_RANK_MAX];
    place_of(p, index);
    json_object_set_new(entry, "first",
                        json_pack("{s:o,s:o,s:o}", "index", json_shape(p->rank, index), "a", json_number(found->wanted),
                                  "b", json_number(found->got)));
    return entry;
}

static json_t *pairs_json(const layer_diff *diff, int from, int to) {
    json_t *list = json_array();
    for (int i = from; i < to; i++) json_array_append_new(list, pair_json(&diff->pairs[i]));
    return list;
}

static json_t *names_json(const layer_diff *diff, int which) {
    json_t *list = json_array();
    for (int i = 0; i < diff->alone_count[which]; i++) json_array_append_new(list, json_text(diff->alone[which][i]));
    return list;
}

void layer_diff_json(const layer_diff *diff, json_t *document) {
    const layer_pair *first = layer_diff_first(diff);
    json_object_set_new(document, "layers", pairs_json(diff, 0, diff->count));
    json_object_set_new(document, "outputs", pairs_json(diff, diff->count, diff->count + diff->output_count));
    json_object_set_new(document, "first", first ? json_text(first->a) : json_null());
    json_object_set_new(document, "unmatched",
                        json_pack("{s:o,s:o}", "a", names_json(diff, 0), "b", names_json(diff, 1)));
}
