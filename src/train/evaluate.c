#include "train/evaluate.h"

#include "train/probability.h"

#include <string.h>

struct evaluator {
    const dataset *d;
    loader *loader;
    session *full, *rest; /* rest: of the last, smaller batch; may be NULL */
    pool *pool;
    int64_t batch;
    goal_job job;
    tta_kind tta;
    double *sums; /* [batch][classes], over the views; NULL: there is one */
    evaluator_judge *judge;
    void *context; /* of judge */
};

static stria_status program_for(graph *g, int64_t batch, const evaluator_config *config, bool plan_only, program **out,
                                stria_error *err) {
    graph *copy;
    program_config made = {.ks = config->ks,
                           /* Of a plan always one: the batch that follows from it must not depend on --threads. */
                           .threads = plan_only ? 1 : pool_threads(config->pool),
                           .optimize = true,
                           .shared = config->states != NULL,
                           .plan_only = plan_only};
    TRY(goal_graph(config->goal, g, batch, &copy, err));
    stria_status status = program_new(out, copy, &made, config->pool, err);
    graph_free(copy);
    return status;
}

static stria_status session_for(graph *g, int64_t batch, const evaluator_config *config, session **out,
                                stria_error *err) {
    program *p;
    TRY(program_for(g, batch, config, false, &p, err));
    stria_status status = session_new(out, p, &(session_config){.pool = config->pool, .states = config->states}, err);
    program_release(p);
    return status;
}

stria_status evaluator_fit(graph *g, const dataset *d, const evaluator_config *config, int64_t *batch, size_t *bytes,
                           stria_error *err) {
    *batch = config->batch;
    TRY(picture_input_batch(g, batch, err));
    if (*batch > dataset_count(d)) *batch = dataset_count(d);
    *bytes = 0;
    while (config->room) {
        program *p;
        int64_t half = *batch > 1 ? *batch / 2 : 1;
        TRY(program_for(g, *batch, config, true, &p, err));
        *bytes = program_run_bytes(p);
        program_release(p);
        TRY(picture_input_batch(g, &half, err));
        if (*bytes <= config->room || half >= *batch) return STRIA_OK;
        *batch = half;
    }
    return STRIA_OK;
}

static stria_status evaluator_make(evaluator *e, graph *g, const evaluator_config *config, stria_error *err) {
    TRY(goal_job_init(&e->job, config->goal, g, e->d, e->batch, err));
    e->tta = config->tta;
    if (e->tta) TRY(mem_new(&e->sums, (size_t)(e->batch * e->job.classes), sizeof *e->sums, "evaluation", err));
    loader_options options = {.batch = e->batch,
                              .tta = e->tta,
                              .target = e->job.taken.target != NULL,
                              .keep_bytes = config->keep_bytes,
                              .threads = config->workers,
                              .apart = true,
                              .bad = config->skip_bad ? BAD_MARKED : BAD_FAILS};
    TRY(picture_input_loader(&e->job.in, e->d, &options, &e->loader, err));
    TRY(session_for(g, e->batch, config, &e->full, err));
    int64_t rest = dataset_count(e->d) % e->batch;
    return rest ? session_for(g, rest, config, &e->rest, err) : STRIA_OK;
}

stria_status evaluator_new(evaluator **out, graph *g, const dataset *d, const evaluator_config *config,
                           stria_error *err) {
    evaluator *e;
    int64_t batch;
    size_t bytes;
    if (dataset_count(d) < 1) FAIL(err, STRIA_BAD_ARGUMENT, "there is no image to evaluate");
    TRY(evaluator_fit(g, d, config, &batch, &bytes, err));
    TRY(mem_new(&e, 1, sizeof *e, "evaluation", err));
    e->d = d;
    e->batch = batch;
    e->pool = pool_retain(config->pool);
    stria_status status = evaluator_make(e, g, config, err);
    if (status == STRIA_OK) *out = e;
    else evaluator_free(e);
    return status;
}

void evaluator_free(evaluator *e) {
    if (!e) return;
    session_free(e->full);
    session_free(e->rest);
    loader_free(e->loader);
    pool_release(e->pool);
    goal_job_release(&e->job);
    mem_free(e->sums);
    mem_free(e);
}

const goal_job *evaluator_job(const evaluator *e) {
    return &e->job;
}

int64_t evaluator_skipped(const evaluator *e, const char **first) {
    return loader_bad_count(e->loader, first);
}

size_t evaluator_bytes(const evaluator *e) {
    return program_run_bytes(session_program(e->full)) + (e->rest ? program_run_bytes(session_program(e->rest)) : 0);
}

size_t evaluator_loader_bytes(const evaluator *e) {
    return loader_most_bytes(e->loader);
}

void evaluator_on_image(evaluator *e, evaluator_judge *judge, void *context) {
    e->judge = judge;
    e->context = context;
}

static void judge_batch(const evaluator *e, int64_t first, const float *logits, int64_t n) {
    for (int64_t i = 0; e->judge && i < n; i++)
        if (e->job.taken.label[i] >= 0)
            e->judge(first + i, e->job.taken.label[i], logits + i * e->job.classes, e->context);
}

/* The logits of a batch, of several views those of the mean probabilities. */
static stria_status batch_run(evaluator *e, session *run, int64_t batch, int64_t n, stria_error *err) {
    float *logits = session_host(run, e->job.goal->output);
    int views = tta_views(e->tta);
    if (e->sums) memset(e->sums, 0, (size_t)(n * e->job.classes) * sizeof *e->sums);
    for (int v = 0; v < views; v++) {
        loader_view(e->loader, v);
        TRY(goal_take(&e->job, e->loader, e->pool, 0, batch, session_host(run, e->job.in.image->name), err));
        TRY(session_run(run, err));
        for (int64_t i = 0; e->sums && i < n; i++)
            probabilities_add(logits + i * e->job.classes, e->job.classes, e->job.multi_label,
                              e->sums + i * e->job.classes);
    }
    for (int64_t i = 0; e->sums && i < n; i++)
        logits_of(e->sums + i * e->job.classes, e->job.classes, e->job.multi_label, views, logits + i * e->job.classes);
    return STRIA_OK;
}

static stria_status batches_run(evaluator *e, score *s, bool (*progress)(int64_t done, int64_t of, void *context),
                                void *context, stria_error *err) {
    int64_t batches = loader_batches(e->loader), done = 0;
    for (int64_t b = 0; b < batches; b++) {
        int64_t n = loader_items(e->loader, b);
        session *run = n == e->batch ? e->full : e->rest;
        TRY(batch_run(e, run, b, n, err));
        const float *output = session_host(run, e->job.goal->output);
        judge_batch(e, b * e->batch, output, n);
        e->job.goal->count(&e->job, output, n, s);
        done += n;
        if (progress && !progress(done, dataset_count(e->d), context))
            FAIL(err, STRIA_INTERRUPTED, "stopped after %lld of %lld images", (long long)done,
                 (long long)dataset_count(e->d));
    }
    return s->images ? STRIA_OK : loader_none_good(e->loader, err);
}

/* Afterwards no thread reads the caller's data. */
stria_status evaluator_run(evaluator *e, score *s, bool (*progress)(int64_t done, int64_t of, void *context),
                           void *context, stria_error *err) {
    stria_status status = batches_run(e, s, progress, context, err);
    loader_rest(e->loader);
    return status;
}
