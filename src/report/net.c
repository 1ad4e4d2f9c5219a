#include "report/net.h"

#include "report/cells.h"
#include "report/svg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A result of a node, or an input of the model. */
typedef struct named {
    const char *name;
    int node; /* −1 − i of input i */
} named;

/* While boxes are made. */
typedef struct making {
    const stria_model *model;
    net *net;
    int nodes;
    int *box_of;       /* by node */
    int *in_box;       /* nodes, box by box */
    int *begin;        /* [boxes + 1]: where a box's nodes begin in in_box */
    int *arrow_to;     /* by box: the last box that an arrow led to from here, plus 1 */
    int depth;         /* of the scopes that share boxes, 0: none */
    int *readers;      /* by node: how many nodes and outputs read its results */
    const char **seen; /* a hash table of the parameters that were counted; names of a model are unique pointers */
    size_t seen_slots; /* a power of two */
    named *named;      /* in the order of names */
    int named_count;
    bool lost; /* memory ran out: a box lacks a line */
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
    stria_operand in = {.size = sizeof in};
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
        stria_node_row row = {.size = sizeof row}, before = {.size = sizeof before};
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

static int by_name(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static void names_sort(making *m) {
    stria_operand result = {.size = sizeof result};
    int inputs = stria_model_input_count(m->model);
    for (int i = 0; i < inputs; i++) m->named[m->named_count++] = (named){stria_model_input(m->model, i)->name, -1 - i};
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; stria_model_node_output(m->model, i, k, &result); k++)
            m->named[m->named_count++] = (named){result.name, i};
    qsort(m->named, (size_t)m->named_count, sizeof *m->named, by_name);
}

/* What makes the value of this name; NULL: nothing. */
static const named *name_find(const making *m, const char *name) {
    named wanted = {.name = name};
    return bsearch(&wanted, m->named, (size_t)m->named_count, sizeof *m->named, by_name);
}

static void readers_count(making *m) {
    stria_operand in = {.size = sizeof in};
    for (int i = 0; i < m->nodes; i++)
        for (int k = 0; stria_model_node_input(m->model, i, k, &in); k++)
            if (in.node >= 0) m->readers[in.node]++;
    for (int o = 0; o < stria_model_output_count(m->model); o++) {
        const named *source = name_find(m, stria_model_output(m->model, o)->name);
        if (source && source->node >= 0) m->readers[source->node]++;
    }
}

/* ---- what boxes say ---- */

static char *line_take(making *m, out *o) {
    char *line = o->failed ? NULL : o->data;
    m->lost |= o->failed;
    if (!line) out_release(o);
    *o = (out){0};
    return line;
}

static void shape_print(out *o, int rank, const int64_t *shape) {
    for (int i = rank > 1; i < rank; i++) /* without the batch */
        out_printf(o, "%s%lld", i > (rank > 1) ? "×" : "", (long long)shape[i]);
    if (rank == 0) out_raw(o, "1");
}

/* Returns true if a parameter is met for the first time. */
static bool is_new(making *m, const char *name) {
    size_t slot = (size_t)((uintptr_t)name * 0x9E3779B97F4A7C15u >> 20) & (m->seen_slots - 1);
    while (m->seen[slot] && m->seen[slot] != name) slot = (slot + 1) & (m->seen_slots - 1);
    bool fresh = !m->seen[slot];
    m->seen[slot] = name;
    return fresh;
}

/* Elements of a node's parameters that no node before it has. */
static int64_t own_parameters(making *m, int node) {
    stria_operand in = {.size = sizeof in};
    int64_t sum = 0;
    for (int i = 0; stria_model_node_input(m->model, node, i, &in); i++) {
        bool parameter = strcmp(in.kind, "parameter") == 0 || strcmp(in.kind, "frozen") == 0;
        if (!parameter || !is_new(m, in.name)) continue;
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
    for (int i = m->begin[box]; i < m->begin[box + 1]; i++) {
        stria_node_row row = {.size = sizeof row};
        int k = 0;
        stria_model_node(m->model, m->in_box[i], &row);
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
    stria_node_row row = {.size = sizeof row};
    stria_operand result = {.size = sizeof result};
    out o = {0};
    stria_model_node(m->model, first, &row);
    operators_print(&o, m, box);
    b->line[0] = line_take(m, &o);
    size_t scope = nodes > 1 ? scope_length(row.name, m->depth) : 0;
    out_bytes(&o, row.name, scope ? scope : strlen(row.name));
    b->line[1] = line_take(m, &o);
    if (stria_model_node_output(m->model, last, 0, &result)) shape_print(&o, result.rank, result.shape);
    if (parameters) out_printf(&o, " · %lld parameters", (long long)parameters);
    b->line[2] = line_take(m, &o);
    b->nodes = nodes;
    b->gradient = *row.origin != 0;
}

/* Nodes by box, in their order. */
static void boxes_sort(making *m, int boxes) {
    for (int i = 0; i < m->nodes; i++) m->begin[m->box_of[i] + 1]++;
    for (int box = 0; box < boxes; box++) m->begin[box + 1] += m->begin[box];
    for (int i = 0; i < m->nodes; i++) m->in_box[m->begin[m->box_of[i]]++] = i;
    for (int box = boxes; box > 0; box--) m->begin[box] = m->begin[box - 1];
    m->begin[0] = 0;
}

static void boxes_fill(making *m, int boxes) {
    for (int box = 0; box < boxes; box++) {
        int first = m->begin[box], end = m->begin[box + 1];
        int64_t parameters = 0;
        for (int i = first; i < end; i++) parameters += own_parameters(m, m->in_box[i]);
        box_fill(m, box, m->in_box[first], m->in_box[end - 1], end - first, parameters);
    }
}

static void port_fill(making *m, net_box *b, const char *kind, const stria_port *port) {
    out o = {0};
    out_raw(&o, kind);
    b->line[0] = line_take(m, &o);
    out_raw(&o, port->name);
    b->line[1] = line_take(m, &o);
    shape_print(&o, port->rank, port->shape);
    b->line[2] = line_take(m, &o);
    b->port = true;
}

/* ---- arrows ---- */

typedef struct pairs {
    net_arrow *item;
    int count, capacity;
    bool failed;
} pairs;

/* Ends come box by box, so that a double is a `from` that led to this `to` last. */
static void pair_add(making *m, pairs *p, int from, int to) {
    if (m->arrow_to[from] == to + 1) return;
    m->arrow_to[from] = to + 1;
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

/* The box of what makes a value; inputs come after the nodes' boxes. */
static int box_of_name(const making *m, const char *name, int boxes, int none) {
    const named *source = name_find(m, name);
    if (!source) return none;
    return source->node >= 0 ? m->box_of[source->node] : boxes - 1 - source->node;
}

static void arrows_of(making *m, pairs *p, int node, int boxes) {
    stria_operand in = {.size = sizeof in};
    for (int k = 0; stria_model_node_input(m->model, node, k, &in); k++) {
        int from = in.node >= 0                    ? m->box_of[in.node]
                   : strcmp(in.kind, "input") == 0 ? box_of_name(m, in.name, boxes, -1)
                                                   : -1;
        if (from >= 0 && from != m->box_of[node]) pair_add(m, p, from, m->box_of[node]);
    }
}

static stria_status arrows_make(making *m, int boxes, stria_error *error) {
    pairs p = {0};
    int inputs = stria_model_input_count(m->model);
    for (int box = 0; box < boxes; box++)
        for (int i = m->begin[box]; i < m->begin[box + 1]; i++) arrows_of(m, &p, m->in_box[i], boxes);
    for (int i = 0; i < stria_model_output_count(m->model); i++) {
        /* an output's name is its value's own, or given: then the last box makes it */
        int from = box_of_name(m, stria_model_output(m->model, i)->name, boxes, boxes - 1);
        if (from >= 0) pair_add(m, &p, from, boxes + inputs + i);
    }
    m->net->arrow = p.item;
    m->net->arrows = p.count;
    return p.failed ? no_memory(error) : STRIA_OK;
}

static bool making_init(making *m) {
    size_t nodes = (size_t)m->nodes + 1, operands = 0, results = 0;
    stria_node_row row = {.size = sizeof row};
    for (int i = 0; stria_model_node(m->model, i, &row); i++) {
        operands += (size_t)row.input_count;
        results += (size_t)row.output_count;
    }
    for (m->seen_slots = 16; m->seen_slots < 2 * operands;) m->seen_slots *= 2;
    m->box_of = calloc(nodes, sizeof *m->box_of);
    m->in_box = calloc(nodes, sizeof *m->in_box);
    m->begin = calloc(nodes + 1, sizeof *m->begin);
    m->readers = calloc(nodes, sizeof *m->readers);
    m->seen = calloc(m->seen_slots, sizeof *m->seen);
    m->named = calloc(results + (size_t)stria_model_input_count(m->model) + 1, sizeof *m->named);
    m->arrow_to = calloc(nodes + (size_t)stria_model_input_count(m->model), sizeof *m->arrow_to);
    return m->box_of && m->in_box && m->begin && m->readers && m->seen && m->named && m->arrow_to;
}

static void making_release(making *m) {
    free(m->box_of);
    free(m->in_box);
    free(m->begin);
    free(m->readers);
    free(m->seen);
    free(m->named);
    free(m->arrow_to);
}

static stria_status make(making *m, net_fold fold, int most, stria_error *error) {
    net *n = m->net;
    int inputs = stria_model_input_count(m->model), outputs = stria_model_output_count(m->model);
    if (!making_init(m)) return no_memory(error);
    names_sort(m);
    readers_count(m);
    int boxes = fold_as(m, fold);
    n->boxes = boxes + inputs + outputs;
    if (most && n->boxes > most) return STRIA_OK;
    n->box = calloc((size_t)n->boxes + 1, sizeof *n->box);
    n->name = strdup(stria_model_name(m->model));
    if (!n->box || !n->name) return no_memory(error);
    boxes_sort(m, boxes);
    boxes_fill(m, boxes);
    for (int i = 0; i < inputs + outputs; i++) {
        stria_port port = *(i < inputs ? stria_model_input(m->model, i) : stria_model_output(m->model, i - inputs));
        port_fill(m, &n->box[boxes + i], i < inputs ? "input" : "output", &port);
    }
    if (m->lost) return no_memory(error);
    stria_status status = arrows_make(m, boxes, error);
    return status == STRIA_OK && !net_layout(n) ? no_memory(error) : status;
}

stria_status net_make(net *n, const stria_model *model, net_fold fold, int most, stria_error *error) {
    making m = {.model = model, .net = n};
    stria_node_row row = {.size = sizeof row};
    *n = (net){0};
    while (stria_model_node(model, m.nodes, &row)) m.nodes++;
    stria_status status = make(&m, fold, most, error);
    making_release(&m);
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
