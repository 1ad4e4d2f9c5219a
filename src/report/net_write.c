/* A network that is laid out, as SVG, Graphviz or Mermaid. */
#include "report/net.h"
#include "report/svg.h"

#include <stdio.h>
#include <string.h>

static void at(out *o, char command, double x, double y) {
    if (command) out_printf(o, "%c", command);
    out_number(o, x);
    out_raw(o, " ");
    out_number(o, y);
    out_raw(o, " ");
}

/* A curve that leaves and arrives straight down. */
static void curve(out *o, double x0, double y0, double x1, double y1) {
    double middle = (y0 + y1) / 2;
    at(o, 'C', x0, middle);
    at(o, 0, x1, middle);
    at(o, 0, x1, y1);
}

static void arrow_svg(out *o, const net *n, const net_arrow *a) {
    const net_box *from = &n->box[a->from], *to = &n->box[a->to];
    double x = from->x + from->width / 2, y = from->y + from->height;
    double end_x = to->x + to->width / 2, end_y = to->y;
    out_printf(o, "<path class=\"edge%s\" d=\"", to->gradient ? " back" : "");
    at(o, 'M', x, y);
    for (int i = 0; i < a->bends; i++) {
        const net_bend *b = &n->bend[a->first + i];
        curve(o, x, y, b->x, b->top);
        at(o, 'L', b->x, b->bottom);
        x = b->x, y = b->bottom;
    }
    curve(o, x, y, end_x, end_y - 5);
    out_raw(o, "\"/><path class=\"tip\" d=\"");
    at(o, 'M', end_x - 4, end_y - 7);
    at(o, 'L', end_x + 4, end_y - 7);
    at(o, 'L', end_x, end_y);
    out_raw(o, "Z\"/>\n");
}

static void box_svg(out *o, const net_box *b) {
    out_raw(o, "<g><rect class=\"node\" x=\"");
    out_number(o, b->x);
    out_raw(o, "\" y=\"");
    out_number(o, b->y);
    out_raw(o, "\" width=\"");
    out_number(o, b->width);
    out_raw(o, "\" height=\"");
    out_number(o, b->height);
    out_printf(o, "\" rx=\"%d\"/>\n", b->port ? 14 : 4);
    double y = b->y + 17;
    for (int k = 0; k < NET_LINES; k++) {
        if (!b->line[k] || !*b->line[k]) continue;
        svg_text(o, b->x + b->width / 2, y, "middle", k ? "dim" : "", b->line[k], (int)((b->width - 18) / SVG_CELL));
        y += 16;
    }
    out_raw(o, "</g>\n");
}

void net_svg(out *o, const net *n, bool standalone) {
    svg_begin(o, n->width, n->height, *n->name ? n->name : "network", standalone);
    for (int i = 0; i < n->arrows; i++) arrow_svg(o, n, &n->arrow[i]);
    for (int i = 0; i < n->boxes; i++) box_svg(o, &n->box[i]);
    svg_end(o);
}

/* A name without what the format would read as its own. The entities of out_text are known to Graphviz. */
static void dot_text(out *o, const char *name) {
    out clean = {0};
    out_text(&clean, name);
    for (const char *c = clean.data; c && *c; c++) {
        if (*c == '\\') out_raw(o, "\\\\");
        else out_bytes(o, c, 1);
    }
    o->failed = o->failed || clean.failed;
    out_release(&clean);
}

void net_dot(out *o, const net *n) {
    out_raw(o, "digraph \"");
    dot_text(o, n->name);
    out_raw(o, "\" {\n  node [shape=box, fontname=\"sans-serif\", fontsize=11];\n");
    for (int i = 0; i < n->boxes; i++) {
        const net_box *b = &n->box[i];
        out_printf(o, "  n%d [label=\"", i);
        for (int k = 0; k < NET_LINES; k++) {
            if (!b->line[k] || !*b->line[k]) continue;
            if (k) out_raw(o, "\\n");
            dot_text(o, b->line[k]);
        }
        out_printf(o, "\"%s%s];\n", b->port ? ", style=rounded" : "", b->gradient ? ", style=dashed" : "");
    }
    for (int i = 0; i < n->arrows; i++) out_printf(o, "  n%d -> n%d;\n", n->arrow[i].from, n->arrow[i].to);
    out_raw(o, "}\n");
}

/* Mermaid's entities begin with '#'. */
static void mermaid_text(out *o, const char *name) {
    static const char quote[] = "&#39;";
    out clean = {0};
    out_text(&clean, name);
    for (const char *c = clean.data; c && *c; c++) {
        if (strncmp(c, quote, sizeof quote - 1) == 0) {
            out_raw(o, "#39;");
            c += sizeof quote - 2;
        } else if (*c == '&') {
            out_raw(o, "#");
        } else if (*c == '#' || *c == '`') {
            out_printf(o, "#%d;", *c);
        } else {
            out_bytes(o, c, 1);
        }
    }
    o->failed = o->failed || clean.failed;
    out_release(&clean);
}

void net_mermaid(out *o, const net *n) {
    out_raw(o, "flowchart TD\n");
    for (int i = 0; i < n->boxes; i++) {
        const net_box *b = &n->box[i];
        out_printf(o, "  n%d%s\"", i, b->port ? "([" : "[");
        for (int k = 0; k < NET_LINES; k++) {
            if (!b->line[k] || !*b->line[k]) continue;
            if (k) out_raw(o, "<br/>");
            mermaid_text(o, b->line[k]);
        }
        out_printf(o, "\"%s\n", b->port ? "])" : "]");
    }
    for (int i = 0; i < n->arrows; i++) out_printf(o, "  n%d --> n%d\n", n->arrow[i].from, n->arrow[i].to);
}
