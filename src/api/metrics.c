#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "api/metrics.h"

#include "base/file.h"
#include "model/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_TOP1 "stria.val_top1"

static void path_in(const metrics *m, const char *name, char path[1100]) {
    snprintf(path, 1100, "%s/%s", m->folder, name);
}

/* The number behind "step": in one line; −1 if there is none. */
static int64_t line_step(const char *line, size_t length) {
    const char *at = memmem(line, length, "\"step\": ", 8);
    return at ? strtoll(at + 8, NULL, 10) : -1;
}

/* Length of the leading lines that belong to steps up to `step`. A last line without its end was cut off by a kill. */
static size_t lines_to_keep(const char *data, size_t size, int64_t step) {
    size_t kept = 0;
    while (kept < size) {
        const char *end = memchr(data + kept, '\n', size - kept);
        if (!end) break;
        size_t next = (size_t)(end - data) + 1;
        if (line_step(data + kept, next - kept) > step) break;
        kept = next;
    }
    return kept;
}

static stria_status lines_truncate(const metrics *m, int64_t step, stria_error *err) {
    char path[1100];
    uint8_t *data;
    size_t size;
    path_in(m, "metrics.jsonl", path);
    if (!file_exists(path)) return STRIA_OK;
    TRY(file_read(path, 0, &data, &size, err));
    size_t kept = lines_to_keep((const char *)data, size, step);
    stria_status status = kept < size ? file_write(path, data, kept, err) : STRIA_OK;
    mem_free(data);
    return status;
}

/* The score stored in best.onnx; one that cannot be read counts as none. */
static stria_status best_find(metrics *m, stria_error *err) {
    char path[1100];
    graph *g;
    stria_error reason = {0};
    path_in(m, "best.onnx", path);
    if (!file_exists(path)) return STRIA_OK;
    if (graph_load(&g, path, 0, &reason) == STRIA_NO_MEMORY) FAIL(err, STRIA_NO_MEMORY, "%s", reason.text);
    if (reason.status != STRIA_OK) return STRIA_OK;
    const char *stored = graph_metadata(g, KEY_TOP1);
    if (stored) text_to_double(stored, &m->best_top1);
    graph_free(g);
    return STRIA_OK;
}

stria_status metrics_init(metrics *m, const char *folder, int64_t step, stria_error *err) {
    *m = (metrics){.best_top1 = -1};
    snprintf(m->folder, sizeof m->folder, "%s", folder);
    if (!*folder) return STRIA_OK;
    TRY(lines_truncate(m, step, err));
    return step > 0 ? best_find(m, err) : STRIA_OK;
}

void metrics_release(metrics *m) {
    text_release(&m->pending);
}

static void number(text *t, const char *key, double x) {
    if (isfinite(x)) text_printf(t, ", \"%s\": %.9g", key, x);
    else text_printf(t, ", \"%s\": null", key);
}

static void line_add(metrics *m, const stria_event *e) {
    text *t = &m->pending;
    bool epoch = e->kind == STRIA_EVENT_EPOCH;
    text_printf(t, "{\"kind\": \"%s\", \"step\": %" PRId64 ", \"epoch\": %" PRId64, epoch ? "epoch" : "step", e->step,
                e->epoch);
    number(t, "loss", e->loss);
    number(t, "lr", e->lr);
    if (epoch) number(t, "top1", e->top1);
    if (epoch && e->val_top1 >= 0) {
        number(t, "val_loss", e->val_loss);
        number(t, "val_top1", e->val_top1);
    }
    number(t, "seconds", e->seconds);
    text_printf(t, "}\n");
}

static stria_status lines_flush(metrics *m, stria_error *err) {
    char path[1100];
    TRY(text_check(&m->pending, err));
    path_in(m, "metrics.jsonl", path);
    stria_status status = m->pending.length ? file_append(path, m->pending.data, m->pending.length, err) : STRIA_OK;
    m->pending.length = 0;
    return status;
}

static stria_status model_write(const metrics *m, const trainer *t, const char *name, double top1, stria_error *err) {
    char path[1100], number_text[32];
    graph *g;
    path_in(m, name, path);
    TRY(trainer_model(t, &g, err));
    stria_status status = STRIA_OK;
    if (top1 >= 0) {
        snprintf(number_text, sizeof number_text, "%.9g", top1);
        status = graph_set_metadata(g, KEY_TOP1, number_text, err);
    }
    if (status == STRIA_OK) status = graph_save(g, path, err);
    graph_free(g);
    return status;
}

stria_status metrics_event(metrics *m, const trainer *t, const stria_event *e, stria_error *err) {
    if (!*m->folder) return STRIA_OK;
    if (e->kind == STRIA_EVENT_STEP || e->kind == STRIA_EVENT_EPOCH) line_add(m, e);
    if (e->kind == STRIA_EVENT_EPOCH && e->val_top1 > m->best_top1) {
        TRY(model_write(m, t, "best.onnx", e->val_top1, err));
        m->best_top1 = e->val_top1;
    }
    if (e->kind == STRIA_EVENT_CHECKPOINT) TRY(model_write(m, t, "model.onnx", -1, err));
    return e->kind == STRIA_EVENT_STEP && m->pending.length < 65536 ? STRIA_OK : lines_flush(m, err);
}
