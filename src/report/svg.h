/* An SVG picture: its frame, its colours in light and dark, its text. */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include "report/out.h"

#define SVG_CELL  6.9 /* width of one cell of 12-pixel text, rather too wide than too narrow */
#define SVG_SMALL 5.8 /* of 10-pixel text */

enum { SVG_COLOURS = 8 };

/* The style sheet of every picture: a standalone file brings it along, a page has it once. Colours are variables that
 * follow prefers-color-scheme; curves differ by their dashes, too. */
extern const char svg_style[];

/* <svg …> of this size. title is read out by screen readers and shown on hover. standalone: a file by itself. */
void svg_begin(out *o, double width, double height, const char *title, bool standalone);
void svg_end(out *o);

/* Text at (x, y), its base line; anchor: "start", "middle" or "end"; class: "", or of the style sheet ("dim", "small",
 * "head"). Cut after `cells` (0: not), the whole then shows on hover. */
void svg_text(out *o, double x, double y, const char *anchor, const char *class, const char *text, int cells);
void svg_line(out *o, const char *class, double x0, double y0, double x1, double y1);

/* A colour between white and dark blue for a share of 0…1, "#rrggbb", and whether white text stands out better on it
 * than black: at least 4.5 to 1 either way. */
bool svg_heat(double share, char colour[8]);

#endif
