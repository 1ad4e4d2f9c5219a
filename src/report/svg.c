#include "report/svg.h"

#include "report/cells.h"

#include <math.h>
#include <stdio.h>

/* Series colours: Okabe and Ito's, darkened for white paper and lightened for black until each has 3:1 against it. */
const char svg_style[] =
    ".plot{--paper:#fff;--ink:#1f2328;--dim:#57606a;--grid:#d8dee4;--box:#eef4fb;--edge:#57606a;"
    "--c0:#0072b2;--c1:#c34f00;--c2:#007a5a;--c3:#a6428c;--c4:#8a6100;--c5:#3a3a3a;--c6:#5b5bd6;--c7:#b3261e;"
    "font:12px system-ui,\"Segoe UI\",Roboto,\"Noto Sans\",\"Noto Sans CJK SC\",\"PingFang SC\",sans-serif;"
    "background:var(--paper)}\n"
    "@media(prefers-color-scheme:dark){.plot{--paper:#0d1117;--ink:#e6edf3;--dim:#9da7b3;--grid:#30363d;"
    "--box:#16202c;--edge:#9da7b3;--c0:#56b4e9;--c1:#ff9e4a;--c2:#4fd1a1;--c3:#e79fcb;--c4:#f0e442;--c5:#e0e0e0;"
    "--c6:#a5a5ff;--c7:#ff8a80}}\n"
    "@media print{.plot{--paper:#fff;--ink:#000;--dim:#444;--grid:#ccc;--box:#f4f4f4;--edge:#444}}\n"
    ".plot text{fill:var(--ink);white-space:pre}.plot .dim{fill:var(--dim)}.plot .small{font-size:10px}"
    ".plot .head{font-size:13px;font-weight:600}.plot .on-dark{fill:#fff}.plot .on-light{fill:#000}\n"
    ".plot .grid{stroke:var(--grid);stroke-width:1}.plot .rule{stroke:var(--dim);stroke-width:1}"
    ".plot .curve{fill:none;stroke-width:1.8;stroke-linejoin:round}.plot .band{fill-opacity:.18;stroke:none}"
    ".plot .node{fill:var(--box);stroke:var(--edge);stroke-width:1}.plot .edge{fill:none;stroke:var(--edge);"
    "stroke-width:1.2}.plot .back{stroke-dasharray:4 3}.plot .tip{fill:var(--edge)}\n"
    ".plot .k0{stroke:var(--c0)}.plot .k1{stroke:var(--c1);stroke-dasharray:7 3}.plot "
    ".k2{stroke:var(--c2);stroke-dasharray:2 3}"
    ".plot .k3{stroke:var(--c3);stroke-dasharray:9 3 2 3}.plot .k4{stroke:var(--c4);stroke-dasharray:5 2}"
    ".plot .k5{stroke:var(--c5);stroke-dasharray:1 2}.plot .k6{stroke:var(--c6);stroke-dasharray:12 4}"
    ".plot .k7{stroke:var(--c7);stroke-dasharray:4 2 1 2}\n"
    ".plot .f0{fill:var(--c0)}.plot .f1{fill:var(--c1)}.plot .f2{fill:var(--c2)}.plot .f3{fill:var(--c3)}"
    ".plot .f4{fill:var(--c4)}.plot .f5{fill:var(--c5)}.plot .f6{fill:var(--c6)}.plot .f7{fill:var(--c7)}\n";

void svg_begin(out *o, double width, double height, const char *title, bool standalone) {
    out_raw(o, "<svg");
    if (standalone) out_raw(o, " xmlns=\"http://www.w3.org/2000/svg\"");
    out_raw(o, " class=\"plot\" role=\"img\" viewBox=\"0 0 ");
    out_number(o, width);
    out_raw(o, " ");
    out_number(o, height);
    out_raw(o, "\" width=\"");
    out_number(o, width);
    out_raw(o, "\" height=\"");
    out_number(o, height);
    out_raw(o, "\" aria-label=\"");
    out_text(o, title);
    out_raw(o, "\">\n");
    if (!standalone) return;
    out_raw(o, "<title>");
    out_text(o, title);
    out_raw(o, "</title>\n<style>");
    out_raw(o, svg_style);
    out_raw(o, "</style>\n<rect width=\"100%\" height=\"100%\" fill=\"var(--paper)\"/>\n");
}

void svg_end(out *o) {
    out_raw(o, "</svg>\n");
}

void svg_text(out *o, double x, double y, const char *anchor, const char *class, const char *text, int cells) {
    bool cut = cells > 0 && cells_of(text) > cells;
    out_raw(o, "<text x=\"");
    out_number(o, x);
    out_raw(o, "\" y=\"");
    out_number(o, y);
    out_printf(o, "\"");
    if (*anchor != 's') out_printf(o, " text-anchor=\"%s\"", anchor);
    if (*class) out_printf(o, " class=\"%s\"", class);
    out_raw(o, ">");
    if (cells > 0) out_text_cut(o, text, cells);
    else out_text(o, text);
    if (cut) {
        out_raw(o, "<title>");
        out_text(o, text);
        out_raw(o, "</title>");
    }
    out_raw(o, "</text>\n");
}

void svg_line(out *o, const char *class, double x0, double y0, double x1, double y1) {
    const double at[] = {x0, y0, x1, y1};
    static const char *const name[] = {"x1", "y1", "x2", "y2"};
    out_printf(o, "<line class=\"%s\"", class);
    for (int i = 0; i < 4; i++) {
        out_printf(o, " %s=\"", name[i]);
        out_number(o, at[i]);
        out_raw(o, "\"");
    }
    out_raw(o, "/>\n");
}

/* Relative luminance of an sRGB colour (WCAG 2). */
static double luminance(const double rgb[3]) {
    static const double weight[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double c = rgb[i] / 255;
        sum += weight[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

bool svg_heat(double share, char colour[8]) {
    static const double ramp[][3] = {{247, 251, 255}, {198, 219, 239}, {107, 174, 214}, {33, 113, 181}, {8, 48, 107}};
    double rgb[3], at = (share > 0 ? share < 1 ? share : 1 : 0) * 4;
    int step = at < 3 ? (int)at : 3;
    for (int i = 0; i < 3; i++) rgb[i] = floor(ramp[step][i] + (at - step) * (ramp[step + 1][i] - ramp[step][i]) + 0.5);
    snprintf(colour, 8, "#%02x%02x%02x", (unsigned)rgb[0] & 255, (unsigned)rgb[1] & 255, (unsigned)rgb[2] & 255);
    double l = luminance(rgb);
    return 1.05 / (l + 0.05) > (l + 0.05) / 0.05;
}
