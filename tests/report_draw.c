/* What pictures are made of: escaping, widths, ticks, buckets, the log's reader, PNG; and curves, bars and matrices
 * whose values are read back from the SVG. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/image.h"
#include "report/axis.h"
#include "report/cells.h"
#include "report/history.h"
#include "report/plot.h"
#include "report/png.h"
#include "report/svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_text(const char *name, const char *wanted) {
    out o = {0};
    out_text(&o, name);
    assert_string_equal(o.data ? o.data : "", wanted);
    out_release(&o);
}

static void test_names_are_harmless(void **state) {
    (void)state;
    check_text("<script>alert('x' & \"y\")</script>",
               "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;");
    check_text("a\033[31mred\033]0;t\007", "a\xEF\xBF\xBD[31mred\xEF\xBF\xBD]0;t\xEF\xBF\xBD");
    check_text("x\xE2\x80\xAEtxt.exe", "x\xEF\xBF\xBDtxt.exe"); /* U+202E turns what follows round */
    check_text("\xC2\x9B"
               "2J",
               "\xEF\xBF\xBD"
               "2J"); /* C1: CSI in one character */
    check_text("\xFF\xC0\xAF\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    check_text("猫 é 🐈\n", "猫 é 🐈 ");
}

static void test_cells(void **state) {
    (void)state;
    assert_int_equal(cells_of("cat"), 3);
    assert_int_equal(cells_of("猫と犬"), 6);
    assert_int_equal(cells_of("e\xCC\x81"), 1); /* a combining acute accent */
    assert_int_equal(cells_of("🐈"), 2);
    assert_int_equal(cells_of("한글"), 4);
    assert_int_equal(cells_of("\xFF\xFE"), 2);
    out o = {0};
    out_text_cut(&o, "一二三四五", 6);
    assert_string_equal(o.data, "一二…");
    out_release(&o);
    out_text_cut(&o, "experiment-with-lr-0.001", 16); /* names differ at their ends */
    assert_string_equal(o.data, "experime…r-0.001");
    out_release(&o);
    out_text_cut(&o, "猫猫猫猫猫猫猫猫猫猫", 15);
    assert_string_equal(o.data, "猫猫猫…猫猫猫");
    out_release(&o);
}

static void test_ticks(void **state) {
    (void)state;
    axis a;
    axis_init(&a, 0.07, 2.9, false, false, 5, true);
    assert_true(a.least == 0 && fabs(a.most - 3) < 1e-12);
    for (int i = 1; i < a.count; i++) assert_true(fabs(a.tick[i] - a.tick[i - 1] - 1) < 1e-12);
    axis_init(&a, 1e-4, 20, true, false, 5, false);
    assert_true(a.count >= 4 && a.count <= AXIS_TICKS_MAX);
    for (int i = 0; i < a.count; i++) assert_true(fabs(log10(a.tick[i]) - round(log10(a.tick[i]))) < 1e-9);
    assert_true(fabs(axis_share(&a, sqrt(1e-4 * 20)) - 0.5) < 1e-12);
    static const double odd[][2] = {{NAN, 1}, {1, 1},          {0, 0},          {-INFINITY, 3},
                                    {5, 2},   {-1e308, 1e308}, {1e-320, 2e-320}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int log = 0; log < 2; log++) {
            axis_init(&a, odd[i][0], odd[i][1], log, false, 5, true);
            assert_true(a.count > 0 && a.count <= AXIS_TICKS_MAX);
            assert_true(isfinite(axis_share(&a, 1)));
        }
    char text[24];
    static const struct {
        double x;
        const char *text;
    } texts[] = {{0, "0"},        {0.001, "0.001"}, {1234, "1234"}, {20000, "20k"},
                 {1.5e6, "1.5M"}, {-0.25, "-0.25"}, {2e7, "20M"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        axis_text(texts[i].x, text);
        assert_string_equal(text, texts[i].text);
    }
}

/* A million points keep their extremes, their mean, and a single peak. */
static void test_series(void **state) {
    (void)state;
    series *s = calloc(1, sizeof *s);
    double sum = 0, drawn = 0;
    int64_t count = 0;
    for (int i = 0; i < 1000000; i++) {
        double y = i == 777777 ? 1000 : sin(i * 1e-3);
        series_add(s, i, y);
        sum += y;
    }
    series_add(s, 1000000, NAN);
    double least, most;
    assert_true(series_range(s, false, &least, &most));
    assert_true(most == 1000 && least < -0.999);
    assert_true(s->count > SERIES_BUCKETS / 2 - 1 && s->count <= SERIES_BUCKETS && s->missing == 1);
    for (int i = 0; i < s->count; i++) {
        drawn += s->bucket[i].y;
        count += s->bucket[i].count;
        assert_true(i == 0 || series_x(s, i) > series_x(s, i - 1));
    }
    assert_int_equal(count, 1000000);
    assert_true(fabs(drawn - sum) < 1e-6 && s->best_x == 777777);
    free(s);
}

/* The loss i/n of a run that has `points` steps. */
static void run_fill(series *s, int points, double height) {
    *s = (series){0};
    for (int i = 1; i <= points; i++) series_add(s, i, height + 1.0 / i);
}

/* A mean is of all runs, whatever their lengths: it lies between their curves and ends with the shortest. */
static void test_joined_series(void **state) {
    (void)state;
    static const int lengths[][3] = {{5, 5, 5}, {40, 7, 12}, {7, 40, 12}, {3000, 900, 1700}, {600, 3001, 513}};
    series *one = calloc(1, sizeof *one);
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        series *sum = calloc(1, sizeof *sum);
        int shortest = 1 << 30, longest = 0, next = 1;
        for (int r = 0; r < 3; r++) {
            run_fill(one, lengths[k][r], 3 * r); /* heights 0, 3, 6 */
            series_join(sum, one);
            shortest = lengths[k][r] < shortest ? lengths[k][r] : shortest;
            longest = lengths[k][r] > longest ? lengths[k][r] : longest;
        }
        int64_t buckets_of = longest <= SERIES_BUCKETS ? 1 : sum->every;
        double least, most;
        assert_int_equal(sum->runs, 3);
        assert_true(series_span(sum, &least, &most));
        assert_true(most <= shortest && most > (double)(shortest - buckets_of));
        for (int i = 0; i < sum->count; i++) {
            const series_bucket *b = &sum->bucket[i];
            double y = 0, x = 0;
            int points = (int)(b->count / 3);
            assert_int_equal(b->count, 3 * points);
            for (int p = 0; p < points; p++, next++) x += next, y += 1.0 / next;
            assert_true(fabs(series_x(sum, i) - x / points) < 1e-9);
            assert_true(fabs(series_y(sum, i) - 3 - y / points) < 1e-9);
            assert_true(b->least < 1.1 && b->most > 6 && b->most <= 7);
        }
        assert_int_equal(next, (int)most + 1);
        free(sum);
    }
    /* One of the runs has no such points: then there is no mean. A gap ends it. */
    series *sum = calloc(1, sizeof *sum);
    run_fill(one, 9, 0);
    series_join(sum, one);
    *one = (series){0};
    for (int i = 1; i <= 9; i++) series_add(one, i, i == 5 ? NAN : 1);
    series_join(sum, one);
    assert_true(sum->count == 4 && sum->last_x == 4 && sum->missing == 1);
    *one = (series){0};
    series_join(sum, one);
    assert_int_equal(sum->count, 0);
    free(sum);
    free(one);
}

/* The number after `key="` from `from` on. */
static double attribute(const char *from, const char *key) {
    char name[32];
    snprintf(name, sizeof name, "%s=\"", key);
    const char *at = strstr(from, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

/* The height at which the tick that reads `text` stands. */
static double tick_height(const char *svg, const char *text) {
    char label[64];
    snprintf(label, sizeof label, "class=\"dim\">%s</text>", text);
    const char *at = strstr(svg, label);
    assert_non_null(at);
    while (strncmp(at, "<text", 5) != 0) at--;
    return attribute(at, "y") - 4;
}

static void test_curve_reads_back(void **state) {
    (void)state;
    static const double loss[] = {2.25, 1.5, 0.75, 0.5, 0.125};
    series *s = calloc(2, sizeof *s);
    for (int i = 0; i < 5; i++) series_add(&s[0], i + 1, loss[i]), series_add(&s[1], i + 1, loss[i] / 2);
    plot_curve curves[] = {{"<b>&", &s[0]}, {"训练", &s[1]}};
    plot p = {.title = "loss", .x_title = "steps", .width = 400, .height = 260, .curves = curves, .count = 2};
    out o = {0};
    plot_curves(&o, &p, true);
    assert_false(o.failed);
    assert_null(strstr(o.data, "<b>"));
    assert_non_null(strstr(o.data, "&lt;b&gt;&amp;"));
    double zero = tick_height(o.data, "0"), two = tick_height(o.data, "2");
    const char *at = strstr(o.data, "curve k0\" d=\"M");
    assert_non_null(at);
    at = strchr(at, 'M');
    for (int i = 0; i < 5; i++) {
        char *end;
        strtod(at + 1, &end);
        double y = strtod(end, &end);
        assert_true(fabs((zero - y) / (zero - two) * 2 - loss[i]) < 0.01);
        at = end;
    }
    p.log = true;
    out_release(&o);
    plot_curves(&o, &p, false);
    double low = tick_height(o.data, "0.1"), high = tick_height(o.data, "1");
    at = strchr(strstr(o.data, "curve k0\" d=\"M"), 'M');
    for (int i = 0; i < 5; i++) {
        char *end;
        strtod(at + 1, &end);
        double y = strtod(end, &end);
        assert_true(fabs((low - y) / (low - high) - 1 - log10(loss[i])) < 0.01);
        at = end;
    }
    assert_null(strstr(o.data, "<style>"));
    out_release(&o);
    free(s);
}

static void test_bars_and_matrix(void **state) {
    (void)state;
    const plot_bar bars[] = {{"cat", {0.5, 0.25, 1}, ""}, {"<script>", {0, 2, NAN}, "7"}};
    static const char *const legend[] = {"precision", "recall", "F1"};
    out o = {0};
    plot_bars(&o, "classes", bars, 2, legend, 3, 400, false);
    assert_null(strstr(o.data, "<script>"));
    const char *one = strstr(o.data, "F1: 100.00 %"), *half = strstr(o.data, "cat, precision: 50.00 %");
    assert_non_null(one);
    assert_non_null(half);
    while (strncmp(one, "<rect", 5) != 0) one--;
    while (strncmp(half, "<rect", 5) != 0) half--;
    assert_true(fabs(attribute(half, "width") / attribute(one, "width") - 0.5) < 0.001);
    out_release(&o);

    const int64_t counts[] = {8, 2, 5, 15};
    static const char *const names[] = {"a", "b"};
    plot_matrix(&o, "confusion", counts, names, 2, "true", "predicted", false);
    assert_non_null(strstr(o.data, "a → b: 2 (20.0 %)"));
    assert_non_null(strstr(o.data, "b → b: 15 (75.0 %)"));
    char colour[8], wanted[32];
    svg_heat(0.8, colour);
    snprintf(wanted, sizeof wanted, "<rect fill=\"%s\"", colour);
    assert_non_null(strstr(o.data, wanted));
    out_release(&o);

    plot_bin bins[PLOT_BINS] = {[9] = {.images = 10, .right = 8, .confidence = 9.5}, [5] = {10, 5, 5.5}};
    assert_true(fabs(plot_calibration_error(bins) - 0.1) < 1e-12);
    plot_reliability(&o, "reliability", "confidence", "accuracy", bins, 400, 300, false);
    const char *bin = strstr(o.data, "95.00 % → 80.00 % (10, 50.0 %)"), *whole = strstr(o.data, ">100 %<");
    assert_non_null(bin);
    assert_non_null(whole);
    while (strncmp(bin, "<rect", 5) != 0) bin--;
    double top = tick_height(o.data, "100 %"), bottom = tick_height(o.data, "0 %");
    assert_true(fabs((bottom - attribute(bin, " y")) / (bottom - top) - 0.8) < 0.001);
    out_release(&o);
}

/* Every colour of the heat map has 4.5 to 1 against its text. */
static void test_heat_contrast(void **state) {
    (void)state;
    for (int i = 0; i <= 100; i++) {
        char colour[8];
        bool white = svg_heat(i / 100.0, colour);
        unsigned rgb = (unsigned)strtoul(colour + 1, NULL, 16);
        double l = 0, weight[] = {0.2126, 0.7152, 0.0722};
        for (int k = 0; k < 3; k++) {
            double c = (rgb >> (16 - 8 * k) & 255) / 255.0;
            l += weight[k] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
        }
        assert_true((white ? 1.05 / (l + 0.05) : (l + 0.05) / 0.05) >= 4.5);
    }
}

static void write_file(const char *path, const char *mode, const char *text) {
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_history(void **state) {
    (void)state;
    char folder[] = "/tmp/report_historyXXXXXX", path[64];
    stria_error error = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    history *h = history_new();
    assert_int_equal(history_read(h, folder, &error), STRIA_OK); /* no log yet */
    write_file(
        path, "w",
        "{\"kind\": \"step\", \"step\": 1, \"epoch\": 1, \"loss\": 2.5e-1, \"lr\": 0.05, \"gradient_norm\": 1.5, "
        "\"seconds\": 3}\n"
        "{\"kind\":\"step\",\"step\":2,\"epoch\":1,\"loss\":null,\"lr\":-0.125,\"seconds\":4,\"new\":true,\"s\":"
        "\"t\"}\n"
        "{\"kind\": \"epoch\", \"step\": 2, \"epoch\": 1, \"loss\": 0.123456789, \"lr\": 0, \"top1\": 0.5, "
        "\"val_loss\": 1, \"val_top1\": 0.75, \"gradients\": {\"w\": 3, \"}\\\"\": {}}, \"seconds\": 5}\n"
        "garbage\n{\"kind\": \"step\", \"step\": 3, \"ep");
    assert_int_equal(history_read(h, folder, &error), STRIA_OK);
    assert_true(h->step == 2 && h->epoch == 1 && h->damaged == 1 && h->seconds == 5);
    assert_true(h->gradient.points == 1 && h->gradient.last_y == 1.5);
    assert_true(h->loss.points == 1 && h->loss.missing == 1 && h->loss.last_y == 0.25 && h->rate.last_y == -0.125);
    assert_true(h->epoch_loss.last_y == 0.123456789 && h->val_score.last_y == 0.75 && h->val_loss.last_y == 1);
    write_file(path, "a", "och\": 2, \"loss\": 4, \"lr\": 1, \"seconds\": 1}\n"); /* the rest; of a later process */
    assert_int_equal(history_read(h, folder, &error), STRIA_OK);
    assert_true(h->step == 3 && h->damaged == 1 && h->seconds == 6 && h->loss.last_y == 4);
    write_file(path, "w", "{\"kind\": \"step\", \"step\": 1, \"epoch\": 1, \"loss\": 7, \"lr\": 1, \"seconds\": 1}\n");
    assert_int_equal(history_read(h, folder, &error), STRIA_OK); /* it went on from an earlier checkpoint */
    assert_true(h->step == 1 && h->loss.points == 1 && h->loss.last_y == 7);
    unlink(path);
    free(h);

    h = history_new(); /* a line of two megabytes, then a good one; then a folder in the log's place */
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 1 << 21; i++) fputc('x', f);
    fputs("\n{\"kind\": \"step\", \"step\": 9, \"epoch\": 1, \"loss\": 1, \"lr\": 1, \"seconds\": 1}\n", f);
    fclose(f);
    assert_int_equal(history_read(h, folder, &error), STRIA_OK);
    assert_true(h->step == 9 && h->damaged > 0);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(history_read(h, folder, &error), STRIA_IO);
    rmdir(path);
    rmdir(folder);
    free(h);
}

static void test_png(void **state) {
    (void)state;
    uint8_t pixels[3 * 5 * 7];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37);
    for (int channels = 1; channels <= 3; channels += 2) {
        out o = {0};
        image m = {0};
        stria_error error = {0};
        png_bytes(&o, channels, 5, 7, pixels);
        stria_status status = image_decode((const uint8_t *)o.data, o.length, NULL, &m, &error);
        if (status == STRIA_UNSUPPORTED) {
            out_release(&o);
            printf("skipped: built without libpng\n");
            skip();
        }
        assert_int_equal(status, STRIA_OK);
        assert_true(m.height == 5 && m.width == 7 && m.channels == channels);
        for (int c = 0; c < channels; c++)
            for (int i = 0; i < 35; i++) assert_int_equal(m.pixels[i * channels + c], pixels[c * 35 + i]);
        image_release(&m);
        out_release(&o);
    }
    out o = {0};
    out_base64(&o, (const uint8_t *)"Stria!!", 7);
    assert_string_equal(o.data, "U3RyaWEhIQ==");
    out_release(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_harmless),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_joined_series),
        cmocka_unit_test(test_curve_reads_back),
        cmocka_unit_test(test_bars_and_matrix),
        cmocka_unit_test(test_heat_contrast),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
