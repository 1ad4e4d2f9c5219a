/* Boxes in layers (Sugiyama): each below all that it reads; arrows over several layers pass bends between their boxes;
 * the order in a layer follows the mean of the neighbours'. */
#include "report/cells.h"
#include "report/net.h"
#include "report/svg.h"

#include <stdlib.h>
#include <string.h>

enum { GAP_X = 24, GAP_Y = 34, LINE = 16, PAD = 10, SWEEPS = 6, BENDS_MAX = 100000, CELLS_MAX = 44 };

/* A box, or a bend of an arrow. */
typedef struct point {
    int layer, box, bend; /* box or bend: −1 if it is the other */
    double x, width, want;
    int order;
} point;

typedef struct link {
    int up, down; /* points in neighbouring layers */
} link;

typedef struct layout {
    net *net;
    point *point;
    link *link;
    int *sorted; /* points by layer, then by order */
    int *room;   /* as many, for sorting; zeros at first */
    int *begin;  /* [layers + 1] */
    double *sum; /* by point, of its neighbours' places */
    int *count;  /* by point, how many these are */
    int points, links, layers;
} layout;

static void sizes_set(net *n) {
    for (int i = 0; i < n->boxes; i++) {
        net_box *b = &n->box[i];
        int cells = 6, lines = 0;
        for (int k = 0; k < NET_LINES; k++) {
            if (!b->line[k] || !*b->line[k]) continue;
            int own = cells_of(b->line[k]);
            cells = own > cells ? own : cells;
            lines++;
        }
        b->width = SVG_CELL * (cells < CELLS_MAX ? cells : CELLS_MAX) + 2 * PAD;
        b->height = lines * LINE + PAD;
    }
}

/* Longest paths. Arrows come in the order of their ends, and lead from inputs or to later boxes, so one pass settles
 * all. */
static void layers_set(layout *l) {
    net *n = l->net;
    for (int i = 0; i < n->arrows; i++) {
        net_box *from = &n->box[n->arrow[i].from], *to = &n->box[n->arrow[i].to];
        if (to->layer <= from->layer) to->layer = from->layer + 1;
    }
    for (int i = 0; i < n->boxes; i++)
        if (n->box[i].layer >= l->layers) l->layers = n->box[i].layer + 1;
}

/* Bends that each arrow needs, none at all where that were too many. */
static void bends_count(net *n) {
    int64_t sum = 0;
    for (int i = 0; i < n->arrows; i++) {
        net_arrow *a = &n->arrow[i];
        a->bends = n->box[a->to].layer - n->box[a->from].layer - 1;
        if (a->bends < 0) a->bends = 0;
        a->first = (int)sum;
        sum += a->bends;
        if (sum > BENDS_MAX) break;
    }
    for (int i = 0; i < n->arrows && sum > BENDS_MAX; i++) n->arrow[i].first = n->arrow[i].bends = 0;
    n->bends = sum > BENDS_MAX ? 0 : (int)sum;
}

static bool points_make(layout *l) {
    net *n = l->net;
    bends_count(n);
    l->points = n->boxes + n->bends;
    size_t links = (size_t)n->arrows + (size_t)n->bends;
    n->bend = calloc((size_t)n->bends + 1, sizeof *n->bend);
    l->point = calloc((size_t)l->points + 1, sizeof *l->point);
    l->link = calloc(links + 1, sizeof *l->link);
    l->sorted = calloc((size_t)l->points + 1, sizeof *l->sorted);
    l->room = calloc((size_t)l->points + 1, sizeof *l->room);
    l->begin = calloc((size_t)l->layers + 2, sizeof *l->begin);
    l->sum = calloc((size_t)l->points + 1, sizeof *l->sum);
    l->count = calloc((size_t)l->points + 1, sizeof *l->count);
    if (!n->bend || !l->point || !l->link || !l->sorted || !l->room || !l->begin || !l->sum || !l->count) return false;
    for (int i = 0; i < n->boxes; i++)
        l->point[i] = (point){.layer = n->box[i].layer, .box = i, .bend = -1, .width = n->box[i].width};
    for (int i = 0; i < n->arrows; i++) {
        const net_arrow *a = &n->arrow[i];
        int up = a->from;
        for (int k = 0; k < a->bends; k++) {
            int own = n->boxes + a->first + k;
            l->point[own] =
                (point){.layer = n->box[a->from].layer + 1 + k, .box = -1, .bend = a->first + k, .width = 8};
            l->link[l->links++] = (link){up, own};
            up = own;
        }
        l->link[l->links++] = (link){up, a->to};
    }
    return true;
}

static void layers_fill(layout *l) {
    for (int i = 0; i < l->points; i++) l->begin[l->point[i].layer + 1]++;
    for (int i = 0; i < l->layers; i++) l->begin[i + 1] += l->begin[i];
    int *next = l->room; /* layers are no more than points */
    for (int i = 0; i < l->points; i++) {
        int layer = l->point[i].layer;
        l->point[i].order = next[layer];
        l->sorted[l->begin[layer] + next[layer]++] = i;
    }
}

/* The mean place of the neighbours above, or below, in want; its own where there are none. */
static void wants_set(layout *l, bool up, bool by_x) {
    double *sum = l->sum;
    int *count = l->count;
    memset(sum, 0, (size_t)l->points * sizeof *sum);
    memset(count, 0, (size_t)l->points * sizeof *count);
    for (int i = 0; i < l->links; i++) {
        int own = up ? l->link[i].down : l->link[i].up, other = up ? l->link[i].up : l->link[i].down;
        sum[own] += by_x ? l->point[other].x : l->point[other].order;
        count[own]++;
    }
    for (int i = 0; i < l->points; i++) {
        point *p = &l->point[i];
        p->want = count[i] ? sum[i] / count[i] : by_x ? p->x : p->order;
    }
}

/* Merges of[0…half) and of[half…count), both by rising want; equal ones keep their order. */
static void halves_merge(const layout *l, int *of, int half, int count, int *room) {
    int a = 0, b = half, to = 0;
    while (a < half && b < count) room[to++] = l->point[of[b]].want < l->point[of[a]].want ? of[b++] : of[a++];
    while (a < half) room[to++] = of[a++];
    memcpy(of, room, (size_t)to * sizeof *of); /* the rest of the second half lies where it belongs */
}

static void layer_sort(layout *l, int layer) {
    int *of = l->sorted + l->begin[layer], count = l->begin[layer + 1] - l->begin[layer];
    for (int64_t half = 1; half < count; half *= 2)
        for (int64_t i = 0; i + half < count; i += 2 * half)
            halves_merge(l, of + i, (int)half, (int)(2 * half < count - i ? 2 * half : count - i), l->room);
    for (int i = 0; i < count; i++) l->point[of[i]].order = i;
}

static void order_set(layout *l) {
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        wants_set(l, sweep % 2 == 0, false);
        for (int layer = 0; layer < l->layers; layer++) layer_sort(l, layer);
    }
}

/* Places of one layer as near to where its points want to be as their widths allow: pushed right, then back left. */
static void layer_place(layout *l, int layer) {
    int *of = l->sorted + l->begin[layer], count = l->begin[layer + 1] - l->begin[layer];
    for (int i = 0; i < count; i++) {
        point *p = &l->point[of[i]], *left = i ? &l->point[of[i - 1]] : NULL;
        double least = left ? left->x + (left->width + p->width) / 2 + GAP_X : p->want;
        p->x = p->want > least ? p->want : least;
    }
    for (int pass = 0; pass < 2; pass++) { /* the mean of the row goes where it wants to be */
        double off = 0;
        for (int i = 0; i < count; i++) off += l->point[of[i]].want - l->point[of[i]].x;
        for (int i = 0; i < count; i++) l->point[of[i]].x += off / count;
    }
}

static void places_set(layout *l) {
    for (int layer = 0; layer < l->layers; layer++) {
        double x = 0;
        for (int i = l->begin[layer]; i < l->begin[layer + 1]; i++) {
            point *p = &l->point[l->sorted[i]];
            p->x = x + p->width / 2;
            x += p->width + GAP_X;
        }
        for (int i = l->begin[layer]; i < l->begin[layer + 1]; i++) l->point[l->sorted[i]].x -= x / 2;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        wants_set(l, sweep % 2 == 0, true);
        for (int layer = 0; layer < l->layers; layer++) layer_place(l, layer);
    }
}

static void result_write(layout *l) {
    net *n = l->net;
    double least = 0, most = 0, y = PAD;
    for (int i = 0; i < l->points; i++) {
        double left = l->point[i].x - l->point[i].width / 2, right = l->point[i].x + l->point[i].width / 2;
        if (i == 0 || left < least) least = left;
        if (i == 0 || right > most) most = right;
    }
    for (int layer = 0; layer < l->layers; layer++) {
        double tall = 0;
        for (int i = l->begin[layer]; i < l->begin[layer + 1]; i++) {
            const point *p = &l->point[l->sorted[i]];
            if (p->box >= 0 && n->box[p->box].height > tall) tall = n->box[p->box].height;
        }
        for (int i = l->begin[layer]; i < l->begin[layer + 1]; i++) {
            const point *p = &l->point[l->sorted[i]];
            if (p->box >= 0) n->box[p->box].x = p->x - p->width / 2 - least + PAD, n->box[p->box].y = y;
            else n->bend[p->bend] = (net_bend){p->x - least + PAD, y, y + tall};
        }
        y += tall + GAP_Y;
    }
    n->width = most - least + 2 * PAD;
    n->height = y - GAP_Y + PAD;
}

bool net_layout(net *n) {
    layout l = {.net = n};
    sizes_set(n);
    layers_set(&l);
    bool good = points_make(&l);
    if (good) {
        layers_fill(&l);
        order_set(&l);
        places_set(&l);
        result_write(&l);
    }
    free(l.point);
    free(l.link);
    free(l.sorted);
    free(l.room);
    free(l.begin);
    free(l.sum);
    free(l.count);
    return good;
}
