/* Bars, the confusion matrix, the reliability diagram. */
#include "report/cells.h"
#include "report/plot.h"
#include "report/svg.h"

#include <math.h>
#include <stdio.h>

static void rect(out *o, const char *class, double x, double y, double width, double height) {
    const double at[] = {x, y, width, height};
    static const char *const name[] = {"x", "y", "width", "height"};
    out_printf(o, "<rect class=\"%s\"", class);
    for (int i = 0; i < 4; i++) {
        out_printf(o, " %s=\"", name[i]);
        out_number(o, at[i]);
        out_raw(o, "\"");
    }
    out_raw(o, ">");
}

static int widest(const plot_bar *bars, int count, int most) {
    int cells = 1;
    for (int i = 0; i < count; i++) {
        int n = cells_of(bars[i].name);
        if (n > cells) cells = n;
    }
    return cells < most ? cells : most;
}

static void bar_title(out *o, const plot_bar *bar, const char *legend, double share) {
    out_raw(o, "<title>");
    out_text(o, bar->name);
    out_printf(o, ", %s: %.2f %%", legend, 100 * share);
    if (*bar->note) out_printf(o, " (%s)", bar->note);
    out_raw(o, "</title></rect>\n");
}

void plot_bars(out *o, const char *title, const plot_bar *bars, int count, const char *const *legend, int series,
               double width, bool standalone) {
    double thick = series > 1 ? 7 : 10, row = thick * series + 6;
    double top = 48, height = top + row * count + 26, left = SVG_CELL * widest(bars, count, 18) + 14;
    axis a;
    axis_init(&a, 0, 1, false, true, 4, false);
    svg_begin(o, width, height, title, standalone);
    svg_text(o, 8, 16, "start", "head", title, (int)((width - 16) / 7.8));
    double at = 8;
    for (int s = 0; s < series; s++) {
        char class[16];
        snprintf(class, sizeof class, "f%d", s);
        rect(o, class, at, 27, 10, 10);
        out_raw(o, "</rect>\n");
        svg_text(o, at + 15, 36, "start", "", legend[s], 0);
        at += 30 + SVG_CELL * cells_of(legend[s]);
    }
    double span = width - left - 24;
    for (int i = 0; i < a.count; i++) {
        double x = left + span * axis_share(&a, a.tick[i]);
        svg_line(o, "grid", x, top - 4, x, height - 22);
        svg_text(o, x, height - 8, "middle", "dim", a.text[i], 0);
    }
    for (int i = 0; i < count; i++) {
        double y = top + row * i;
        svg_text(o, left - 6, y + thick * series / 2 + 4, "end", "", bars[i].name, 18);
        for (int s = 0; s < series; s++) {
            char class[16];
            snprintf(class, sizeof class, "f%d", s);
            double share = bars[i].share[s] > 0 ? fmin(bars[i].share[s], 1) : 0;
            rect(o, class, left, y + thick * s, span * share, thick - 1);
            bar_title(o, &bars[i], legend[s], share);
        }
    }
    svg_end(o);
}

/* One cell: colour by the share of its row, the count where it fits. */
static void cell(out *o, const char *const *names, int row, int column, int64_t n, int64_t of, double x, double y,
                 double size) {
    char colour[8], count[24];
    double share = of ? (double)n / (double)of : 0;
    bool white = svg_heat(share, colour);
    out_printf(o, "<rect fill=\"%s\" x=\"", colour);
    out_number(o, x);
    out_raw(o, "\" y=\"");
    out_number(o, y);
    out_printf(o, "\" width=\"%g\" height=\"%g\"><title>", size - 1, size - 1);
    out_text(o, names[row]);
    out_raw(o, " → ");
    out_text(o, names[column]);
    out_printf(o, ": %lld (%.1f %%)</title></rect>\n", (long long)n, 100 * share);
    int length = snprintf(count, sizeof count, "%lld", (long long)n);
    if (n && length * SVG_SMALL < size - 2)
        svg_text(o, x + size / 2 - 0.5, y + size / 2 + 3.5, "middle", white ? "small on-dark" : "small on-light", count,
                 0);
}

/* A name on its side: it ends at (x, y) and runs downwards. */
static void text_down(out *o, double x, double y, const char *text, int cells) {
    out_raw(o, "<text class=\"small\" text-anchor=\"end\" transform=\"translate(");
    out_number(o, x);
    out_raw(o, " ");
    out_number(o, y);
    out_raw(o, ")rotate(-90)\">");
    out_text_cut(o, text, cells);
    if (cells_of(text) > cells) {
        out_raw(o, "<title>");
        out_text(o, text);
        out_raw(o, "</title>");
    }
    out_raw(o, "</text>\n");
}

void plot_matrix(out *o, const char *title, const int64_t *counts, const char *const *names, int classes,
                 const char *rows, const char *columns, bool standalone) {
    double size = classes <= 12 ? 30 : classes <= 24 ? 20 : 12;
    int cells = 1;
    for (int i = 0; i < classes; i++) {
        int n = cells_of(names[i]);
        if (n > cells) cells = n;
    }
    if (cells > 14) cells = 14;
    double left = SVG_SMALL * cells + 14, top = 46, inside = size * classes, below = SVG_SMALL * cells + 14;
    double width = fmax(left + inside + 10, fmax(SVG_CELL * cells_of(columns) + 20, 7.8 * cells_of(title) + 16));
    width = fmax(width, SVG_CELL * cells_of(rows) + 20);
    svg_begin(o, width, top + inside + below + 22, title, standalone);
    svg_text(o, 8, 16, "start", "head", title, 0);
    svg_text(o, 8, 36, "start", "dim", rows, 0);
    for (int r = 0; r < classes; r++) {
        int64_t of = 0;
        for (int c = 0; c < classes; c++) of += counts[r * classes + c];
        svg_text(o, left - 6, top + size * r + size / 2 + 3, "end", "small", names[r], cells);
        text_down(o, left + size * r + size / 2 + 3, top + inside + 6, names[r], cells);
        for (int c = 0; c < classes; c++)
            cell(o, names, r, c, counts[r * classes + c], of, left + size * c, top + size * r, size);
    }
    svg_text(o, 8, top + inside + below + 14, "start", "dim", columns, 0);
    svg_end(o);
}

double plot_calibration_error(const plot_bin bins[PLOT_BINS]) {
    double sum = 0;
    int64_t images = 0;
    for (int i = 0; i < PLOT_BINS; i++) {
        images += bins[i].images;
        sum += fabs((double)bins[i].right - bins[i].confidence);
    }
    return images ? sum / (double)images : 0;
}

void plot_reliability(out *o, const char *title, const char *x_title, const char *y_title,
                      const plot_bin bins[PLOT_BINS], double width, double height, bool standalone) {
    double left = 52, top = 44, span = width - left - 20, tall = height - top - 44;
    int64_t images = 0;
    axis a;
    axis_init(&a, 0, 1, false, true, 5, false);
    for (int i = 0; i < PLOT_BINS; i++) images += bins[i].images;
    svg_begin(o, width, height, title, standalone);
    svg_text(o, 8, 16, "start", "head", title, 0);
    svg_text(o, 8, 34, "start", "dim", y_title, 0);
    for (int i = 0; i < a.count; i++) {
        double share = axis_share(&a, a.tick[i]), y = top + tall * (1 - share);
        svg_line(o, "grid", left, y, left + span, y);
        svg_text(o, left - 6, y + 4, "end", "dim", a.text[i], 0);
        svg_text(o, left + span * share, top + tall + 17, "middle", "dim", a.text[i], 0);
    }
    for (int i = 0; i < PLOT_BINS; i++) {
        const plot_bin *b = &bins[i];
        if (!b->images) continue;
        double n = (double)b->images, right = (double)b->right / n;
        rect(o, "f0", left + span * i / PLOT_BINS + 1, top + tall * (1 - right), span / PLOT_BINS - 2, tall * right);
        out_printf(o, "<title>%.2f %% → %.2f %% (%lld, %.1f %%)</title></rect>\n", 100 * b->confidence / n, 100 * right,
                   (long long)b->images, 100 * n / (double)images);
    }
    svg_line(o, "curve k1", left, top + tall, left + span, top);
    svg_text(o, left + span / 2, height - 8, "middle", "dim", x_title, 0);
    svg_end(o);
}
