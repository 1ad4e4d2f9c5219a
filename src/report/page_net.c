/* A section of a report: the network, drawn and as a table. */
#include "report/page.h"

#include <inttypes.h>
#include <stdio.h>

enum { ROWS_MAX = 1500 };

static void cell_count(out *o, int64_t count) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, count);
    page_cell(o, count ? text : "", true);
}

static void layers(out *o, const page *p) {
    static const char *const headings[] = {"layer", "operator", "output", ">parameters", ">multiply-adds"};
    page_table(o, p, "Layers as a table", headings, 5);
    for (int i = 0; i < p->summary->layer_count && i < ROWS_MAX; i++) {
        const stria_layer_row *row = p->summary->layers[i];
        out shape = {0};
        for (int d = row->rank > 1; d < row->rank; d++)
            out_printf(&shape, "%s%" PRId64, d > (row->rank > 1) ? "×" : "", row->output_shape[d]);
        out_raw(o, "<tr>");
        page_cell(o, row->name, false);
        page_cell(o, row->type, false);
        page_cell(o, shape.data ? shape.data : "", false);
        cell_count(o, row->parameters);
        cell_count(o, row->multiply_adds);
        out_raw(o, "</tr>\n");
        o->failed |= shape.failed;
        out_release(&shape);
    }
    page_table_end(o);
}

void page_net(out *o, const page *p) {
    page_section(o, p, "network", "Network");
    if (p->net && !p->net->box) {
        out_printf(o, "<p>%s</p>\n", page_word(p, "The network is too large to draw here: stria graph draws it"));
    } else if (p->net) {
        out_printf(o, "<div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">",
                   page_word(p, "Network"));
        net_svg(o, p->net, false);
        out_raw(o, "</div>\n");
    }
    if (p->summary) layers(o, p);
    page_section_end(o);
}
