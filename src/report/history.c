#include "report/history.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK = 1 << 20 };

const char *history_measure(const history *h) {
    return h->decibels ? "psnr" : "top1";
}

history *history_new(void) {
    return calloc(1, sizeof(history));
}

/* What a line may say; those that it does not say are NaN. */
enum { STEP, EPOCH, LOSS, RATE, TOP1, VAL_LOSS, VAL_TOP1, SECONDS, GRADIENT, PSNR, VAL_PSNR, WAIT, PEAK, FIELDS };

typedef struct line {
    double value[FIELDS];
    bool is_step, is_epoch, is_eval; /* is_eval: a validation within an epoch */
} line;

static const struct {
    const char *name;
    size_t length;
} fields[FIELDS] = {
    [STEP] = {"step", 4},         [EPOCH] = {"epoch", 5},       [LOSS] = {"loss", 4},
    [RATE] = {"lr", 2},           [TOP1] = {"top1", 4},         [VAL_LOSS] = {"val_loss", 8},
    [VAL_TOP1] = {"val_top1", 8}, [SECONDS] = {"seconds", 7},   [GRADIENT] = {"gradient_norm", 13},
    [PSNR] = {"psnr", 4},         [VAL_PSNR] = {"val_psnr", 8}, [WAIT] = {"wait_share", 10},
    [PEAK] = {"peak_bytes", 10},
};

/* A number as the log writes them, fast where it has at most 18 digits; end: after it, at `text` if it is none. */
static double number(const char *text, const char **end) {
    static const double tenth[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                   1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    const char *at = text + (*text == '-');
    int64_t whole = 0;
    int digits = 0, after = 0;
    while (*at >= '0' && *at <= '9' && digits < 18) whole = whole * 10 + (*at++ - '0'), digits++;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9' && digits < 18; digits++, after++) whole = whole * 10 + (*at++ - '0');
    if (digits == 0 || digits == 18 || *at == 'e' || *at == 'E') {
        char *stop;
        double slow = strtod(text, &stop);
        *end = stop;
        return slow;
    }
    *end = at;
    double value = (double)whole / tenth[after];
    return *text == '-' ? -value : value;
}

static const char *blanks(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\r') at++;
    return at;
}

static void field_set(line *l, const char *key, size_t length, const char *value, const char **end) {
    for (int i = 0; i < FIELDS; i++)
        if (length == fields[i].length && memcmp(key, fields[i].name, length) == 0) {
            l->value[i] = number(value, end);
            return;
        }
    number(value, end);
}

/* After an object that begins here, whatever is in it; NULL if it does not end. */
static const char *object_skip(const char *at) {
    int depth = 0;
    bool quoted = false;
    for (; *at; at++) {
        if (quoted && *at == '\\' && at[1]) at++;
        else if (*at == '"') quoted = !quoted;
        else if (!quoted && *at == '{') depth++;
        else if (!quoted && *at == '}' && --depth == 0) return at + 1;
    }
    return NULL;
}

/* The value after its key: a number, a word in quotes, null, true, false or an object. NULL if it is none of them. */
static const char *value_read(line *l, const char *key, size_t length, const char *at) {
    const char *end = at;
    if (*at == '"') {
        const char *close = strchr(at + 1, '"');
        if (!close || memchr(at + 1, '\\', (size_t)(close - at - 1))) return NULL;
        size_t size = (size_t)(close - at) - 1;
        if (length == 4 && memcmp(key, "kind", 4) == 0) {
            l->is_step = size == 4 && memcmp(at + 1, "step", 4) == 0;
            l->is_epoch = size == 5 && memcmp(at + 1, "epoch", 5) == 0;
            l->is_eval = size == 4 && memcmp(at + 1, "eval", 4) == 0;
        }
        return close + 1;
    }
    if (*at == '{') return object_skip(at);
    if (strncmp(at, "null", 4) == 0 || strncmp(at, "true", 4) == 0) return at + 4;
    if (strncmp(at, "false", 5) == 0) return at + 5;
    field_set(l, key, length, at, &end);
    return end == at ? NULL : end;
}

/* {"key": value, …}; what is in objects within is passed over. */
static bool line_parse(line *l, const char *at) {
    *l = (line){.is_step = false};
    for (int i = 0; i < FIELDS; i++) l->value[i] = NAN;
    at = blanks(at);
    if (*at++ != '{') return false;
    for (;;) {
        at = blanks(at);
        if (*at != '"') return false;
        const char *key = at + 1, *close = strchr(key, '"');
        if (!close) return false;
        at = blanks(close + 1);
        if (*at != ':') return false;
        at = value_read(l, key, (size_t)(close - key), blanks(at + 1));
        if (!at) return false;
        at = blanks(at);
        if (*at == '}') return *blanks(at + 1) == 0;
        if (*at++ != ',') return false;
    }
}

static void time_add(history *h, double seconds) {
    if (!isfinite(seconds) || seconds < 0) return;
    h->seconds += seconds >= h->last_seconds ? seconds - h->last_seconds : seconds;
    h->last_seconds = seconds;
}

static void line_take(history *h, const char *text) {
    line l;
    const double *v = l.value;
    if (!*blanks(text)) return;
    bool good = line_parse(&l, text) && v[STEP] >= 0 && v[STEP] < 1e15;
    if (!good) h->damaged++;
    if (!good || (!l.is_step && !l.is_epoch && !l.is_eval)) return;
    double step = v[STEP];
    h->step = (int64_t)step;
    time_add(h, v[SECONDS]);
    if (l.is_step) {
        series_add(&h->loss, step, v[LOSS]);
        series_add(&h->rate, step, v[RATE]);
        if (!isnan(v[GRADIENT])) series_add(&h->gradient, step, v[GRADIENT]);
        return;
    }
    if (l.is_epoch && v[EPOCH] >= 0 && v[EPOCH] < 1e15) h->epoch = (int64_t)v[EPOCH];
    if (v[WAIT] >= 0 && v[WAIT] <= 1) h->wait_sum += v[WAIT], h->waits++;
    if (v[PEAK] > h->peak_bytes && v[PEAK] < 1e18) h->peak_bytes = v[PEAK];
    series_add(&h->epoch_loss, step, v[LOSS]);
    h->decibels = h->decibels || !isnan(v[PSNR]);
    series_add(&h->score, step, v[h->decibels ? PSNR : TOP1]);
    if (!isnan(v[VAL_LOSS])) series_add(&h->val_loss, step, v[VAL_LOSS]);
    double validated = v[h->decibels ? VAL_PSNR : VAL_TOP1];
    if (!isnan(validated)) series_add(&h->val_score, step, validated);
}

/* The lines of text[0…size); how many bytes they take. A line that fills the whole chunk is none of ours. */
static size_t lines_take(history *h, char *text, size_t size, bool full) {
    size_t done = 0;
    while (done < size) {
        char *end = memchr(text + done, '\n', size - done);
        if (!end) break;
        *end = 0;
        line_take(h, text + done);
        done = (size_t)(end - text) + 1;
    }
    if (done || !full) return done;
    h->damaged++;
    return size;
}

static stria_status fail(stria_error *error, const char *path, const char *why) {
    if (error) {
        error->status = STRIA_IO;
        snprintf(error->text, sizeof error->text, "'%.900s' cannot be read: %.90s", path, why);
    }
    return STRIA_IO;
}

static stria_status stream_read(history *h, FILE *f, char *chunk, const char *path, stria_error *error) {
    for (;;) {
        if (fseeko(f, (off_t)h->offset, SEEK_SET) != 0) return fail(error, path, strerror(errno));
        size_t got = fread(chunk, 1, CHUNK, f);
        if (ferror(f)) return fail(error, path, strerror(errno));
        chunk[got] = 0;
        size_t taken = lines_take(h, chunk, got, got == CHUNK);
        h->offset += (int64_t)taken;
        if (taken == 0) return STRIA_OK;
    }
}

stria_status history_read(history *h, const char *folder, stria_error *error) {
    char path[4200];
    struct stat status;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    if (stat(path, &status) != 0) return errno == ENOENT ? STRIA_OK : fail(error, path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return fail(error, path, "it is not a regular file");
    if (status.st_size < h->offset) *h = (history){0};
    char *chunk = malloc(CHUNK + 1);
    if (!chunk) errno = ENOMEM;
    FILE *f = chunk ? fopen(path, "rbe") : NULL;
    stria_status result = f ? stream_read(h, f, chunk, path, error) : fail(error, path, strerror(errno));
    if (f) fclose(f);
    free(chunk);
    return result;
}
