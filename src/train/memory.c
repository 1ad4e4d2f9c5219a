#include "train/memory.h"

#include "base/limits.h"
#include "base/text.h"

#include <inttypes.h>

/* Of a step of some images. */
typedef struct need {
    uint64_t run;       /* what it writes */
    uint64_t states;    /* parameters, statistics and what the optimiser keeps */
    uint64_t optimizer; /* of which the optimiser's */
} need;

static need need_of(const program *step) {
    step_memory m = step_memory_of(step->g);
    return (need){program_run_bytes(step), m.parameter_bytes + m.optimizer_bytes, m.optimizer_bytes};
}

/* The same of a batch, by its plan alone. Weights of classes and shares of labels, a few bytes, are left out. */
static stria_status need_plan(const trainer *t, int64_t batch, need *out, stria_error *err) {
    recipe r;
    graph *step;
    program *p;
    program_config config = {
        .ks = t->ks, .threads = pool_threads(t->pool), .optimize = true, .shared = true, .plan_only = true};
    TRY(recipe_of(&t->options, &r, err));
    r.norms = true;
    TRY(step_graph(t->learns, batch, &r, &step, err));
    stria_status status = program_new(&p, step, &config, NULL, err);
    graph_free(step);
    TRY(status);
    *out = need_of(p);
    program_release(p);
    return STRIA_OK;
}

static uint64_t less(uint64_t a, uint64_t b) {
    return a > b ? a - b : 0;
}

/* What runs may write; made: the optimiser's states are there. */
static uint64_t room_for(const trainer *t, const need *n, bool made) {
    if (t->options.memory > 0) return less((uint64_t)t->options.memory << 20, n->states);
    return less(limits_memory(""), made ? 0 : n->optimizer);
}

stria_status memory_batch(trainer *t, stria_error *err) {
    int64_t most = dataset_count(t->train) / 4, batch = 1, judged;
    size_t validation = 0;
    if (t->options.batch > 0) return STRIA_OK;
    evaluator_config config = trainer_validation(t);
    if (t->val) TRY(evaluator_fit(t->learns, t->val, &config, &judged, &validation, err));
    while (batch * 2 <= most && batch < AUTO_BATCH_MAX) batch *= 2;
    for (; batch > 1; batch /= 2) {
        need n;
        TRY(need_plan(t, batch, &n, err));
        uint64_t room = room_for(t, &n, false);
        if (t->options.memory == 0) room -= room / 4; /* for pictures, and for others */
        if (n.run + 2 * validation <= room)           /* a last, smaller batch has a program, too */
            break;
    }
    t->options.batch = batch;
    return STRIA_OK;
}

/* The largest batch that needs no more than the room, 0: none. */
static stria_status batch_find(const trainer *t, uint64_t room, int64_t *out, stria_error *err) {
    int64_t fits = 0, large = t->options.batch;
    while (large - fits > 1) {
        int64_t middle = fits + (large - fits) / 2;
        need n;
        TRY(need_plan(t, middle, &n, err));
        *(n.run <= room ? &fits : &large) = middle;
    }
    *out = fits;
    return STRIA_OK;
}

stria_status memory_states_check(const trainer *t, const graph *step, stria_error *err) {
    step_memory m = step_memory_of(step);
    uint64_t room = t->options.memory > 0 ? (uint64_t)t->options.memory << 20 : limits_memory("");
    uint64_t taken = t->options.memory > 0 ? m.parameter_bytes + m.optimizer_bytes : m.optimizer_bytes;
    char all[32], left[32];
    if (taken <= room) return STRIA_OK;
    FAIL(err, STRIA_NO_MEMORY, "%s take%s %s of memory, and %s %s; --optimizer sgd keeps nothing for each weight",
         t->options.memory ? "the weights and what the optimiser keeps" : "what the optimiser keeps",
         t->options.memory ? "" : "s", text_bytes(taken, all), text_bytes(room, left),
         t->options.memory ? "of --memory are given" : "are free");
}

stria_status memory_check(const trainer *t, const program *step, stria_error *err) {
    need n = need_of(step);
    uint64_t validation = t->validation ? evaluator_bytes(t->validation) : 0, room = room_for(t, &n, true);
    char run[32], judging[32], left[32];
    int64_t fits;
    if (n.run <= less(room, validation)) return STRIA_OK;
    TRY(batch_find(t, less(room, validation), &fits, err));
    text advice = {0};
    int64_t unjudged = 0;
    if (!fits && validation) TRY(batch_find(t, room, &unjudged, err));
    if (unjudged)
        text_printf(&advice, "without validation %" PRId64 " image%s fit%s: --val no", unjudged, text_s(unjudged),
                    unjudged == 1 ? "s" : "");
    else if (fits) text_printf(&advice, "the largest batch that fits is %" PRId64 ": --batch %" PRId64, fits, fits);
    else
        text_printf(&advice, "not even one image fits%s",
                    t->options.recompute || validation >= room ? "" : "; --recompute takes less");
    if (!t->options.memory) text_printf(&advice, "; --memory MIB counts with another size");
    error_set(err, STRIA_NO_MEMORY, "a training step of %" PRId64 " image%s takes %s of memory%s%s, and %s %s; %s",
              t->options.batch, text_s(t->options.batch), text_bytes(n.run, run), validation ? ", validation " : "",
              validation ? text_bytes(validation, judging) : "", text_bytes(room, left),
              t->options.memory ? "of --memory are left beside the weights" : "are free", text_string(&advice));
    text_release(&advice);
    return STRIA_NO_MEMORY;
}
