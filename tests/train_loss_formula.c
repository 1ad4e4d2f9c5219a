/* Class weights and label smoothing of every loss: the step's loss by its formula, from the step's own logits. */
#include <math.h>
#include <stdio.h>

#include "loss_net.h"
#include "train/loss.h"

static double log_softmax(const double *z, int c) {
    return z[c] - log(exp(z[0]) + exp(z[1]) + exp(z[2]));
}

/* What a picture of logits z[3], class y and shares t[3] loses, summed over the classes. */
typedef double picture_loss(const double *z, int y, const double *t);

static double of_entropy(const double *z, int y, const double *t) {
    double sum = 0;
    (void)y;
    for (int c = 0; c < 3; c++) sum -= t[c] * log_softmax(z, c);
    return sum;
}
static double of_divergence(const double *z, int y, const double *t) {
    double sum = of_entropy(z, y, t);
    for (int c = 0; c < 3; c++) sum += t[c] > 0 ? t[c] * log(t[c]) : 0;
    return sum;
}
static double of_hinge(const double *z, int y, const double *t) {
    double sum = 0;
    (void)t;
    for (int c = 0; c < 3; c++) sum += c == y ? 0 : fmax(0, 1 + z[c] - z[y]);
    return sum;
}
static double of_square(const double *z, int y, const double *t) {
    double sum = 0;
    (void)y;
    for (int c = 0; c < 3; c++) sum += (z[c] - t[c]) * (z[c] - t[c]);
    return sum;
}
static double of_half_square(const double *z, int y, const double *t) {
    return of_square(z, y, t) / 2;
}
static double of_absolute(const double *z, int y, const double *t) {
    double sum = 0;
    (void)y;
    for (int c = 0; c < 3; c++) sum += fabs(z[c] - t[c]);
    return sum;
}
static double of_huber(const double *z, int y, const double *t) {
    double sum = 0;
    (void)y;
    for (int c = 0; c < 3; c++) {
        double d = fabs(z[c] - t[c]);
        sum += d < 0.5 ? d * d / 2 : 0.5 * (d - 0.25);
    }
    return sum;
}
static double of_binary(const double *z, int y, const double *t) {
    double sum = 0;
    (void)y;
    for (int c = 0; c < 3; c++) sum += log(1 + exp(z[c])) - t[c] * z[c];
    return sum;
}

/* The session's loss by the formula: Σ weight · loss of the pictures over `over` of them. */
static void check_formula(const char *spec, const double *weights, picture_loss *loss, double smoothing, double over) {
    static const int labels[4] = {0, 2, 1, 1}; /* step_of's */
    stria_error err = {0};
    session *s = step_of((recipe){.loss = spec, .class_weights = weights});
    double sum = 0, all = 0;
    if (!s) return;
    CHECK(session_run(s, &err) == STRIA_OK, "%s: %s", spec, err.text);
    const float *logits = session_host(s, CLASSIFIER_LOGITS);
    for (int b = 0; b < 4; b++) {
        double z[3], t[3], w = weights ? weights[labels[b]] : 1;
        for (int c = 0; c < 3; c++)
            z[c] = (double)logits[b * 3 + c], t[c] = (c == labels[b]) * (1 - smoothing) + smoothing / 3;
        sum += w * loss(z, labels[b], t);
        all += w;
    }
    double is = (double)*(const float *)session_host(s, STEP_LOSS), want = over > 0 ? sum / (all * over) : sum;
    CHECK(fabs(is - want) < 1e-6 * fmax(1, fabs(want)), "%s%s: %.9g, not %.9g", spec, weights ? " weighed" : "", is,
          want);
    for (int k = 0; k < run_nodes(s); k++)
        CHECK(run_node(s, k)->impl != &impl_reference, "%s: %s runs by the reference", spec,
              run_node(s, k)->node->name);
    session_free(s);
}

int main(void) {
    static const double weights[3] = {0.5, 3, 2}, ones[3] = {1, 1, 1};
    static const struct {
        const char *spec;
        picture_loss *loss;
        double over; /* what the mean of a picture is over: 3 classes, or 1; 0: a sum */
        bool soft;   /* takes shares */
    } rows[] = {{"hinge", of_hinge, 1, false},
                {"hinge:reduction=sum", of_hinge, 0, false},
                {"squared_error", of_square, 3, true},
                {"squared_error:reduction=batchmean", of_square, 1, true},
                {"squared_error:reduction=sum", of_square, 0, true},
                {"euclidean", of_half_square, 1, true},
                {"absolute_error", of_absolute, 3, true},
                {"huber:delta=0.5", of_huber, 3, true},
                {"binary_cross_entropy", of_binary, 3, true},
                {"kl_divergence", of_divergence, 1, true},
                {"nll", of_entropy, 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char smooth[96];
        check_formula(rows[i].spec, NULL, rows[i].loss, 0, rows[i].over);
        check_formula(rows[i].spec, weights, rows[i].loss, 0, rows[i].over);
        check_formula(rows[i].spec, ones, rows[i].loss, 0, rows[i].over);
        if (!rows[i].soft) continue;
        snprintf(smooth, sizeof smooth, "%s%clabel_smoothing=0.3", rows[i].spec, strchr(rows[i].spec, ':') ? ',' : ':');
        check_formula(smooth, NULL, rows[i].loss, 0.3, rows[i].over);
        check_formula(smooth, weights, rows[i].loss, 0.3, rows[i].over);
    }
    check_formula("nll:label_smoothing=0.3", NULL, of_entropy, 0.3, 1);
    check_formula("cross_entropy:label_smoothing=0.3", NULL, of_entropy, 0.3, 1);
    return check_report();
}
