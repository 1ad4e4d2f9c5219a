#include "cli/mistakes.h"

#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_NAME = 4200 };

bool mistakes_init(mistakes *m, int most) {
    *m = (mistakes){.most = most, .list = malloc(((size_t)most + 1) * sizeof *m->list)};
    return m->list != NULL;
}

void mistakes_release(mistakes *m) {
    free(m->list);
    *m = (mistakes){0};
}

void mistakes_see(int64_t index, int64_t label, const float *probabilities, int classes, void *context) {
    mistakes *m = context;
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (probabilities[c] > probabilities[best] || isnan(probabilities[best])) best = c;
    double sure = (double)probabilities[best];
    if (best == label || !(sure >= 0)) return; /* a NaN tells nothing */
    int at = m->count;
    while (at > 0 && sure > m->list[at - 1].sure) at--;
    if (at == m->most) return;
    if (m->count < m->most) m->count++;
    memmove(&m->list[at + 1], &m->list[at], (size_t)(m->count - 1 - at) * sizeof *m->list);
    m->list[at] = (mistake){index, (int)label, best, sure, (double)probabilities[label]};
}

void mistakes_print(const mistakes *m, const options *given, const char *source, const stria_dataset *data,
                    const stria_evaluation *score) {
    char name[IMAGE_NAME];
    table t;
    printf("\n%ssurest mistakes%s\n", term_begin(stdout, STYLE_BOLD), term_end(stdout));
    if (!m->count) {
        printf("  none\n");
        return;
    }
    table_init(&t, "predicted|>sure|true|>its share|picture");
    for (int i = 0; i < m->count; i++) {
        const mistake *k = &m->list[i];
        table_cell(&t, "%s", score->class_scores[k->predicted]->name);
        table_cell(&t, "%.1f %%", 100 * k->sure);
        table_cell(&t, "%s", score->class_scores[k->label]->name);
        table_cell(&t, "%.1f %%", 100 * k->right);
        table_cell(&t, "%s", source_image(given, source, data, k->index, name, sizeof name));
    }
    table_print(&t, stdout);
    table_release(&t);
}

json_t *mistakes_json(const mistakes *m, const options *given, const char *source, const stria_dataset *data,
                      const stria_evaluation *score) {
    char name[IMAGE_NAME];
    json_t *list = json_array();
    for (int i = 0; i < m->count; i++) {
        const mistake *k = &m->list[i];
        source_image(given, source, data, k->index, name, sizeof name);
        json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o,s:o}", "image", json_text(name), "label",
                                              json_text(score->class_scores[k->label]->name), "predicted",
                                              json_text(score->class_scores[k->predicted]->name), "probability",
                                              json_number(k->sure), "label_probability", json_number(k->right)));
    }
    return list;
}
