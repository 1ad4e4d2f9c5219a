#include "report/net.h"

#include "report/cells.h"
#include "report/svg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* While boxes are made. */
typedef struct making {
    const stria_model *model;
    net *net;
    int nodes;
    int *box_of;       /* by node */
    int depth;         /* of the scopes that share boxes, 0: none */
    int *readers;      /* by node: how many nodes and outputs read its results */
    const char **seen; /* parameters that were counted */
    int seen_count, seen_capacity;
} making;

static stria_status no_memory(stria_error *error) {
    if (error) {
        error->status = STRIA_NO_MEMORY;
        snprintf(error->text, sizeof error->text, "not enough memory to draw the graph");
    }
    return STRIA_NO_MEMORY;
}

/* ---- which nodes share a box ---- */

/* What joins the box of the product before it. */
static bool is_follower(const char *op) {
    static const char *const names[] = {
        "Relu",    "LeakyRelu", "PRelu",    "Sigmoid", "Tanh",      "Clip", "HardSwish", "HardSigmoid",
        "Elu",     "Selu",      "Gelu",     "Swish",   "Softplus",  "Mish", "Dropout",   "BatchNormalization",
        "Softmax", "Flatten",   "Identity", "Cast",    "LogSoftmax"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(op, names[i]) == 0) return true;
    return false;
}

/* The only node whose results this one reads, −1: none or several. */
static int only_source(const making *m, int node) {
    stria_operand in;
    int source = -1;
    for (int i = 0; stria_model_node_input(m->model, node, i, &in); i++) {
        if (in.node < 0 && strcmp(in.kind, "input") == 0) return -1;
        if (in.node >= 0 && source >= 0) return -1;
        if (in.node >= 0) source = in.node;
    }
    return source;
}

/* The length of a name's scope of at most `depth` parts: "layer1.0" of "layer1.0.conv1", "/a/b" of "/a/b/Conv". */
static size_t scope_length(const char *name, int depth) {
    char mark = strchr(name, '/') ? '/' : '.';
    size_t length = 0;
    for (size_t i = 1; name[i]; i++)
        if (name[i] == mark && depth-- > 0) length = i;
    return length;
}

static bool same_scope(const char *a, const char *b, int depth) {
    size_t length = scope_length(a, depth);
    return length && length == scope_length(b, depth) && memcmp(a, b, length) == 0;
}

/* Boxes by node, in order of their first nodes; returns how many. A scope takes nodes that follow each other only, so
 * that arrows between boxes never make a circle. depth 0: no scopes. */
static int fold_nodes(making *m, bool chains, int depth) {
    int boxes = 0;
    m->depth = depth;
    for (int i = 0; i < m->nodes; i++) {
        stria_node_row row, before;
        stria_model_node(m->model, i, &row);
        int source = chains && is_follower(row.op) ? only_source(m, i) : -1;
        bool scope =
            depth && i && stria_model_node(m->model, i - 1, &before) && same_scope(row.name, before.name, depth);
        if (scope) m->box_of[i] = m->box_of[i - 1];
        else if (!depth && source >= 0 && m->readers[source] == 1) m->box_of[i] = m->box_of[source];
        else m->box_of[i] = boxes++;
    }
    return boxes;
}

static int fold_as(making *m, net_fold fold) {
    if (fold == NET_ALL) return fold_nodes(m, false, 0);
    int boxes = fold_nodes(m, true, 0);
    if (fold == NET_CHAINS || (fold == NET_AUTO && boxes <= NET_FEW)) return boxes;
    for (int depth = 8; depth > 0; depth--) {
        int scoped = fold_nodes(m, false, depth);
        if (scoped <= NET_FEW || depth == 1) return scoped < boxes ? scoped : fold_nodes(m, true, 0);
    }
    return boxes;
}

static void readers_count(making *m) {
    stria_operand in, result;
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; stria_model_node_input(m->model, i, k, &in); k++)
            if (in.node >= 0) m->readers[in.node]++;
    for (int o = 0; o < stria_model_output_count(m->model); o++) {
        const char *name = stria_model_output(m->model, o).name;
        for (int i = 0; i < m->nodes; i++)
            for (int k = 0; stria_model_node_output(m->model, i, k, &result); k++)
                m->readers[i] += strcmp(result.name, name) == 0;
    }
}

/* ---- what boxes say ---- */

static char *line_take(out *o) {
    char *line = o->failed ? NULL : o->data;
    if (!line) out_release(o);
    *o = (out){0};
    return line;
}

static void shape_print(out *o, int rank, const int64_t *shape) {
    for (int i = rank > 1; i < rank; i++) /* without the batch */
        out_printf(o, "%s%lld", i > (rank > 1) ? "×" : "", (long long)shape[i]);
    if (rank == 0) out_raw(o, "1");
}

/* Elements of a node's parameters that no node before it has. */
static int64_t own_parameters(making *m, int node) {
    stria_operand in;
    int64_t sum = 0;
    for (int i = 0; stria_model_node_input(m->model, node, i, &in); i++) {
        if (strcmp(in.kind, "parameter") != 0 && strcmp(in.kind, "frozen") != 0) continue;
        bool seen = false;
        for (int k = 0; k < m->seen_count && !seen; k++) seen = m->seen[k] == in.name;
        if (seen || m->seen_count == m->seen_capacity) continue;
        m->seen[m->seen_count++] = in.name;
        int64_t count = 1;
        for (int d = 0; d < in.rank; d++) count *= in.shape[d];
        sum += count;
    }
    return sum;
}

/* "Conv + Relu", or "9 × Conv + 3 × Relu" of a scope. */
static void operators_print(out *o, const making *m, int box) {
    enum { KINDS = 4 };
    const char *kind[64];
    int count[64], kinds = 0, shown = 0;
    for (int i = 0; i < m->nodes; i++) {
        stria_node_row row;
        int k = 0;
        if (m->box_of[i] != box || !stria_model_node(m->model, i, &row)) continue;
        while (k < kinds && strcmp(kind[k], row.op) != 0) k++;
        if (k == 64) continue;
        if (k == kinds) kind[kinds] = row.op, count[kinds++] = 0;
        count[k]++;
    }
    for (; shown < kinds && shown < KINDS; shown++) {
        if (shown) out_raw(o, " + ");
        if (count[shown] > 1) out_printf(o, "%d × ", count[shown]);
        out_raw(o, kind[shown]);
    }
    if (shown < kinds) out_raw(o, " + …");
}

static void box_fill(making *m, int box, int first, int last, int nodes, int64_t parameters) {
    net_box *b = &m->net->box[box];
    stria_node_row row;
    stria_operand result;
    out o = {0};
    stria_model_node(m->model, first, &row);
    operators_print(&o, m, box);
    b->line[0] = line_take(&o);
    size_t scope = nodes > 1 ? scope_length(row.name, m->depth) : 0;
    out_bytes(&o, row.name, scope ? scope : strlen(row.name));
    b->line[1] = line_take(&o);
    if (stria_model_node_output(m->model, last, 0, &result)) shape_print(&o, result.rank, result.shape);
    if (parameters) out_printf(&o, " · %lld parameters", (long long)parameters);
    b->line[2] = line_take(&o);
    b->nodes = nodes;
    b->gradient = *row.origin != 0;
}

static void boxes_fill(making *m, int boxes) {
    for (int box = 0; box < boxes; box++) {
        int first = -1, last = -1, nodes = 0;
        int64_t parameters = 0;
        for (int i = 0; i < m->nodes; i++) {
            if (m->box_of[i] != box) continue;
            if (first < 0) first = i;
            last = i;
            nodes++;
            parameters += own_parameters(m, i);
        }
        box_fill(m, box, first, last, nodes, parameters);
    }
}

static void port_fill(net_box *b, const char *kind, const stria_port *port) {
    out o = {0};
    out_raw(&o, kind);
    b->line[0] = line_take(&o);
    out_raw(&o, port->name);
    b->line[1] = line_take(&o);
    shape_print(&o, port->rank, port->shape);
    b->line[2] = line_take(&o);
    b->port = true;
}

/* ---- arrows ---- */

typedef struct pairs {
    net_arrow *item;
    int count, capacity;
    bool failed;
} pairs;

static void pair_add(pairs *p, int from, int to) {
    for (int i = p->count - 1; i >= 0 && p->item[i].to == to; i--)
        if (p->item[i].from == from) return;
    if (p->count == p->capacity) {
        int capacity = p->capacity ? 2 * p->capacity : 256;
        net_arrow *item = realloc(p->item, (size_t)capacity * sizeof *item);
        p->failed = p->failed || !item;
        if (!item) return;
        p->item = item;
        p->capacity = capacity;
    }
    p->item[p->count++] = (net_arrow){.from = from, .to = to};
}

static int input_box(const making *m, const char *name, int boxes) {
    for (int i = 0; i < stria_model_input_count(m->model); i++)
        if (strcmp(stria_model_input(m->model, i).name, name) == 0) return boxes + i;
    return -1;
}

static void arrows_of(making *m, pairs *p, int node, int boxes) {
    stria_operand in;
    for (int k = 0; stria_model_node_input(m->model, node, k, &in); k++) {
        int from = in.node >= 0                    ? m->box_of[in.node]
                   : strcmp(in.kind, "input") == 0 ? input_box(m, in.name, boxes)
                                                   : -1;
        if (from >= 0 && from != m->box_of[node]) pair_add(p, from, m->box_of[node]);
    }
}

/* The box that makes output `index`. Its name is the value's own, or given: then the last box makes it. */
static int output_source(const making *m, int index, int boxes) {
    const char *name = stria_model_output(m->model, index).name;
    stria_operand result;
    for (int i = m->nodes - 1; i >= 0; i--)
        for (int k = 0; stria_model_node_output(m->model, i, k, &result); k++)
            if (strcmp(result.name, name) == 0) return m->box_of[i];
    int input = input_box(m, name, boxes);
    return input >= 0 ? input : boxes - 1;
}

static stria_status arrows_make(making *m, int boxes, stria_error *error) {
    pairs p = {0};
    int inputs = stria_model_input_count(m->model);
    for (int box = 0; box < boxes; box++) /* in the order of their ends, so that doubles are neighbours */
        for (int i = 0; i < m->nodes; i++)
            if (m->box_of[i] == box) arrows_of(m, &p, i, boxes);
    for (int i = 0; i < stria_model_output_count(m->model); i++) {
        int from = output_source(m, i, boxes);
        if (from >= 0) pair_add(&p, from, boxes + inputs + i);
    }
    m->net->arrow = p.item;
    m->net->arrows = p.count;
    return p.failed ? no_memory(error) : STRIA_OK;
}

static stria_status make(making *m, net_fold fold, stria_error *error) {
    net *n = m->net;
    int inputs = stria_model_input_count(m->model), outputs = stria_model_output_count(m->model);
    size_t nodes = (size_t)m->nodes + 1;
    stria_operand in;
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; stria_model_node_input(m->model, i, k, &in); k++) m->seen_capacity++;
    m->box_of = calloc(nodes, sizeof *m->box_of);
    m->readers = calloc(nodes, sizeof *m->readers);
    m->seen = calloc((size_t)m->seen_capacity + 1, sizeof *m->seen);
    if (!m->box_of || !m->readers || !m->seen) return no_memory(error);
    readers_count(m);
    int boxes = fold_as(m, fold);
    n->boxes = boxes + inputs + outputs;
    n->box = calloc((size_t)n->boxes + 1, sizeof *n->box);
    n->name = strdup(stria_model_name(m->model));
    if (!n->box || !n->name) return no_memory(error);
    boxes_fill(m, boxes);
    for (int i = 0; i < inputs + outputs; i++) {
        stria_port port = i < inputs ? stria_model_input(m->model, i) : stria_model_output(m->model, i - inputs);
        port_fill(&n->box[boxes + i], i < inputs ? "input" : "output", &port);
    }
    stria_status status = arrows_make(m, boxes, error);
    return status == STRIA_OK && !net_layout(n) ? no_memory(error) : status;
}

stria_status net_make(net *n, const stria_model *model, net_fold fold, stria_error *error) {
    making m = {.model = model, .net = n};
    stria_node_row row;
    *n = (net){0};
    while (stria_model_node(model, m.nodes, &row)) m.nodes++;
    stria_status status = make(&m, fold, error);
    free(m.box_of);
    free(m.readers);
    free(m.seen);
    if (status != STRIA_OK) net_release(n);
    return status;
}

void net_release(net *n) {
    for (int i = 0; n->box && i < n->boxes; i++)
        for (int k = 0; k < NET_LINES; k++) free(n->box[i].line[k]);
    free(n->name);
    free(n->box);
    free(n->arrow);
    free(n->bend);
    *n = (net){0};
}
