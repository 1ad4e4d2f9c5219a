#include "run/program.h"

#include "base/text.h"
#include "run/programs.h"
#include "transform/transform.h"

#include <assert.h>

/* ---- making ---- */

static stria_status graph_lower(program *p, graph *g, stria_error *err) {
    TRY(graph_copy(g, NULL, &p->g, err));
    for (int i = 0; i < p->g->value_count && !p->config.shared; i++) /* so that it has memory of its own */
        if (p->g->values[i]->optional) p->g->values[i]->kind = VALUE_STATE;
    TRY(pass_precision(&p->g, err));
    TRY(pass_prune(&p->g, err));
    if (p->config.optimize && !p->config.reference) { /* the reference judges the passes, too */
        TRY(pass_fold(&p->g, err));
        TRY(pass_pad(&p->g, err));
        if (!p->config.shared) TRY(pass_fold_norm(&p->g, err));
        TRY(pass_fuse(&p->g, &cpu_target, err));
    }
    TRY(pass_layout(&p->g, &cpu_target, err));
    return pass_prune(&p->g, err);
}

/* Between runs, constants and states without an update do not change, unless others write the states. */
static bool changes(const program *p, const value *v) {
    return v && v->kind != VALUE_CONSTANT && !(v->kind == VALUE_STATE && !v->updated && !p->config.shared);
}

static bool impl_suits(const program *p, const op_impl *impl, const node *n, refusal *why) {
    if (!impl->accept(n, why)) return false;
    if (impl->tilewise && changes(p, n->in[impl->pack_input])) return REFUSE(why, "weights that change between runs");
    return !impl->pays || impl->pays(n, p->config.ks, why);
}

/* The first implementation that accepts, or of those that do, the one after config.skip others, the last at most; every
 * refusal before it is kept. */
static stria_status impl_choose(program *p, program_node *n, stria_error *err) {
    static const op_impl *const only_reference[] = {&impl_reference, NULL};
    static const op_impl *const only_nothing[] = {&impl_nothing, NULL};
    const op_impl *const *list = p->config.reference ? only_reference : backend_cpu(n->node->op);
    if (node_makes_nothing(n->node)) list = only_nothing;
    int count = 0;
    while (list[count]) count++;
    n->list = list;
    n->refusals = arena_alloc(&p->arena, sizeof(refusal) * (size_t)(count + 1));
    if (!n->refusals) FAIL(err, STRIA_NO_MEMORY, "not enough memory for a program");
    for (int i = 0, accepted = 0; i < count && accepted <= p->config.skip; i++)
        if (impl_suits(p, list[i], n->node, &n->refusals[i])) {
            if (n->impl) (void)REFUSE(&n->refusals[n->refusal_count], "skipped");
            n->impl = list[i];
            n->refusal_count = i;
            accepted++;
        }
    if (n->impl) return STRIA_OK;
    FAIL(err, STRIA_UNSUPPORTED, "layer '%s': no implementation of %s takes it (%s)", n->node->name, n->node->op->name,
         count ? n->refusals[count - 1].reason : "none exists");
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

/* Packed weights lie one after another, in the program's memory or in each session's. */
static size_t packed_book(size_t *end, size_t bytes) {
    size_t offset = *end;
    *end += (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    return offset;
}

static stria_status node_prepare(program *p, int position, stria_error *err) {
    program_node *n = &p->nodes[position];
    n->node = p->plan.order[position];
    TRY(impl_choose(p, n, err));
    n->alone = runs_alone(n->node);
    impl_plan booked = {
        .node = n->node, .ks = p->config.ks, .threads = n->alone ? 1 : p->config.threads, .arena = &p->arena};
    stria_status status = n->impl->prepare ? n->impl->prepare(&booked, &n->prepared, err) : STRIA_OK;
    if (status != STRIA_OK) error_prefix(err, "layer '%s' (%s): ", n->node->name, n->node->op->name);
    TRY(status);
    p->plan.scratch[position] = (interval){position, position, booked.scratch_bytes, 0};
    if (!booked.packed_bytes) return STRIA_OK;
    n->pack_always = changes(p, n->node->in[n->impl->pack_input]);
    n->packed_bytes = booked.packed_bytes;
    n->packed_offset = packed_book(n->pack_always ? &p->own_bytes : &p->packed_bytes, booked.packed_bytes);
    return STRIA_OK;
}

/* If two outputs have one name, the first is found. */
static stria_status outputs_index(program *p, stria_error *err) {
    const graph *g = p->g;
    TRY(name_table_new(&p->outputs, err));
    for (int i = g->output_count; i-- > 0;)
        TRY(name_table_put_value(p->outputs, g->output_names[i] ? g->output_names[i] : g->outputs[i]->name,
                                 g->outputs[i], err));
    return STRIA_OK;
}

static bool packs_from(const program_node *n, int input) {
    return n->packed_bytes && !n->pack_always && n->impl->pack_input == input;
}

static stria_status weights_pack(program *p, pool *workers, stria_error *err) {
    char size[32];
    p->packed = mem_alloc(p->packed_bytes);
    if (!p->packed)
        FAIL(err, STRIA_NO_MEMORY, "not enough memory for packed weights (%s)", text_bytes(p->packed_bytes, size));
    for (int k = 0; k < p->g->node_count; k++) {
        const program_node *n = &p->nodes[k];
        if (packs_from(n, n->impl->pack_input))
            program_pack(p, k, n->node->in[n->impl->pack_input]->data->data, p->packed + n->packed_offset, workers);
    }
    return STRIA_OK;
}

/* Constants that are read in packed form only. */
static void unread_release(program *p, bool *read) {
    const graph *g = p->g;
    for (int k = 0; k < g->node_count; k++)
        for (int i = 0; i < p->nodes[k].node->in_count; i++) {
            const value *v = p->nodes[k].node->in[i];
            if (v && !packs_from(&p->nodes[k], i)) read[v->id] = true;
        }
    for (int i = 0; i < g->output_count; i++) read[g->outputs[i]->id] = true;
    for (int i = 0; i < g->update_count; i++) read[g->updates[i].next->id] = true;
    for (int i = 0; i < g->value_count; i++) {
        if (g->values[i]->kind != VALUE_CONSTANT || read[i]) continue;
        tensor_release(g->values[i]->data);
        g->values[i]->data = NULL;
    }
}

/* Folded weights need not stay beside the packed ones. */
static stria_status constants_trim(program *p, stria_error *err) {
    bool *read;
    TRY(mem_new(&read, (size_t)p->g->value_count + 1, sizeof *read, "a program", err));
    unread_release(p, read);
    mem_free(read);
    return STRIA_OK;
}

static stria_status program_make(program *p, graph *g, pool *workers, stria_error *err) {
    TRY(graph_lower(p, g, err));
    TRY(mem_new(&p->nodes, (size_t)p->g->node_count + 1, sizeof *p->nodes, "a program", err));
    TRY(outputs_index(p, err));
    TRY(plan_schedule(&p->plan, p->g, err));
    TRY(plan_alias(&p->plan, err));
    for (int k = 0; k < p->g->node_count; k++) TRY(node_prepare(p, k, err));
    TRY(plan_place(&p->plan, err));
    if (p->config.plan_only) return STRIA_OK;
    TRY(weights_pack(p, workers, err));
    return constants_trim(p, err);
}

stria_status program_new(program **out, graph *g, const program_config *config, pool *workers, stria_error *err) {
    program *p;
    TRY(mem_new(&p, 1, sizeof *p, "a program", err));
    p->references = 1;
    p->config = *config;
    if (p->config.threads < 1) p->config.threads = 1;
    stria_status status = program_make(p, g, workers, err);
    if (status == STRIA_OK) *out = p;
    else program_release(p);
    return status;
}

size_t program_run_bytes(const program *p) {
    return p->plan.workspace_bytes + p->own_bytes;
}

program *program_retain(program *p) {
    __atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
    return p;
}

void program_release(program *p) {
    if (!p || !programs_leave(p)) return;
    mem_free(p->nodes);
    mem_free(p->packed);
    name_table_free(p->outputs);
    plan_release(&p->plan);
    graph_free(p->g);
    arena_release(&p->arena);
    mem_free(p);
}

/* ---- using ---- */

const value *program_value(const program *p, const char *name) {
    const value *v = name_table_value(p->outputs, name);
    if (v) return v;
    v = graph_find_value(p->g, name);
    return v && (v->kind == VALUE_INPUT || v->kind == VALUE_STATE) ? v : NULL;
}

enum { PACK_INPUTS = 4 }; /* pack_input is below */

void program_pack(const program *p, int position, void *weights, void *packed, pool *workers) {
    const program_node *n = &p->nodes[position];
    void *in[PACK_INPUTS] = {0};
    assert(n->impl->pack_input < PACK_INPUTS);
    in[n->impl->pack_input] = weights;
    n->impl->pack(&(impl_call){.node = n->node,
                               .prepared = n->prepared,
                               .ks = p->config.ks,
                               .pool = n->alone ? NULL : workers,
                               .in = in,
                               .packed = packed});
}
