#include "cli/runs_picture.h"

#include "report/plot.h"
#include "report/svg.h"

enum { PANEL_WIDTH = 440, PANEL_HEIGHT = 280, PANELS = 4 };

/* The series of a panel: validation where a run has some, else training. */
static const series *panel_series(const history *h, int panel) {
    if (panel == 0) return h->epoch_loss.points ? &h->epoch_loss : &h->loss;
    if (panel == 1) return h->val_score.points ? &h->val_score : &h->score;
    return panel == 2 ? &h->val_loss : &h->rate;
}

void runs_picture(out *o, const runs_curve *runs, int count, words_language language, bool log) {
    bool shares = false;
    for (int i = 0; i < count; i++) shares |= !runs[i].history->decibels;
    const char *titles[PANELS] = {"Training loss", shares ? "Validation accuracy" : "Validation PSNR (dB)",
                                  "Validation loss", "Learning rate"};
    plot_curve curves[RUNS_MAX];
    plot p = {.x_title = words(language, "steps of training"), .curves = curves, .count = count, .bare = true};
    for (int i = 0; i < count; i++) curves[i] = (plot_curve){runs[i].name, panel_series(runs[i].history, 0)};
    p.width = 2 * PANEL_WIDTH;
    double top = 30 + plot_legend(NULL, &p, 0, 0);
    svg_begin(o, 2 * PANEL_WIDTH, top + 2 * PANEL_HEIGHT, words(language, "Compared runs"), true);
    svg_text(o, 8, 18, "start", "head", words(language, "Compared runs"), 0);
    plot_legend(o, &p, 8, 24);
    p.width = PANEL_WIDTH;
    p.height = PANEL_HEIGHT;
    for (int panel = 0; panel < PANELS; panel++) {
        for (int i = 0; i < count; i++) curves[i].data = panel_series(runs[i].history, panel);
        p.title = words(language, titles[panel]);
        p.percent = panel == 1 && shares;
        p.log = log && panel % 2 == 0;
        plot_curves_at(o, &p, panel % 2 * PANEL_WIDTH, top + panel / 2 * PANEL_HEIGHT);
    }
    svg_end(o);
}
