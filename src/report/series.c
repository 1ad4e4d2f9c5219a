#include "report/series.h"

#include <math.h>

/* Two buckets become one: half as many, twice as long. An odd last one stays as it is. */
static void halve(series *s) {
    for (int i = 0; i < s->count / 2; i++) {
        series_bucket a = s->bucket[2 * i], b = s->bucket[2 * i + 1];
        s->bucket[i] = (series_bucket){.x = a.x + b.x,
                                       .y = a.y + b.y,
                                       .least = fmin(a.least, b.least),
                                       .most = fmax(a.most, b.most),
                                       .last_x = b.last_x,
                                       .count = a.count + b.count};
    }
    if (s->count % 2) s->bucket[s->count / 2] = s->bucket[s->count - 1];
    s->count = (s->count + 1) / 2;
    s->every *= 2;
}

void series_add(series *s, double x, double y) {
    if (!isfinite(x) || !isfinite(y)) {
        s->missing++;
        return;
    }
    if (!s->every) s->every = 1;
    if (s->count == SERIES_BUCKETS && s->bucket[s->count - 1].count == s->every) halve(s);
    if (s->points == 0) s->first_y = y;
    if (s->points == 0 || y > s->best_y) s->best_x = x, s->best_y = y;
    s->points++;
    s->last_x = x;
    s->last_y = y;
    series_bucket *b = s->count ? &s->bucket[s->count - 1] : s->bucket;
    if (s->count == 0 || b->count == s->every) {
        s->bucket[s->count++] = (series_bucket){.x = x, .y = y, .least = y, .most = y, .last_x = x, .count = 1};
        return;
    }
    b->x += x;
    b->y += y;
    b->least = y < b->least ? y : b->least;
    b->most = y > b->most ? y : b->most;
    b->last_x = x;
    b->count++;
}

/* Returns true if bucket i of both holds the same x: as many points of each run, up to the same last one. */
static bool same_x(const series *a, int a_runs, const series *b, int i) {
    return a->bucket[i].last_x == b->bucket[i].last_x && a->bucket[i].count == a_runs * b->bucket[i].count;
}

/* As long as both have the same x. Points are lost where one ends within a bucket of the other. */
static void common_keep(series *s, const series *other) {
    int common = 0, most = s->count < other->count ? s->count : other->count;
    while (common < most && same_x(s, s->runs, other, common)) common++;
    s->count = common;
    s->points = 0;
    for (int i = 0; i < common; i++) s->points += s->bucket[i].count;
    if (common) s->last_x = s->bucket[common - 1].last_x;
}

void series_join(series *s, const series *other) {
    if (s->runs == 0) {
        *s = *other;
        s->runs = 1;
        return;
    }
    series o = *other;
    while (s->count && o.count && s->every < o.every) halve(s);
    while (s->count && o.count && o.every < s->every) halve(&o);
    common_keep(s, &o);
    for (int i = 0; i < s->count; i++) {
        series_bucket *a = &s->bucket[i];
        const series_bucket *b = &o.bucket[i];
        a->x += b->x;
        a->y += b->y;
        a->least = fmin(a->least, b->least);
        a->most = fmax(a->most, b->most);
        a->count += b->count;
        s->points += b->count;
    }
    s->missing += o.missing;
    s->runs++;
}

double series_x(const series *s, int i) {
    return s->bucket[i].x / (double)s->bucket[i].count;
}

double series_y(const series *s, int i) {
    return s->bucket[i].y / (double)s->bucket[i].count;
}

bool series_range(const series *s, bool positive, double *least, double *most) {
    bool any = false;
    for (int i = 0; i < s->count; i++) {
        double low = s->bucket[i].least, high = s->bucket[i].most;
        if (positive && low <= 0) low = series_y(s, i) > 0 ? series_y(s, i) : high;
        if (positive && high <= 0) continue;
        *least = any ? fmin(*least, low) : low;
        *most = any ? fmax(*most, high) : high;
        any = true;
    }
    return any;
}

bool series_span(const series *s, double *least, double *most) {
    if (s->count == 0) return false;
    *least = series_x(s, 0);
    *most = s->last_x;
    return true;
}
