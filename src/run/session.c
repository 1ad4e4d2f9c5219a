#include "run/session.h"

#include "base/clock.h"
#include "base/text.h"

#include <assert.h>
#include <string.h>

/* What one node is called with: the same for all runs until a state gets other memory. */
typedef struct step {
    impl_call call;
    void **pointers; /* inputs, then outputs */
    char *packed;    /* its weights, packed for this session since it wrote them; else NULL */
    uint64_t nanoseconds;
} step;

struct session {
    program *program;
    session_config config;
    tensor **states;    /* by value: contents of states, retained */
    bool *states_owned; /* by value, so they are private */
    void **memory;      /* by value */
    step *steps;        /* by position in the schedule */
    void **pointers;    /* of all steps */
    char *workspace;
    char *packed; /* weights that change, packed before each run */
    uint64_t step;
};

/* ---- making ---- */

/* A private copy of a state's contents. */
static stria_status state_own(session *s, const value *v, stria_error *err) {
    tensor *copy;
    if (s->states_owned[v->id]) return STRIA_OK;
    TRY(tensor_raw(&copy, v->type, &v->shape, v->name, err));
    memcpy(copy->data, s->states[v->id]->data, copy->bytes);
    tensor_release(s->states[v->id]);
    s->states[v->id] = copy;
    s->states_owned[v->id] = true;
    return STRIA_OK;
}

static stria_status states_bind(session *s, stria_error *err) {
    const graph *g = s->program->g;
    for (int i = 0; i < g->value_count; i++) {
        const value *v = g->values[i];
        if (v->kind != VALUE_STATE) continue;
        tensor *shared = s->config.states ? state_set_find(s->config.states, v->name) : NULL;
        s->states[i] = tensor_retain(shared ? shared : v->data);
        if (!shared && v->updated) TRY(state_own(s, v, err));
    }
    return STRIA_OK;
}

static void memory_bind(session *s) {
    const graph *g = s->program->g;
    const plan *plan = &s->program->plan;
    for (int i = 0; i < g->value_count; i++) {
        const value *root = g->values[plan->root[i]];
        if (root->kind == VALUE_STATE) s->memory[i] = s->states[root->id]->data;
        else if (root->kind == VALUE_CONSTANT) s->memory[i] = root->data ? root->data->data : NULL;
        else s->memory[i] = s->workspace + plan->values[root->id].offset;
    }
}

static char *packed_of(const session *s, const step *t, const program_node *n) {
    if (!n->packed_bytes) return NULL;
    if (t->packed) return t->packed;
    return (n->pack_always ? s->packed : s->program->packed) + n->packed_offset;
}

static void step_bind(session *s, int position) {
    const program_node *p = &s->program->nodes[position];
    const node *n = p->node;
    step *t = &s->steps[position];
    for (int i = 0; i < n->in_count; i++) {
        bool shape_only = i < 32 && n->op->shape_inputs >> i & 1;
        t->pointers[i] = n->in[i] && !shape_only ? s->memory[n->in[i]->id] : NULL;
    }
    for (int i = 0; i < n->out_count; i++) t->pointers[n->in_count + i] = n->out[i] ? s->memory[n->out[i]->id] : NULL;
    t->call = (impl_call){.node = n,
                          .prepared = p->prepared,
                          .ks = s->program->config.ks,
                          .pool = p->alone ? NULL : s->config.pool,
                          .in = t->pointers,
                          .out = t->pointers + n->in_count,
                          .scratch = s->workspace + s->program->plan.scratch[position].offset,
                          .packed = packed_of(s, t, p),
                          .seed = s->config.seed};
}

static void steps_bind(session *s) {
    memory_bind(s);
    for (int k = 0; k < s->program->g->node_count; k++) step_bind(s, k);
}

static stria_status steps_new(session *s, stria_error *err) {
    const program *p = s->program;
    size_t arguments = 1;
    for (int k = 0; k < p->g->node_count; k++)
        arguments += (size_t)p->nodes[k].node->in_count + (size_t)p->nodes[k].node->out_count;
    TRY(mem_new(&s->steps, (size_t)p->g->node_count + 1, sizeof *s->steps, "a session", err));
    TRY(mem_new(&s->pointers, arguments, sizeof *s->pointers, "a session", err));
    void **next = s->pointers;
    for (int k = 0; k < p->g->node_count; k++) {
        s->steps[k].pointers = next;
        next += p->nodes[k].node->in_count + p->nodes[k].node->out_count;
    }
    return STRIA_OK;
}

/* Untouched but for the inputs, which nobody may write before a run: a workspace may be larger than what a model that
 * is only looked at should cost. */
static stria_status workspace_new(session *s, stria_error *err) {
    char size[32];
    const program *p = s->program;
    s->workspace = mem_alloc(p->plan.workspace_bytes + 1);
    if (!s->workspace)
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for the workspace of the network (%s)",
             text_bytes(p->plan.workspace_bytes, size));
    for (int i = 0; i < p->g->input_count; i++) {
        interval at = p->plan.values[p->g->inputs[i]->id];
        memset(s->workspace + at.offset, 0, at.bytes);
    }
    s->packed = mem_alloc(p->own_bytes);
    if (!s->packed)
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for packed weights (%s)", text_bytes(p->own_bytes, size));
    return STRIA_OK;
}

static stria_status session_make(session *s, stria_error *err) {
    size_t values = (size_t)s->program->g->value_count + 1;
    assert(!s->config.states || s->program->config.shared);
    int threads = pool_threads(s->config.pool);
    if (threads > s->program->config.threads)
        FAIL(err, STRIA_BAD_ARGUMENT, "a pool of %d threads is too large for a program that was made for %d", threads,
             s->program->config.threads);
    TRY(mem_new(&s->states, values, sizeof *s->states, "a session", err));
    TRY(mem_new(&s->states_owned, values, sizeof *s->states_owned, "a session", err));
    TRY(mem_new(&s->memory, values, sizeof *s->memory, "a session", err));
    TRY(states_bind(s, err));
    TRY(workspace_new(s, err));
    TRY(steps_new(s, err));
    steps_bind(s);
    return STRIA_OK;
}

stria_status session_new(session **out, program *p, const session_config *config, stria_error *err) {
    session *s;
    TRY(mem_new(&s, 1, sizeof *s, "a session", err));
    s->program = program_retain(p);
    if (config) s->config = *config;
    pool_retain(s->config.pool);
    stria_status status = session_make(s, err);
    if (status == STRIA_OK) *out = s;
    else session_free(s);
    return status;
}

void session_free(session *s) {
    if (!s) return;
    const graph *g = s->program->g;
    for (int i = 0; s->states && i < g->value_count; i++) tensor_release(s->states[i]);
    for (int k = 0; s->steps && k < g->node_count; k++) mem_free(s->steps[k].packed);
    mem_free(s->states);
    mem_free(s->states_owned);
    mem_free(s->memory);
    mem_free(s->steps);
    mem_free(s->pointers);
    mem_free(s->workspace);
    mem_free(s->packed);
    pool_release(s->config.pool);
    program_release(s->program);
    mem_free(s);
}

/* ---- running ---- */

static stria_status step_run(session *s, int position, stria_error *err) {
    const program_node *p = &s->program->nodes[position];
    step *t = &s->steps[position];
    int64_t start = s->config.profile ? clock_ns() : 0;
    t->call.step = s->step;
    if (p->pack_always) p->impl->pack(&t->call);
    stria_status status = impl_run(p->impl, &t->call, err);
    if (status != STRIA_OK) error_prefix(err, "layer '%s' (%s): ", p->node->name, p->node->op->name);
    if (s->config.profile) t->nanoseconds = (uint64_t)(clock_ns() - start);
    return status;
}

/* States that could not change in place, read by everyone until now. */
static void updates_copy(session *s) {
    const graph *g = s->program->g;
    const plan *plan = &s->program->plan;
    for (int i = 0; i < g->update_count; i++)
        if (plan->staging[i].bytes)
            memcpy(s->workspace + plan->staging[i].offset, s->memory[g->updates[i].next->id],
                   s->states[g->updates[i].state->id]->bytes);
    for (int i = 0; i < g->update_count; i++) {
        if (!plan->copied[i]) continue;
        const tensor *state = s->states[g->updates[i].state->id];
        const void *from =
            plan->staging[i].bytes ? s->workspace + plan->staging[i].offset : s->memory[g->updates[i].next->id];
        memcpy(state->data, from, state->bytes);
    }
}

stria_status session_run(session *s, stria_error *err) {
    for (int k = 0; k < s->program->g->node_count; k++) TRY(step_run(s, k, err));
    updates_copy(s);
    return STRIA_OK;
}

stria_status session_run_watched(session *s, session_watch *watch, void *context, stria_error *err) {
    for (int k = 0; k < s->program->g->node_count; k++) {
        TRY(step_run(s, k, err));
        TRY(watch(context, s->program->nodes[k].node, s->memory, err));
    }
    updates_copy(s);
    return STRIA_OK;
}

void session_step_set(session *s, uint64_t step) {
    s->step = step;
}

/* ---- looking in ---- */

static bool packs_from(const program_node *n, const value *v) {
    return n->packed_bytes && !n->pack_always && n->node->in[n->impl->pack_input] == v;
}

/* Memory of the session's own for a state, and for the weights that are packed from it. */
static stria_status state_detach(session *s, const value *v, stria_error *err) {
    for (int k = 0; k < s->program->g->node_count; k++) {
        const program_node *n = &s->program->nodes[k];
        if (!packs_from(n, v) || s->steps[k].packed) continue;
        TRY(mem_new(&s->steps[k].packed, n->packed_bytes, 1, "packed weights", err));
        memcpy(s->steps[k].packed, s->program->packed + n->packed_offset, n->packed_bytes);
    }
    TRY(state_own(s, v, err));
    return STRIA_OK;
}

static stria_status size_check(const value *v, const char *name, size_t bytes, stria_error *err) {
    char t[192];
    size_t need = value_bytes(v);
    if (bytes != need)
        FAIL(err, STRIA_BAD_SHAPE, "'%s' is %s %s, %zu bytes, not %zu", name, dtype_name(v->type),
             shape_text(&v->shape, t), need, bytes);
    return STRIA_OK;
}

static stria_status state_write(session *s, const value *v, const void *data, size_t bytes, stria_error *err) {
    bool others_see = !s->config.states && !s->states_owned[v->id];
    if (others_see) {
        TRY(state_detach(s, v, err));
        steps_bind(s);
    }
    memcpy(s->memory[v->id], data, bytes);
    for (int k = 0; k < s->program->g->node_count; k++)
        if (packs_from(&s->program->nodes[k], v))
            program_pack(s->program, k, s->memory[v->id], s->steps[k].packed, s->config.pool);
    return STRIA_OK;
}

stria_status session_write(session *s, const char *name, const void *data, size_t bytes, stria_error *err) {
    const value *v = program_value(s->program, name);
    if (!v || (v->kind != VALUE_INPUT && v->kind != VALUE_STATE))
        FAIL(err, STRIA_BAD_ARGUMENT, "the model has no input or variable '%s'", name);
    TRY(size_check(v, name, bytes, err));
    if (v->kind == VALUE_STATE) return state_write(s, v, data, bytes, err);
    memcpy(s->memory[v->id], data, bytes);
    return STRIA_OK;
}

stria_status session_read(const session *s, const char *name, void *data, size_t bytes, stria_error *err) {
    const value *v = program_value(s->program, name);
    if (!v) FAIL(err, STRIA_BAD_ARGUMENT, "the model has no output or variable '%s'", name);
    TRY(size_check(v, name, bytes, err));
    memcpy(data, s->memory[v->id], bytes);
    return STRIA_OK;
}

void *session_host(const session *s, const char *name) {
    const value *v = program_value(s->program, name);
    return v ? s->memory[v->id] : NULL;
}

const program *session_program(const session *s) {
    return s->program;
}

uint64_t session_nanoseconds(const session *s, int index) {
    return s->steps[index].nanoseconds;
}
