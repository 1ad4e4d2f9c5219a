#include "cli/compare.h"

#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>

static bool shapes_equal(const stria_array *a, const stria_array *b) {
    if (a->rank != b->rank) return false;
    for (int d = 0; d < a->rank; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}

/* True if numbers can be compared; else the reason. */
static bool comparable(compared *item, const stria_array *got, const stria_array *wanted) {
    if (got->type != wanted->type)
        snprintf(item->reason, sizeof item->reason, "%s, not %s", stria_type_name(got->type),
                 stria_type_name(wanted->type));
    else if (!shapes_equal(got, wanted)) snprintf(item->reason, sizeof item->reason, "another shape");
    return !*item->reason;
}

static void element(compared *item, double got, double wanted, double rtol, double atol) {
    if (got == wanted || (isnan(got) && isnan(wanted))) return;
    double error = fabs(got - wanted), relative = error / fabs(wanted);
    if (!(error <= item->max_abs_error)) item->max_abs_error = error;
    if (!(relative <= item->max_rel_error)) item->max_rel_error = relative;
    if (!(error <= atol + rtol * fabs(wanted)) || isinf(wanted)) item->passed = false;
}

stria_status compare_tensors(const tensors *got, const tensors *wanted, double rtol, double atol, comparison *out,
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
        const stria_array *a = &got->items[i].array, *b = &wanted->items[i].array;
        snprintf(item->name, sizeof item->name, "%s", got->items[i].name);
        item->passed = comparable(item, a, b);
        if (!item->passed) item->max_abs_error = item->max_rel_error = INFINITY;
        else
            for (int64_t e = 0; e < tensor_count(a); e++)
                element(item, tensor_value(a, e), tensor_value(b, e), rtol, atol);
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
