#include "cli/settings.h"

#include "cli/term.h"

#include <stdarg.h>
#include <string.h>

enum { VALUE_BYTES = 1100 };

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size, const char *format, ...) {
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

/* The option's value where it differs from `base`; "" where it does not. */
static const char *difference(const stria_train_options *of, const stria_train_options *base, const char *name,
                              char value[VALUE_BYTES]) {
    char usual[VALUE_BYTES];
    stria_status status = stria_train_option_get(of, name, value, VALUE_BYTES, NULL);
    if (status == STRIA_OK) status = stria_train_option_get(base, name, usual, sizeof usual, NULL);
    if (status == STRIA_NO_MEMORY) term_lost();
    if (status != STRIA_OK || strcmp(value, usual) == 0) *value = 0;
    return value;
}

void settings_text(const stria_train_options *of, const options *given, char *text, size_t size) {
    static const char *const said[] = {"epochs", "batch",   "optimizer", "lr",  "schedule",
                                       "seed",   "threads", "workers",   "out", NULL};
    stria_train_options base = stria_train_options_default();
    const stria_option_row *row;
    char value[VALUE_BYTES];
    base.goal = "classify";
    base.loss = strcmp(of->goal, "reconstruct") == 0 ? "squared_error" : "cross_entropy";
    snprintf(text, size, "batch %lld, %s, lr %g, %s, seed %llu", (long long)of->batch, of->optimizer, of->lr,
             of->schedule, (unsigned long long)of->seed);
    for (int i = 0; (row = stria_train_option(i)); i++) {
        if (is_one_of(row->name, said)) continue;
        bool wanted = *difference(of, &base, row->name, value) || option_given(given, row->name);
        if (wanted && stria_train_option_get(of, row->name, value, sizeof value, NULL) == STRIA_OK)
            append(text, size, ", %s%s%s", row->name, row->type ? " " : "", row->type ? value : "");
    }
}

/* What a model suggests; options that differ from it have to be said. */
static stria_train_options suggested(const stria_model *model) {
    stria_train_options base = stria_train_options_default();
    if (model) stria_train_options_for(model, &base, NULL);
    return base;
}

void settings_retrain(const stria_trainer *trainer, const char *data, char *text, size_t size) {
    static const char *const other[] = {"lr", "threads", "workers", "out", NULL};
    stria_model *model = NULL; /* whose words `base` points to */
    stria_trainer_model(&model, trainer, NULL);
    const stria_train_options *of = stria_trainer_options(trainer), base = suggested(model);
    int64_t limit = stria_dataset_limit(stria_trainer_train_data(trainer));
    const stria_option_row *row;
    char word[2 * VALUE_BYTES], value[VALUE_BYTES];
    snprintf(text, size, "stria train %s", show_word(of->out, word, sizeof word));
    append(text, size, " --data %s", show_word(data, word, sizeof word));
    if (limit) append(text, size, " --limit %lld", (long long)limit);
    stria_dataset_options opened;
    if (stria_run_data_options(of->out, &opened, NULL) != STRIA_OK) opened = stria_dataset_options_default();
    if (!stria_trainer_val_data(trainer)) append(text, size, " --val no");
    else if (opened.val > 0) append(text, size, " --val %.6g", opened.val);
    if (opened.seed) append(text, size, " --draw-seed %llu", (unsigned long long)opened.seed);
    if (opened.no_exif) append(text, size, " --no-exif");
    if (opened.fast_decode) append(text, size, " --fast-decode");
    for (int i = 0; (row = stria_train_option(i)); i++)
        if (!is_one_of(row->name, other) && *difference(of, &base, row->name, value))
            append(text, size, " --%s%s%s", row->name, row->type ? " " : "",
                   row->type ? show_word(value, word, sizeof word) : "");
    append(text, size, " --lr %.3g", of->lr / 10);
    stria_model_free(model);
}
