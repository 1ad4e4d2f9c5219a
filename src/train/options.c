#include "train/options.h"

#include "base/spec.h"
#include "data/augment.h"
#include "train/class_weights.h"
#include "train/goal.h"
#include "train/loss.h"
#include "train/lr_factor.h"
#include "train/optimizer.h"
#include "train/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CHOSEN: an integer, or the word "auto", stored as 0, outside its range. */
typedef enum option_kind { INTEGER, CHOSEN, UNSIGNED, THREADS, SWITCH, REAL, TEXT } option_kind;

#define CHOSEN_WORD "auto"

struct row {
    stria_option_row row;
    option_kind kind;
    size_t offset; /* of the field; of a text, a pointer to it */
    double low, high;
    stria_status (*check)(const char *text, stria_error *err);
};

static stria_status optimizer_check(const char *spec, stria_error *err) {
    optimizer o;
    return optimizer_parse(spec, &o, err);
}

static stria_status schedule_check(const char *spec, stria_error *err) {
    schedule s;
    return schedule_parse(spec, &s, err);
}

static stria_status augment_text_check(const char *text, stria_error *err) {
    augment a;
    return augment_parse(text, &a, err);
}

#define FIELD(member) offsetof(stria_train_options, member)

static const struct row rows[] = {
    {{"epochs", "N", "passes over the training images, 1…100000", "10"}, INTEGER, FIELD(epochs), 1, 1e5, NULL},
    {{"batch", "N",
      "images per step, 1…65536, by default at most a quarter of the training images; auto: as many as fit in memory, "
      "at most 1024 and a quarter of all",
      "64"},
     CHOSEN,
     FIELD(batch),
     1,
     65536,
     NULL},
    {{"steps", "N", "number of steps after which training ends; overrides --epochs; 0: after --epochs", "0"},
     INTEGER,
     FIELD(steps),
     0,
     1e9,
     NULL},
    {{"eval-every", "N", "also validates every N steps; 0: only at the end of every epoch", "0"},
     INTEGER,
     FIELD(eval_every),
     0,
     1e9,
     NULL},
    {{"optimizer", "NAME[:key=value,…]",
      "sgd[:momentum=0,nesterov=0,style=torch|keras], momentum and nesterov (sgd with momentum=0.9, nesterov=1), adam "
      "or adamw[:beta1=0.9,beta2=0.999,epsilon=1e-8], "
      "nadam[:momentum_decay=0.004,…], rmsprop[:alpha=0.99,epsilon=1e-8], adagrad[:decay=0,epsilon=1e-10,initial=0], "
      "adadelta[:rho=0.9,epsilon=1e-6], lamb[:epsilon=1e-6,…], lion[:beta1=0.9,beta2=0.99], "
      "muon[:momentum=0.95,nesterov=1,steps=5], ftrl[:l1=0,l2=0,beta=0,initial=0.1]",
      OPTIMIZER_STANDARD},
     TEXT,
     FIELD(optimizer),
     0,
     0,
     optimizer_check},
    {{"goal", "NAME",
      "what the network learns: classify, or reconstruct (its output should equal the input image); by default "
      "reconstruct if the output has the input's shape, else classify",
      ""},
     TEXT,
     FIELD(goal),
     0,
     0,
     goal_check},
    {{"loss", "NAME[:key=value,…]",
      "cross_entropy, nll, hinge[:margin=X,squared=1,over=sum|max], binary_cross_entropy, kl_divergence, and against "
      "the label's one-hot row squared_error, euclidean (1/2 of the sum per image), absolute_error, huber[:delta=X]; "
      "all but hinge take label_smoothing=X; to reconstruct: squared_error, absolute_error, huber, euclidean, "
      "binary_cross_entropy; by default cross_entropy and squared_error; several are joined by +, each with weight=X "
      "and output=NAME of an auxiliary head. Metrics use the first output, and their loss is its cross-entropy or "
      "squared error",
      ""},
     TEXT,
     FIELD(loss),
     0,
     0,
     loss_check},
    {{"class-weights", "balanced|X,…",
      "weight of each class in the loss: balanced (all classes have equal weight in total), or a number per class", ""},
     TEXT,
     FIELD(class_weights),
     0,
     0,
     class_weights_check},
    {{"lr", "X", "learning rate, 1e-12…1e6", "0.05"}, REAL, FIELD(lr), 1e-12, 1e6, NULL},
    {{"lr-factor", "PATTERN=X,…",
      "factors of the learning rate for some weights, by their name or their layer's, for example "
      "\"fc*=10,conv1*=0.1\"; the last match counts",
      ""},
     TEXT,
     FIELD(lr_factor),
     0,
     0,
     lr_factor_check},
    {{"schedule", "NAME[:key=value,…]",
      "constant, cosine[:floor=X], step[:every=STEPS,gamma=0.1], exponential[:every=STEPS,gamma=0.5]; every: 1000; "
      "multistep[:at=0.5x0.75,gamma=0.1] (steps, or shares of all), polynomial[:power=1,floor=0], "
      "restarts[:every=STEPS,factor=1,floor=0] (of cosines), onecycle[:start=0.3,div=25,final=10000], "
      "plateau[:factor=0.1,patience=10,threshold=1e-4,floor=0] (epochs); each takes warmup=STEPS",
      SCHEDULE_STANDARD},
     TEXT,
     FIELD(schedule),
     0,
     0,
     schedule_check},
    {{"augment", "STEPS",
      "random changes to training images, for example \"crop pad 4, flip, cutout 8\"; `stria data steps` lists them",
      ""},
     TEXT,
     FIELD(augment),
     0,
     0,
     augment_text_check},
    {{"weight-decay", "X", "L2 penalty on weights (not on biases), 0…1", "0"}, REAL, FIELD(weight_decay), 0, 1, NULL},
    {{"clip-norm", "X", "scales the gradients down if their norm over all parameters exceeds X; 0: never", "0"},
     REAL,
     FIELD(clip_norm),
     0,
     1e6,
     NULL},
    {{"clip-value", "X", "limits each element of the gradients to -X…X; 0: never", "0"},
     REAL,
     FIELD(clip_value),
     0,
     1e6,
     NULL},
    {{"l1", "X", "L1 penalty on weights (not on biases), 0…1", "0"}, REAL, FIELD(l1), 0, 1, NULL},
    {{"max-norm", "X", "scales each unit's weights down if their norm exceeds X after a step; 0: never", "0"},
     REAL,
     FIELD(max_norm),
     0,
     1e6,
     NULL},
    {{"accumulate", "N", "batches whose gradients are averaged for one update, 1…4096", "1"},
     INTEGER,
     FIELD(accumulate),
     1,
     4096,
     NULL},
    {{"ema", "X",
      "decay of a moving average of the weights, 0…0.999999, which is validated and saved instead of them; 0: none",
      "0"},
     REAL,
     FIELD(ema),
     0,
     0.999999,
     NULL},
    {{"patience", "N", "ends training after N epochs without a better validation; 0: never", "0"},
     INTEGER,
     FIELD(patience),
     0,
     1e5,
     NULL},
    {{"seed", "N", "seed of initial weights and of the order of images, 0…9.2e18", "0"},
     UNSIGNED,
     FIELD(seed),
     0,
     9.2e18,
     NULL},
    {{"recompute", NULL,
      "computes parts of the network again for the gradients instead of keeping all results: less memory, more time, "
      "the same bits",
      "0"},
     SWITCH,
     FIELD(recompute),
     0,
     1,
     NULL},
    {{"no-shuffle", NULL,
      "uses the images in the data's order in every epoch; with --from, to reproduce another framework's run", "0"},
     SWITCH,
     FIELD(no_shuffle),
     0,
     1,
     NULL},
    {{"memory", "MIB",
      "memory limit in MiB for network and training, without decoded images; larger trainings are refused, naming the "
      "largest batch that fits; 0: the free memory",
      "0"},
     INTEGER,
     FIELD(memory),
     0,
     1 << 24,
     NULL},
    {{"threads", "N", "number of threads, 0…1024, 0: all CPUs; the result is bit-identical", "0"},
     THREADS,
     FIELD(threads),
     0,
     1024,
     NULL},
    {{"skip-bad", NULL, "skips pictures that cannot be read, and counts them, instead of stopping at the first", "0"},
     SWITCH,
     FIELD(skip_bad),
     0,
     1,
     NULL},
    {{"workers", "N",
      "threads that read and augment pictures ahead of the steps; 0: as many as --threads if that is more than one; "
      "-1: none",
      "0"},
     INTEGER,
     FIELD(workers),
     -1,
     1024,
     NULL},
    {{"cache", "MIB", "memory in MiB for decoded picture files, so that later epochs do not read them again; 0: none",
      "1024"},
     INTEGER,
     FIELD(cache),
     0,
     1 << 20,
     NULL},
    {{"out", "FOLDER", "the run folder to write", ""}, TEXT, FIELD(out), 0, 0, NULL},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

const stria_option_row *train_option_row(int index) {
    return index >= 0 && index < ROWS ? &rows[index].row : NULL;
}

static void *field_of(stria_train_options *options, const struct row *r) {
    return (char *)options + r->offset;
}

static double number_of(const struct row *r, const void *field) {
    if (r->kind == REAL) return *(const double *)field;
    if (r->kind == THREADS || r->kind == SWITCH) return *(const int *)field;
    return r->kind == UNSIGNED ? (double)*(const uint64_t *)field : (double)*(const int64_t *)field;
}

static stria_status number_check(const struct row *r, double x, const char *value, stria_error *err) {
    if (x >= r->low && x <= r->high) return STRIA_OK; /* neither for NaN */
    if (r->kind == REAL && r->low > 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--%s: %s is out of range %g…%g", r->row.name, value, r->low, r->high);
    FAIL(err, STRIA_BAD_ARGUMENT, "--%s: %s is out of range %.10g…%.10g", r->row.name, value, r->low, r->high);
}

static stria_status number_set(const struct row *r, void *field, const char *value, stria_error *err) {
    double x;
    int64_t i = 0;
    if (r->kind == CHOSEN && strcmp(value, CHOSEN_WORD) == 0) {
        *(int64_t *)field = 0;
        return STRIA_OK;
    }
    bool whole = r->kind != REAL, digits = value[strspn(value, "-0123456789")] == 0;
    if (whole && digits && !text_to_int(value, &i) && text_to_double(value, &x))
        return number_check(r, x < 0 ? -INFINITY : INFINITY, value, err); /* of more digits than 64 bits hold */
    if (whole ? !text_to_int(value, &i) : !text_to_double(value, &x))
        FAIL(err, STRIA_BAD_ARGUMENT, "--%s: '%s' is not a %snumber%s%s", r->row.name, value, whole ? "whole " : "",
             r->kind == CHOSEN ? ", nor " : "", r->kind == CHOSEN ? CHOSEN_WORD : "");
    if (whole) x = (double)i;
    TRY(number_check(r, x, value, err));
    if (r->kind == REAL) *(double *)field = x;
    else if (r->kind == THREADS || r->kind == SWITCH) *(int *)field = (int)i;
    else *(int64_t *)field = i;
    return STRIA_OK;
}

static stria_status text_field_check(const struct row *r, const char *value, stria_error *err) {
    if (strnlen(value, OPTION_TEXT_MAX + 1) > OPTION_TEXT_MAX)
        FAIL(err, STRIA_BAD_ARGUMENT, "--%s: more than %d characters", r->row.name, OPTION_TEXT_MAX);
    return r->check ? r->check(value, err) : STRIA_OK;
}

static stria_status row_set(const struct row *r, void *field, const char *value, stria_error *err) {
    if (r->kind != TEXT) return number_set(r, field, value, err);
    TRY(text_field_check(r, value, err));
    *(const char **)field = value;
    return STRIA_OK;
}

stria_status train_option_set(stria_train_options *options, const char *name, const char *value, stria_error *err) {
    int i;
    TRY(spec_choose(&(spec){.what = ""}, "training option", (spec_word){name, strlen(name)}, SPEC_ROWS(rows), &i, err));
    return row_set(&rows[i], field_of(options, &rows[i]), value, err);
}

stria_train_options train_options_default(void) {
    stria_train_options o = {.size = sizeof o};
    for (int i = 0; i < ROWS; i++) row_set(&rows[i], field_of(&o, &rows[i]), rows[i].row.standard, NULL);
    return o;
}

static stria_status field_check(const struct row *r, const void *field, stria_error *err) {
    char said[32];
    if (r->kind == TEXT) return text_field_check(r, *(const char *const *)field, err);
    double x = number_of(r, field);
    if (r->kind == CHOSEN && x == 0) return STRIA_OK;
    snprintf(said, sizeof said, "%.15g", x);
    return number_check(r, x, said, err);
}

stria_status train_options_check(stria_train_options *options, stria_error *err) {
    for (int i = 0; i < ROWS; i++) {
        void *field = field_of(options, &rows[i]);
        if (rows[i].kind == TEXT && !*(const char **)field) *(const char **)field = rows[i].row.standard;
        TRY(field_check(&rows[i], field, err));
    }
    return STRIA_OK;
}

stria_status train_options_keep(stria_train_options *options, arena *texts, stria_error *err) {
    for (int i = 0; i < ROWS; i++) {
        const char **field = field_of(options, &rows[i]);
        if (rows[i].kind != TEXT) continue;
        *field = arena_strdup(texts, *field);
        if (!*field) FAIL(err, STRIA_NO_MEMORY, "not enough memory for the options");
    }
    return STRIA_OK;
}

void train_option_text(const stria_train_options *options, int index, text *out) {
    const struct row *r = &rows[index];
    const void *field = (const char *)options + r->offset;
    if (r->kind == CHOSEN && number_of(r, field) == 0) text_printf(out, CHOSEN_WORD);
    else if (r->kind == REAL) text_double(out, *(const double *)field);
    else if (r->kind == THREADS || r->kind == SWITCH) text_printf(out, "%d", *(const int *)field);
    else if (r->kind == TEXT) text_printf(out, "%s", *(const char *const *)field);
    else text_printf(out, "%" PRId64, *(const int64_t *)field);
}

static bool recipe_may_say(const char *name) {
    static const char *const own[] = {"seed", "threads", "skip-bad", "workers", "cache", "memory", "out"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0) return false;
    return true;
}

bool train_option_kept(const char *name) {
    static const char *const kept[] = {"goal", "optimizer", "accumulate", "ema", "seed", "out"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strcmp(kept[i], name) == 0) return true;
    return false;
}

void train_option_take(stria_train_options *to, const stria_train_options *from, const char *name) {
    static const size_t bytes[] = {
        [INTEGER] = sizeof(int64_t), [CHOSEN] = sizeof(int64_t), [UNSIGNED] = sizeof(uint64_t), [REAL] = sizeof(double),
        [THREADS] = sizeof(int),     [SWITCH] = sizeof(int),     [TEXT] = sizeof(char *)};
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].row.name, name) == 0)
            memcpy(field_of(to, &rows[i]), (const char *)from + rows[i].offset, bytes[rows[i].kind]);
}

/* One OPTION=VALUE; the value ends with the word. */
static stria_status recipe_set(const spec *s, stria_train_options *options, stria_error *err) {
    char name[32];
    if (!spec_copy(s->key, name, sizeof name) || !s->value.length || !recipe_may_say(name))
        FAIL(err, STRIA_BAD_ARGUMENT, "a model may not set '%.*s'",
             (int)(s->key.length + 1 + s->value.length < 80 ? s->key.length + 1 + s->value.length : 80), s->key.at);
    return train_option_set(options, name, s->value.at, err);
}

void train_recipe_cut(char *words, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (strchr(" \t\r\n", words[i])) words[i] = 0;
}

stria_status train_options_recipe(stria_train_options *options, const char *words, size_t bytes, stria_error *err) {
    stria_train_options changed = *options;
    stria_error reason = {0};
    for (size_t at = 0; at < bytes; at += strlen(words + at) + 1) {
        spec s = spec_open_list("", words + at);
        bool more;
        stria_status status = spec_next(&s, &more, &reason);
        if (status == STRIA_OK && more) status = recipe_set(&s, &changed, &reason);
        if (status != STRIA_OK) FAIL(err, STRIA_BAD_FILE, "the model's metadata '%s': %s", TRAIN_RECIPE, reason.text);
    }
    *options = changed;
    return STRIA_OK;
}
