/* Sections of a report: what the evaluation found, and its pictures. */
#include "report/page.h"

#include "report/png.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MATRIX_MAX = 40,
    TABLE_MAX = 40,
    BARS_MAX = 40,
    WORST_CLASSES = 25,
    CONFUSIONS = 20,
    CLASS_ROWS = 1000,
    PIXELS_MAX = 700
};

static const char *class_name(const page *p, int64_t i) {
    return i >= 0 && i < p->score->classes ? p->score->class_scores[i]->name : "";
}

static void cell_count(out *o, int64_t count) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, count);
    page_cell(o, text, true);
}

static void cell_share(out *o, double share) {
    char text[24];
    snprintf(text, sizeof text, "%.2f %%", 100 * share);
    page_cell(o, text, true);
}

/* The greatest share of a row among every × every cells. */
static double block_share(const page *p, int y, int x, int every) {
    int n = p->score->classes;
    double most = 0;
    for (int r = y * every; r < n && r < (y + 1) * every; r++)
        for (int c = x * every; c < n && c < (x + 1) * every; c++) {
            int64_t support = p->score->class_scores[r]->support;
            double share = support ? (double)p->score->confusion[(int64_t)r * n + c] / (double)support : 0;
            most = share > most ? share : most;
        }
    return most;
}

/* Of many classes: a pixel for each cell, or for each block of cells; grey, since a colour takes three bytes. */
static void matrix_pixels(out *o, const page *p) {
    int n = p->score->classes, every = (n + PIXELS_MAX - 1) / PIXELS_MAX, side = (n + every - 1) / every;
    uint8_t *pixels = calloc((size_t)side, (size_t)side);
    if (!pixels) {
        o->failed = true;
        return;
    }
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            pixels[(size_t)y * (size_t)side + (size_t)x] = (uint8_t)(255.5 - 255 * block_share(p, y, x, every));
    out_printf(o, "<figure><img alt=\"%s\" src=\"", page_word(p, "Confusion matrix"));
    png_uri(o, 1, side, side, pixels);
    out_printf(o, "\"><figcaption>%s; %s, %s</figcaption></figure>\n", page_word(p, "Confusion matrix"),
               page_word(p, "rows: true class"), page_word(p, "columns: predicted class"));
    free(pixels);
}

static void matrix_table(out *o, const page *p) {
    int n = p->score->classes;
    const char *title = page_word(p, "The matrix as a table");
    out_printf(o, "<details><summary>%s</summary><div class=\"table\" tabindex=\"0\" role=\"region\" ", title);
    out_printf(o, "aria-label=\"%s\"><table><thead><tr><th scope=\"col\">%s \\ %s</th>", title,
               page_word(p, "true class"), page_word(p, "predicted"));
    for (int c = 0; c < n; c++) {
        out_raw(o, "<th scope=\"col\" class=\"n\">");
        out_text_cut(o, class_name(p, c), PAGE_CELLS);
        out_raw(o, "</th>");
    }
    out_raw(o, "</tr></thead><tbody>\n");
    for (int r = 0; r < n; r++) {
        out_raw(o, "<tr><th scope=\"row\">");
        out_text_cut(o, class_name(p, r), PAGE_CELLS);
        out_raw(o, "</th>");
        for (int c = 0; c < n; c++) cell_count(o, p->score->confusion[(int64_t)r * n + c]);
        out_raw(o, "</tr>\n");
    }
    page_table_end(o);
}

static void matrix(out *o, const page *p) {
    int n = p->score->classes;
    if (n > MATRIX_MAX) {
        matrix_pixels(o, p);
        return;
    }
    const char **names = calloc((size_t)n + 1, sizeof *names);
    if (!names) {
        o->failed = true;
        return;
    }
    for (int c = 0; c < n; c++) names[c] = class_name(p, c);
    out_printf(o, "<div class=\"card%s\"%s>", n > 10 ? " scroll" : "", n > 10 ? " tabindex=\"0\"" : "");
    plot_matrix(o, page_word(p, "Confusion matrix"), p->score->confusion, names, n, page_word(p, "rows: true class"),
                page_word(p, "columns: predicted class"), false);
    out_raw(o, "</div>\n");
    free(names);
}

/* The greatest counts off the diagonal. */
static void confusions(out *o, const page *p) {
    static const char *const headings[] = {"true class", "predicted", ">count"};
    int n = p->score->classes, kept = 0;
    int64_t best[CONFUSIONS];
    for (int64_t i = 0; i < (int64_t)n * n; i++) {
        int64_t count = p->score->confusion[i];
        if (count == 0 || i / n == i % n) continue;
        int at = kept;
        while (at > 0 && p->score->confusion[best[at - 1]] < count) at--;
        if (at == CONFUSIONS) continue;
        if (kept < CONFUSIONS) kept++;
        for (int k = kept - 1; k > at; k--) best[k] = best[k - 1];
        best[at] = i;
    }
    if (kept == 0) return;
    page_table(o, p, "Most frequent confusions", headings, 3);
    for (int i = 0; i < kept; i++) {
        out_raw(o, "<tr>");
        page_cell(o, class_name(p, best[i] / n), false);
        page_cell(o, class_name(p, best[i] % n), false);
        cell_count(o, p->score->confusion[best[i]]);
        out_raw(o, "</tr>\n");
    }
    page_table_end(o);
}

static const stria_class_score *const *sorted;

static int worse_first(const void *a, const void *b) {
    double left = sorted[*(const int *)a]->f1, right = sorted[*(const int *)b]->f1;
    return left < right ? -1 : left > right ? 1 : *(const int *)a - *(const int *)b;
}

static void class_bars(out *o, const page *p, const int *order, int count) {
    const char *legend[] = {page_word(p, "precision"), page_word(p, "recall"), page_word(p, "F1")};
    bool all = p->score->classes <= BARS_MAX;
    int shown = all ? count : WORST_CLASSES;
    plot_bar *bars = calloc((size_t)shown + 1, sizeof *bars);
    if (!bars) {
        o->failed = true;
        return;
    }
    for (int i = 0; i < shown; i++) {
        const stria_class_score *c = p->score->class_scores[all ? i : order[i]];
        bars[i] = (plot_bar){.name = c->name, .share = {c->precision, c->recall, c->f1}, .note = ""};
    }
    out_raw(o, "<div class=\"card\">");
    plot_bars(o, page_word(p, all ? "Classes" : "The classes with the least F1"), bars, shown, legend, 3, 400, false);
    out_raw(o, "</div>\n");
    free(bars);
}

static void class_table(out *o, const page *p, const int *order) {
    static const char *const headings[] = {"class", ">precision", ">recall", ">F1", ">images"};
    page_table(o, p, "The classes as a table", headings, 5);
    for (int i = 0; i < p->score->classes && i < CLASS_ROWS; i++) {
        const stria_class_score *c = p->score->class_scores[p->score->classes > BARS_MAX ? order[i] : i];
        out_raw(o, "<tr>");
        page_cell(o, c->name, false);
        cell_share(o, c->precision);
        cell_share(o, c->recall);
        cell_share(o, c->f1);
        cell_count(o, c->support);
        out_raw(o, "</tr>\n");
    }
    page_table_end(o);
}

static void reliability(out *o, const page *p) {
    out_raw(o, "<div class=\"card\">");
    plot_reliability(o, page_word(p, "Reliability"), page_word(p, "confidence of the prediction"),
                     page_word(p, "share of right predictions"), p->judge->bin, 400, 320, false);
    out_printf(o, "<div class=\"dim\">%s: %.2f %%</div></div>\n", page_word(p, "expected calibration error"),
               100 * plot_calibration_error(p->judge->bin));
}

void page_score(out *o, const page *p) {
    int *order = calloc((size_t)p->score->classes + 1, sizeof *order);
    if (!order) {
        o->failed = true;
        return;
    }
    for (int i = 0; i < p->score->classes; i++) order[i] = i;
    sorted = p->score->class_scores;
    qsort(order, (size_t)p->score->classes, sizeof *order, worse_first);
    page_section(o, p, "evaluation", "Evaluation");
    out_raw(o, "<div class=\"cards\">");
    matrix(o, p);
    class_bars(o, p, order, p->score->classes);
    if (p->judge) reliability(o, p);
    out_raw(o, "</div>\n");
    if (p->score->classes <= TABLE_MAX) matrix_table(o, p);
    confusions(o, p);
    class_table(o, p, order);
    page_section_end(o);
    free(order);
}

/* ---- pictures ---- */

static void shot(out *o, const page *p, const judge_image *i) {
    out_raw(o, "<figure><img alt=\"");
    out_text_cut(o, i->name, PAGE_CELLS);
    out_raw(o, "\" src=\"");
    png_uri(o, i->channels, i->height, i->width, i->pixels);
    out_raw(o, "\"><figcaption>");
    out_text_cut(o, i->name, 60);
    out_printf(o, "<br>%s: ", page_word(p, "true"));
    out_text_cut(o, class_name(p, i->label), 40);
    if (i->label != i->predicted) {
        out_printf(o, " (%.1f %%)<br>%s: ", 100 * i->right, page_word(p, "predicted"));
        out_text_cut(o, class_name(p, i->predicted), 40);
    }
    out_printf(o, " (%.1f %%)</figcaption></figure>\n", 100 * i->sure);
}

static void shots(out *o, const page *p, const char *id, const char *english, const judge_image *list, int count) {
    if (!count || !p->score) return;
    page_section(o, p, id, english);
    out_raw(o, "<div class=\"shots\">\n");
    for (int i = 0; i < count; i++)
        if (list[i].pixels && list[i].name) shot(o, p, &list[i]);
    out_raw(o, "</div>\n");
    page_section_end(o);
}

void page_pictures(out *o, const page *p) {
    shots(o, p, "worst", "Worst mistakes", p->judge->worst, p->judge->worst_count);
    shots(o, p, "surest", "Surest hits", p->judge->best, p->judge->best_count);
}

void page_sheet(out *o, const page *p) {
    const sheet *s = p->sheet;
    page_section(o, p, "sheet", "Training pictures");
    out_printf(o, "<p class=\"dim\">%s", page_word(p, "as the first epoch sees them"));
    if (s->augment && *s->augment) {
        out_printf(o, ", %s: <code>", page_word(p, "changed at random"));
        out_text_cut(o, s->augment, PAGE_CELLS);
        out_raw(o, "</code>");
    }
    out_raw(o, "</p>\n<div class=\"shots\">\n");
    for (int i = 0; i < s->count; i++) {
        const judge_image *image = &s->image[i];
        out_raw(o, "<figure><img alt=\"");
        out_text_cut(o, image->name, PAGE_CELLS);
        out_raw(o, "\" src=\"");
        png_uri(o, image->channels, image->height, image->width, image->pixels);
        out_raw(o, "\"><figcaption>");
        out_text_cut(o, image->name, 60);
        out_raw(o, "<br>");
        out_text_cut(o, s->class_name[i], 40);
        out_raw(o, "</figcaption></figure>\n");
    }
    out_raw(o, "</div>\n");
    page_section_end(o);
}

static void pair_image(out *o, const judge_image *image, const char *alt, const char *name) {
    out_printf(o, "<img alt=\"%s", alt);
    out_text_cut(o, name, PAGE_CELLS);
    out_raw(o, "\" src=\"");
    png_uri(o, image->channels, image->height, image->width, image->pixels);
    out_raw(o, "\">");
}

void page_pairs(out *o, const page *p) {
    char back[160];
    page_section(o, p, "pairs", "Pictures given back");
    out_printf(o, "<p class=\"dim\">%s</p>\n<div class=\"shots\">\n",
               page_word(p, "above what the network sees, below what it gives back"));
    snprintf(back, sizeof back, "%s: ", page_word(p, "what the network gives back"));
    for (int i = 0; i < p->pairs->count; i++) {
        const char *name = p->pairs->given[i].name;
        out_raw(o, "<figure>");
        pair_image(o, &p->pairs->given[i], "", name);
        pair_image(o, &p->pairs->back[i], back, name);
        out_raw(o, "<figcaption>");
        out_text_cut(o, name, 60);
        out_raw(o, "</figcaption></figure>\n");
    }
    out_raw(o, "</div>\n");
    page_section_end(o);
}
