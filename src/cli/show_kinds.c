#include "cli/show_kinds.h"

#include "cli/term.h"

#include <string.h>

/* Options of what is drawn by show itself. */
#define DRAWN " weights out terminal protocol "

static const show_kind kinds[] = {
    {"filters", NULL, false, false, false, false, false, DRAWN "layer"},
    {"features", attribution_features, true, false, false, false, true, DRAWN "image layer"},
    {"gradcam", attribution_gradcam, true, true, true, false, true, DRAWN "image layer class"},
    {"gradcam++", attribution_gradcam_plus, true, true, true, false, true, DRAWN "image layer class"},
    {"saliency", attribution_saliency, false, true, true, false, true, DRAWN "image class"},
    {"smoothgrad", attribution_smoothgrad, false, true, true, false, true, DRAWN "image class samples noise"},
    {"guided", attribution_guided, false, true, false, false, true, DRAWN "image class"},
    {"integrated", attribution_integrated, false, true, false, false, true, DRAWN "image class"},
    {"occlusion", attribution_occlusion, false, true, false, false, true, DRAWN "image class window stride"},
    {"deepdream", NULL, true, false, false, true, true, DRAWN "image layer steps rate"},
    {"activation-max", NULL, false, false, false, true, false, DRAWN "class layer channel steps rate"},
    {"embedding", NULL, false, false, false, false, false, "weights out layer data split limit method perplexity"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const show_kind *show_kind_find(const char *name) {
    const char *names[KINDS];
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
        names[i] = kinds[i].name;
    }
    const char *near = stria_nearest(name, names, KINDS);
    if (near) term_say("show: there is no kind '%s'; did you mean '%s'?", name, near);
    else
        term_say("show: there is no kind '%s'; there are filters, features, gradcam, gradcam++, saliency, smoothgrad, "
                 "guided, integrated, occlusion, deepdream, activation-max and embedding",
                 name);
    return NULL;
}

bool show_kind_surplus(const options *given, const show_kind *kind) {
    static const char *const needs[][2] = {{"protocol", "terminal"}, {"channel", "layer"}};
    if (options_surplus(given, kind->name, kind->taken)) return true;
    for (int i = 0; i < 2; i++)
        if (option_given(given, needs[i][0]) && !option_given(given, needs[i][1])) {
            term_say("show: --%s needs --%s", needs[i][0], needs[i][1]);
            return true;
        }
    bool class = kind->dreams && option_given(given, "class");
    if (class && option_given(given, "layer")) term_say("show: --class and --layer are given; give one of the two");
    bool tsne = strcmp(option_text(given, "method"), "tsne") == 0;
    if (!tsne && option_given(given, "perplexity")) term_say("show: --perplexity needs --method tsne");
    return (class && option_given(given, "layer")) || (!tsne && option_given(given, "perplexity"));
}
