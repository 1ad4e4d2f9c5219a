/* stria run --test-data: once, or in every way that must give the same: each instruction set, with and without the
 * optimising passes, one and two threads, each implementation that takes an operator, the float64 reference. */
#include "cli/case.h"

#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An operator and an implementation that ran it. */
typedef struct taken {
    char op[64], implementation[64];
} taken;

typedef struct test_case {
    stria_model *model;
    tensors inputs, wanted;
    compare_bound bound;
    comparison found; /* of the last way */
    char way[128];    /* how that was run */
    int ways;         /* how many ran */
    taken *taken;     /* all pairs seen */
    int taken_count;
    bool more;    /* the last session ran an operator otherwise than by its last implementation */
    tensors last; /* outputs of the last way */
} test_case;

static void case_release(test_case *c) {
    tensors_release(&c->inputs);
    tensors_release(&c->wanted);
    tensors_release(&c->last);
    compare_release(&c->found);
    stria_model_free(c->model);
    free(c->taken);
}

/* ---- one way ---- */

static void taken_add(test_case *c, const char *op, const char *implementation) {
    for (int i = 0; i < c->taken_count; i++)
        if (strcmp(c->taken[i].op, op) == 0 && strcmp(c->taken[i].implementation, implementation) == 0) return;
    taken *grown = realloc(c->taken, ((size_t)c->taken_count + 1) * sizeof *grown);
    if (!grown) {
        term_lost();
        return;
    }
    c->taken = grown;
    snprintf(grown[c->taken_count].op, sizeof grown->op, "%s", op);
    snprintf(grown[c->taken_count++].implementation, sizeof grown->implementation, "%s", implementation);
}

static void look(const stria_session *session, void *context) {
    test_case *c = context;
    const stria_explained_node *node;
    c->more = false;
    for (int i = 0; (node = stria_session_explain(session, i)); i++) {
        taken_add(c, node->op, node->implementation);
        bool last = strcmp(node->implementation, "reference") == 0 || strcmp(node->implementation, "nothing") == 0;
        c->more = c->more || !last;
    }
}

static stria_status run_once(test_case *c, const tensors_way *chosen, stria_error *error) {
    tensors outputs = {0};
    stria_status status = tensors_run(c->model, chosen, &c->inputs, 0, &(tensors_look){look, c}, &outputs, error);
    compare_release(&c->found);
    if (status == STRIA_OK) status = compare_tensors(&outputs, &c->wanted, &c->bound, &c->found, error);
    tensors_release(&c->last);
    c->last = outputs;
    c->ways++;
    return status;
}

static bool same_bits(const tensors *a, const tensors *b) {
    for (int i = 0; i < a->count && i < b->count; i++)
        if (a->items[i].array.bytes != b->items[i].array.bytes ||
            memcmp(a->items[i].array.data, b->items[i].array.data, a->items[i].array.bytes) != 0)
            return false;
    return true;
}

/* ---- every way ---- */

/* At one thread, then at two, which must give the same bits. */
static stria_status run_threads(test_case *c, tensors_way chosen, stria_error *error) {
    tensors alone = {0};
    stria_status status = STRIA_OK;
    for (int threads = 1; threads <= 2 && status == STRIA_OK && c->found.passed; threads++) {
        chosen.session.threads = threads;
        snprintf(c->way, sizeof c->way, "%s, %s, %d thread%s, %d better implementations skipped", chosen.session.isa,
                 chosen.session.optimize ? "optimised" : "not optimised", threads, threads > 1 ? "s" : "",
                 chosen.testing.skip);
        status = run_once(c, &chosen, error);
        if (status != STRIA_OK || threads == 1) {
            alone = c->last;
            c->last = (tensors){0};
        } else if (!same_bits(&alone, &c->last)) {
            c->found.passed = false;
            if (c->found.count) {
                c->found.items[0].passed = false;
                snprintf(c->found.items[0].reason, sizeof c->found.items[0].reason, "other bits than with one thread");
            }
        }
    }
    tensors_release(&alone);
    return status;
}

static stria_status run_isa(test_case *c, tensors_way chosen, stria_error *error) {
    stria_status status = STRIA_OK;
    for (int optimize = 1; optimize >= 0; optimize--) {
        chosen.session.optimize = optimize;
        c->more = true;
        for (chosen.testing.skip = 0; c->more && status == STRIA_OK && c->found.passed; chosen.testing.skip++)
            status = run_threads(c, chosen, error);
    }
    return status;
}

/* "avx512, avx2, portable" */
static const char *isas(void) {
    const stria_info_row *row;
    for (int i = 0; (row = stria_info(i)); i++)
        if (strcmp(row->key, "isas") == 0) return row->value;
    return "";
}

static stria_status run_every_way(test_case *c, tensors_way chosen, stria_error *error) {
    char list[256];
    stria_status status = STRIA_OK;
    c->found.passed = true;
    snprintf(list, sizeof list, "%s", isas());
    for (char *rest = list, *isa; (isa = strsep(&rest, ", ")) && status == STRIA_OK && c->found.passed;) {
        chosen.session.isa = isa;
        if (*isa) status = run_isa(c, chosen, error);
    }
    if (status != STRIA_OK || !c->found.passed) return status;
    chosen.session.isa = NULL;
    chosen.testing.reference = true;
    snprintf(c->way, sizeof c->way, "reference");
    return run_once(c, &chosen, error);
}

/* ---- the verb ---- */

/* What one way refuses after others ran is not a refusal but a fault. */
static json_t *way_failed(const test_case *c, const stria_error *error) {
    term_say("%s%s%s", c->way, *c->way ? ": " : "", error->text);
    return json_pack("{s:b,s:s,s:o,s:[]}", "passed", 0, "failed_way", c->way, "error", json_text(error->text),
                     "outputs");
}

static json_t *ways_json(const test_case *c) {
    json_t *list = json_array();
    for (int i = 0; i < c->taken_count; i++)
        json_array_append_new(list, json_pack("{s:o,s:o}", "operator", json_text(c->taken[i].op), "implementation",
                                              json_text(c->taken[i].implementation)));
    return json_pack("{s:i,s:o,s:o}", "ways", c->ways, "failed_way", c->found.passed ? json_null() : json_text(c->way),
                     "implementations", list);
}

/* Runs one dataset: its exit code, and its document where one is wanted (else NULL, and text is printed). Of what could
 * not be run there is none. */
static int set_run(const options *given, const tensors_way *chosen, const char *folder, json_t **document) {
    test_case c = {.bound = {.rtol = option_real(given, "rtol"), .atol = option_real(given, "atol")}};
    stria_error error = {0};
    bool every = option_given(given, "every-way"), json = option_given(given, "json");
    int code = EXIT_FAILED;
    stria_status status = tensors_open_case(&c.inputs, &c.wanted, given->operands[0], folder, &c.model, &error);
    if (status == STRIA_OK) status = every ? run_every_way(&c, *chosen, &error) : run_once(&c, chosen, &error);
    *document = NULL;
    if (status != STRIA_OK && c.ways > 0) {
        json_t *failed = way_failed(&c, &error);
        if (json) *document = failed;
        else json_decref(failed);
    } else if (status != STRIA_OK) {
        code = term_fail(&error);
    } else {
        code = c.found.passed ? EXIT_DONE : EXIT_FAILED;
        if (json) *document = compare_document(&c.found, every ? ways_json(&c) : NULL);
        if (every && !json)
            printf("%d ways%s%s\n", c.ways, c.found.passed ? "" : "; failed: ", c.found.passed ? "" : c.way);
        if (!json) compare_print(&c.found);
    }
    case_release(&c);
    return code;
}

static int is_set(const struct dirent *entry) {
    return strncmp(entry->d_name, "test_data_set_", 14) == 0;
}

/* test_data_set_2 before test_data_set_10. */
static int by_number(const struct dirent **a, const struct dirent **b) {
    size_t left = strlen((*a)->d_name), right = strlen((*b)->d_name);
    return left < right ? -1 : left > right ? 1 : strcmp((*a)->d_name, (*b)->d_name);
}

/* Every test_data_set_* of a case's folder, in the order of their numbers. */
static int sets_run(const options *given, const tensors_way *chosen, struct dirent **sets, int count) {
    const char *folder = option_text(given, "test-data");
    json_t *list = json_array();
    int code = EXIT_DONE;
    for (int i = 0; i < count; i++) {
        char path[8192];
        json_t *document;
        snprintf(path, sizeof path, "%s/%s", folder, sets[i]->d_name);
        if (!option_given(given, "json")) printf("%s%s\n", i ? "\n" : "", sets[i]->d_name);
        int one = set_run(given, chosen, path, &document);
        if (one != EXIT_DONE) code = code == EXIT_DONE ? one : EXIT_FAILED;
        if (!document) document = json_pack("{s:b}", "passed", one == EXIT_DONE);
        json_object_set_new(document, "set", json_text(sets[i]->d_name));
        json_array_append_new(list, document);
    }
    json_t *all = json_pack("{s:b,s:o}", "passed", code == EXIT_DONE, "sets", list);
    if (option_given(given, "json") && json_finish(all) != EXIT_DONE) code = EXIT_FAILED;
    else if (!option_given(given, "json")) json_decref(all);
    return code;
}

int case_run(const options *given, const tensors_way *chosen) {
    struct dirent **sets = NULL;
    json_t *document;
    char file[8192];
    const char *folder = option_text(given, "test-data");
    snprintf(file, sizeof file, "%s/output_0.pb", folder);
    int count = access(file, F_OK) == 0 ? 0 : scandir(folder, &sets, is_set, by_number), code;
    if (count > 0) code = sets_run(given, chosen, sets, count);
    else {
        code = set_run(given, chosen, folder, &document);
        if (document && json_finish(document) != EXIT_DONE) code = EXIT_FAILED;
    }
    for (int i = 0; i < count; i++) free(sets[i]);
    free(sets);
    return code;
}
