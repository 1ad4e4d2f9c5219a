#include "api/api.h"
#include "api/explain.h"
#include <stria/testing.h>

struct stria_session {
    session *s;
    pool *pool;
    arena arena;
    stria_explained_node *explained; /* made when first asked for */
};

stria_session_options stria_session_options_default(void) {
    return (stria_session_options){.size = sizeof(stria_session_options), .batch = 1, .optimize = true};
}

stria_status model_session(session **out, const stria_model *m, const program_wish *wish, const session_config *config,
                           stria_error *err) {
    program *p;
    TRY(programs_take(m->programs, m->g, wish, config->pool, &p, err));
    stria_status status = session_new(out, p, config, err);
    program_release(p);
    return status;
}

stria_status stria_session_new(stria_session **out, const stria_model *model, const stria_session_options *options,
                               stria_error *err) {
    return stria_session_new_testing(out, model, options, NULL, err);
}

stria_status stria_session_new_testing(stria_session **out, const stria_model *model,
                                       const stria_session_options *options, const stria_testing_options *testing,
                                       stria_error *err) {
    stria_session_options o = stria_session_options_default();
    stria_testing_options t = {.size = sizeof t};
    stria_session *s;
    TRY(options_take(&o, sizeof o, options, "session", err));
    if (testing) TRY(struct_check(testing, "stria_testing_options", err));
    TRY(options_take(&t, sizeof t, testing, "testing", err));
    program_wish wish = {.make = graph_for_batch,
                         .batch = o.batch,
                         .config = {.optimize = o.optimize, .reference = t.reference, .skip = t.skip}};
    if (o.batch < 1) FAIL(err, STRIA_BAD_ARGUMENT, "a batch of %lld images cannot be run", (long long)o.batch);
    TRY(machine_kernels(o.isa, &wish.config.ks, err));
    TRY(mem_new(&s, 1, sizeof *s, "a session", err));
    stria_status status = pool_take(&s->pool, o.pool, o.threads, err);
    wish.config.threads = pool_threads(s->pool);
    session_config config = {.pool = s->pool, .seed = o.seed};
    if (status == STRIA_OK) status = model_session(&s->s, model, &wish, &config, err);
    if (status == STRIA_OK) *out = s;
    else stria_session_free(s);
    return status;
}

void stria_session_free(stria_session *s) {
    if (!s) return;
    session_free(s->s);
    pool_release(s->pool);
    arena_release(&s->arena);
    mem_free(s);
}

stria_status stria_session_set(stria_session *s, const char *name, const void *data, size_t bytes, stria_error *err) {
    return session_write(s->s, name, data, bytes, err);
}

stria_status stria_session_run(stria_session *s, stria_error *err) {
    return session_run(s->s, err);
}

stria_status stria_session_get(const stria_session *s, const char *name, void *data, size_t bytes, stria_error *err) {
    return session_read(s->s, name, data, bytes, err);
}

stria_status stria_session_port(const stria_session *s, const char *name, stria_port *out, stria_error *err) {
    const value *v = program_value(session_program(s->s), name);
    TRY(struct_check(out, "stria_port", err));
    if (!v) FAIL(err, STRIA_BAD_ARGUMENT, "the model has no input, output or variable '%s'", name);
    stria_port port = port_of(v, v->name);
    for (int i = 0; i < port.rank; i++) port.shape[i] = v->shape.dim[i];
    output_give(out, &port, sizeof port);
    return STRIA_OK;
}

size_t stria_session_bytes(const stria_session *s) {
    return session_program(s->s)->plan.workspace_bytes;
}

int stria_session_node_count(const stria_session *s) {
    return session_program(s->s)->g->node_count;
}

const stria_explained_node *stria_session_explain(const stria_session *session, int index) {
    stria_session *s = (stria_session *)(uintptr_t)session;
    if (index < 0 || index >= stria_session_node_count(s)) return NULL;
    if (!s->explained) s->explained = explain_program(session_program(s->s), &s->arena);
    if (!s->explained) return NULL;
    return &s->explained[index];
}
