#include "cli/transfer.h"

#include "cli/term.h"

/* *model becomes `changed`. */
static void exchange(stria_model **model, stria_model *changed) {
    stria_model_free(*model);
    *model = changed;
}

static stria_status init_apply(const options *given, stria_model **model, stria_error *error) {
    stria_model *changed = NULL;
    if (!option_given(given, "init")) return STRIA_OK;
    stria_status status = stria_model_initialize(&changed, *model, option_text(given, "init"),
                                                 (uint64_t)option_integer(given, "seed"), error);
    if (status == STRIA_OK) exchange(model, changed);
    return status;
}

static stria_status head_apply(const options *given, stria_model **model, stria_error *error) {
    stria_model *changed = NULL;
    if (!option_given(given, "head")) return STRIA_OK;
    stria_status status = stria_model_replace_head(&changed, *model, option_integer(given, "head"),
                                                   (uint64_t)option_integer(given, "seed"), error);
    if (status == STRIA_OK) exchange(model, changed);
    return status;
}

static stria_status from_apply(const options *given, stria_model **model, stria_error *error) {
    stria_model *from = NULL, *changed = NULL;
    char *report = NULL;
    if (!option_given(given, "from")) return STRIA_OK;
    stria_status status = stria_model_open(&from, option_text(given, "from"), 0, error);
    if (status == STRIA_OK) status = stria_model_take_weights(&changed, *model, from, &report, error);
    stria_model_free(from);
    if (status != STRIA_OK) return status;
    exchange(model, changed);
    term_say("%s", report);
    stria_text_free(report);
    return STRIA_OK;
}

static stria_status freeze_apply(const options *given, stria_model **model, stria_error *error) {
    stria_model *changed = NULL;
    if (!option_given(given, "freeze")) return STRIA_OK;
    stria_status status = stria_model_freeze(&changed, *model, option_text(given, "freeze"), error);
    if (status == STRIA_OK) exchange(model, changed);
    return status;
}

stria_status transfer_apply(const options *given, stria_model **model, stria_error *error) {
    stria_status status = init_apply(given, model, error);
    if (status == STRIA_OK) status = head_apply(given, model, error);
    if (status == STRIA_OK) status = from_apply(given, model, error);
    return status == STRIA_OK ? freeze_apply(given, model, error) : status;
}
