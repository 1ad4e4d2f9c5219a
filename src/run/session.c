#include "run/session.h"

#include "base/clock.h"
#include "base/text.h"
#include "run/plan.h"
#include "transform/transform.h"

#include <math.h>
#include <string.h>

struct session {
    graph *g;
    session_config config;
    arena arena;
    plan plan;
    program_node *nodes; /* in schedule order */
    tensor **states;     /* by value: contents of states, retained */
    bool *states_owned;  /* by value: nobody else sees them */
    void **memory;       /* by value */
    char *workspace, *packed;
    size_t packed_bytes;
    bool stale; /* packed weights must be made anew */
    uint64_t step;
};

/* ---- making ---- */

static stria_status graph_lower(session *s, graph *g, stria_error *err) {
    TRY(graph_copy(g, NULL, &s->g, err));
    for (int i = 0; i < s->g->value_count && !s->config.states; i++) /* so that it has memory of its own */
        if (s->g->values[i]->optional) s->g->values[i]->kind = VALUE_STATE;
    TRY(pass_precision(&s->g, err));
    TRY(pass_prune(&s->g, err));
    if (s->config.optimize && !s->config.reference) { /* the reference judges the passes, too */
        TRY(pass_fold(&s->g, err));
        TRY(pass_pad(&s->g, err));
        if (!s->config.states) TRY(pass_fold_norm(&s->g, err));
        TRY(pass_fuse(&s->g, err));
    }
    TRY(pass_layout(&s->g, err));
    return pass_prune(&s->g, err);
}

/* A private copy of a state's contents. */
static stria_status state_own(session *s, const value *v, stria_error *err) {
    tensor *copy;
    if (s->states_owned[v->id]) return STRIA_OK;
    TRY(tensor_new(&copy, v->type, &v->shape, v->name, err));
    memcpy(copy->data, s->states[v->id]->data, copy->bytes);
    tensor_release(s->states[v->id]);
    s->states[v->id] = copy;
    s->states_owned[v->id] = true;
    return STRIA_OK;
}

static stria_status states_bind(session *s, stria_error *err) {
    for (int i = 0; i < s->g->value_count; i++) {
        const value *v = s->g->values[i];
        if (v->kind != VALUE_STATE) continue;
        tensor *shared = s->config.states ? state_set_find(s->config.states, v->name) : NULL;
        s->states[i] = tensor_retain(shared ? shared : v->data);
        if (!shared && v->updated) TRY(state_own(s, v, err));
    }
    return STRIA_OK;
}

/* The first implementation that accepts, or of those that do, the one behind config.skip others, the last at most;
 * every refusal before it is kept. */
static stria_status impl_choose(session *s, program_node *p, stria_error *err) {
    static const op_impl *const only_reference[] = {&impl_reference, NULL};
    const op_impl *const *list = s->config.reference ? only_reference : backend_cpu(p->node->op);
    int n = 0;
    while (list[n]) n++;
    p->list = list;
    p->refusals = arena_alloc(&s->arena, sizeof(refusal) * (size_t)(n + 1));
    if (!p->refusals) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a session");
    for (int i = 0, accepted = 0; i < n && accepted <= s->config.skip; i++)
        if (list[i]->accept(p->node, &p->refusals[i])) {
            if (p->impl) (void)REFUSE(&p->refusals[p->refusal_count], "skipped");
            p->impl = list[i];
            p->refusal_count = i;
            accepted++;
        }
    if (p->impl) return STRIA_OK;
    FAIL(err, STRIA_UNSUPPORTED, "layer '%s': no implementation of %s takes it (%s)", p->node->name, p->node->op->name,
         n ? p->refusals[n - 1].reason : "none exists");
}

/* Between runs, constants and states without an update do not change. */
static bool changes(const session *s, const value *v) {
    return v && v->kind != VALUE_CONSTANT && !(v->kind == VALUE_STATE && !v->updated && !s->config.states);
}

/* Work below this runs on the calling thread: waking others costs about as much. Bits do not depend on it. */
#define ALONE_MULTIPLY_ADDS 1000000
#define ALONE_ELEMENTS      65536

static bool runs_alone(const node *n) {
    int64_t elements = 0;
    for (int i = 0; i < n->in_count; i++) elements += n->in[i] ? shape_count(&n->in[i]->shape) : 0;
    for (int i = 0; i < n->out_count; i++) elements += n->out[i] ? shape_count(&n->out[i]->shape) : 0;
    return elements < ALONE_ELEMENTS && (!n->op->cost || n->op->cost(n).multiply_adds < ALONE_MULTIPLY_ADDS);
}

static stria_status node_prepare(session *s, int position, stria_error *err) {
    program_node *p = &s->nodes[position];
    p->node = s->plan.order[position];
    TRY(impl_choose(s, p, err));
    pool *workers = runs_alone(p->node) ? NULL : s->config.pool;
    impl_plan booked = {.node = p->node, .ks = s->config.ks, .threads = pool_threads(workers), .arena = &s->arena};
    void *prepared = NULL;
    if (p->impl->prepare) TRY(p->impl->prepare(&booked, &prepared, err));
    p->pack_always = p->impl->pack && changes(s, p->node->in[p->impl->pack_input]);
    p->call =
        (impl_call){.node = p->node, .prepared = prepared, .ks = s->config.ks, .pool = workers, .seed = s->config.seed};
    s->plan.scratch[position] = (interval){position, position, booked.scratch_bytes, 0};
    if (booked.packed_bytes) {
        p->call.packed = (void *)(uintptr_t)(s->packed_bytes + 1); /* an offset until there is memory */
        s->packed_bytes += (booked.packed_bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    }
    return STRIA_OK;
}

static void memory_bind(session *s) {
    for (int i = 0; i < s->g->value_count; i++) {
        const value *root = s->g->values[s->plan.root[i]];
        if (root->kind == VALUE_STATE) s->memory[i] = s->states[root->id]->data;
        else if (root->kind == VALUE_CONSTANT) s->memory[i] = root->data->data;
        else s->memory[i] = s->workspace + s->plan.values[root->id].offset;
    }
}

/* Argument pointers of one node, fixed for all runs. */
static stria_status call_bind(session *s, int position, stria_error *err) {
    program_node *p = &s->nodes[position];
    const node *n = p->node;
    void **pointers = arena_alloc(&s->arena, sizeof(void *) * (size_t)(n->in_count + n->out_count + 1));
    if (!pointers) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a session");
    for (int i = 0; i < n->in_count; i++) {
        bool shape_only = i < 32 && n->op->shape_inputs >> i & 1;
        pointers[i] = n->in[i] && !shape_only ? s->memory[n->in[i]->id] : NULL;
    }
    for (int i = 0; i < n->out_count; i++) pointers[n->in_count + i] = n->out[i] ? s->memory[n->out[i]->id] : NULL;
    p->call.in = pointers;
    p->call.out = pointers + n->in_count;
    p->call.scratch = s->workspace + s->plan.scratch[position].offset;
    if (p->call.packed) p->call.packed = s->packed + ((uintptr_t)p->call.packed - 1);
    return STRIA_OK;
}

/* Untouched but for the inputs, which nobody may write before a run: a workspace may be larger than what a model that
 * is only looked at should cost. */
static stria_status workspace_new(session *s, stria_error *err) {
    char size[32];
    s->workspace = mem_alloc(s->plan.workspace_bytes + 1);
    if (!s->workspace)
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for the workspace of the network (%s)",
             text_bytes(s->plan.workspace_bytes, size));
    for (int i = 0; i < s->g->input_count; i++) {
        interval at = s->plan.values[s->g->inputs[i]->id];
        memset(s->workspace + at.offset, 0, at.bytes);
    }
    return STRIA_OK;
}

static stria_status session_make(session *s, graph *g, stria_error *err) {
    TRY(graph_lower(s, g, err));
    size_t values = (size_t)s->g->value_count + 1;
    TRY(mem_new(&s->states, values, sizeof *s->states, "a session", err));
    TRY(mem_new(&s->states_owned, values, sizeof *s->states_owned, "a session", err));
    TRY(mem_new(&s->memory, values, sizeof *s->memory, "a session", err));
    TRY(mem_new(&s->nodes, (size_t)s->g->node_count + 1, sizeof *s->nodes, "a session", err));
    TRY(states_bind(s, err));
    TRY(plan_schedule(&s->plan, s->g, err));
    TRY(plan_alias(&s->plan, err));
    for (int k = 0; k < s->g->node_count; k++) TRY(node_prepare(s, k, err));
    TRY(plan_place(&s->plan, err));
    if (s->config.plan_only) return STRIA_OK;
    TRY(workspace_new(s, err));
    TRY(mem_new(&s->packed, s->packed_bytes + 1, 1, "packed weights", err));
    memory_bind(s);
    for (int k = 0; k < s->g->node_count; k++) TRY(call_bind(s, k, err));
    s->stale = true;
    return STRIA_OK;
}

stria_status session_new(session **out, graph *g, const session_config *config, stria_error *err) {
    session *s;
    TRY(mem_new(&s, 1, sizeof *s, "a session", err));
    s->config = *config;
    s->config.pool = pool_retain(config->pool);
    stria_status status = session_make(s, g, err);
    if (status == STRIA_OK) *out = s;
    else session_free(s);
    return status;
}

void session_free(session *s) {
    if (!s) return;
    for (int i = 0; s->g && s->states && i < s->g->value_count; i++) tensor_release(s->states[i]);
    mem_free(s->states);
    mem_free(s->states_owned);
    mem_free(s->memory);
    mem_free(s->nodes);
    mem_free(s->workspace);
    mem_free(s->packed);
    plan_release(&s->plan);
    graph_free(s->g);
    arena_release(&s->arena);
    pool_release(s->config.pool);
    mem_free(s);
}

/* ---- running ---- */

static stria_status node_run(session *s, program_node *p, stria_error *err) {
    int64_t start = s->config.profile ? clock_ns() : 0;
    p->call.step = s->step;
    if (p->impl->pack && (p->pack_always || s->stale)) p->impl->pack(&p->call);
    stria_status status = p->impl->run(&p->call, err);
    if (status == STRIA_BAD_VALUE && err && strncmp(err->text, "layer ", 6) != 0) /* as the reference's begin */
        error_prefix(err, "layer '%s' (%s): ", p->node->name, p->node->op->name);
    if (s->config.profile) p->nanoseconds = (uint64_t)(clock_ns() - start);
    return status;
}

/* States that could not change in place, read by everyone until now. */
static void updates_copy(session *s) {
    const graph *g = s->g;
    for (int i = 0; i < g->update_count; i++)
        if (s->plan.staging[i].bytes)
            memcpy(s->workspace + s->plan.staging[i].offset, s->memory[g->updates[i].next->id],
                   s->states[g->updates[i].state->id]->bytes);
    for (int i = 0; i < g->update_count; i++) {
        if (!s->plan.copied[i]) continue;
        const tensor *state = s->states[g->updates[i].state->id];
        const void *from =
            s->plan.staging[i].bytes ? s->workspace + s->plan.staging[i].offset : s->memory[g->updates[i].next->id];
        memcpy(state->data, from, state->bytes);
    }
}

stria_status session_run(session *s, stria_error *err) {
    for (int k = 0; k < s->g->node_count; k++) TRY(node_run(s, &s->nodes[k], err));
    s->stale = false;
    updates_copy(s);
    return STRIA_OK;
}

/* "layer 'conv1' (Conv): 'conv1' holds nan at element 17" */
static stria_status results_check(const session *s, const node *n, stria_error *err) {
    for (int i = 0; i < n->out_count; i++) {
        const value *v = n->out[i];
        if (!v || v->type != STRIA_FLOAT32) continue;
        const float *x = s->memory[v->id];
        int64_t count = shape_count(&v->shape);
        for (int64_t k = 0; k < count; k++)
            if (!isfinite(x[k]))
                FAIL(err, STRIA_NOT_FINITE, "layer '%s' (%s): '%s' holds %g at element %lld%s%s%s", n->name,
                     n->op->name, v->name, text_real((double)x[k]), (long long)k,
                     *n->origin ? ", in the gradient of layer '" : "", n->origin, *n->origin ? "'" : "");
    }
    return STRIA_OK;
}

stria_status session_run_checked(session *s, stria_error *err) {
    for (int k = 0; k < s->g->node_count; k++) {
        TRY(node_run(s, &s->nodes[k], err));
        TRY(results_check(s, s->nodes[k].node, err));
    }
    updates_copy(s);
    return STRIA_OK;
}

void session_step_set(session *s, uint64_t step) {
    s->step = step;
}

/* ---- looking in ---- */

static const value *find(const session *s, const char *name) {
    for (int i = 0; i < s->g->output_count; i++)
        if (strcmp(s->g->output_names[i] ? s->g->output_names[i] : s->g->outputs[i]->name, name) == 0)
            return s->g->outputs[i];
    const value *v = graph_find_value(s->g, name);
    return v && (v->kind == VALUE_INPUT || v->kind == VALUE_STATE) ? v : NULL;
}

void *session_memory(const session *s, const char *name, const value **v) {
    const value *found = find(s, name);
    if (v) *v = found;
    return found ? s->memory[found->id] : NULL;
}

stria_status session_state_write(session *s, const char *name, void **data, const value **v, stria_error *err) {
    const value *found = graph_find_value(s->g, name);
    if (!found || found->kind != VALUE_STATE) FAIL(err, STRIA_BAD_ARGUMENT, "there is no variable '%s'", name);
    if (!s->config.states && !s->states_owned[found->id]) {
        TRY(state_own(s, found, err));
        memory_bind(s);
        for (int k = 0; k < s->g->node_count; k++)
            for (int i = 0; i < s->nodes[k].node->in_count; i++) {
                const value *in = s->nodes[k].node->in[i];
                if (in && s->plan.root[in->id] == found->id && s->nodes[k].call.in[i])
                    ((void **)(uintptr_t)s->nodes[k].call.in)[i] = s->memory[in->id];
            }
    }
    s->stale = true;
    *data = s->memory[found->id];
    *v = found;
    return STRIA_OK;
}

const graph *session_graph(const session *s) {
    return s->g;
}
int session_node_count(const session *s) {
    return s->g->node_count;
}
const program_node *session_node(const session *s, int index) {
    return &s->nodes[index];
}
size_t session_workspace_bytes(const session *s) {
    return s->plan.workspace_bytes;
}
size_t session_packed_bytes(const session *s) {
    return s->packed_bytes;
}
