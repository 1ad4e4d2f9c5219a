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

/* The number after a key in one line; −1 if there is none. */
static int64_t line_number(const char *line, size_t length, const char *key) {
    const char *at = memmem(line, length, key, strlen(key));
    return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

static bool line_is_later(const char *line, size_t length, int64_t step, int64_t epochs) {
    bool epoch = memmem(line, length, "\"kind\": \"epoch\"", 15) != NULL;
    return line_number(line, length, "\"step\": ") > step ||
           (epoch && line_number(line, length, "\"epoch\": ") > epochs);
}

/* Length of the leading lines that the checkpoint covers. A last line without its end was cut off by a kill. */
static size_t lines_to_keep(const char *data, size_t size, int64_t step, int64_t epochs) {
    size_t kept = 0;
    while (kept < size) {
        const char *end = memchr(data + kept, '\n', size - kept);
        if (!end) break;
        size_t next = (size_t)(end - data) + 1;
        if (line_is_later(data + kept, next - kept, step, epochs)) break;
        kept = next;
    }
    return kept;
}

void metrics_release(metrics *m) {
    text_release(&m->pending);
}

stria_status metrics_open(metrics *m, const char *folder, int64_t step, int64_t epochs, stria_error *err) {
    uint8_t *data;
    size_t size;
    metrics_release(m);
    *m = (metrics){.sent = clock_seconds(), .added = clock_seconds()};
    if (!*folder) return STRIA_OK;
    snprintf(m->path, sizeof m->path, "%s/%s", folder, METRICS_FILE);
    if (!file_exists(m->path)) return STRIA_OK;
    TRY(file_read(m->path, 0, &data, &size, err));
    size_t kept = lines_to_keep((const char *)data, size, step, epochs);
    stria_status status = kept < size ? file_replace(m->path, data, kept, err) : STRIA_OK;
    mem_free(data);
    return status;
}

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

static void line_add(text *t, const stria_event *e) {
    bool judged = e->kind != STRIA_EVENT_STEP;
    text_printf(t, "{\"kind\": \"%s\", \"step\": %" PRId64 ", \"epoch\": %" PRId64, kind_of(e), e->step, e->epoch);
    number(t, "loss", e->loss);
    number(t, "lr", e->lr);
    if (judged) number(t, "top1", e->top1);
    if (judged && e->val_top1 >= 0) {
        number(t, "val_loss", e->val_loss);
        number(t, "val_top1", e->val_top1);
    }
    number(t, "seconds", e->seconds);
    text_printf(t, "}\n");
}

stria_status metrics_add(metrics *m, const stria_event *e, stria_error *err) {
    if (!*m->path || !kind_of(e)) return STRIA_OK;
    double now = clock_seconds(), before = m->added;
    line_add(&m->pending, e);
    TRY(text_check(&m->pending, err)); /* here: an empty text that failed has nothing to flush */
    m->added = now;
    return now + (now - before) - m->sent < FLUSH_SECONDS ? STRIA_OK : metrics_flush(m, false, err);
}

stria_status metrics_flush(metrics *m, bool sync, stria_error *err) {
    m->sent = clock_seconds();
    if (!*m->path || (!m->pending.length && !(sync && file_exists(m->path)))) return STRIA_OK;
    TRY(text_check(&m->pending, err));
    TRY(file_append(m->path, m->pending.data, m->pending.length, sync, err));
    m->pending.length = 0;
    return STRIA_OK;
}
