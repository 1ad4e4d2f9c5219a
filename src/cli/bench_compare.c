/* stria bench --compare: what got slower between two timings. */
#include "cli/bench.h"
#include "cli/json.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A layer of either file; where it is in one of them only, the other time is NaN. */
typedef struct pair {
    const char *name, *op, *before_by, *after_by; /* implementations, "" where it is not */
    double before, after;                         /* ms */
} pair;

typedef struct comparison {
    const options *given;
    json_t *file[2];
    pair *pair;
    int count;
} comparison;

static stria_status file_read(const char *path, json_t **out, stria_error *error) {
    json_error_t why;
    *out = json_load_file(path, 0, &why);
    if (!*out && json_error_code(&why) == json_error_cannot_open_file)
        return source_refuse(error, STRIA_NO_FILE, "cannot open '%s'", path);
    if (!*out && (json_error_code(&why) == json_error_out_of_memory || !*why.text)) /* not said of the first buffer */
        return source_refuse(error, STRIA_NO_MEMORY, "not enough memory to read '%s'", path);
    if (!*out) return source_refuse(error, STRIA_BAD_FILE, "'%s' is not JSON: line %d: %s", path, why.line, why.text);
    bool good = json_is_number(json_object_get(*out, "median_ms")) && json_is_array(json_object_get(*out, "layers"));
    return good ? STRIA_OK
                : source_refuse(error, STRIA_BAD_FILE, "'%s' is not a file of stria bench --json: it lacks %s", path,
                                json_is_number(json_object_get(*out, "median_ms")) ? "layers" : "median_ms");
}

static const char *text_of(const json_t *layer, const char *key) {
    const char *text = json_string_value(json_object_get(layer, key));
    return text ? text : "";
}

static double ms_of(const json_t *layer) {
    const json_t *ms = json_object_get(layer, "median_ms");
    return json_is_number(ms) ? json_number_value(ms) : (double)NAN;
}

/* The first layer at or after `from` that is called like this one and was not taken; taken[] by layer. */
static json_t *partner(const json_t *layers, const json_t *of, bool *taken, json_t *by_name) {
    const char *name = text_of(of, "name");
    json_t *places = json_object_get(by_name, name);
    size_t k;
    json_t *place;
    json_array_foreach(places, k, place) {
        size_t i = (size_t)json_integer_value(place);
        json_t *layer = json_array_get(layers, i);
        if (taken[i] || strcmp(text_of(layer, "operator"), text_of(of, "operator")) != 0) continue;
        taken[i] = true;
        return layer;
    }
    return NULL;
}

/* Where the layers of each name are. */
static json_t *places_by_name(const json_t *layers) {
    json_t *by_name = json_object();
    json_t *layer;
    size_t i;
    json_array_foreach(layers, i, layer) {
        const char *name = text_of(layer, "name");
        if (!json_object_get(by_name, name)) json_object_set_new(by_name, name, json_array());
        json_array_append_new(json_object_get(by_name, name), json_integer((json_int_t)i));
    }
    return by_name;
}

static void pair_add(comparison *c, const json_t *before, const json_t *after) {
    const json_t *either = before ? before : after;
    c->pair[c->count++] = (pair){.name = text_of(either, "name"),
                                 .op = text_of(either, "operator"),
                                 .before_by = text_of(before, "implementation"),
                                 .after_by = text_of(after, "implementation"),
                                 .before = before ? ms_of(before) : (double)NAN,
                                 .after = after ? ms_of(after) : (double)NAN};
}

/* What a layer costs more now; one that is new costs all of its time. */
static double loss_of(const pair *p) {
    return (isnan(p->after) ? 0 : p->after) - (isnan(p->before) ? 0 : p->before);
}

static int most_lost_first(const void *a, const void *b) {
    double left = loss_of(a), right = loss_of(b);
    return left > right ? -1 : left < right ? 1 : strcmp(((const pair *)a)->name, ((const pair *)b)->name);
}

static stria_status pairs_make(comparison *c, stria_error *error) {
    json_t *before = json_object_get(c->file[0], "layers"), *after = json_object_get(c->file[1], "layers"), *layer;
    size_t all = json_array_size(before) + json_array_size(after), i;
    bool *taken = calloc(all + 1, sizeof *taken);
    json_t *by_name = places_by_name(after);
    c->pair = calloc(all + 1, sizeof *c->pair);
    stria_status status = STRIA_OK;
    if (!taken || !c->pair) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory to compare");
    if (status == STRIA_OK) {
        json_array_foreach(before, i, layer) pair_add(c, layer, partner(after, layer, taken, by_name));
        json_array_foreach(after, i, layer) if (!taken[i]) pair_add(c, NULL, layer);
        qsort(c->pair, (size_t)c->count, sizeof *c->pair, most_lost_first);
    }
    json_decref(by_name);
    free(taken);
    return status;
}

/* "1.25×" */
static void ratio_cell(table *t, double before, double after) {
    if (before > 0 && !isnan(after)) table_cell(t, "%.2f%s", after / before, term_times());
    else table_cell(t, "%s", "");
}

static void ms_cell(table *t, double ms) {
    if (isnan(ms)) table_cell(t, "%s", "");
    else table_cell(t, "%.4f", ms);
}

static void pairs_print(const comparison *c) {
    table t;
    table_init(&t, "layer|operator|>ms before|>ms after|>difference|>after / before|implementation");
    for (int i = 0; i < c->count; i++) {
        const pair *p = &c->pair[i];
        table_cell(&t, "%s", p->name);
        table_cell(&t, "%s", p->op);
        ms_cell(&t, p->before);
        ms_cell(&t, p->after);
        table_cell(&t, "%+.4f", loss_of(p));
        ratio_cell(&t, p->before, p->after);
        if (*p->before_by && *p->after_by && strcmp(p->before_by, p->after_by) != 0)
            table_cell(&t, "%s %s %s", p->before_by, term_arrow(), p->after_by);
        else table_cell(&t, "%s", *p->after_by ? p->after_by : p->before_by);
    }
    table_print(&t, stdout);
    table_release(&t);
    double before = ms_of(c->file[0]), after = ms_of(c->file[1]);
    printf("\nall layers: %.4f ms before, %.4f ms after", before, after);
    if (before > 0 && after > 0)
        printf(": %.2f times %s", after > before ? after / before : before / after,
               after > before ? "slower" : "faster");
    putchar('\n');
}

static json_t *pairs_json(const comparison *c) {
    json_t *list = json_array();
    for (int i = 0; i < c->count; i++) {
        const pair *p = &c->pair[i];
        bool both = p->before > 0 && !isnan(p->after);
        json_array_append_new(list,
                              json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name", json_text(p->name), "operator",
                                        json_text(p->op), "before_ms", json_number(p->before), "after_ms",
                                        json_number(p->after), "difference_ms", json_number(loss_of(p)), "ratio",
                                        both ? json_number(p->after / p->before) : json_null(), "before",
                                        json_text(p->before_by), "after", json_text(p->after_by)));
    }
    return json_pack("{s:o,s:o,s:o}", "before_ms", json_number(ms_of(c->file[0])), "after_ms",
                     json_number(ms_of(c->file[1])), "layers", list);
}

int bench_compare(const options *given) {
    comparison c = {.given = given};
    stria_error error = {0};
    if (given->operand_count != 2) {
        term_say("bench: --compare takes two files of stria bench --json, but %d %s given", given->operand_count,
                 given->operand_count == 1 ? "is" : "are");
        return EXIT_USAGE;
    }
    stria_status status = STRIA_OK;
    for (int i = 0; i < 2 && status == STRIA_OK; i++) status = file_read(given->operands[i], &c.file[i], &error);
    if (status == STRIA_OK) status = pairs_make(&c, &error);
    int code = EXIT_DONE;
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(pairs_json(&c));
    else pairs_print(&c);
    free(c.pair);
    json_decref(c.file[0]);
    json_decref(c.file[1]);
    return code;
}
