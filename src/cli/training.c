#include "cli/training.h"

#include "cli/settings.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/transfer.h"

#include <string.h>

stria_status training_options(const options *given, const stria_model *model, const stria_dataset *train,
                              stria_train_options *out, stria_error *error) {
    *out = stria_train_options_default();
    stria_status status = model ? stria_train_options_for_data(model, train, out, error) : STRIA_OK;
    const stria_option_row *row;
    for (int i = 0; (row = stria_train_option(i)) && status == STRIA_OK; i++)
        if (option_given(given, row->name))
            status = stria_train_option_set(out, row->name, row->type ? option_text(given, row->name) : "1", error);
    /* a few pictures should not require --batch: an epoch has at least four steps */
    int64_t images = train ? stria_dataset_count(train) : 0, most = images < 4 ? images : images / 4;
    if (status == STRIA_OK && images > 0 && !option_given(given, "batch") && out->batch > most) out->batch = most;
    return status;
}

stria_status training_data(const options *given, const char *data, bool validates, stria_dataset_options *division,
                           stria_dataset **train, stria_dataset **val, stria_error *error) {
    bool none = false;
    int64_t limit = division->limit;
    int pipes = division->pipes;
    stria_status status = source_division(given, division, &none, error);
    none = none || !validates;
    division->limit = limit;
    division->pipes = pipes;
    if (status == STRIA_OK)
        status = none ? stria_dataset_open(train, data, division, error)
                      : stria_dataset_open_pair(train, val, data, division, error);
    if (status != STRIA_OK) return status;
    source_note(*train);
    if (!none && strcmp(stria_dataset_note(*train), stria_dataset_note(*val)) != 0) source_note(*val);
    return STRIA_OK;
}

/* The options that choose pictures, as one text. */
static void pictures_key(const options *given, char *key, size_t size) {
    static const char *const names[] = {"data", "layout", "val", "draw-seed", "limit", "max-pixels"};
    size_t length = 0;
    *key = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && length < size; i++) {
        const char *text = option_text(given, names[i]);
        length += (size_t)snprintf(key + length, size - length, "%s\n", text ? text : "");
    }
}

static stria_status pictures_open(const options *given, training_pictures *p, stria_error *error) {
    char key[sizeof p->key], data[4096];
    pictures_key(given, key, sizeof key);
    if (p->train && strcmp(key, p->key) == 0) return STRIA_OK;
    stria_dataset_free(p->train);
    stria_dataset_free(p->val);
    *p = (training_pictures){.train = NULL};
    stria_dataset_options division = stria_dataset_options_default();
    division.limit = option_integer(given, "limit");
    stria_status status = source_spec(given, given->operands[0], data, sizeof data, error);
    if (status == STRIA_OK) status = training_data(given, data, true, &division, &p->train, &p->val, error);
    if (status == STRIA_OK) memcpy(p->key, key, sizeof key);
    return status;
}

stria_status training_rehearse(const options *given, training_pictures *pictures, stria_error *error) {
    stria_model *model = NULL;
    stria_trainer *trainer = NULL;
    stria_train_options options;
    stria_open_options opened = stria_open_options_default();
    term_hush(true);
    stria_status status = pictures_open(given, pictures, error);
    opened.data = pictures->train;
    if (status == STRIA_OK) status = source_model_with(given, given->operands[0], &opened, NULL, &model, error);
    if (status == STRIA_OK) status = transfer_apply(given, &model, error);
    if (status == STRIA_OK) status = training_options(given, model, pictures->train, &options, error);
    if (status == STRIA_OK) options.out = "";
    if (status == STRIA_OK)
        status = stria_trainer_new(&trainer, model, pictures->train, pictures->val, &options, error);
    stria_trainer_free(trainer);
    stria_model_free(model);
    term_hush(false);
    return status;
}

static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(*names, name) == 0) return true;
    return false;
}

/* Options that cannot change when a run is resumed. */
static bool resume_usage(const options *given) {
    static const char *const kept[] = {"val", "limit", NULL}; /* of the command's own */
    static const char *const groups[] = {PREPROCESS_GROUP, NETWORK_GROUP, TRANSFER_GROUP, NULL};
    for (int i = 0; i < given->value_count; i++) {
        const option_row *row = given->values[i].row;
        if (!stria_train_option_kept(row->name) && !is_one_of(row->name, kept) &&
            !(row->group && is_one_of(row->group, groups)))
            continue;
        char word[2048];
        const char *run = option_text(given, "resume");
        /* of a trained network nothing is made again */
        bool network = strcmp(row->name, "init") == 0 || (row->group && strcmp(row->group, NETWORK_GROUP) == 0);
        term_say("train: --%s cannot change when a run is resumed; --epochs, --lr, --schedule, --batch, --data and "
                 "others can; a new run can %s: stria train %s --%s%s%s --data DATA",
                 row->name, network ? "have it, of a network built in" : "begin with its weights",
                 network ? "NETWORK"
                 : *run  ? show_word(run, word, sizeof word)
                         : "RUN",
                 row->name, row->type ? " " : "", row->type ? row->type : "");
        return false;
    }
    if (given->operand_count == 0) return true;
    term_say("train: unexpected argument '%s'; a run folder contains its model", given->operands[0]);
    return false;
}

bool training_usage(const options *given) {
    bool trial = option_given(given, "overfit") || option_given(given, "find-lr");
    if (trial && (option_given(given, "resume") || option_given(given, "out"))) {
        term_say("train: --overfit and --find-lr write no run folder, so --resume and --out cannot be used with them");
        return false;
    }
    if (option_given(given, "repeat") && !option_given(given, "sweep")) {
        term_say("train: --repeat needs --sweep");
        return false;
    }
    if (option_each(given, "sweep", 1)) {
        term_say(
            "train: --sweep is given twice; one grid holds all options: --sweep \"OPTION=VALUE,…; OPTION=VALUE,…\"");
        return false;
    }
    if (option_given(given, "resume")) return resume_usage(given);
    if (given->operand_count == 0) term_say("train: MODEL is missing; usage: stria train MODEL --data DATA");
    else if (!option_given(given, "data")) term_say("train: --data is missing; 'stria data list' shows the sources");
    else return true;
    return false;
}
