#include "report/plot.h"

#include "report/cells.h"
#include "report/svg.h"

#include <math.h>
#include <stdio.h>

enum { TITLE_HEIGHT = 22, LEGEND_ROW = 17, BELOW = 40, MARKS = 60, LEGEND_CELLS = 44 };

/* The plot's inside. */
typedef struct area {
    double left, top, width, height;
    axis x, y;
} area;

static double at_x(const area *a, double x) {
    return a->left + a->width * axis_share(&a->x, x);
}

static double at_y(const area *a, double y) {
    double share = axis_share(&a->y, y);
    return a->top + a->height * (1 - (share < 0 ? 0 : share > 1 ? 1 : share));
}

static void axes_init(area *a, const plot *p) {
    double low = INFINITY, high = -INFINITY, first = INFINITY, last = -INFINITY;
    for (int i = 0; i < p->count; i++) {
        double least, most;
        if (series_range(p->curves[i].data, p->log, &least, &most)) low = fmin(low, least), high = fmax(high, most);
        if (series_span(p->curves[i].data, &least, &most)) first = fmin(first, least), last = fmax(last, most);
    }
    if (p->percent) low = fmax(low, 0), high = fmin(high, 1);
    axis_init(&a->y, low, high, p->log, p->percent, 5, true);
    axis_init(&a->x, first, last, false, false, a->width < 500 ? 4 : 7, false);
}

/* Ticks, grid lines, and what the horizontal axis is called. */
static void axes_draw(out *o, const area *a, const char *x_title) {
    double bottom = a->top + a->height;
    for (int i = 0; i < a->y.count; i++) {
        double y = at_y(a, a->y.tick[i]);
        svg_line(o, "grid", a->left, y, a->left + a->width, y);
        svg_text(o, a->left - 6, y + 4, "end", "dim", a->y.text[i], 0);
    }
    for (int i = 0; i < a->x.count; i++) {
        double x = at_x(a, a->x.tick[i]);
        svg_line(o, "rule", x, bottom, x, bottom + 4);
        svg_text(o, x, bottom + 17, "middle", "dim", a->x.text[i], 0);
    }
    svg_line(o, "rule", a->left, bottom, a->left + a->width, bottom);
    if (x_title) svg_text(o, a->left + a->width / 2, bottom + 33, "middle", "dim", x_title, 0);
}

static double name_width(const char *name) {
    int cells = cells_of(name);
    return SVG_CELL * (cells < LEGEND_CELLS ? cells : LEGEND_CELLS);
}

double plot_legend(out *o, const plot *p, double x, double y) {
    double at = 0, height = LEGEND_ROW;
    if (p->count < 2) return 0;
    for (int i = 0; i < p->count; i++) {
        double width = 34 + name_width(p->curves[i].name) + 10;
        if (at > 0 && at + width > p->width - 16) at = 0, height += LEGEND_ROW;
        if (o) {
            char class[24];
            snprintf(class, sizeof class, "curve k%d", i % SVG_COLOURS);
            svg_line(o, class, x + at, y + height - 9, x + at + 26, y + height - 9);
            svg_text(o, x + at + 32, y + height - 5, "start", "", p->curves[i].name, LEGEND_CELLS);
        }
        at += width;
    }
    return height;
}

static void point(out *o, const area *a, char command, double x, double y) {
    out_printf(o, "%c", command);
    out_number(o, at_x(a, x));
    out_raw(o, " ");
    out_number(o, at_y(a, y));
}

static void band(out *o, const area *a, const series *s, int colour) {
    if (s->every < 2 && s->runs < 2) return;
    out_printf(o, "<path class=\"band f%d\" d=\"", colour);
    for (int i = 0; i < s->count; i++) point(o, a, i ? 'L' : 'M', series_x(s, i), s->bucket[i].most);
    for (int i = s->count - 1; i >= 0; i--) point(o, a, 'L', series_x(s, i), s->bucket[i].least);
    out_raw(o, "Z\"/>\n");
}

static void marks(out *o, const area *a, const plot_curve *c, bool percent, int colour) {
    if (c->data->count > MARKS) return;
    for (int i = 0; i < c->data->count; i++) {
        double x = series_x(c->data, i), y = series_y(c->data, i);
        out_printf(o, "<circle class=\"f%d\" r=\"2.5\" cx=\"", colour);
        out_number(o, at_x(a, x));
        out_raw(o, "\" cy=\"");
        out_number(o, at_y(a, y));
        out_raw(o, "\"><title>");
        out_text_cut(o, c->name, LEGEND_CELLS);
        if (percent) out_printf(o, ", %.9g: %.2f %%</title></circle>\n", x, 100 * y);
        else out_printf(o, ", %.9g: %.5g</title></circle>\n", x, y);
    }
}

static void curve_draw(out *o, const area *a, const plot *p, int i) {
    const series *s = p->curves[i].data;
    if (s->count == 0) return;
    band(o, a, s, i % SVG_COLOURS);
    out_printf(o, "<path class=\"curve k%d\" d=\"", i % SVG_COLOURS);
    for (int k = 0; k < s->count; k++) point(o, a, k ? 'L' : 'M', series_x(s, k), series_y(s, k));
    out_raw(o, "\"/>\n");
    marks(o, a, &p->curves[i], p->percent, i % SVG_COLOURS);
}

void plot_curves_at(out *o, const plot *p, double x, double y) {
    area a = {.top = TITLE_HEIGHT + (p->bare ? 0 : plot_legend(NULL, p, 0, 0)) + 8, .width = p->width - 80};
    axes_init(&a, p);
    a.left = SVG_CELL * axis_cells(&a.y) + 12;
    a.width = p->width - a.left - 18;
    a.height = p->height - a.top - BELOW;
    out_raw(o, "<g transform=\"translate(");
    out_number(o, x);
    out_raw(o, " ");
    out_number(o, y);
    out_raw(o, ")\">\n");
    svg_text(o, 8, 16, "start", "head", p->title, (int)((p->width - 16) / 7.8));
    if (!p->bare) plot_legend(o, p, 8, TITLE_HEIGHT);
    axes_draw(o, &a, p->x_title);
    for (int i = 0; i < p->count; i++) curve_draw(o, &a, p, i);
    out_raw(o, "</g>\n");
}

void plot_curves(out *o, const plot *p, bool standalone) {
    svg_begin(o, p->width, p->height, p->title, standalone);
    plot_curves_at(o, p, 0, 0);
    svg_end(o);
}
