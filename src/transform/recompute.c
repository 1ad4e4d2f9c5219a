/* Memory for time (Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost", 2016): the forward part
 * of a training step is cut into segments. What a later segment reads is kept; the rest of a segment's results is
 * computed again just before the first gradient that reads one of them. The same nodes on the same values, random
 * numbers by the same streams: not a bit changes. */
#include "transform/transform.h"

#include <string.h>

enum { SEGMENTS_MAX = 64, NONE = -1 /* no node, no segment */ };

typedef struct recomputing {
    graph_map map;
    int forward;      /* nodes before the first of the gradients */
    int *segment;     /* of each forward node */
    bool *read_later; /* by value: read by a forward node of another segment, an output or an update */
    bool *wanted;     /* by node: to be copied with its segment */
    bool done[SEGMENTS_MAX];
} recomputing;

/* ---- where to cut ---- */

/* Bytes that node k makes. */
static double made_bytes(const node *n) {
    double bytes = 0;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i]) bytes += (double)value_bytes(n->out[i]);
    return bytes;
}

/* The last forward node that reads each value, or NONE. */
static void last_readers(const graph *g, int forward, int *last) {
    for (int v = 0; v < g->value_count; v++) last[v] = NONE;
    for (int k = 0; k < forward; k++)
        for (int i = 0; i < g->nodes[k]->in_count; i++)
            if (g->nodes[k]->in[i]) last[g->nodes[k]->in[i]->id] = k;
}

/* crossing[k]: bytes that nodes up to k make and later forward nodes read. */
static void crossings(const graph *g, int forward, const int *last, double *crossing) {
    for (int k = 0; k < forward; k++) crossing[k] = 0;
    for (int k = 0; k < forward; k++)
        for (int i = 0; i < g->nodes[k]->out_count; i++) {
            const value *v = g->nodes[k]->out[i];
            for (int j = k; v && j < last[v->id]; j++) crossing[j] += (double)value_bytes(v);
        }
}

/* The cheapest place to end a segment, among those between two shares of all bytes. */
static int cut_between(const graph *g, int forward, const double *crossing, double low, double high) {
    double before = 0;
    int best = NONE;
    for (int k = 0; k < forward; k++) {
        before += made_bytes(g->nodes[k]);
        if (before > low && before <= high && (best < 0 || crossing[k] < crossing[best])) best = k;
    }
    return best;
}

/* Ends of `count` segments into ends[count − 1]; returns what is held at most: what crosses them and the largest one.
 */
static double cuts_make(const graph *g, int forward, const double *crossing, int count, int *ends) {
    double all = 0, kept = 0, most = 0, inside = 0;
    for (int k = 0; k < forward; k++) all += made_bytes(g->nodes[k]);
    for (int i = 1; i < count; i++)
        ends[i - 1] = cut_between(g, forward, crossing, all * (i - 0.5) / count, all * (i + 0.5) / count);
    for (int k = 0, i = 0; k < forward; k++) {
        inside += made_bytes(g->nodes[k]);
        while (i < count - 1 && ends[i] < k) i++; /* no end lies here: the segment before goes on */
        if (i < count - 1 && ends[i] == k) kept += crossing[k], most = inside > most ? inside : most, inside = 0;
    }
    return kept + (inside > most ? inside : most);
}

/* The number of segments that holds least. */
static void segments_choose(recomputing *r, const double *crossing) {
    const graph *g = r->map.from;
    int ends[SEGMENTS_MAX], best = 1, at = 0;
    double least = cuts_make(g, r->forward, crossing, 1, ends);
    for (int count = 2; count <= SEGMENTS_MAX; count++) {
        double held = cuts_make(g, r->forward, crossing, count, ends);
        if (held < least) least = held, best = count;
    }
    cuts_make(g, r->forward, crossing, best, ends);
    for (int k = 0, i = 0; k < r->forward; k++) {
        r->segment[k] = at;
        while (i < best - 1 && ends[i] < k) i++;
        if (i < best - 1 && ends[i] == k) at++;
    }
}

static stria_status segments_make(recomputing *r, stria_error *err) {
    const graph *g = r->map.from;
    int *last = NULL;
    double *crossing = NULL;
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&last, (size_t)g->value_count + 1, sizeof *last, "a pass", err));
    TRY_DONE(mem_new(&crossing, (size_t)g->node_count + 1, sizeof *crossing, "a pass", err));
    last_readers(g, r->forward, last);
    crossings(g, r->forward, last, crossing);
    segments_choose(r, crossing);
done:
    mem_free(last);
    mem_free(crossing);
    return status;
}

/* ---- what is kept, what is computed again ---- */

static int segment_of(const recomputing *r, const value *v) {
    return v->producer && v->producer->id < r->forward ? r->segment[v->producer->id] : NONE;
}

/* The last segment is still there when the gradients begin. */
static bool computed_again(const recomputing *r, const value *v) {
    int s = segment_of(r, v);
    return s >= 0 && s < r->segment[r->forward - 1] && !r->read_later[v->id];
}

static void marks_make(recomputing *r) {
    const graph *g = r->map.from;
    for (int k = 0; k < r->forward; k++)
        for (int i = 0; i < g->nodes[k]->in_count; i++) {
            const value *v = g->nodes[k]->in[i];
            if (v && segment_of(r, v) >= 0 && segment_of(r, v) != r->segment[k]) r->read_later[v->id] = true;
        }
    for (int i = 0; i < g->output_count; i++) r->read_later[g->outputs[i]->id] = true;
    for (int i = 0; i < g->update_count; i++) r->read_later[g->updates[i].next->id] = true;
    for (int k = g->node_count - 1; k >= 0; k--)
        for (int i = 0; i < g->nodes[k]->in_count; i++) {
            const value *v = g->nodes[k]->in[i];
            bool read = v && (k >= r->forward || r->wanted[k]) && computed_again(r, v);
            if (read) r->wanted[v->producer->id] = true;
        }
}

/* The copy takes the node's place in the map: what is copied from here on reads its results. */
static stria_status node_again(recomputing *r, const node *n, stria_error *err) {
    graph *g = r->map.to;
    value **in;
    node *copy;
    TRY(mem_new(&in, (size_t)n->in_count + 1, sizeof *in, "a pass", err));
    stria_status status = STRIA_OK;
    for (int i = 0; i < n->in_count; i++) TRY_DONE(graph_map_value(&r->map, n->in[i], &in[i], err));
    TRY_DONE(graph_add_node(g, n->op, NULL, in, n->in_count, n->attributes, n->out_count, NULL, &copy, err));
    copy->stream = n->stream;
    copy->origin = arena_strdup(&g->arena, n->name);
    if (!copy->origin) TRY_DONE(error_set(err, STRIA_NO_MEMORY, "not enough memory for a pass"));
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && computed_again(r, n->out[i])) r->map.value[n->out[i]->id] = copy->out[i];
done:
    mem_free(in);
    return status;
}

static stria_status segment_again(recomputing *r, int segment, stria_error *err) {
    const graph *g = r->map.from;
    if (r->done[segment]) return STRIA_OK;
    r->done[segment] = true;
    for (int k = 0; k < r->forward; k++)
        if (r->segment[k] == segment && r->wanted[k]) TRY(node_again(r, g->nodes[k], err));
    return STRIA_OK;
}

/* A node after the forward part, which reads copies. */
static stria_status gradient_copy(recomputing *r, const node *n, stria_error *err) {
    node *copy;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && computed_again(r, n->in[i])) TRY(segment_again(r, segment_of(r, n->in[i]), err));
    return graph_map_node(&r->map, n, &copy, err);
}

static stria_status graph_make(recomputing *r, graph **out, stria_error *err) {
    const graph *g = r->map.from;
    node *copy;
    for (int k = 0; k < g->node_count; k++)
        TRY(k < r->forward ? graph_map_node(&r->map, g->nodes[k], &copy, err) : gradient_copy(r, g->nodes[k], err));
    return graph_map_finish(&r->map, out, err);
}

stria_status pass_recompute(graph **g, int forward, stria_error *err) {
    recomputing r = {.forward = forward};
    graph *made;
    if (forward < 1) return STRIA_OK;
    TRY(graph_map_init(&r.map, *g, err));
    stria_status status = STRIA_OK;
    TRY_DONE(mem_new(&r.segment, (size_t)(*g)->node_count + 1, sizeof *r.segment, "a pass", err));
    TRY_DONE(mem_new(&r.read_later, (size_t)(*g)->value_count + 1, sizeof *r.read_later, "a pass", err));
    TRY_DONE(mem_new(&r.wanted, (size_t)(*g)->node_count + 1, sizeof *r.wanted, "a pass", err));
    TRY_DONE(segments_make(&r, err));
    marks_make(&r);
    TRY_DONE(graph_make(&r, &made, err));
    graph_free(*g);
    *g = made;
done:
    if (status != STRIA_OK) graph_map_release(&r.map);
    mem_free(r.segment);
    mem_free(r.read_later);
    mem_free(r.wanted);
    return status;
}
