#include "train/options.h"

#include "train/loss.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind { INTEGER, UNSIGNED, THREADS, REAL, TEXT } option_kind;

struct row {
    stria_option_row row;
    option_kind kind;
    size_t offset, bytes; /* of the field */
    double low, high;
    stria_status (*check)(const char *text, stria_error *err);
};

static stria_status optimizer_check(const char *spec, stria_error *err) {
    optimizer_options o;
    return optimizer_parse(spec, &o, err);
}

static stria_status schedule_check(const char *spec, stria_error *err) {
    schedule s;
    return schedule_parse(spec, &s, err);
}

#define FIELD(member) offsetof(stria_train_options, member), sizeof(((stria_train_options *)0)->member)

static const struct row rows[] = {
    {{"epochs", "N", "passes over the training images, 1…100000", "10"}, INTEGER, FIELD(epochs), 1, 1e5, NULL},
    {{"batch", "N", "images per step, 1…65536", "64"}, INTEGER, FIELD(batch), 1, 65536, NULL},
    {{"optimizer", "NAME[:key=value,…]", "sgd[:momentum=0.9,nesterov=0]", "sgd:momentum=0.9"},
     TEXT,
     FIELD(optimizer),
     0,
     0,
     optimizer_check},
    {{"loss", "NAME[:key=value,…]",
      "cross_entropy[:label_smoothing=X], nll, hinge[:margin=X,squared=1,over=sum|max], binary_cross_entropy, "
      "kl_divergence, and against the label's one-hot row squared_error, euclidean (1/2 of the sum per image), "
      "absolute_error, huber[:delta=X]; joined by +, each with weight=X and output=NAME of an auxiliary head. "
      "Metrics stay the first output's, and their loss its cross-entropy",
      LOSS_STANDARD},
     TEXT,
     FIELD(loss),
     0,
     0,
     loss_check},
    {{"lr", "X", "learning rate, above 0, up to 1e6", "0.05"}, REAL, FIELD(lr), 1e-12, 1e6, NULL},
    {{"schedule", "NAME[:key=value,…]", "constant, cosine[:warmup=STEPS,floor=X]", "cosine"},
     TEXT,
     FIELD(schedule),
     0,
     0,
     schedule_check},
    {{"weight-decay", "X", "L2 penalty on weights (not on biases), 0…1", "0"}, REAL, FIELD(weight_decay), 0, 1, NULL},
    {{"seed", "N", "of initial weights and of the order of images, 0…9.2e18", "0"},
     UNSIGNED,
     FIELD(seed),
     0,
     9.2e18,
     NULL},
    {{"threads", "N", "0…1024, 0: all CPUs; changes no bit of the result", "0"},
     THREADS,
     FIELD(threads),
     0,
     1024,
     NULL},
    {{"out", "FOLDER", "the run folder to write", ""}, TEXT, FIELD(out), 0, 0, NULL},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

const stria_option_row *stria_train_option(int index) {
    return index >= 0 && index < ROWS ? &rows[index].row : NULL;
}

static void *field_of(stria_train_options *options, const struct row *r) {
    return (char *)options + r->offset;
}

static double number_of(const struct row *r, const void *field) {
    if (r->kind == REAL) return *(const double *)field;
    if (r->kind == THREADS) return *(const int *)field;
    return r->kind == UNSIGNED ? (double)*(const uint64_t *)field : (double)*(const int64_t *)field;
}

static stria_status number_check(const struct row *r, double x, const char *value, stria_error *err) {
    if (x >= r->low && x <= r->high) return STRIA_OK; /* neither for NaN */
    FAIL(err, STRIA_BAD_ARGUMENT, "--%s: %s is out of range (%s)", r->row.name, value, r->row.help);
}

static stria_status number_set(const struct row *r, void *field, const char *value, stria_error *err) {
    double x;
    int64_t i = 0;
    bool whole = r->kind != REAL;
    if (whole ? !text_to_int(value, &i) : !text_to_double(value, &x))
        FAIL(err, STRIA_BAD_ARGUMENT, "--%s: '%s' is not a %snumber", r->row.name, value, whole ? "whole " : "");
    if (whole) x = (double)i;
    TRY(number_check(r, x, value, err));
    if (r->kind == REAL) *(double *)field = x;
    else if (r->kind == THREADS) *(int *)field = (int)i;
    else *(int64_t *)field = i;
    return STRIA_OK;
}

static stria_status row_set(const struct row *r, void *field, const char *value, stria_error *err) {
    if (r->kind != TEXT) return number_set(r, field, value, err);
    if (strlen(value) >= r->bytes)
        FAIL(err, STRIA_BAD_ARGUMENT, "--%s: more than %zu characters", r->row.name, r->bytes - 1);
    if (r->check) TRY(r->check(value, err));
    memcpy(field, value, strlen(value) + 1);
    return STRIA_OK;
}

stria_status stria_train_option_set(stria_train_options *options, const char *name, const char *value,
                                    stria_error *err) {
    const char *names[ROWS];
    for (int i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].row.name, name) == 0) return row_set(&rows[i], field_of(options, &rows[i]), value, err);
        names[i] = rows[i].row.name;
    }
    const char *nearest = text_nearest(name, names, ROWS);
    FAIL(err, STRIA_BAD_ARGUMENT, "there is no training option '%s'%s%s%s", name, nearest ? "; did you mean '" : "",
         nearest ? nearest : "", nearest ? "'?" : "");
}

stria_train_options stria_train_options_default(void) {
    stria_train_options o = {.size = sizeof o};
    for (int i = 0; i < ROWS; i++) row_set(&rows[i], field_of(&o, &rows[i]), rows[i].row.standard, NULL);
    return o;
}

static stria_status field_check(const struct row *r, const void *field, stria_error *err) {
    char said[32];
    if (r->kind == TEXT) {
        if (!memchr(field, 0, r->bytes))
            FAIL(err, STRIA_BAD_ARGUMENT, "--%s: the text has no end within its %zu bytes", r->row.name, r->bytes);
        return r->check ? r->check(field, err) : STRIA_OK;
    }
    double x = number_of(r, field);
    snprintf(said, sizeof said, "%.15g", x);
    return number_check(r, x, said, err);
}

stria_status train_options_check(const stria_train_options *options, stria_error *err) {
    for (int i = 0; i < ROWS; i++) TRY(field_check(&rows[i], (const char *)options + rows[i].offset, err));
    return STRIA_OK;
}

/* The shortest of 15 to 17 digits that reads back as x: 0.0005, not 0.00050000000000000001. */
static void real_text(double x, text *out) {
    double back = x + 1;
    size_t start = out->length;
    for (int digits = 15; digits <= 17 && back != x; digits++) {
        out->length = start;
        text_printf(out, "%.*g", digits, x);
        if (out->failed || !text_to_double(out->data + start, &back)) return;
    }
}

void train_option_text(const stria_train_options *options, int index, text *out) {
    const struct row *r = &rows[index];
    const void *field = (const char *)options + r->offset;
    if (r->kind == REAL) real_text(*(const double *)field, out);
    else if (r->kind == THREADS) text_printf(out, "%d", *(const int *)field);
    else if (r->kind == TEXT) text_printf(out, "%s", (const char *)field);
    else text_printf(out, "%" PRId64, *(const int64_t *)field);
}

static bool recipe_may_say(const char *name) {
    static const char *const own[] = {"seed", "threads", "out"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0) return false;
    return true;
}

stria_status train_options_recipe(stria_train_options *options, const char *recipe, stria_error *err) {
    for (const char *at = recipe + strspn(recipe, " "); *at; at += strspn(at, " ")) {
        char name[32] = "", value[256] = "";
        size_t pair = strcspn(at, " "), split = strcspn(at, "= ");
        if (split < sizeof name) memcpy(name, at, split);
        if (split < pair && pair - split - 1 < sizeof value) memcpy(value, at + split + 1, pair - split - 1);
        if (!*name || !*value || !recipe_may_say(name))
            FAIL(err, STRIA_BAD_FILE, "the model's metadata '%s' says '%.*s', expected OPTION=VALUE", TRAIN_RECIPE,
                 (int)(pair < 80 ? pair : 80), at);
        stria_status status = stria_train_option_set(options, name, value, err);
        if (status != STRIA_OK) return error_prefix(err, "the model's metadata '%s': ", TRAIN_RECIPE), status;
        at += pair;
    }
    return STRIA_OK;
}

/* ---- NAME[:key=value,…] ---- */

/* Splits off the name and calls put for each pair. */
typedef stria_status pair_put(void *context, const char *key, double value, stria_error *err);

static stria_status spec_parse(const char *what, const char *spec, char name[32], pair_put *put, void *context,
                               stria_error *err) {
    size_t length = strcspn(spec, ":");
    if (length == 0 || length >= 32) FAIL(err, STRIA_BAD_ARGUMENT, "--%s: '%s' has no name", what, spec);
    memcpy(name, spec, length);
    name[length] = 0;
    for (const char *at = spec + length; *at;) {
        at++; /* ':' or ',' */
        size_t pair = strcspn(at, ","), equals = strcspn(at, "=,");
        char key[32] = "", number[32] = "";
        double x;
        if (equals < sizeof key) memcpy(key, at, equals);
        if (equals < pair && pair - equals - 1 < sizeof number) memcpy(number, at + equals + 1, pair - equals - 1);
        if (!*key || !text_to_double(number, &x))
            FAIL(err, STRIA_BAD_ARGUMENT, "--%s: '%s' is not key=number", what, at);
        TRY(put(context, key, x, err));
        at += pair;
    }
    return STRIA_OK;
}

static stria_status optimizer_put(void *context, const char *key, double x, stria_error *err) {
    optimizer_options *o = context;
    if (strcmp(key, "momentum") == 0 && x >= 0 && x < 1) o->momentum = x;
    else if (strcmp(key, "nesterov") == 0 && (x == 0 || x == 1)) o->nesterov = x == 1;
    else
        FAIL(err, STRIA_BAD_ARGUMENT, "--optimizer: sgd knows momentum (0 to below 1) and nesterov (0 or 1), not %s=%g",
             key, x);
    return STRIA_OK;
}

stria_status optimizer_parse(const char *spec, optimizer_options *out, stria_error *err) {
    char name[32];
    *out = (optimizer_options){0};
    TRY(spec_parse("optimizer", spec, name, optimizer_put, out, err));
    if (strcmp(name, "sgd") != 0) FAIL(err, STRIA_BAD_ARGUMENT, "--optimizer: there is no '%s'; there is sgd", name);
    return STRIA_OK;
}

static stria_status schedule_put(void *context, const char *key, double x, stria_error *err) {
    schedule *s = context;
    if (strcmp(key, "warmup") == 0 && x >= 0 && x <= 1e9) s->warmup = floor(x);
    else if (strcmp(key, "floor") == 0 && x >= 0) s->floor = x;
    else FAIL(err, STRIA_BAD_ARGUMENT, "--schedule: known are warmup=STEPS and floor=X, not %s=%g", key, x);
    return STRIA_OK;
}

stria_status schedule_parse(const char *spec, schedule *out, stria_error *err) {
    char name[32];
    *out = (schedule){0};
    TRY(spec_parse("schedule", spec, name, schedule_put, out, err));
    out->cosine = strcmp(name, "cosine") == 0;
    if (!out->cosine && strcmp(name, "constant") != 0)
        FAIL(err, STRIA_BAD_ARGUMENT, "--schedule: there is no '%s'; there are constant and cosine", name);
    return STRIA_OK;
}

double schedule_lr(const schedule *s, double lr, int64_t step, int64_t steps) {
    if ((double)step < s->warmup) return lr * (double)(step + 1) / (s->warmup + 1);
    if (!s->cosine) return lr;
    double done = steps > (int64_t)s->warmup ? ((double)step - s->warmup) / ((double)steps - s->warmup) : 1;
    return s->floor + (lr - s->floor) * (1 + cos(acos(-1.0) * done)) / 2;
}
