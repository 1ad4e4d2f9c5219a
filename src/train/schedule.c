#include "train/schedule.h"

#include "base/spec.h"

#include <math.h>

typedef struct schedule_key {
    const char *name;
    double standard, low, below; /* default, range [low, below) */
} schedule_key;

/* The rate t steps after the warm-up, of `all` such steps. */
typedef double schedule_rate(double lr, double t, double all, const double *setting);

typedef struct schedule_row {
    const char *name;
    schedule_rate *rate;
    schedule_key keys[SCHEDULE_KEYS];
} schedule_row;

static double constant(double lr, double t, double all, const double *setting) {
    (void)t, (void)all, (void)setting;
    return lr;
}

/* floor + (lr − floor)·(1 + cos(π·t/T))/2 (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts). */
static double cosine(double lr, double t, double all, const double *setting) {
    double floor = setting[0], done = all > 0 ? t / all : 1;
    return floor + (lr - floor) * (1 + cos(acos(-1.0) * done)) / 2;
}

/* lr·gamma^⌊t/every⌋ */
static double stepwise(double lr, double t, double all, const double *setting) {
    (void)all;
    return lr * pow(setting[1], floor(t / setting[0]));
}

/* lr·gamma^(t/every) */
static double exponential(double lr, double t, double all, const double *setting) {
    (void)all;
    return lr * pow(setting[1], t / setting[0]);
}

static const schedule_row rows[] = {
    {"constant", constant, {{0}}},
    {"cosine", cosine, {{"floor", 0, 0, (double)INFINITY}}},
    {"step", stepwise, {{"every", 1000, 1, 1e9}, {"gamma", 0.1, 0, 1e3}}},
    {"exponential", exponential, {{"every", 1000, 1, 1e9}, {"gamma", 0.5, 0, 1e3}}},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

const char *schedule_name(int i) {
    return i >= 0 && i < ROWS ? rows[i].name : NULL;
}

/* Every schedule takes warmup=STEPS beside its own keys. */
static stria_status setting_read(const spec *s, schedule *out, stria_error *err) {
    schedule_key keys[SCHEDULE_KEYS + 1] = {{"warmup", 0, 0, 1e9}};
    double x;
    int i;
    for (int k = 0; k < SCHEDULE_KEYS; k++) keys[k + 1] = out->row->keys[k];
    TRY(spec_choose(s, "setting", s->key, SPEC_ROWS(keys), &i, err));
    TRY(spec_real(s, keys[i].low, keys[i].below, &x, err));
    if (i == 0) out->warmup = floor(x);
    else out->setting[i - 1] = x;
    return STRIA_OK;
}

stria_status schedule_parse(const char *text, schedule *out, stria_error *err) {
    spec s = spec_open("--schedule", text);
    schedule parsed = {0};
    int i;
    bool more;
    TRY(spec_choose(&s, "schedule", s.name, SPEC_ROWS(rows), &i, err));
    parsed.row = &rows[i];
    for (int k = 0; k < SCHEDULE_KEYS; k++) parsed.setting[k] = parsed.row->keys[k].standard;
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) break;
        TRY(setting_read(&s, &parsed, err));
    }
    *out = parsed;
    return STRIA_OK;
}

double schedule_lr(const schedule *s, double lr, int64_t step, int64_t steps) {
    double t = (double)step - s->warmup, all = (double)steps - s->warmup;
    if (t < 0) return lr * (double)(step + 1) / (s->warmup + 1);
    return s->row->rate(lr, t, all, s->setting);
}
