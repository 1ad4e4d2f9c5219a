/* A workspace over the nodes of a run: what lies where, and how much is in use. */
#include "report/plot_memory.h"

#include "report/axis.h"
#include "report/cells.h"
#include "report/svg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1000, HEIGHT = 560, LEFT = 64, RIGHT = 20, TOP = 84, BELOW = 46, BLOCKS_MAX = 4000 };

/* Colours by kind: f0, f1, … of svg.c. */
static const char *const kinds[] = {"activation", "gradient", "parameter gradient", "scratch", "input", "update"};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct area {
    const stria_memory_map *map;
    axis x, y; /* nodes; units of memory */
    double unit;
    double width, height;
} area;

static int kind_of(const stria_memory_block *b) {
    for (int k = 0; k < KINDS; k++)
        if (strcmp(b->kind, kinds[k]) == 0) return k;
    return 0;
}

void plot_memory_size(uint64_t bytes, char text[32]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024 && unit < 4; unit++) value /= 1024;
    snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static double at_x(const area *a, double node) {
    return LEFT + a->width * node / (a->map->node_count > 0 ? a->map->node_count : 1);
}

static double at_y(const area *a, double bytes) {
    return TOP + a->height * (1 - axis_share(&a->y, bytes / a->unit));
}

static void rect_draw(out *o, const char *class, double x, double y, double width, double height) {
    out_printf(o, "<rect class=\"%s\" x=\"", class);
    out_number(o, x);
    out_raw(o, "\" y=\"");
    out_number(o, y);
    out_raw(o, "\" width=\"");
    out_number(o, width);
    out_raw(o, "\" height=\"");
    out_number(o, height);
    out_raw(o, "\">");
}

static void block_draw(out *o, const area *a, const stria_memory_block *b) {
    char class[32], size[32];
    double x = at_x(a, b->first), y = at_y(a, (double)(b->offset + b->bytes));
    snprintf(class, sizeof class, "block f%d", kind_of(b));
    plot_memory_size(b->bytes, size);
    rect_draw(o, class, x, y, at_x(a, b->last + 1) - x, at_y(a, (double)b->offset) - y);
    out_raw(o, "<title>");
    out_text_cut(o, b->name, 80);
    out_printf(o, ": %s, %s, ", b->kind, size);
    out_text_cut(o, a->map->nodes[b->first], 60);
    out_raw(o, " … ");
    out_text_cut(o, a->map->nodes[b->last], 60);
    out_raw(o, "</title></rect>\n");
}

/* Kinds that are there, with the most that each has in use at the peak. */
static void legend_draw(out *o, const area *a) {
    const stria_memory_map *map = a->map;
    double x = LEFT;
    for (int k = 0; k < KINDS; k++) {
        char class[16], size[32], text[80];
        uint64_t at_peak = 0;
        bool any = false;
        for (int i = 0; i < map->block_count; i++) {
            const stria_memory_block *b = map->blocks[i];
            if (kind_of(b) != k) continue;
            any = true;
            if (b->first <= map->peak && b->last >= map->peak) at_peak += b->bytes;
        }
        if (!any) continue;
        snprintf(class, sizeof class, "f%d", k);
        plot_memory_size(at_peak, size);
        snprintf(text, sizeof text, "%s (%s)", kinds[k], size);
        rect_draw(o, class, x, 44, 10, 10);
        out_raw(o, "</rect>\n");
        svg_text(o, x + 15, 53, "start", "", text, 0);
        x += 32 + SVG_CELL * cells_of(text);
    }
}

static void axes_draw(out *o, const area *a, const char *unit) {
    double bottom = TOP + a->height;
    for (int i = 0; i < a->y.count; i++) {
        double y = at_y(a, a->y.tick[i] * a->unit);
        svg_line(o, "grid", LEFT, y, LEFT + a->width, y);
        svg_text(o, LEFT - 6, y + 4, "end", "dim", a->y.text[i], 0);
    }
    for (int i = 0; i < a->x.count; i++) {
        double x = at_x(a, a->x.tick[i]);
        svg_line(o, "rule", x, bottom, x, bottom + 4);
        svg_text(o, x, bottom + 17, "middle", "dim", a->x.text[i], 0);
    }
    svg_line(o, "rule", LEFT, bottom, LEFT + a->width, bottom);
    bool backward = a->map->backward < a->map->node_count;
    svg_text(o, LEFT + a->width / 2, bottom + 35, "middle", "dim",
             backward ? "nodes in the order in which they run; the backward pass begins at the dashed line"
                      : "nodes in the order in which they run",
             0);
    svg_text(o, 8, TOP - 10, "start", "dim", unit, 0);
}

/* How much is in use while each node runs, as a line with steps. */
static void used_draw(out *o, const area *a) {
    const stria_memory_map *map = a->map;
    int64_t *change = calloc((size_t)map->node_count + 2, sizeof *change), used = 0;
    if (!change) {
        o->failed = true;
        return;
    }
    for (int i = 0; i < map->block_count; i++) {
        change[map->blocks[i]->first] += (int64_t)map->blocks[i]->bytes;
        change[map->blocks[i]->last + 1] -= (int64_t)map->blocks[i]->bytes;
    }
    out_raw(o, "<path class=\"curve k5 used\" d=\"");
    for (int k = 0; k < map->node_count; k++) {
        used += change[k];
        for (int end = 0; end < 2; end++) {
            out_raw(o, k || end ? "L" : "M");
            out_number(o, at_x(a, k + end));
            out_raw(o, " ");
            out_number(o, at_y(a, (double)used));
        }
    }
    out_raw(o, "\"><title>in use</title></path>\n");
    free(change);
}

static void marks_draw(out *o, const area *a) {
    const stria_memory_map *map = a->map;
    double bottom = TOP + a->height, x = at_x(a, map->peak + 0.5);
    char size[32];
    out name = {0};
    if (map->backward < map->node_count) {
        double begin = at_x(a, map->backward);
        svg_line(o, "rule back", begin, TOP, begin, bottom);
    }
    if (map->node_count == 0) return;
    svg_line(o, "rule", x, TOP - 4, x, bottom);
    plot_memory_size(map->peak_bytes, size);
    out_printf(&name, "peak %s in use at ", size);
    out_bytes(&name, map->nodes[map->peak], strlen(map->nodes[map->peak]));
    bool right = x > LEFT + a->width / 2;
    o->failed |= name.failed;
    if (name.data) svg_text(o, right ? x + 4 : x - 4, TOP - 8, right ? "end" : "start", "", name.data, 70);
    out_release(&name);
}

void plot_memory(out *o, const char *title, const stria_memory_map *map) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    area a = {.map = map, .unit = 1, .width = WIDTH - LEFT - RIGHT, .height = HEIGHT - TOP - BELOW};
    int unit = 0;
    for (; (double)map->workspace_bytes / a.unit >= 1024 && unit < 4; unit++) a.unit *= 1024;
    axis_init(&a.x, 0, map->node_count > 0 ? map->node_count : 1, false, false, 10, false);
    axis_init(&a.y, 0, (double)map->workspace_bytes / a.unit, false, false, 6, true);
    svg_begin(o, WIDTH, HEIGHT, title, true);
    out_raw(o, "<style>.plot .block{stroke:var(--paper);stroke-width:.4;fill-opacity:.75}.plot .used{stroke:var(--ink);"
               "stroke-dasharray:none}</style>\n");
    svg_text(o, 8, 20, "start", "head", title, 110);
    legend_draw(o, &a);
    axes_draw(o, &a, units[unit]);
    for (int i = 0; i < map->block_count && i < BLOCKS_MAX; i++) block_draw(o, &a, map->blocks[i]);
    used_draw(o, &a);
    marks_draw(o, &a);
    svg_end(o);
}
