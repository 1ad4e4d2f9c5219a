#include "cli/score.h"

#include "cli/table.h"
#include "cli/term.h"

#include <stdlib.h>
#include <unistd.h>

enum { CLASSES_SHOWN = 50, MATRIX_SHOWN = 20, WORST_SHOWN = 20, NAME_LEAST = 10 };

static const stria_class_score *const *sorted_scores;

static int worse_first(const void *a, const void *b) {
    double left = sorted_scores[*(const int *)a]->f1, right = sorted_scores[*(const int *)b]->f1;
    return left < right ? -1 : left > right ? 1 : *(const int *)a - *(const int *)b;
}

static void classes_print(FILE *stream, const stria_evaluation *score) {
    int *order = malloc((size_t)score->classes * sizeof *order);
    if (!order) {
        term_lost();
        return;
    }
    for (int i = 0; i < score->classes; i++) order[i] = i;
    int shown = score->classes;
    if (shown > CLASSES_SHOWN) {
        shown = WORST_SHOWN;
        sorted_scores = score->class_scores;
        qsort(order, (size_t)score->classes, sizeof *order, worse_first);
        fprintf(stream, "the %d classes of %d with the least F1:\n", shown, score->classes);
    }
    table t;
    table_init(&t, ">|class|>precision|>recall|>F1|>images");
    for (int i = 0; i < shown; i++) {
        const stria_class_score *c = score->class_scores[order[i]];
        char count[32];
        table_cell(&t, "%d", order[i]);
        table_cell(&t, "%s", c->name);
        table_cell(&t, "%.1f %%", 100 * c->precision);
        table_cell(&t, "%.1f %%", 100 * c->recall);
        table_cell(&t, "%.1f %%", 100 * c->f1);
        table_cell(&t, "%s", show_count(c->support, count));
    }
    table_print(&t, stream);
    table_release(&t);
    free(order);
}

static int digits(int64_t value) {
    int count = 1;
    while (value >= 10) {
        value /= 10;
        count++;
    }
    return count;
}

static void matrix_print(FILE *stream, const stria_evaluation *score) {
    int n = score->classes, width = digits(n), name_width = NAME_LEAST;
    for (int i = 0; i < n * n; i++)
        if (digits(score->confusion[i]) > width) width = digits(score->confusion[i]);
    for (int i = 0; i < n; i++) {
        int columns = text_columns(show_name(score->class_scores[i]->name));
        if (columns > name_width) name_width = columns;
    }
    int room = term_width(stream) - 4 - n * (width + 1);
    if (isatty(fileno(stream)) && name_width > room) name_width = room > NAME_LEAST ? room : NAME_LEAST;
    fprintf(stream, "\n%sconfusion matrix (rows: true class, columns: predicted)%s\n", term_begin(stream, STYLE_BOLD),
            term_end(stream));
    fprintf(stream, "%*s", name_width + 4, "");
    for (int j = 0; j < n; j++) fprintf(stream, " %*d", width, j);
    fputc('\n', stream);
    for (int i = 0; i < n; i++) {
        fprintf(stream, "%3d ", i);
        text_pad(stream, show_name(score->class_scores[i]->name), name_width, false);
        for (int j = 0; j < n; j++) {
            int64_t count = score->confusion[i * n + j];
            const char *begin = i == j       ? term_begin(stream, STYLE_GOOD)
                                : count == 0 ? term_begin(stream, STYLE_DIM)
                                             : "";
            fprintf(stream, " %s%*lld%s", begin, width, (long long)count, *begin ? term_end(stream) : "");
        }
        fputc('\n', stream);
    }
}

/* For many classes: the pairs that were confused most often, found one after the other. */
static void pairs_print(FILE *stream, const stria_evaluation *score) {
    int n = score->classes;
    int64_t below = INT64_MAX, from = -1;
    fprintf(stream, "\nconfused most often:\n");
    for (int shown = 0; shown < WORST_SHOWN; shown++) {
        int64_t best = -1;
        for (int64_t i = 0; i < (int64_t)n * n; i++) {
            int64_t count = score->confusion[i];
            if (i / n == i % n || count == 0 || count > below || (count == below && i <= from)) continue;
            if (best < 0 || count > score->confusion[best]) best = i;
        }
        if (best < 0) return;
        below = score->confusion[best];
        from = best;
        char pair[256];
        snprintf(pair, sizeof pair, "%s predicted as %s", score->class_scores[best / n]->name,
                 score->class_scores[best % n]->name);
        fprintf(stream, "  %lld time%s %s\n", (long long)below, show_s(below), text_clean(pair));
    }
}

static void skipped_print(FILE *stream, const stria_evaluation *score) {
    char count[64];
    bool one = score->skipped == 1;
    if (score->skipped)
        fprintf(stream, "%s more image%s cannot be read and %s not counted%s: %s\n\n",
                show_count(score->skipped, count), show_s(score->skipped), one ? "is" : "are", one ? "" : ", the first",
                show_name(score->skipped_first));
}

/* Of a network that gives pictures back. */
static void pictures_print(FILE *stream, const stria_evaluation *score) {
    char count[64];
    fprintf(stream, "%s%s: PSNR %.2f dB, mean squared error %.6f%s\n", term_begin(stream, STYLE_BOLD),
            show_many(score->images, "image", count), score->psnr, score->loss, term_end(stream));
    skipped_print(stream, score);
}

void score_print(FILE *stream, const stria_evaluation *score) {
    char count[64], top5[32] = "";
    if (score->classes <= 0) {
        pictures_print(stream, score);
        return;
    }
    if (score->classes > 5) snprintf(top5, sizeof top5, "top-5 %.2f %%, ", 100 * score->top5); /* else all are right */
    fprintf(stream, "%s%s: top-1 %.2f %%, %sloss %.4f, calibration error %.2f %%%s\n\n", term_begin(stream, STYLE_BOLD),
            show_many(score->images, "image", count), 100 * score->top1, top5, score->loss, 100 * score->calibration,
            term_end(stream));
    skipped_print(stream, score);
    if (score->multi_label)
        fprintf(stream,
                "Each class has its own probability (multi-label), each image one label: top-1 counts the images\n"
                "whose label has the greatest one, loss is the binary cross-entropy averaged over classes.\n\n");
    classes_print(stream, score);
    if (score->classes <= MATRIX_SHOWN) matrix_print(stream, score);
    else pairs_print(stream, score);
}

json_t *score_json(const stria_evaluation *score) {
    if (score->classes <= 0)
        return json_pack("{s:s,s:I,s:I,s:o,s:o}", "goal", score->goal, "images", (json_int_t)score->images, "skipped",
                         (json_int_t)score->skipped, "loss", json_number(score->loss), "psnr",
                         json_number(score->psnr));
    json_t *classes = json_array(), *confusion = json_array();
    for (int i = 0; i < score->classes; i++) {
        const stria_class_score *c = score->class_scores[i];
        json_array_append_new(classes, json_pack("{s:o,s:o,s:o,s:o,s:I}", "name", json_text(c->name), "precision",
                                                 json_number(c->precision), "recall", json_number(c->recall), "f1",
                                                 json_number(c->f1), "support", (json_int_t)c->support));
        json_array_append_new(confusion,
                              json_shape(score->classes, score->confusion + (size_t)i * (size_t)score->classes));
    }
    return json_pack("{s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "images", (json_int_t)score->images, "skipped",
                     (json_int_t)score->skipped, "loss", json_number(score->loss), "top1", json_number(score->top1),
                     "top5", json_number(score->top5), "calibration", json_number(score->calibration), "classes",
                     classes, "confusion", confusion);
}
