#include "train/heads.h"

#include "base/spec.h"
#include "base/text.h"
#include "train/options.h"
#include "transform/transform.h"

#include <string.h>

static bool named(const char *names, const char *name) {
    size_t length = strlen(name);
    for (; *names; names += strcspn(names, ","), names += *names == ',')
        if (strcspn(names, ",") == length && memcmp(names, name, length) == 0) return true;
    return false;
}

static void outputs_drop(graph *g, const char *names) {
    int kept = 0;
    for (int i = 0; i < g->output_count; i++) {
        const char *name = g->output_names[i] ? g->output_names[i] : g->outputs[i]->name;
        if (i > 0 && named(names, name)) continue;
        g->outputs[kept] = g->outputs[i];
        g->output_names[kept++] = g->output_names[i];
    }
    g->output_count = kept;
}

/* The recipe without its loss; one that cannot be read stays for its own reader's sentence. */
static stria_status recipe_change(graph *g, stria_error *err) {
    const char *recipe = graph_metadata(g, TRAIN_RECIPE);
    spec s = spec_open_list("", recipe ? recipe : "");
    text rest = {0};
    bool more = true;
    stria_status status = STRIA_OK;
    while (status == STRIA_OK && spec_next(&s, &more, NULL) == STRIA_OK && more)
        if (!spec_is(s.key, "loss"))
            text_printf(&rest, "%s%.*s=%.*s", rest.length ? " " : "", (int)s.key.length, s.key.at, (int)s.value.length,
                        s.value.at);
    if (recipe && !more) status = text_check(&rest, err);
    if (recipe && !more && status == STRIA_OK) status = graph_set_metadata(g, TRAIN_RECIPE, text_string(&rest), err);
    text_release(&rest);
    return status;
}

stria_status heads_drop(graph *g, graph **out, stria_error *err) {
    graph *copy;
    TRY(graph_copy(g, NULL, &copy, err));
    const char *names = graph_metadata(copy, HEADS_KEY);
    stria_status status = STRIA_OK;
    if (names) {
        outputs_drop(copy, names);
        graph_drop_metadata(copy, HEADS_KEY);
        status = recipe_change(copy, err);
        if (status == STRIA_OK) status = pass_reach(&copy, err);
    }
    if (status == STRIA_OK) *out = copy;
    else graph_free(copy);
    return status;
}
