#include "cli/progress.h"

#include "cli/term.h"
#include "report/measure.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* "data      text": the plan's lines, broken between words. */
__attribute__((format(printf, 2, 3))) static void plan_line(const char *what, const char *format, ...) {
    va_list arguments;
    char text[1024];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s%-9s%s ", term_begin(stderr, STYLE_BOLD), what, term_end(stderr));
    term_wrap(stderr, text_clean(text), 10);
}

static const char *info_value(const char *key) {
    const stria_info_row *row;
    for (int i = 0; (row = stria_info(i)); i++)
        if (strcmp(row->key, key) == 0) return row->value;
    return NULL;
}

static void plan_machine(const stria_event *event) {
    struct utsname system;
    char threads[64], workers[64] = "";
    const char *cpu = info_value("processor");
    if (!cpu) cpu = uname(&system) == 0 ? system.machine : "a machine";
    if (event->loader_threads)
        snprintf(workers, sizeof workers, ", %d that load pictures, %d batches ahead", event->loader_threads,
                 event->loader_ahead);
    plan_line("machine", "%s, %s, %s%s", cpu, event->isa, show_many(event->threads, "thread", threads), workers);
}

static void plan_data(const progress *p, const stria_event *event) {
    char images[64], val[48] = "", count[32], shape[96] = "";
    if (p->val_images) snprintf(val, sizeof val, " for training, %s for validation", show_count(p->val_images, count));
    if (p->height)
        snprintf(shape, sizeof shape, " of %lld%s%lld%s%lld", (long long)p->channels, term_times(),
                 (long long)p->height, term_times(), (long long)p->width);
    plan_line("data", "%s: %s%s in %lld class%s%s", p->data, show_many(event->images, "image", images), shape,
              (long long)p->classes, show_es(p->classes), val);
}

/* How to train a run further whose epochs are all done: as many again. */
static void plan_resumed(const progress *p, const stria_event *event) {
    char word[2048], count[32];
    bool complete = event->step >= event->steps && p->resumed;
    if (complete) plan_line("", "complete: all its %s are done; to train further:", p->by_steps ? "steps" : "epochs");
    if (complete)
        fprintf(stderr, "%10sstria train --resume %s --%s %lld\n", "", show_word(p->resumed, word, sizeof word),
                p->by_steps ? "steps" : "epochs", 2 * (long long)(p->by_steps ? event->steps : event->epochs));
    else if (event->step > 0) plan_line("", "resuming after step %s", show_count(event->step, count));
}

static void plan_memory(const stria_event *event) {
    char all[32], a[32], b[32], c[32], d[32], e[32], pictures[64] = "";
    uint64_t sum = event->parameter_bytes + event->optimizer_bytes + event->activation_bytes + event->gradient_bytes +
                   event->loader_bytes;
    if (event->loader_bytes)
        snprintf(pictures, sizeof pictures, ", pictures up to %s", show_bytes(event->loader_bytes, e));
    plan_line("memory", "%s: parameters %s, optimiser %s, activations %s, gradients %s%s", show_bytes(sum, all),
              show_bytes(event->parameter_bytes, a), show_bytes(event->optimizer_bytes, b),
              show_bytes(event->activation_bytes, c), show_bytes(event->gradient_bytes, d), pictures);
}

static void plan(const progress *p, const stria_event *event) {
    char a[32], b[32], c[32], epochs[64], steps[64];
    plan_machine(event);
    plan_data(p, event);
    plan_line("model", "%s: %s trainable parameters, %s frozen, %s buffers", p->model, show_count(event->parameters, a),
              show_count(event->frozen_parameters, b), show_count(event->buffers, c));
    if (*p->input) plan_line("input", "%s", p->input);
    plan_memory(event);
    plan_line("training", "%s, %s%s%s", show_many(event->epochs, "epoch", epochs),
              show_many(event->steps, "step", steps), *p->options ? ", " : "", p->options);
    int64_t rest = p->batch ? event->images % p->batch : 0;
    if (rest)
        plan_line("", "the last, incomplete batch of each epoch is dropped (%s%s)", show_many(rest, "image", steps),
                  p->ordered ? "" : ", reshuffled every epoch");
    plan_resumed(p, event);
    if (event->note) plan_line("note", "%s", event->note);
}

static void bar(const progress *p, const stria_event *event) {
    char label[64], tail[128], rate[32], left[32];
    double done = (double)(event->step - p->first), seconds = event->seconds > 1e-9 ? event->seconds : 1e-9;
    double epoch_steps = event->epochs > 0 ? (double)event->steps / (double)event->epochs : (double)event->steps;
    double images = epoch_steps > 0 ? (double)p->images / epoch_steps * done / seconds : 0;
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)event->epoch, (long long)event->epochs);
    snprintf(tail, sizeof tail, "loss %.4f, %s images/s, %s left", event->loss, show_count((int64_t)images, rate),
             show_time(done > 0 ? seconds / done * (double)(event->steps - event->step) : 0, left));
    double share = epoch_steps > 0 ? (double)event->step / epoch_steps - (double)(event->epoch - 1) : 1;
    term_bar(label, share < 0 ? 0 : share > 1 ? 1 : share, tail);
}

/* Of an epoch, or of what was seen of it at a validation. The rate stands at the end where a terminal has room. */
static void judged_line(const stria_event *event) {
    char line[256], val[64] = "", rate[32], time[32], where[64], score[32];
    bool epoch = event->kind == STRIA_EVENT_EPOCH;
    if (!isnan(event->val_score))
        snprintf(val, sizeof val, ", validation %s (%.4f)", measure_text(event->measure, event->val_score, score),
                 event->val_loss);
    snprintf(where, sizeof where, "%s %lld/%lld", epoch ? "epoch" : "step",
             (long long)(epoch ? event->epoch : event->step), (long long)(epoch ? event->epochs : event->steps));
    snprintf(line, sizeof line, "%s  training %s (loss %.4f)%s, %s", where,
             measure_text(event->measure, event->score, score), event->loss, val, show_time(event->seconds, time));
    snprintf(rate, sizeof rate, ", lr %.4g", event->lr);
    bool room = !isatty(fileno(stderr)) || text_columns(line) + text_columns(rate) <= term_width(stderr);
    term_bar_clear();
    fprintf(stderr, "%s%s\n", line, room ? rate : "");
}

/* What the training took of the machine. */
static void system_line(const progress *p, const stria_event *event) {
    char bytes[32], time[32];
    if (p->trained && event->peak_bytes)
        plan_line("system", "at most %s of memory, %.1f %% of the steps' time waited for pictures, %s",
                  show_bytes(event->peak_bytes, bytes), 100 * event->wait_share, show_time(event->seconds, time));
}

bool progress_event(const stria_event *event, void *context) {
    progress *p = context;
    if (event->kind != STRIA_EVENT_CHECKPOINT) p->seconds = event->seconds;
    switch (event->kind) {
    case STRIA_EVENT_START:
        p->started = true;
        p->first = p->step = event->step;
        p->steps = event->steps;
        p->epochs = event->epochs;
        p->images = event->images;
        if (!p->quiet) plan(p, event);
        break;
    case STRIA_EVENT_STEP:
        p->step = event->step;
        bar(p, event);
        break;
    case STRIA_EVENT_EPOCH:
    case STRIA_EVENT_EVAL:
        p->trained = true;
        p->epoch = event->epoch;
        p->loss = event->loss;
        p->measure = event->measure;
        p->val_score = event->val_score;
        p->skipped = event->skipped;
        if (!p->quiet) judged_line(event);
        if (event->note) term_say("warning: %s", event->note);
        break;
    case STRIA_EVENT_CHECKPOINT:
    case STRIA_EVENT_PROGRESS:
        break;
    case STRIA_EVENT_END:
        term_bar_clear();
        if (!p->quiet) system_line(p, event);
        p->peak_bytes = event->peak_bytes;
        p->wait_share = event->wait_share;
        break;
    }
    return !term_stopped();
}
