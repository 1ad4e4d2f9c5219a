#include "report/axis.h"

#include "report/cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The number with at most `decimals` decimals and without zeros at its end. */
static void plain_text(double x, int decimals, char text[24]) {
    int length = snprintf(text, 24, "%.*f", decimals, x);
    if (length > 20) length = snprintf(text, 24, "%.4g", x);
    if (!strchr(text, '.') || strchr(text, 'e')) return;
    while (text[length - 1] == '0') length--;
    if (text[length - 1] == '.') length--;
    text[length] = 0;
}

void axis_text(double x, char text[24]) {
    static const char units[] = " kMGT";
    double size = fabs(x);
    int unit = 0;
    if (size != 0 && (size < 1e-4 || size >= 1e15)) {
        snprintf(text, 24, "%.3g", x);
        return;
    }
    for (; size >= 1e4 || (unit && size >= 1e3); unit++) size /= 1e3;
    plain_text(x < 0 ? -size : size, unit ? 2 : 6, text);
    size_t length = strlen(text);
    if (unit && length < 22) text[length] = units[unit], text[length + 1] = 0;
}

static void tick_add(axis *a, double x) {
    double slack = a->log ? 1e-9 * fabs(x) : 1e-9 * (a->most - a->least);
    if (a->count == AXIS_TICKS_MAX || x < a->least - slack || x > a->most + slack) return;
    a->tick[a->count] = x;
    if (a->percent) {
        char number[24];
        plain_text(100 * x, 3, number);
        snprintf(a->text[a->count], sizeof a->text[a->count], "%.20s %%", number);
    } else {
        axis_text(x, a->text[a->count]);
    }
    a->count++;
}

/* 1, 2 or 5 times a power of ten, at least x > 0. */
static double round_step(double x) {
    double power = pow(10, floor(log10(x)));
    for (int i = 0; i < 3; i++) {
        static const double times[] = {1, 2, 5};
        if (x <= times[i] * power * (1 + 1e-9)) return times[i] * power;
    }
    return 10 * power;
}

static void linear_ticks(axis *a, int wanted, bool grow) {
    double step = round_step((a->most - a->least) / wanted);
    if (grow) {
        a->least = floor(a->least / step + 1e-9) * step;
        a->most = ceil(a->most / step - 1e-9) * step;
    }
    double first = ceil(a->least / step - 1e-9);
    for (int i = 0; i < AXIS_TICKS_MAX; i++) {
        double x = (first + i) * step;
        if (x > a->most + 1e-9 * step) break;
        tick_add(a, fabs(x) < 1e-9 * step ? 0 : x);
    }
}

static void log_ticks(axis *a) {
    double first = floor(log10(a->least)), last = ceil(log10(a->most));
    double every = ceil((last - first) / (AXIS_TICKS_MAX - 4));
    for (double p = first; p <= last; p += every < 1 ? 1 : every) {
        tick_add(a, pow(10, p));
        if (last - first > 3) continue;
        tick_add(a, 2 * pow(10, p));
        tick_add(a, 5 * pow(10, p));
    }
    if (a->count) return;
    tick_add(a, a->least); /* all between 2 and 5, say */
    tick_add(a, a->most);
}

void axis_init(axis *a, double least, double most, bool logarithmic, bool percent, int wanted, bool grow) {
    *a = (axis){.least = least, .most = most, .log = logarithmic, .percent = percent};
    if (!isfinite(least) || !isfinite(most) || least > most) a->least = 0, a->most = 1;
    if (logarithmic) {
        a->least = a->least < 1e-300 ? 0 : a->least;
        if (!(a->most > 1e-300)) a->most = 1;
        if (!(a->least > 0)) a->least = a->most / 1000;
        if (a->least >= a->most * (1 - 1e-9)) a->least /= 2, a->most *= 2;
        log_ticks(a);
        return;
    }
    double size = fmax(fabs(a->least), fabs(a->most));
    if (a->most - a->least <= 1e-9 * size) {
        double by = size > 0 ? size / 10 : 0.5;
        a->least -= by, a->most += by;
    }
    if (!isfinite(a->most - a->least) || a->most - a->least < 1e-300) a->least = 0, a->most = 1;
    linear_ticks(a, wanted, grow);
}

double axis_share(const axis *a, double x) {
    if (!a->log) return (x - a->least) / (a->most - a->least);
    return x > 0 ? log(x / a->least) / log(a->most / a->least) : 0;
}

int axis_cells(const axis *a) {
    int most = 0;
    for (int i = 0; i < a->count; i++) {
        int cells = cells_of(a->text[i]);
        if (cells > most) most = cells;
    }
    return most;
}
