/* The roofline of a machine, and where the layers of a network stand under it (Williams, Waterman, Patterson,
 * "Roofline: an insightful visual performance model", 2009). */
#include "report/axis.h"
#include "report/plot.h"
#include "report/svg.h"

#include <math.h>

enum { LEFT = 58, TOP = 48, RIGHT = 20, BELOW = 44 };

typedef struct roof {
    axis x, y;
    double width, height; /* of the inside */
    double peak, bandwidth;
} roof;

static double at_x(const roof *r, double intensity) {
    return LEFT + r->width * axis_share(&r->x, intensity);
}

static double at_y(const roof *r, double rate) {
    double share = axis_share(&r->y, rate);
    return TOP + r->height * (1 - (share < 0 ? 0 : share > 1 ? 1 : share));
}

static double roof_at(const roof *r, double intensity) {
    return fmin(r->peak, r->bandwidth * intensity);
}

static void axes_init(roof *r, const plot_dot *dots, int count) {
    double ridge = r->peak / r->bandwidth, least = ridge / 8, most = ridge * 8, low = r->peak / 100;
    for (int i = 0; i < count; i++) {
        if (!(dots[i].intensity > 0) || !(dots[i].rate > 0)) continue;
        least = fmin(least, dots[i].intensity / 1.5);
        most = fmax(most, dots[i].intensity * 1.5);
        low = fmin(low, dots[i].rate / 1.5);
    }
    axis_init(&r->x, least, most, true, false, 6, false);
    axis_init(&r->y, fmin(low, roof_at(r, least)), r->peak * 2, true, false, 5, false);
}

static void axes_draw(out *o, const roof *r, const char *x_title, const char *y_title) {
    double bottom = TOP + r->height;
    for (int i = 0; i < r->y.count; i++) {
        double y = at_y(r, r->y.tick[i]);
        svg_line(o, "grid", LEFT, y, LEFT + r->width, y);
        svg_text(o, LEFT - 6, y + 4, "end", "dim", r->y.text[i], 0);
    }
    for (int i = 0; i < r->x.count; i++) {
        double x = at_x(r, r->x.tick[i]);
        svg_line(o, "rule", x, bottom, x, bottom + 4);
        svg_text(o, x, bottom + 17, "middle", "dim", r->x.text[i], 0);
    }
    svg_line(o, "rule", LEFT, bottom, LEFT + r->width, bottom);
    svg_text(o, LEFT + r->width / 2, bottom + 35, "middle", "dim", x_title, 0);
    svg_text(o, 8, TOP - 14, "start", "dim", y_title, 0);
}

static void line_draw(out *o, const roof *r) {
    double ridge = r->peak / r->bandwidth, left = r->x.least, right = r->x.most;
    double bend = fmin(fmax(ridge, left), right);
    out_raw(o, "<path class=\"curve k1\" d=\"");
    const double at[][2] = {{left, roof_at(r, left)}, {bend, roof_at(r, bend)}, {right, roof_at(r, right)}};
    for (int i = 0; i < 3; i++) {
        out_raw(o, i ? "L" : "M");
        out_number(o, at_x(r, at[i][0]));
        out_raw(o, " ");
        out_number(o, at_y(r, at[i][1]));
    }
    out_raw(o, "\"/>\n");
}

/* A dot's area is the share of the time. */
static void dot_draw(out *o, const roof *r, const plot_dot *dot) {
    out_raw(o, "<circle class=\"dot f0\" fill-opacity=\".7\" cx=\"");
    out_number(o, at_x(r, dot->intensity));
    out_raw(o, "\" cy=\"");
    out_number(o, at_y(r, dot->rate));
    out_raw(o, "\" r=\"");
    out_number(o, fmax(2.5, 22 * sqrt(dot->share)));
    out_raw(o, "\"><title>");
    out_text_cut(o, dot->name, 80);
    out_printf(o, ": %.4g GFLOP/s, %.4g FLOP/byte, %.2f %%</title></circle>\n", dot->rate, dot->intensity,
               100 * dot->share);
}

void plot_roof(out *o, const plot_roof_texts *texts, const plot_dot *dots, int count, double peak, double bandwidth,
               double width, double height) {
    roof r = {.width = width - LEFT - RIGHT, .height = height - TOP - BELOW, .peak = peak, .bandwidth = bandwidth};
    axes_init(&r, dots, count);
    svg_begin(o, width, height, texts->title, false);
    svg_text(o, 8, 16, "start", "head", texts->title, 0);
    axes_draw(o, &r, texts->x_title, texts->y_title);
    line_draw(o, &r);
    for (int i = 0; i < count; i++)
        if (dots[i].intensity > 0 && dots[i].rate > 0) dot_draw(o, &r, &dots[i]);
    svg_end(o);
}
