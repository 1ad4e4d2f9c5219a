/* Weights whose names are not the network's: their kinds decide, never their shapes alone, and what would be a guess is
 * refused by name. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "model/model.h"
#include "model/weights/weights.h"

/* Every element of tensor i of the file is i + 1. */
static void add(weights *w, const char *name, shape s) {
    tensor *t;
    stria_error err = {0};
    if (!CHECK(tensor_new(&t, STRIA_FLOAT32, &s, name, &err) == STRIA_OK, "%s", err.text)) return;
    for (int64_t i = 0; i < shape_count(&s); i++) tensor_put(t, i, w->count + 1);
    CHECK(weights_add(w, name, strlen(name), t, &err) == STRIA_OK, "%s", err.text);
}

/* Two normalisations of three channels: [scale, bias, mean, variance] each. */
static graph *network(void) {
    static const char net[] = "stria-net 1\nname(two)\nx = input(batch x 3 x 4 x 4)\na = batch_norm(x, name=a)\n"
                              "y = batch_norm(a, name=b)\n";
    char path[300];
    graph *g = NULL;
    stria_error err = {0};
    snprintf(path, sizeof path, "%s/stria-order-%ld.net", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (long)getpid());
    FILE *f = fopen(path, "w");
    if (!CHECK(f != NULL, "%s", path)) return NULL;
    fputs(net, f);
    fclose(f);
    CHECK(graph_load(&g, path, 1, &err) == STRIA_OK, "%s", err.text);
    unlink(path);
    return g;
}

/* names: eight of the file; want: the number of the tensor that each state gets, or the sentence of the refusal. */
static void order_check(const char *what, bool ordered, const char *const *names, const int *want,
                        const char *sentence) {
    weights w = {.ordered = ordered};
    stria_error err = {0};
    text report = {0};
    int state = 0;
    graph *g = network();
    for (int i = 0; i < 8; i++) add(&w, names[i], shape_of(1, (int64_t[]){3}));
    stria_status status = g ? weights_join(g, &w, &report, &err) : STRIA_OK;
    if (!want) CHECK(status == STRIA_BAD_FILE && strstr(err.text, sentence), "%s: '%s'", what, err.text);
    else if (CHECK(status == STRIA_OK, "%s: %s", what, err.text))
        for (int i = 0; i < g->value_count; i++)
            if (g->values[i]->kind == VALUE_STATE) {
                CHECK(tensor_f64(g->values[i]->data, 2) == want[state], "%s: '%s' is tensor %g, not %d", what,
                      g->values[i]->name, tensor_f64(g->values[i]->data, 2), want[state]);
                state++;
            }
    CHECK(!want || state == 8, "%s: %d states", what, state);
    text_release(&report);
    weights_release(&w);
    graph_free(g);
}

int main(void) {
    static const char *const sorted[] = {"10.bias", "10.running_mean", "10.running_var", "10.weight",
                                         "2.bias",  "2.running_mean",  "2.running_var",  "2.weight"};
    static const char *const words[] = {"in.bias",  "in.running_mean",  "in.running_var",  "in.weight",
                                        "out.bias", "out.running_mean", "out.running_var", "out.weight"};
    static const char *const unknown[] = {"arr_0", "arr_1", "arr_2", "arr_3", "arr_4", "arr_5", "arr_6", "arr_7"};
    order_check("sorted", false, sorted, (int[]){8, 5, 6, 7, 4, 1, 2, 3}, NULL);
    order_check("written in order", true, sorted, (int[]){4, 1, 2, 3, 8, 5, 6, 7}, NULL);
    order_check("words, in order", true, words, (int[]){4, 1, 2, 3, 8, 5, 6, 7}, NULL);
    order_check("words, sorted", false, words, NULL, "could be");
    order_check("unknown", true, unknown, NULL, "by its name 'arr_0' could be 'a.scale' as well as 'a.bias'");
    return check_report();
}
