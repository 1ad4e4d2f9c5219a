#include "report/terminal.h"

#include "report/png.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096, LEVELS = 6, BAND = 6 };

static bool says(const char *name, const char *part) {
    const char *value = getenv(name);
    return value && (part ? strstr(value, part) != NULL : *value != 0);
}

terminal_kind terminal_of_environment(void) {
    static const char *const sixel[] = {"sixel", "foot", "mlterm", "yaft", "contour"};
    bool kitty = says("KITTY_WINDOW_ID", NULL) || says("TERM", "kitty") || says("TERM", "ghostty") ||
                 says("TERM_PROGRAM", "WezTerm") || says("TERM_PROGRAM", "ghostty");
    if (kitty) return TERMINAL_KITTY;
    for (size_t i = 0; i < sizeof sixel / sizeof *sixel; i++)
        if (says("TERM", sixel[i])) return TERMINAL_SIXEL;
    if (says("TERM_PROGRAM", "iTerm")) return TERMINAL_SIXEL;
    return says("COLORTERM", "truecolor") || says("COLORTERM", "24bit") ? TERMINAL_BLOCKS : TERMINAL_BLOCKS_256;
}

/* ---- kitty: a PNG in base64, in pieces ---- */

static void kitty(out *o, const uint8_t *pixels, int height, int width) {
    out file = {0}, text = {0};
    png_bytes(&file, 3, height, width, pixels);
    if (!file.failed && file.data) out_base64(&text, (const uint8_t *)file.data, file.length);
    o->failed = o->failed || file.failed || text.failed;
    for (size_t at = 0; at < text.length; at += CHUNK) {
        size_t length = text.length - at < CHUNK ? text.length - at : CHUNK;
        out_printf(o, "\033_G%sm=%d;", at ? "" : "a=T,f=100,q=2,", at + length < text.length);
        out_bytes(o, text.data + at, length);
        out_raw(o, "\033\\");
    }
    out_release(&file);
    out_release(&text);
    out_raw(o, "\n");
}

/* ---- sixel ---- */

/* A level of 0…5 of a value 0…255, the threshold by position (Bayer's matrix of 4×4). */
static int level(int value, int y, int x) {
    static const int bayer[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    int scaled = value * (LEVELS - 1) * 16 + bayer[y & 3][x & 3] * 255 + 127;
    return scaled / (255 * 16);
}

static void run_put(out *o, int bits, int count) {
    if (count > 3) out_printf(o, "!%d%c", count, 63 + bits);
    else
        for (int i = 0; i < count; i++) out_printf(o, "%c", 63 + bits);
}

/* One colour of a band: for each column, which of the six rows it has. */
static void colour_put(out *o, const uint8_t *band, int rows, int width, int colour) {
    int before = 0, count = 0;
    out_printf(o, "#%d", colour);
    for (int x = 0; x < width; x++) {
        int bits = 0;
        for (int r = 0; r < rows; r++)
            if (band[r * width + x] == colour) bits |= 1 << r;
        if (x && bits != before) run_put(o, before, count), count = 0;
        before = bits;
        count++;
    }
    if (before) run_put(o, before, count);
    out_raw(o, "$");
}

static void sixel(out *o, const uint8_t *pixels, int height, int width) {
    size_t plane = (size_t)height * (size_t)width;
    uint8_t *band = malloc((size_t)BAND * (size_t)width);
    o->failed = o->failed || !band;
    out_printf(o, "\033P0;1;0q\"1;1;%d;%d", width, height);
    for (int c = 0; c < LEVELS * LEVELS * LEVELS; c++) /* in hundredths */
        out_printf(o, "#%d;2;%d;%d;%d", c, c / 36 * 20, c / 6 % 6 * 20, c % 6 * 20);
    for (int top = 0; band && top < height; top += BAND) {
        int rows = height - top < BAND ? height - top : BAND;
        bool used[LEVELS * LEVELS * LEVELS] = {false};
        for (int r = 0; r < rows; r++)
            for (int x = 0; x < width; x++) {
                const uint8_t *p = pixels + (size_t)(top + r) * (size_t)width + (size_t)x;
                int y = top + r;
                int colour = 36 * level(p[0], y, x) + 6 * level(p[plane], y, x) + level(p[2 * plane], y, x);
                band[r * width + x] = (uint8_t)colour;
                used[colour] = true;
            }
        for (int c = 0; c < LEVELS * LEVELS * LEVELS; c++)
            if (used[c]) colour_put(o, band, rows, width, c);
        out_raw(o, "-");
    }
    free(band);
    out_raw(o, "\033\\\n");
}

/* ---- half blocks ---- */

/* The nearest of the 256 colours: the cube of levels 0, 95, 135, …, 255, or a grey of 8, 18, …, 238. */
static int nearest_256(const int rgb[3]) {
    int cube = 16, grey = (rgb[0] + rgb[1] + rgb[2]) / 3, step = grey < 8 ? 0 : grey > 238 ? 23 : (grey - 3) / 10;
    long to_cube = 0, to_grey = 0;
    for (int c = 0; c < 3; c++) {
        int of = rgb[c] < 48 ? 0 : rgb[c] < 115 ? 1 : (rgb[c] - 35) / 40, value = of ? 55 + 40 * of : 0;
        cube += of * (c == 0 ? 36 : c == 1 ? 6 : 1);
        to_cube += (long)(rgb[c] - value) * (rgb[c] - value);
        to_grey += (long)(rgb[c] - 8 - 10 * step) * (rgb[c] - 8 - 10 * step);
    }
    return to_grey < to_cube ? 232 + step : cube;
}

typedef struct canvas {
    const uint8_t *pixels;
    int height, width, rows, columns; /* of the picture; of what is shown */
} canvas;

/* The mean of the pixels that fall into a shown one. */
static void mean_at(const canvas *v, int row, int column, int rgb[3]) {
    int64_t top = (int64_t)row * v->height / v->rows, below = (int64_t)(row + 1) * v->height / v->rows;
    int64_t left = (int64_t)column * v->width / v->columns, beyond = (int64_t)(column + 1) * v->width / v->columns;
    if (below == top) below++;
    if (beyond == left) beyond++;
    for (int c = 0; c < 3; c++) {
        int64_t sum = 0, count = (below - top) * (beyond - left);
        for (int64_t y = top; y < below; y++)
            for (int64_t x = left; x < beyond; x++) sum += v->pixels[((int64_t)c * v->height + y) * v->width + x];
        rgb[c] = (int)((sum + count / 2) / count);
    }
}

static void colour_set(out *o, bool behind, const int rgb[3], bool few) {
    if (few) out_printf(o, "\033[%d;5;%dm", behind ? 48 : 38, nearest_256(rgb));
    else out_printf(o, "\033[%d;2;%d;%d;%dm", behind ? 48 : 38, rgb[0], rgb[1], rgb[2]);
}

static void blocks(out *o, const canvas *v, bool few) {
    for (int row = 0; row < v->rows; row += 2) {
        for (int column = 0; column < v->columns; column++) {
            int upper[3], lower[3];
            mean_at(v, row, column, upper);
            colour_set(o, false, upper, few);
            if (row + 1 < v->rows) {
                mean_at(v, row + 1, column, lower);
                colour_set(o, true, lower, few);
            }
            out_raw(o, "▀");
        }
        out_raw(o, "\033[0m\n");
    }
}

void terminal_picture(out *o, terminal_kind kind, const uint8_t *pixels, int height, int width, int columns) {
    if (kind == TERMINAL_KITTY) {
        kitty(o, pixels, height, width);
    } else if (kind == TERMINAL_SIXEL) {
        sixel(o, pixels, height, width);
    } else {
        canvas v = {pixels, height, width, height, width};
        if (columns > 0 && width > columns) {
            v.columns = columns;
            v.rows = (int)((int64_t)height * columns / width);
            if (v.rows < 1) v.rows = 1;
        }
        blocks(o, &v, kind == TERMINAL_BLOCKS_256);
    }
}
