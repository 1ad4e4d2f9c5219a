#include "report/plot_scatter.h"

#include "report/cells.h"
#include "report/svg.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 820, SIDE = 640, TOP = 48, LEFT = 16, LEGEND_X = 672, LEGEND_CELLS = 18, GROUPS_SHOWN = 32 };

/* Colours repeat every eight groups, with another shape: circle, square, triangle, diamond. */
static void mark(out *o, double x, double y, int group, double size, const char *title) {
    int shape = group / SVG_COLOURS % 4, colour = group % SVG_COLOURS;
    static const double corners[3][4][2] = {{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}},
                                            {{0, -1.2}, {1.1, 0.9}, {-1.1, 0.9}, {0, -1.2}},
                                            {{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}}};
    if (shape == 0) {
        out_printf(o, "<circle class=\"mark f%d\" cx=\"", colour);
        out_number(o, x);
        out_raw(o, "\" cy=\"");
        out_number(o, y);
        out_raw(o, "\" r=\"");
        out_number(o, size);
    } else {
        out_printf(o, "<path class=\"mark f%d\" d=\"", colour);
        for (int i = 0; i < 4; i++) {
            out_raw(o, i ? "L" : "M");
            out_number(o, x + size * corners[shape - 1][i][0]);
            out_raw(o, " ");
            out_number(o, y + size * corners[shape - 1][i][1]);
        }
        out_raw(o, "Z");
    }
    out_raw(o, title ? "\"><title>" : "\"/>\n");
    if (!title) return;
    out_text_cut(o, title, 100);
    out_raw(o, shape == 0 ? "</title></circle>\n" : "</title></path>\n");
}

void plot_scatter(out *o, const char *title, const char *note, const scatter_point *points, int64_t count,
                  const char *const *groups, int group_count) {
    double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(points[i].x) || !isfinite(points[i].y)) continue;
        least[0] = fmin(least[0], points[i].x), most[0] = fmax(most[0], points[i].x);
        least[1] = fmin(least[1], points[i].y), most[1] = fmax(most[1], points[i].y);
    }
    double span = fmax(most[0] - least[0], most[1] - least[1]), scale = span > 0 ? (SIDE - 24) / span : 0;
    svg_begin(o, WIDTH, TOP + SIDE + 16, title, true);
    out_raw(o, "<style>.plot .mark{fill-opacity:.8}</style>\n");
    svg_text(o, LEFT, 20, "start", "head", title, 100);
    svg_text(o, LEFT, 38, "start", "dim", note, 100);
    out_printf(o, "<rect class=\"edge\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", LEFT, TOP, SIDE, SIDE);
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(points[i].x) || !isfinite(points[i].y)) continue;
        double x = LEFT + SIDE / 2.0 + scale * (points[i].x - (least[0] + most[0]) / 2);
        double y = TOP + SIDE / 2.0 - scale * (points[i].y - (least[1] + most[1]) / 2);
        mark(o, x, y, points[i].group, 3.5, points[i].name);
    }
    for (int g = 0; g < group_count && g < GROUPS_SHOWN; g++) {
        mark(o, LEGEND_X, TOP + 12 + 19 * g, g, 4.5, NULL);
        svg_text(o, LEGEND_X + 12, TOP + 16 + 19 * g, "start", "", groups[g], LEGEND_CELLS);
    }
    svg_end(o);
}
