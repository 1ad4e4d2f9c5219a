/* Pictures for terminals, read back: kitty's base64 is a PNG of the same pixels, sixels and blocks have the colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/png.h"
#include "report/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TALL = 13, WIDE = 17 };

static uint8_t pixels[3 * TALL * WIDE];

static void fill(void) {
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < TALL; y++)
            for (int x = 0; x < WIDE; x++)
                pixels[(c * TALL + y) * WIDE + x] = (uint8_t)(c == 0 ? 255 * y / (TALL - 1) : c == 1 ? 15 * x : 100);
}

static void test_kitty(void **state) {
    out o = {0}, joined = {0}, wanted = {0}, file = {0};
    int pieces = 0;
    (void)state;
    static uint8_t large[3 * 64 * 64];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (uint8_t)(i * 7);
    terminal_picture(&o, TERMINAL_KITTY, large, 64, 64, 80);
    for (char *at = o.data; (at = strstr(at, "\033_G")); pieces++) {
        char *begin = strchr(at, ';') + 1, *end = strstr(begin, "\033\\");
        bool more = strstr(at + 3, "m=1;") && strstr(at + 3, "m=1;") < begin;
        assert_non_null(end);
        assert_true(end - begin <= 4096 && (!more || end - begin == 4096));
        assert_int_equal(strncmp(at + 3, "a=T,f=100,q=2,", 14) == 0, pieces == 0);
        assert_int_equal(more, strstr(end, "\033_G") != NULL);
        out_bytes(&joined, begin, (size_t)(end - begin));
        at = end;
    }
    assert_true(pieces > 2);
    png_bytes(&file, 3, 64, 64, large);
    out_base64(&wanted, (const uint8_t *)file.data, file.length);
    assert_string_equal(joined.data, wanted.data);
    out_release(&o);
    out_release(&joined);
    out_release(&wanted);
    out_release(&file);
}

/* A reader of the format: pixels as colours of the palette, −1 where nothing was drawn. */
static void sixel_read(const char *at, int *canvas, int tall, int wide) {
    int colour = 0, x = 0, top = 0, r, g, b, n;
    for (int i = 0; i < tall * wide; i++) canvas[i] = -1;
    at = strchr(at, '"');
    assert_int_equal(sscanf(at, "\"1;1;%d;%d", &r, &g), 2);
    assert_true(r == wide && g == tall);
    for (at = strchr(at, '#'); *at && *at != '\033'; at++) {
        int count = 1;
        if (*at == '#') {
            colour = (int)strtol(at + 1, NULL, 10);
            n = 0;
            if (sscanf(at, "#%*d;2;%d;%d;%d%n", &r, &g, &b, &n) == 3 && n > 0) {
                assert_true(r == colour / 36 * 20 && g == colour / 6 % 6 * 20 && b == colour % 6 * 20);
                at += n - 1;
            } else {
                at += strspn(at + 1, "0123456789");
            }
            continue;
        }
        if (*at == '$') x = 0;
        if (*at == '-') x = 0, top += 6;
        if (*at == '!') {
            char *end;
            count = (int)strtol(at + 1, &end, 10);
            at = end;
        }
        if (*at < 63 || *at > 126) continue;
        for (int i = 0; i < count; i++, x++)
            for (int row = 0; row < 6; row++)
                if ((*at - 63) >> row & 1) {
                    assert_true(x < wide && top + row < tall);
                    canvas[(top + row) * wide + x] = colour;
                }
    }
}

static void test_sixel(void **state) {
    int canvas[TALL * WIDE];
    double error = 0;
    out o = {0};
    (void)state;
    fill();
    terminal_picture(&o, TERMINAL_SIXEL, pixels, TALL, WIDE, 80);
    assert_true(strncmp(o.data, "\033P", 2) == 0 && strcmp(o.data + o.length - 3, "\033\\\n") == 0);
    sixel_read(o.data, canvas, TALL, WIDE);
    for (int i = 0; i < TALL * WIDE; i++) {
        const int of[3] = {canvas[i] / 36, canvas[i] / 6 % 6, canvas[i] % 6};
        assert_true(canvas[i] >= 0);
        for (int c = 0; c < 3; c++) {
            int off = of[c] * 51 - pixels[c * TALL * WIDE + i];
            assert_true(abs(off) <= 51); /* a level at most */
            error += off;
        }
    }
    assert_true(error / (3 * TALL * WIDE) < 4 && error / (3 * TALL * WIDE) > -4); /* dithering keeps the mean */
    out_release(&o);
}

static void test_blocks(void **state) {
    out o = {0};
    int row = 0, column = 0;
    (void)state;
    fill();
    terminal_picture(&o, TERMINAL_BLOCKS, pixels, TALL, WIDE, 80);
    for (char *line = o.data, *next; *line; line = next, row += 2) {
        next = strchr(line, '\n') + 1;
        char *at = line;
        for (column = 0; column < WIDE; column++) {
            int rgb[6], n = 0, used = 0;
            n = sscanf(at, "\033[38;2;%d;%d;%dm%n", &rgb[0], &rgb[1], &rgb[2], &used);
            assert_int_equal(n, 3);
            at += used;
            for (int c = 0; c < 3; c++) assert_int_equal(rgb[c], pixels[(c * TALL + row) * WIDE + column]);
            if (row + 1 < TALL) {
                assert_int_equal(sscanf(at, "\033[48;2;%d;%d;%dm%n", &rgb[3], &rgb[4], &rgb[5], &used), 3);
                at += used;
                for (int c = 0; c < 3; c++) assert_int_equal(rgb[3 + c], pixels[(c * TALL + row + 1) * WIDE + column]);
            }
            assert_memory_equal(at, "▀", 3);
            at += 3;
        }
        assert_memory_equal(at, "\033[0m\n", 5);
    }
    assert_int_equal(row, TALL + 1);
    out_release(&o);
}

/* Wider than the terminal: means of 2×2, and the nearest of 256 colours. */
static void test_narrow(void **state) {
    static const uint8_t four[3 * 4 * 4] = {
        [0] = 255, [1] = 255, [4] = 255, [5] = 255, /* red above left */
        [2] = 10,  [3] = 20,  [6] = 30,  [7] = 40,  [18] = 10, [19] = 20,
        [22] = 30, [23] = 40, [34] = 10, [35] = 20, [38] = 30, [39] = 40, /* grey 25 above right */
    };
    out o = {0};
    (void)state;
    terminal_picture(&o, TERMINAL_BLOCKS, four, 4, 4, 2);
    assert_string_equal(o.data, "\033[38;2;255;0;0m\033[48;2;0;0;0m▀\033[38;2;25;25;25m\033[48;2;0;0;0m▀\033[0m\n");
    out_release(&o);
    terminal_picture(&o, TERMINAL_BLOCKS_256, four, 4, 4, 2);
    assert_string_equal(o.data, "\033[38;5;196m\033[48;5;16m▀\033[38;5;234m\033[48;5;16m▀\033[0m\n");
    out_release(&o);
}

static void test_environment(void **state) {
    static const struct {
        const char *term, *program, *colours;
        terminal_kind kind;
    } cases[] = {{"xterm-kitty", "", "", TERMINAL_KITTY},        {"xterm-256color", "WezTerm", "", TERMINAL_KITTY},
                 {"foot", "", "truecolor", TERMINAL_SIXEL},      {"xterm-sixel", "", "", TERMINAL_SIXEL},
                 {"xterm", "", "truecolor", TERMINAL_BLOCKS},    {"xterm", "", "", TERMINAL_BLOCKS_256},
                 {"xterm", "iTerm.app", "24bit", TERMINAL_SIXEL}};
    (void)state;
    unsetenv("KITTY_WINDOW_ID");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("TERM", cases[i].term, 1);
        setenv("TERM_PROGRAM", cases[i].program, 1);
        setenv("COLORTERM", cases[i].colours, 1);
        assert_int_equal(terminal_of_environment(), cases[i].kind);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kitty), cmocka_unit_test(test_sixel),
                                       cmocka_unit_test(test_blocks), cmocka_unit_test(test_narrow),
                                       cmocka_unit_test(test_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
