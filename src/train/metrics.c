#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "train/metrics.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "train/run_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_SECONDS 1.0

/* ---- what a checkpoint covers ---- */

/* Whether a line was written past there. */
typedef bool later_line(const char *line, size_t length, const metrics_reach *reach);

/* The number after a key in one line; −1 if there is none. */
static int64_t line_number(const char *line, size_t length, const char *key) {
    const char *at = memmem(line, length, key, strlen(key));
    return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

/* The kinds tell validations apart: the step that they follow may be covered without them. */
static bool is_later(bool epoch, bool eval, int64_t step, int64_t epochs, const metrics_reach *reach) {
    return step > reach->step || (epoch && epochs > reach->epochs) || (eval && step > reach->judged);
}

static bool later_in_log(const char *line, size_t length, const metrics_reach *reach) {
    return is_later(memmem(line, length, "\"kind\": \"epoch\"", 15), memmem(line, length, "\"kind\": \"eval\"", 14),
                    line_number(line, length, "\"step\": "), line_number(line, length, "\"epoch\": "), reach);
}

/* "epoch,11,1,…"; the heading is never later. */
static bool later_in_table(const char *line, size_t length, const metrics_reach *reach) {
    const char *first = memchr(line, ',', length);
    const char *second = first ? memchr(first + 1, ',', (size_t)(line + length - first) - 1) : NULL;
    return second && is_later(strncmp(line, "epoch,", 6) == 0, strncmp(line, "eval,", 5) == 0,
                              strtoll(first + 1, NULL, 10), strtoll(second + 1, NULL, 10), reach);
}

/* Length of the leading lines that the checkpoint covers. A last line without its end was cut off by a kill. */
static size_t lines_to_keep(later_line *later, const char *data, size_t size, const metrics_reach *reach) {
    size_t kept = 0;
    while (kept < size) {
        const char *end = memchr(data + kept, '\n', size - kept);
        if (!end) break;
        size_t next = (size_t)(end - data) + 1;
        if (later(data + kept, next - kept, reach)) break;
        kept = next;
    }
    return kept;
}

static stria_status lines_open(line_file *f, const char *folder, const char *name, later_line *later,
                               const metrics_reach *reach, stria_error *err) {
    uint8_t *data;
    size_t size;
    snprintf(f->path, sizeof f->path, "%s/%s", folder, name);
    if (!file_exists(f->path)) return STRIA_OK;
    TRY(file_read(f->path, 0, &data, &size, err));
    size_t kept = lines_to_keep(later, (const char *)data, size, reach);
    stria_status status = kept < size ? file_replace(f->path, data, kept, err) : STRIA_OK;
    mem_free(data);
    return status;
}

void metrics_release(metrics *m) {
    text_release(&m->log.pending);
    text_release(&m->table.pending);
}

stria_status metrics_open(metrics *m, const char *folder, const metrics_reach *reach, stria_error *err) {
    metrics_release(m);
    *m = (metrics){.sent = clock_seconds(), .added = clock_seconds()};
    if (!*folder) return STRIA_OK;
    TRY(lines_open(&m->log, folder, METRICS_FILE, later_in_log, reach, err));
    return lines_open(&m->table, folder, RESULTS_FILE, later_in_table, reach, err);
}

/* ---- lines ---- */

static void number(text *t, const char *key, double x) {
    if (isfinite(x)) text_printf(t, ", \"%s\": %.9g", key, x);
    else text_printf(t, ", \"%s\": null", key);
}

/* NULL for events without a line. */
static const char *kind_of(const stria_event *e) {
    return e->kind == STRIA_EVENT_STEP    ? "step"
           : e->kind == STRIA_EVENT_EPOCH ? "epoch"
           : e->kind == STRIA_EVENT_EVAL  ? "eval"
                                          : NULL;
}

/* An object of a norm for each parameter. */
static void norms_add(text *t, const char *key, const stria_event *e, bool gradients) {
    text_printf(t, ", \"%s\": {", key);
    for (int i = 0; i < e->norm_count; i++) {
        double x = gradients ? e->norms[i]->gradient : e->norms[i]->weight;
        text_append(t, ", ", i ? 2 : 0);
        text_json(t, e->norms[i]->name);
        if (isfinite(x)) text_printf(t, ": %.6g", x);
        else text_printf(t, ": null");
    }
    text_append(t, "}", 1);
}

static void line_add(text *t, const stria_event *e) {
    bool judged = e->kind != STRIA_EVENT_STEP;
    char validated[32];
    text_printf(t, "{\"kind\": \"%s\", \"step\": %" PRId64 ", \"epoch\": %" PRId64, kind_of(e), e->step, e->epoch);
    number(t, "loss", e->loss);
    number(t, "lr", e->lr);
    if (judged) number(t, e->measure, e->score);
    else number(t, "gradient_norm", e->gradient_norm);
    if (judged && !isnan(e->val_score)) {
        snprintf(validated, sizeof validated, "val_%s", e->measure);
        number(t, "val_loss", e->val_loss);
        number(t, validated, e->val_score);
    }
    number(t, "seconds", e->seconds);
    if (judged) number(t, "wait_share", e->wait_share);
    if (judged) text_printf(t, ", \"peak_bytes\": %" PRIu64, e->peak_bytes);
    if (judged) norms_add(t, "gradients", e, true);
    if (judged) norms_add(t, "weights", e, false);
    text_printf(t, "}\n");
}

/* ---- the table ---- */

/* In quotes where it must be (RFC 4180). */
static void cell_text(text *t, const char *prefix, const char *s) {
    bool quoted = s[strcspn(s, ",\"\r\n")] != 0;
    text_printf(t, ",%s%s", quoted ? "\"" : "", prefix);
    for (; *s; s++) text_printf(t, *s == '"' ? "\"%c" : "%c", *s == '\n' || *s == '\r' ? ' ' : *s);
    text_append(t, "\"", quoted);
}

/* Empty where there is no number. */
static void cell(text *t, double x) {
    if (isfinite(x)) text_printf(t, ",%.9g", x);
    else text_append(t, ",", 1);
}

static void heading_add(text *t, const stria_event *e) {
    text_printf(t, "kind,step,epoch,loss,%s,val_loss,val_%s,lr,seconds,wait_share,peak_bytes", e->measure, e->measure);
    for (int i = 0; i < 2 * e->norm_count; i++)
        cell_text(t, i < e->norm_count ? "gradient:" : "weight:", e->norms[i % e->norm_count]->name);
    text_append(t, "\n", 1);
}

static void row_add(text *t, const stria_event *e) {
    bool validated = !isnan(e->val_score);
    text_printf(t, "%s,%" PRId64 ",%" PRId64, kind_of(e), e->step, e->epoch);
    const double cells[] = {e->loss,    e->score,     validated ? e->val_loss : NAN, e->val_score, e->lr,
                            e->seconds, e->wait_share};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) cell(t, cells[i]);
    text_printf(t, ",%" PRIu64, e->peak_bytes);
    for (int i = 0; i < e->norm_count; i++) cell(t, e->norms[i]->gradient);
    for (int i = 0; i < e->norm_count; i++) cell(t, e->norms[i]->weight);
    text_append(t, "\n", 1);
}

static void table_add(line_file *f, const stria_event *e) {
    if (e->kind == STRIA_EVENT_STEP) return;
    if (!f->pending.length && file_bytes(f->path) == 0) heading_add(&f->pending, e);
    row_add(&f->pending, e);
}

stria_status metrics_add(metrics *m, const stria_event *e, stria_error *err) {
    if (!*m->log.path || !kind_of(e)) return STRIA_OK;
    double now = clock_seconds(), before = m->added;
    line_add(&m->log.pending, e);
    table_add(&m->table, e);
    TRY(text_check(&m->log.pending, err)); /* here: an empty text that failed has nothing to flush */
    TRY(text_check(&m->table.pending, err));
    m->added = now;
    return now + (now - before) - m->sent < FLUSH_SECONDS ? STRIA_OK : metrics_flush(m, false, err);
}

static stria_status lines_flush(line_file *f, bool sync, stria_error *err) {
    if (!*f->path || (!f->pending.length && !(sync && file_exists(f->path)))) return STRIA_OK;
    TRY(text_check(&f->pending, err));
    TRY(file_append(f->path, f->pending.data, f->pending.length, sync, err));
    f->pending.length = 0;
    return STRIA_OK;
}

stria_status metrics_flush(metrics *m, bool sync, stria_error *err) {
    m->sent = clock_seconds();
    TRY(lines_flush(&m->log, sync, err));
    return lines_flush(&m->table, sync, err);
}
