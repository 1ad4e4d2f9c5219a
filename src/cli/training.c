#include "cli/training.h"

#include "cli/source.h"

#include <string.h>

stria_status training_options(const options *given, const stria_model *model, const stria_dataset *train,
                              stria_train_options *out, stria_error *error) {
    *out = stria_train_options_default();
    stria_status status = model ? stria_train_options_for_data(model, train, out, error) : STRIA_OK;
    const stria_option_row *row;
    for (int i = 0; (row = stria_train_option(i)) && status == STRIA_OK; i++)
        if (option_given(given, row->name))
            status = stria_train_option_set(out, row->name, row->type ? option_text(given, row->name) : "1", error);
    /* a few pictures are no reason to ask for --batch: an epoch has at least four steps */
    int64_t images = train ? stria_dataset_count(train) : 0, most = images < 4 ? images : images / 4;
    if (status == STRIA_OK && images > 0 && !option_given(given, "batch") && out->batch > most) out->batch = most;
    return status;
}

stria_status training_data(const options *given, const char *data, bool validates, stria_dataset_options *division,
                           stria_dataset **train, stria_dataset **val, stria_error *error) {
    bool none = false;
    int64_t limit = division->limit;
    stria_status status = source_division(given, division, &none, error);
    none = none || !validates;
    division->limit = limit;
    division->pipes = true;
    if (status == STRIA_OK)
        status = none ? stria_dataset_open(train, data, division, error)
                      : stria_dataset_open_pair(train, val, data, division, error);
    if (status != STRIA_OK) return status;
    source_note(*train);
    if (!none && strcmp(stria_dataset_note(*train), stria_dataset_note(*val)) != 0) source_note(*val);
    return STRIA_OK;
}
