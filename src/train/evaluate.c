#include "train/evaluate.h"

#include "train/class_names.h"
#include "train/probability.h"

#include <string.h>

struct evaluator {
    const dataset *d;
    loader *loader;
    session *full, *rest; /* rest: of the last, smaller batch; may be NULL */
    pool *pool;
    const char *image; /* name of the input */
    int64_t batch, classes;
    bool multi_label;
    int64_t *labels, *permutation;
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
    TRY(classifier_graph(g, batch, &copy, err));
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
    classifier c;
    TRY(classifier_of(g, &c, err));
    e->classes = c.classes;
    e->multi_label = c.kind.relation == OUTPUT_MULTI_LABEL;
    e->image = c.in.image->name;
    TRY(mem_new(&e->permutation, (size_t)dataset_classes(e->d) + 1, sizeof *e->permutation, "evaluation", err));
    TRY(mem_new(&e->labels, (size_t)e->batch, sizeof *e->labels, "evaluation", err));
    TRY(class_names_match(g, c.classes, e->d, e->permutation, err));
    e->tta = config->tta;
    if (e->tta) TRY(mem_new(&e->sums, (size_t)(e->batch * e->classes), sizeof *e->sums, "evaluation", err));
    loader_options options = {.batch = e->batch,
                              .tta = e->tta,
                              .keep_bytes = config->keep_bytes,
                              .bad = config->skip_bad ? BAD_MARKED : BAD_FAILS};
    TRY(picture_input_loader(&c.in, e->d, &options, &e->loader, err));
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
    mem_free(e->labels);
    mem_free(e->permutation);
    mem_free(e->sums);
    mem_free(e);
}

int64_t evaluator_classes(const evaluator *e) {
    return e->classes;
}

int64_t evaluator_skipped(const evaluator *e, const char **first) {
    return loader_bad_count(e->loader, first);
}

size_t evaluator_bytes(const evaluator *e) {
    return program_run_bytes(session_program(e->full)) + (e->rest ? program_run_bytes(session_program(e->rest)) : 0);
}

bool evaluator_multi_label(const evaluator *e) {
    return e->multi_label;
}

void evaluator_on_image(evaluator *e, evaluator_judge *judge, void *context) {
    e->judge = judge;
    e->context = context;
}

static void judge_batch(const evaluator *e, int64_t first, const float *logits, int64_t n) {
    for (int64_t i = 0; e->judge && i < n; i++)
        if (e->labels[i] >= 0) e->judge(first + i, e->labels[i], logits + i * e->classes, e->context);
}

/* The logits of a batch, of several views those of the mean probabilities. */
static stria_status batch_run(evaluator *e, session *run, int64_t batch, int64_t n, stria_error *err) {
    float *x = session_host(run, e->image), *logits = session_host(run, CLASSIFIER_LOGITS);
    int views = tta_views(e->tta);
    if (e->sums) memset(e->sums, 0, (size_t)(n * e->classes) * sizeof *e->sums);
    for (int v = 0; v < views; v++) {
        loader_view(e->loader, v);
        TRY(loader_fill(e->loader, e->pool, 0, batch, &(sample){.image = x, .label = e->labels}, err));
        TRY(session_run(run, err));
        for (int64_t i = 0; e->sums && i < n; i++)
            probabilities_add(logits + i * e->classes, e->classes, e->multi_label, e->sums + i * e->classes);
    }
    for (int64_t i = 0; e->sums && i < n; i++)
        logits_of(e->sums + i * e->classes, e->classes, e->multi_label, views, logits + i * e->classes);
    return STRIA_OK;
}

stria_status evaluator_run(evaluator *e, score *s, bool (*progress)(int64_t done, int64_t of, void *context),
                           void *context, stria_error *err) {
    int64_t batches = loader_batches(e->loader), done = 0;
    for (int64_t b = 0; b < batches; b++) {
        int64_t n = loader_items(e->loader, b);
        session *run = n == e->batch ? e->full : e->rest;
        TRY(batch_run(e, run, b, n, err));
        for (int64_t i = 0; i < n; i++) e->labels[i] = e->labels[i] < 0 ? -1 : e->permutation[e->labels[i]];
        const float *logits = session_host(run, CLASSIFIER_LOGITS);
        judge_batch(e, b * e->batch, logits, n);
        score_add(s, logits, e->labels, n);
        done += n;
        if (progress && !progress(done, dataset_count(e->d), context))
            FAIL(err, STRIA_INTERRUPTED, "stopped after %lld of %lld images", (long long)done,
                 (long long)dataset_count(e->d));
    }
    return s->images ? STRIA_OK : loader_none_good(e->loader, err);
}
