#include "report/page.h"

#include "report/measure.h"
#include "report/plot_memory.h"
#include "report/svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *page_word(const page *p, const char *english) {
    return words(p->language, english);
}

void page_section(out *o, const page *p, const char *id, const char *english) {
    out_printf(o, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>\n", id, id, page_word(p, english));
}

void page_section_end(out *o) {
    out_raw(o, "</section>\n");
}

void page_table(out *o, const page *p, const char *caption, const char *const *headings, int columns) {
    const char *title = page_word(p, caption);
    out_printf(o, "<details><summary>%s</summary><div class=\"table\" tabindex=\"0\" role=\"region\" ", title);
    out_printf(o, "aria-label=\"%s\"><table><thead><tr>", title);
    for (int i = 0; i < columns; i++) { /* a heading that begins with '>' is that of numbers */
        bool number = headings[i][0] == '>';
        out_printf(o, "<th scope=\"col\"%s>%s</th>", number ? " class=\"n\"" : "", page_word(p, headings[i] + number));
    }
    out_raw(o, "</tr></thead><tbody>\n");
}

void page_table_end(out *o) {
    out_raw(o, "</tbody></table></div></details>\n");
}

void page_cell(out *o, const char *text, bool number) {
    out_raw(o, number ? "<td class=\"n\">" : "<td>");
    out_text_cut(o, text, PAGE_CELLS);
    out_raw(o, "</td>");
}

void page_tile(out *o, const page *p, const char *english, const char *value) {
    out_raw(o, "<div class=\"tile\"><b>");
    out_text(o, value);
    out_printf(o, "</b><span>%s</span></div>\n", page_word(p, english));
}

static void tile_count(out *o, const page *p, const char *english, int64_t count) {
    char text[24];
    if (count < 10000) snprintf(text, sizeof text, "%" PRId64, count);
    else axis_text((double)count, text);
    page_tile(o, p, english, text);
}

static void tile_share(out *o, const page *p, const char *english, double share) {
    char text[24];
    snprintf(text, sizeof text, "%.2f %%", 100 * share);
    page_tile(o, p, english, text);
}

static void tiles(out *o, const page *p) {
    const history *h = p->history;
    char text[64];
    out_raw(o, "<div class=\"tiles\">\n");
    if (p->score) {
        if (p->score->classes > 0) tile_share(o, p, "accuracy", p->score->top1);
        else page_tile(o, p, "PSNR", measure_text("psnr", p->score->psnr, text));
        if (p->score->classes > 5) tile_share(o, p, "top-5", p->score->top5);
        snprintf(text, sizeof text, "%.4g", p->score->loss);
        page_tile(o, p, "loss", text);
    }
    if (h->val_score.points)
        page_tile(o, p, "best validation", measure_text(history_measure(h), h->val_score.best_y, text));
    if (p->epochs) snprintf(text, sizeof text, "%" PRId64 " / %" PRId64, h->epoch, p->epochs);
    else snprintf(text, sizeof text, "%" PRId64, h->epoch);
    page_tile(o, p, "epochs", text);
    tile_count(o, p, "steps", h->step);
    int64_t seconds = h->seconds < 1e12 ? (int64_t)(h->seconds + 0.5) : 0;
    snprintf(text, sizeof text, "%" PRId64 ":%02d:%02d", seconds / 3600, (int)(seconds / 60 % 60), (int)(seconds % 60));
    page_tile(o, p, "time", text);
    if (h->waits) tile_share(o, p, "waited for pictures", h->wait_sum / (double)h->waits);
    if (h->peak_bytes > 0) plot_memory_size((uint64_t)h->peak_bytes, text), page_tile(o, p, "memory", text);
    if (p->summary) {
        tile_count(o, p, "parameters", p->summary->parameters);
        tile_count(o, p, "multiply-adds", p->summary->multiply_adds);
    }
    out_raw(o, "</div>\n");
}

static void curve_card(out *o, const char *class, const plot *p) {
    out_printf(o, "<div class=\"card%s\">", class);
    plot_curves(o, p, false);
    out_raw(o, "</div>\n");
}

static void warnings(out *o, const page *p) {
    const history *h = p->history;
    int64_t missing = h->loss.missing + h->epoch_loss.missing;
    if (missing)
        out_printf(o, "<p class=\"state stopped\">%" PRId64 " %s</p>\n", missing,
                   page_word(p, "values that are not finite"));
    if (h->damaged)
        out_printf(o, "<p class=\"state stopped\">%" PRId64 " %s</p>\n", h->damaged,
                   page_word(p, "lines of metrics.jsonl could not be read"));
}

static void curves(out *o, const page *p) {
    const history *h = p->history;
    const plot_curve loss[] = {{page_word(p, "each batch"), &h->loss},
                               {page_word(p, "training"), &h->epoch_loss},
                               {page_word(p, "validation"), &h->val_loss}};
    const plot_curve score[] = {{page_word(p, "training"), &h->score}, {page_word(p, "validation"), &h->val_score}};
    const plot_curve rate[] = {{page_word(p, "Learning rate"), &h->rate}};
    const plot_curve gradient[] = {{page_word(p, "Norm of the gradients"), &h->gradient}};
    plot base = {.x_title = page_word(p, "steps of training"), .width = 400, .height = 270};
    page_section(o, p, "curves", "Curves");
    warnings(o, p);
    if (h->loss.points + h->epoch_loss.points == 0) {
        out_printf(o, "<p>%s</p>", page_word(p, "No metrics yet"));
        page_section_end(o);
        return;
    }
    out_printf(o, "<input type=\"checkbox\" id=\"log\"><label for=\"log\">%s</label>\n<div class=\"cards\">",
               page_word(p, "logarithmic loss"));
    base.title = page_word(p, "Loss"), base.curves = loss, base.count = h->val_loss.points ? 3 : 2;
    curve_card(o, " lin", &base);
    base.title = page_word(p, "Loss, logarithmic"), base.log = true;
    curve_card(o, " log", &base);
    base.log = false;
    base.title = page_word(p, h->decibels ? "PSNR (dB)" : "Accuracy"), base.curves = score,
    base.count = h->val_score.points ? 2 : 1;
    base.percent = !h->decibels;
    if (h->score.points + h->val_score.points) curve_card(o, "", &base);
    base.percent = false;
    base.title = page_word(p, "Learning rate"), base.curves = rate, base.count = 1;
    if (h->rate.points) curve_card(o, "", &base);
    base.title = page_word(p, "Norm of the gradients"), base.curves = gradient, base.log = true;
    if (h->gradient.points) curve_card(o, "", &base);
    out_raw(o, "</div>\n");
    page_section_end(o);
}

void page_facts(out *o, const page *p) {
    page_section(o, p, "repeat", "How to repeat it");
    out_raw(o, "<div class=\"card\"><dl>\n");
    for (int i = 0; i < p->fact_count; i++) {
        const page_fact *f = &p->facts[i];
        out_printf(o, "<dt>%s</dt><dd>%s", page_word(p, f->name), f->code ? "<code>" : "");
        out_text(o, f->value);
        out_printf(o, "%s</dd>\n", f->code ? "</code>" : "");
    }
    out_raw(o, "</dl></div>\n");
    page_section_end(o);
}

static const char *state_name(const page *p) {
    static const char *const names[] = {
        [PAGE_RUNNING] = "running", [PAGE_COMPLETE] = "complete", [PAGE_STOPPED] = "stopped"};
    return names[p->state];
}

static void links(out *o, const page *p) {
    const struct {
        const char *id, *name;
        bool there;
    } link[] = {{"curves", "Curves", true},
                {"evaluation", "Evaluation", p->score && p->score->classes > 0},
                {"worst", "Worst mistakes", p->judge && p->judge->worst_count},
                {"surest", "Surest hits", p->judge && p->judge->best_count},
                {"pairs", "Pictures given back", p->pairs != NULL},
                {"sheet", "Training pictures", p->sheet != NULL},
                {"network", "Network", p->net || p->summary},
                {"repeat", "How to repeat it", true}};
    out_raw(o, "<nav>");
    for (size_t i = 0; i < sizeof link / sizeof *link; i++)
        if (link[i].there) out_printf(o, "<a href=\"#%s\">%s</a>\n", link[i].id, page_word(p, link[i].name));
    out_raw(o, "</nav>\n");
}

void page_head(out *o, const page *p, const char *english) {
    out_printf(o,
               "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';img-src data:;"
               "style-src 'unsafe-inline';script-src 'unsafe-inline';frame-src 'self' file:\">\n<title>",
               p->language == WORDS_CHINESE ? "zh" : "en");
    out_text(o, p->title);
    out_printf(o, " · %s</title>\n<style>", page_word(p, english));
    out_raw(o, page_style);
    out_raw(o, svg_style);
    out_raw(o, "</style></head>\n<body>");
}

void page_end(out *o, const page *p, bool script) {
    out_printf(o, "<footer>%s %s</footer>\n</main>\n", page_word(p, "written by stria"), stria_version());
    if (script) out_raw(o, "<script>");
    if (script) out_raw(o, page_script);
    out_raw(o, script ? "</script></body></html>\n" : "</body></html>\n");
}

void page_write(out *o, const page *p) {
    const char *state = state_name(p);
    page_head(o, p, "Training report");
    out_printf(o, "<main id=\"page\" data-state=\"%s\">\n<header><h1>", state);
    out_text(o, p->title);
    out_printf(o, "</h1><div>%s · <span class=\"state %s\">%s</span>", page_word(p, "Training report"), state,
               page_word(p, state));
    if (p->score) {
        out_printf(o, " <span class=\"dim\">· %s ", page_word(p, "evaluated on"));
        out_text(o, p->evaluated_on);
        out_printf(o, ", %" PRId64 " %s</span>", p->score->images, page_word(p, "images"));
    }
    out_raw(o, "</div>");
    links(o, p);
    out_raw(o, "</header>\n");
    tiles(o, p);
    curves(o, p);
    bool classes = p->score && p->score->classes > 0;
    if (classes) page_score(o, p);
    if (classes && p->judge) page_pictures(o, p);
    if (p->pairs) page_pairs(o, p);
    if (p->sheet) page_sheet(o, p);
    if (p->net || p->summary) page_net(o, p);
    page_facts(o, p);
    page_end(o, p, true);
}
