#include "train/schedule.h"

#include "base/spec.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

#define PLATEAU "plateau"

typedef struct schedule_key {
    const char *name;
    double standard, low, below; /* default, range [low, below) */
} schedule_key;

/* The rate t steps after the warm-up, of `all` such steps. */
typedef double schedule_rate(const schedule *s, double lr, double t, double all);

typedef struct schedule_row {
    const char *name;
    schedule_rate *rate;
    schedule_key keys[SCHEDULE_KEYS];
} schedule_row;

static double constant(const schedule *s, double lr, double t, double all) {
    return lr;
}

/* floor + (lr − floor)·(1 + cos(π·t/T))/2 (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts). */
static double cosine(const schedule *s, double lr, double t, double all) {
    double floor = s->setting[0], done = all > 0 ? t / all : 1;
    return floor + (lr - floor) * (1 + cos(acos(-1.0) * done)) / 2;
}

/* lr·gamma^⌊t/every⌋ */
static double stepwise(const schedule *s, double lr, double t, double all) {
    return lr * pow(s->setting[1], floor(t / s->setting[0]));
}

/* lr·gamma^(t/every) */
static double exponential(const schedule *s, double lr, double t, double all) {
    return lr * pow(s->setting[1], t / s->setting[0]);
}

/* lr·gamma^(marks that t has reached); a mark below 1 is a share of all steps. */
static double multistep(const schedule *s, double lr, double t, double all) {
    int reached = 0;
    for (int i = 0; i < s->mark_count; i++) reached += t >= (s->marks[i] < 1 ? floor(s->marks[i] * all) : s->marks[i]);
    return lr * pow(s->setting[0], reached);
}

/* floor + (lr − floor)·(1 − t/T)^power */
static double polynomial(const schedule *s, double lr, double t, double all) {
    double left = all > t ? 1 - t / all : 0;
    return s->setting[1] + (lr - s->setting[1]) * pow(left, s->setting[0]);
}

/* A cosine over `every` steps, then over `factor` times as many, and so on (Loshchilov and Hutter, "SGDR", ICLR 2017).
 */
static double restarts(const schedule *s, double lr, double t, double all) {
    double length = s->setting[0], least = s->setting[2];
    double factor = s->setting[1];
    if (factor == 1) {
        t = fmod(t, length);
    } else if (t >= length) { /* after n restarts every·(factorⁿ − 1)/(factor − 1) steps are done */
        double n = floor(log1p(t / length * (factor - 1)) / log(factor));
        while (n > 0 && length * (pow(factor, n) - 1) / (factor - 1) > t) n--; /* the logarithm may round up, */
        while (length * (pow(factor, n + 1) - 1) / (factor - 1) <= t) n++;     /* or down */
        t -= length * (pow(factor, n) - 1) / (factor - 1);
        length *= pow(factor, n);
    }
    return least + (lr - least) * (1 + cos(acos(-1.0) * t / length)) / 2;
}

static double between(double from, double to, double share) {
    return to + (from - to) * (1 + cos(acos(-1.0) * share)) / 2;
}

/* Up from lr/div to lr in the first `start` of the steps, down to lr/(div·final) at the last, by cosines (Smith and
 * Topin, "Super-convergence", 2018; PyTorch's OneCycleLR, without its momentum). */
static double onecycle(const schedule *s, double lr, double t, double all) {
    double first = lr / s->setting[1], top = s->setting[0] * all - 1, last = all - 1;
    if (t <= top) return between(first, lr, top > 0 ? t / top : 1);
    return between(lr, first / s->setting[2], last > top ? (t - top) / (last - top) : 1);
}

static const schedule_row rows[] = {
    {"constant", constant, {{0}}},
    {"cosine", cosine, {{"floor", 0, 0, (double)INFINITY}}},
    {"step", stepwise, {{"every", 1000, 1, 1e9}, {"gamma", 0.1, 0, 1e3}}},
    {"exponential", exponential, {{"every", 1000, 1, 1e9}, {"gamma", 0.5, 0, 1e3}}},
    {"multistep", multistep, {{"gamma", 0.1, 0, 1e3}}},
    {"polynomial", polynomial, {{"power", 1, 0, 100}, {"floor", 0, 0, (double)INFINITY}}},
    {"restarts", restarts, {{"every", 1000, 1, 1e9}, {"factor", 1, 1, 100}, {"floor", 0, 0, (double)INFINITY}}},
    {"onecycle", onecycle, {{"start", 0.3, 0, 1}, {"div", 25, 1, 1e9}, {"final", 1e4, 1, 1e12}}},
    {PLATEAU,
     constant,
     {{"factor", 0.1, 0, 1}, {"patience", 10, 0, 1e6}, {"threshold", 1e-4, 0, 1}, {"floor", 0, 0, (double)INFINITY}}},
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

const char *schedule_name(int i) {
    return i >= 0 && i < ROWS ? rows[i].name : NULL;
}

/* at=4000x6000 or at=0.5x0.75: steps, or shares of them, ascending. */
static stria_status marks_read(const spec *s, schedule *out, stria_error *err) {
    char words[96], *at = words;
    spec_copy(s->value, words, sizeof words);
    for (out->mark_count = 0; *at && out->mark_count < SCHEDULE_MARKS; out->mark_count++) {
        char *end = at + strcspn(at, "x"), more = *end;
        double x, before = out->mark_count ? out->marks[out->mark_count - 1] : 0;
        *end = 0;
        if (!text_to_double(at, &x) || !(x > before && x <= 1e9)) break;
        out->marks[out->mark_count] = x;
        at = more ? end + 1 : end;
        if (more && !*at) break;
    }
    if (*at || out->mark_count == 0)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "--schedule: at is '%.*s', expected up to %d ascending steps joined by x, as 4000x6000 or 0.5x0.75",
             (int)(s->value.length < 80 ? s->value.length : 80), s->value.at, SCHEDULE_MARKS);
    return STRIA_OK;
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
    if (parsed.row->rate == multistep) parsed.marks[0] = 0.5, parsed.marks[1] = 0.75, parsed.mark_count = 2;
    for (;;) {
        TRY(spec_next(&s, &more, err));
        if (!more) break;
        if (parsed.row->rate == multistep && spec_is(s.key, "at")) TRY(marks_read(&s, &parsed, err));
        else TRY(setting_read(&s, &parsed, err));
    }
    *out = parsed;
    return STRIA_OK;
}

double schedule_lr(const schedule *s, double lr, int64_t step, int64_t steps) {
    double t = (double)step - s->warmup, all = (double)steps - s->warmup;
    if (t < 0) return lr * (double)(step + 1) / (s->warmup + 1);
    return s->row->rate(s, lr, t, all);
}

plateau plateau_start(void) {
    return (plateau){.factor = 1, .waited = -1};
}

void schedule_plateau(const schedule *s, plateau *p, double lr, double loss) {
    double factor = s->setting[0], patience = s->setting[1], threshold = s->setting[2], floor = s->setting[3];
    if (strcmp(s->row->name, PLATEAU) != 0) return;
    if (p->waited < 0 || loss < p->best * (1 - threshold)) {
        p->best = loss;
        p->waited = 0;
        return;
    }
    if ((double)++p->waited <= patience) return;
    p->waited = 0;
    p->factor = fmax(p->factor * factor, fmin(floor / lr, p->factor));
}
