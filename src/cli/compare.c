#include "cli/compare.h"

#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>

bool compare_shapes(const stria_array *a, const stria_array *b) {
    if (a->rank != b->rank) return false;
    for (int d = 0; d < a->rank; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}

/* "[1, 3, 8, 8]", cut where there is no more room. */
static const char *shape_words(const stria_array *a, char text[64]) {
    size_t used = (size_t)snprintf(text, 64, "[");
    for (int d = 0; d < a->rank && used < 60; d++)
        used += (size_t)snprintf(text + used, 64 - used, "%s%lld", d ? ", " : "", (long long)a->shape[d]);
    if (used < 63) snprintf(text + used, 64 - used, "]");
    return text;
}

/* True if numbers can be compared; else the reason. */
static bool comparable(compared *item, const stria_array *got, const stria_array *wanted, bool any_type) {
    if (got->type != wanted->type && !any_type)
        snprintf(item->reason, sizeof item->reason, "%s, not %s", stria_type_name(got->type),
                 stria_type_name(wanted->type));
    else if (!compare_shapes(got, wanted)) {
        char is[64], was[64];
        snprintf(item->reason, sizeof item->reason, "%s, not %s", shape_words(got, is), shape_words(wanted, was));
    }
    return !*item->reason;
}

/* scale: what rtol is a share of. */
static void element(compared *item, int64_t i, double got, double wanted, double scale, const compare_bound *bound) {
    if (got == wanted || (isnan(got) && isnan(wanted))) return;
    double error = fabs(got - wanted), relative = error / scale;
    if (!(error <= item->max_abs_error)) item->max_abs_error = error;
    if (!(relative <= item->max_rel_error)) item->max_rel_error = relative;
    if (error <= bound->atol + bound->rtol * scale && !isinf(wanted)) return;
    if (item->passed) {
        item->first = i;
        item->got = got;
        item->wanted = wanted;
    }
    item->passed = false;
}

/* The largest finite magnitude. */
static double largest(const stria_array *a) {
    double most = 0;
    for (int64_t i = 0, count = tensor_count(a); i < count; i++) {
        double value = fabs(tensor_value(a, i));
        if (value > most && !isinf(value)) most = value;
    }
    return most;
}

void compare_pair(const stria_array *got, const stria_array *wanted, const compare_bound *bound, compared *out) {
    out->max_abs_error = out->max_rel_error = 0;
    out->first = -1;
    *out->reason = 0;
    out->passed = comparable(out, got, wanted, bound->any_type);
    if (!out->passed) {
        out->max_abs_error = out->max_rel_error = INFINITY;
        return;
    }
    double scale = bound->of_tensor ? largest(wanted) : 0;
    for (int64_t i = 0, count = tensor_count(got); i < count; i++) {
        double value = tensor_value(wanted, i);
        element(out, i, tensor_value(got, i), value, bound->of_tensor ? scale : fabs(value), bound);
    }
}

stria_status compare_tensors(const tensors *got, const tensors *wanted, const compare_bound *bound, comparison *out,
                             stria_error *error) {
    comparison found = {.passed = true};
    if (wanted->count > got->count)
        return source_refuse(error, STRIA_BAD_SHAPE, "expected %d output%s, the model has %d", wanted->count,
                             show_s(wanted->count), got->count);
    found.items = calloc((size_t)wanted->count + 1, sizeof *found.items);
    if (!found.items) return source_refuse(error, STRIA_NO_MEMORY, "out of memory for a comparison");
    found.count = wanted->count;
    for (int i = 0; i < wanted->count; i++) {
        compared *item = &found.items[i];
        snprintf(item->name, sizeof item->name, "%s", got->items[i].name);
        compare_pair(&got->items[i].array, &wanted->items[i].array, bound, item);
        found.passed = found.passed && item->passed;
    }
    *out = found;
    return STRIA_OK;
}

void compare_release(comparison *found) {
    free(found->items);
    found->items = NULL;
}

static json_t *compare_json(const comparison *found) {
    json_t *list = json_array();
    for (int i = 0; i < found->count; i++) {
        const compared *item = &found->items[i];
        json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:b}", "name", json_text(item->name), "max_abs_error",
                                              json_number(item->max_abs_error), "max_rel_error",
                                              json_number(item->max_rel_error), "passed", item->passed));
        if (*item->reason) json_object_set_new(json_array_get(list, (size_t)i), "reason", json_string(item->reason));
    }
    return list;
}

void compare_print(const comparison *found) {
    table t;
    table_init(&t, "output|>largest absolute error|>largest relative error|");
    for (int i = 0; i < found->count; i++) {
        table_cell(&t, "%s", found->items[i].name);
        table_cell(&t, "%.3g", show_real(found->items[i].max_abs_error));
        table_cell(&t, "%.3g", show_real(found->items[i].max_rel_error));
        table_cell(&t, "%s%s%s", found->items[i].passed ? "passed" : "FAILED", *found->items[i].reason ? ": " : "",
                   found->items[i].reason);
    }
    table_print(&t, stdout);
    table_release(&t);
}

json_t *compare_document(const comparison *found, json_t *more) {
    json_t *document = more ? more : json_object();
    json_object_set_new(document, "passed", json_boolean(found->passed));
    json_object_set_new(document, "outputs", compare_json(found));
    return document;
}

int compare_finish(const comparison *found, bool json, json_t *more) {
    int code = EXIT_DONE;
    if (json) code = json_finish(compare_document(found, more));
    else {
        json_decref(more);
        compare_print(found);
    }
    return found->passed ? code : EXIT_FAILED;
}
