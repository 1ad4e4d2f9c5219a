/* A network as boxes and arrows: nodes of a model folded into few boxes, laid out in layers, written as SVG, Graphviz
 * or Mermaid. */
#ifndef REPORT_NET_H
#define REPORT_NET_H

#include "report/out.h"

#include <stria/stria.h>

typedef enum net_fold {
    NET_AUTO,   /* chains; where more than NET_FEW boxes stay, scopes as deep as leaves few enough */
    NET_ALL,    /* a box for each node */
    NET_CHAINS, /* what follows a product and feeds nothing else joins its box */
    NET_SCOPES  /* nodes of one scope ("layer1.0" of "layer1.0.conv1") share a box */
} net_fold;

enum { NET_FEW = 36, NET_LINES = 3 };

typedef struct net_box {
    char *line[NET_LINES]; /* operators; name; shape and parameters. NULL: no such line */
    int nodes;             /* folded into it; 0: an input or output */
    bool port, gradient;   /* an input or output of the model; it differentiates other nodes */
    double x, y, width, height;
    int layer, order;
} net_box;

typedef struct net_arrow {
    int from, to;     /* boxes */
    int first, bends; /* of net.bend: where it passes the layers between */
} net_arrow;

typedef struct net_bend {
    double x, top, bottom;
} net_bend;

typedef struct net {
    char *name;
    net_box *box; /* NULL: there are more than can be drawn */
    net_arrow *arrow;
    net_bend *bend;
    int boxes, arrows, bends;
    double width, height;
} net;

/* Makes the boxes and lays them out, in a time that grows little faster than the nodes. most: where more boxes would
 * stay, only their number is settled, and `box` is NULL; 0: any number. STRIA_NO_MEMORY. */
stria_status net_make(net *n, const stria_model *model, net_fold fold, int most, stria_error *error);
void net_release(net *n);

void net_svg(out *o, const net *n, bool standalone);
void net_dot(out *o, const net *n);
void net_mermaid(out *o, const net *n);

/* ---- net_layout.c ---- */

/* Layers, order in them, coordinates; false without memory. */
bool net_layout(net *n);

#endif
