#include "cli/tensorboard.h"

#include "cli/json.h"
#include "cli/record.h"
#include "cli/source.h"

#include "report/events.h"
#include "report/svg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "events.out.tfevents."
#define SUFFIX ".stria"

enum { PATH = 4300, SCALARS_MAX = 4096, SETTINGS_MAX = 80, LINE_MAX_BYTES = 1 << 20 };

struct tensorboard {
    char run[4096], folder[4200], file[PATH];
    bool rewrite, fresh; /* fresh: no earlier file has settings and network */
    out pending;
    int64_t offset;      /* bytes of the log that were taken */
    event_time at;       /* of the last line */
    double base, before; /* when the process of the last line began; its seconds */
    double written;      /* when */
    event_reach earlier; /* how far earlier files came: lines up to there are not written again */
};

static double wall_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The number in the name of one of our files, −1: it is none. */
static long long file_number(const char *name) {
    char *end;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) return -1;
    long long number = strtoll(name + strlen(PREFIX), &end, 10);
    return strcmp(end, SUFFIX) == 0 && number >= 0 ? number : -1;
}

/* The greatest number of our files in the folder, −1: there is none. remove_below: those with lesser ones are removed.
 * reach: NULL, or how far they came, up to `most` steps. */
static long long files_look(const char *folder, long long remove_below, event_reach *reach, int64_t most) {
    char path[PATH + 300];
    long long greatest = -1;
    DIR *list = opendir(folder);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        long long number = file_number(entry->d_name);
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (number >= 0 && number < remove_below) unlink(path);
        else if (number > greatest) greatest = number;
        if (number >= 0 && reach) events_reach(path, most, reach);
    }
    if (list) closedir(list);
    return greatest;
}

bool tensorboard_exists(const char *folder) {
    char path[4200];
    snprintf(path, sizeof path, "%s/tensorboard", folder);
    return files_look(path, 0, NULL, 0) >= 0;
}

static void log_path(const tensorboard *t, char path[4200]) {
    snprintf(path, 4200, "%s/metrics.jsonl", t->run);
}

/* When the run began, as run.json says. */
static double begun(const char *run) {
    json_t *record = record_read(run);
    struct tm parts = {0};
    int year, month,
        n = sscanf(record_text(record, "begun"), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &parts.tm_mday,
                   &parts.tm_hour, &parts.tm_min, &parts.tm_sec);
    json_decref(record);
    if (n != 6) return 0;
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    time_t seconds = timegm(&parts);
    return seconds > 0 ? (double)seconds : 0;
}

tensorboard *tensorboard_new(const char *folder, bool rewrite, int64_t step) {
    tensorboard *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    snprintf(t->run, sizeof t->run, "%s", folder);
    snprintf(t->folder, sizeof t->folder, "%s/tensorboard", folder);
    long long last = files_look(t->folder, 0, rewrite ? NULL : &t->earlier, step), now = (long long)time(NULL);
    /* readers take the files in the order of their names */
    snprintf(t->file, sizeof t->file, "%s/" PREFIX "%010lld" SUFFIX, t->folder, now > last ? now : last + 1);
    t->rewrite = rewrite;
    t->fresh = rewrite || last < 0;
    t->base = rewrite || step > 0 ? begun(folder) : wall_now();
    event_version(&t->pending, t->base);
    t->at = (event_time){t->base, step};
    if (!t->fresh) event_restart(&t->pending, (event_time){t->base, step + 1});
    return t;
}

void tensorboard_free(tensorboard *t) {
    if (t) out_release(&t->pending);
    free(t);
}

const char *tensorboard_file(const tensorboard *t) {
    return t->file;
}

/* ---- writing ---- */

static stria_status write_failed(const tensorboard *t, stria_error *error) {
    return source_refuse(error, STRIA_IO, "'%s' cannot be written: %s", t->file, strerror(errno));
}

/* Appends what is pending. A reader may see the file at any time: it waits for the rest of a record. */
static stria_status append(tensorboard *t, stria_error *error) {
    if (t->pending.failed) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", t->file);
    stria_status status = source_make_folder(t->folder, error);
    if (status != STRIA_OK || !t->pending.length) return status;
    int fd = open(t->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
    size_t done = 0;
    while (fd >= 0 && done < t->pending.length) {
        ssize_t wrote = write(fd, t->pending.data + done, t->pending.length - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) break;
        done += (size_t)wrote;
    }
    if (done < t->pending.length) status = write_failed(t, error);
    if (fd >= 0 && close(fd) != 0 && status == STRIA_OK) status = write_failed(t, error);
    t->pending.length = 0; /* not twice, after a failure either */
    t->written = wall_now();
    return status;
}

/* ---- the log ---- */

typedef struct scalars {
    event_scalar item[SCALARS_MAX];
    int count;
    bool lost; /* memory ran out */
} scalars;

static void scalar_add(scalars *s, double value, const char *a, const char *b, const char *c) {
    size_t bytes = strlen(a) + strlen(b) + (c ? strlen(c) : 0) + 3;
    if (s->count == SCALARS_MAX || !isfinite(value)) return;
    event_scalar *item = &s->item[s->count];
    item->tag = malloc(bytes);
    item->value = value;
    if (!item->tag) {
        s->lost = true;
        return;
    }
    snprintf(item->tag, bytes, c ? "%s/%s/%s" : "%s/%s", a, b, c);
    s->count++;
}

/* Every number of a line: "step/loss" of a step; of objects in it, "gradient/conv1" and the like. */
static void line_scalars(scalars *s, const char *kind, json_t *line) {
    const char *key, *inner;
    json_t *value, *number;
    json_object_foreach(line, key, value) {
        if (strcmp(key, "step") == 0 || strcmp(key, "epoch") == 0 || strcmp(key, "seconds") == 0) continue;
        if (json_is_number(value)) scalar_add(s, json_number_value(value), kind, key, NULL);
        json_object_foreach(value, inner, number) if (json_is_number(number))
            scalar_add(s, json_number_value(number), kind, key, inner);
    }
}

static void line_take(tensorboard *t, const char *text, size_t length) {
    scalars *s = calloc(1, sizeof *s);
    json_t *line = s ? json_loadb(text, length, 0, NULL) : NULL;
    const char *kind = json_string_value(json_object_get(line, "kind"));
    json_t *step = json_object_get(line, "step"), *seconds = json_object_get(line, "seconds");
    if (kind && json_is_integer(step)) {
        double spent = json_is_number(seconds) ? json_number_value(seconds) : t->before;
        if (spent < t->before) t->base += t->before; /* the next process */
        t->before = spent;
        t->at = (event_time){t->base + spent, json_integer_value(step)};
        int64_t reached = strcmp(kind, "epoch") == 0  ? t->earlier.epoch
                          : strcmp(kind, "eval") == 0 ? t->earlier.eval
                                                      : t->earlier.step;
        bool known = t->at.step <= reached;
        if (!known) line_scalars(s, kind, line);
        event_scalars(&t->pending, t->at, s->item, s->count);
    }
    if (!s || s->lost) t->pending.failed = true;
    for (int i = 0; s && i < s->count; i++) free(s->item[i].tag);
    json_decref(line);
    free(s);
}

/* Whole lines from the offset on; a line that is longer than a chunk is none of the log's. */
static stria_status lines_take(tensorboard *t, FILE *f, char *chunk, stria_error *error) {
    for (size_t taken = 1; taken;) {
        if (fseeko(f, (off_t)t->offset, SEEK_SET) != 0) return write_failed(t, error);
        size_t got = fread(chunk, 1, LINE_MAX_BYTES, f);
        taken = 0;
        for (char *end; (end = memchr(chunk + taken, '\n', got - taken)); taken = (size_t)(end - chunk) + 1)
            line_take(t, chunk + taken, (size_t)(end - chunk) - taken);
        if (!taken && got == LINE_MAX_BYTES) taken = got;
        t->offset += (int64_t)taken;
    }
    return STRIA_OK;
}

stria_status tensorboard_log(tensorboard *t, bool now, stria_error *error) {
    char path[4200];
    if (!now && wall_now() - t->written < 1) return STRIA_OK;
    log_path(t, path);
    FILE *f = fopen(path, "rbe");
    char *chunk = f ? malloc(LINE_MAX_BYTES) : NULL;
    stria_status status = STRIA_OK;
    if (f && !chunk) status = source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", t->file);
    if (chunk) status = lines_take(t, f, chunk, error);
    free(chunk);
    if (f) fclose(f);
    return status == STRIA_OK && !t->rewrite ? append(t, error) : status;
}

/* ---- settings, weights, pictures ---- */

static event_setting setting_of(const char *name, const char *text) {
    char *end;
    double number = strtod(text, &end);
    bool numeric = end != text && !*end && isfinite(number);
    return (event_setting){.name = name, .text = numeric ? NULL : text, .number = numeric ? number : 0};
}

static void settings_put(tensorboard *t, const stria_run *run, const stria_model *model) {
    static const char *const metrics[] = {"epoch/val_top1", "epoch/val_loss", "epoch/top1", "epoch/loss"};
    event_setting settings[SETTINGS_MAX];
    const stria_option_row *row;
    int count = 0;
    settings[count++] = setting_of("model", stria_model_name(model));
    if (stria_run_text(run, "data")) settings[count++] = setting_of("data", stria_run_text(run, "data"));
    for (int i = 0; count < SETTINGS_MAX && (row = stria_train_option(i)); i++) {
        char key[80];
        snprintf(key, sizeof key, "option.%s", row->name);
        const char *text = stria_run_text(run, key);
        if (text && *text && strcmp(row->name, "out") != 0 && strcmp(row->name, "threads") != 0)
            settings[count++] = setting_of(row->name, text);
    }
    event_settings(&t->pending, t->base, t->run, settings, count, metrics, 4);
}

stria_status tensorboard_begin(tensorboard *t, const stria_model *model, stria_error *error) {
    stria_run *run = NULL;
    if (!t->fresh) return STRIA_OK;
    stria_status status = stria_run_open(&run, t->run, error);
    if (status == STRIA_OK) settings_put(t, run, model);
    if (status == STRIA_OK) event_graph(&t->pending, t->base, model);
    stria_run_free(run);
    return status;
}

static void weights_put(const char *name, bool gradient, const float *x, size_t count, void *context) {
    tensorboard *t = context;
    size_t bytes = strlen(name) + 16;
    char *tag = malloc(bytes);
    if (!tag) {
        t->pending.failed = true;
        return;
    }
    snprintf(tag, bytes, "%s/%s", gradient ? "gradients" : "weights", name);
    event_histogram(&t->pending, t->at, tag, x, count);
    free(tag);
}

stria_status tensorboard_weights(tensorboard *t, const stria_model *model, const stria_dataset *data, int threads,
                                 stria_error *error) {
    return weights_each(model, data, TENSORBOARD_IMAGES, threads, weights_put, t, error);
}

/* The share of each row's images in each cell, cells some pixels wide. */
static void matrix_put(tensorboard *t, const stria_evaluation *score) {
    enum { SIDE = 400 };
    int n = score->classes, cell = n < SIDE ? SIDE / n : 1, side = n * cell;
    uint8_t *pixels = n > 0 && n <= 4000 ? malloc(3 * (size_t)side * (size_t)side) : NULL;
    for (int y = 0; pixels && y < side; y++)
        for (int x = 0; x < side; x++) {
            int64_t support = score->class_scores[y / cell]->support;
            int64_t count = score->confusion[(int64_t)(y / cell) * n + x / cell];
            char colour[8];
            svg_heat(support ? (double)count / (double)support : 0, colour);
            unsigned long rgb = strtoul(colour + 1, NULL, 16);
            for (int c = 0; c < 3; c++)
                pixels[((size_t)c * (size_t)side + (size_t)y) * (size_t)side + (size_t)x] =
                    (uint8_t)(rgb >> (16 - 8 * c) & 255);
        }
    if (n > 0 && n <= 4000 && !pixels) t->pending.failed = true;
    if (pixels) event_image(&t->pending, t->at, "confusion matrix", 3, side, side, pixels);
    free(pixels);
}

static void shots_put(tensorboard *t, const char *of, const judge_image *list, int count) {
    for (int i = 0; i < count; i++) {
        const judge_image *j = &list[i];
        size_t bytes = j->name ? strlen(j->name) + 64 : 0;
        char *tag = j->pixels && bytes ? malloc(bytes) : NULL;
        if (j->pixels && bytes && !tag) t->pending.failed = true;
        if (!tag) continue;
        snprintf(tag, bytes, "%s/%02d %s", of, i + 1, j->name);
        event_image(&t->pending, t->at, tag, j->channels, j->height, j->width, j->pixels);
        free(tag);
    }
}

void tensorboard_score(tensorboard *t, const stria_evaluation *score, const judge *j) {
    if (!score->classes) return;
    matrix_put(t, score);
    shots_put(t, "worst mistakes", j->worst, j->worst_count);
    shots_put(t, "surest hits", j->best, j->best_count);
}

stria_status tensorboard_end(tensorboard *t, bool complete, stria_error *error) {
    stria_status status = tensorboard_log(t, true, error);
    event_finish(&t->pending, t->at, complete);
    if (status != STRIA_OK || !t->rewrite) return status == STRIA_OK ? append(t, error) : status;
    if (t->pending.failed) return source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", t->file);
    status = source_make_folder(t->folder, error);
    if (status == STRIA_OK) status = stria_file_write(t->file, t->pending.data, t->pending.length, error);
    if (status == STRIA_OK) files_look(t->folder, file_number(strrchr(t->file, '/') + 1), NULL, 0);
    return status;
}
