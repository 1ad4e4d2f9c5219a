/* What stands in pictures' files besides pixels. Read by hand, so that no library takes memory for it. */
#include <string.h>

#include "base/memory.h"
#include "data/image_format.h"

#define PNG_MAGIC 8

static uint32_t number(const uint8_t *p, int bytes, bool big) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | p[big ? i : bytes - 1 - i];
    return value;
}

/* ---- where EXIF data lie ---- */

const uint8_t *image_png_chunk(const uint8_t *data, size_t size, const char *name, bool before_pixels, size_t *length) {
    for (size_t at = PNG_MAGIC; at <= size && size - at >= 12;) { /* length, name, contents, checksum */
        size_t n = number(data + at, 4, true);
        if (n > size - at - 12) return NULL;
        if (memcmp(data + at + 4, name, 4) == 0) {
            *length = n;
            return data + at + 8;
        }
        if (before_pixels && memcmp(data + at + 4, "IDAT", 4) == 0) return NULL;
        at += n + 12;
    }
    return NULL;
}

/* The contents of the segment with this marker that begin so, before the first scan. */
static const uint8_t *jpeg_segment(const uint8_t *data, size_t size, int marker, const char *begin, size_t begins,
                                   size_t *length) {
    for (size_t at = 2; at <= size && size - at >= 4 && data[at] == 0xff;) {
        if (data[at + 1] == 0xff) { /* padding */
            at++;
            continue;
        }
        size_t n = number(data + at + 2, 2, true);
        if (data[at + 1] == 0xda || n < 2 || n > size - at - 2) return NULL;
        if (data[at + 1] == marker && n - 2 >= begins && memcmp(data + at + 4, begin, begins) == 0) {
            *length = n - 2 - begins;
            return data + at + 4 + begins;
        }
        at += n + 2;
    }
    return NULL;
}

/* ---- orientation ---- */

/* The first directory of a TIFF file, which EXIF data are: entries of tag, type, count and value. */
static int tiff_orientation(const uint8_t *tiff, size_t size) {
    if (size < 8 || (memcmp(tiff, "MM\0*", 4) != 0 && memcmp(tiff, "II*\0", 4) != 0)) return 1;
    bool big = *tiff == 'M';
    size_t at = number(tiff + 4, 4, big);
    if (at > size - 2) return 1;
    int entries = (int)number(tiff + at, 2, big);
    for (at += 2; entries > 0 && at <= size && size - at >= 12; entries--, at += 12) {
        if (number(tiff + at, 2, big) != 0x112) continue;
        uint32_t type = number(tiff + at + 2, 2, big), count = number(tiff + at + 4, 4, big);
        if (count != 1 || (type != 3 && type != 4)) return 1;
        uint32_t value = number(tiff + at + 8, type == 3 ? 2 : 4, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int image_orientation(const uint8_t *data, size_t size) {
    size_t length = 0;
    const uint8_t *tiff =
        size >= PNG_MAGIC && memcmp(data, "\x89PNG", 4) == 0 ? image_png_chunk(data, size, "eXIf", false, &length)
        : size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0  ? jpeg_segment(data, size, 0xe1, "Exif\0\0", 6, &length)
                                                             : NULL;
    return tiff ? tiff_orientation(tiff, length) : 1;
}

/* For each orientation (EXIF 2.3, 4.6.4 A): whether rows and columns change places, and from which end each is then
 * read. */
static const struct turn {
    bool swap, from_bottom, from_right;
} turns[9] = {
    [2] = {false, false, true}, [3] = {false, true, true}, [4] = {false, true, false}, [5] = {true, false, false},
    [6] = {true, true, false},  [7] = {true, true, true},  [8] = {true, false, true}};

stria_status image_orient(image *m, int orientation, stria_error *err) {
    const struct turn *t = &turns[orientation];
    image turned = {m->channels, t->swap ? m->width : m->height, t->swap ? m->height : m->width, NULL};
    int64_t n = m->channels, row = m->width * n;
    const uint8_t *from = m->pixels;
    if (orientation == 1) return STRIA_OK;
    TRY(mem_new(&turned.pixels, (size_t)m->height * (size_t)row, 1, "turning a picture", err));
    if (t->from_bottom) from += (m->height - 1) * row;
    if (t->from_right) from += row - n;
    int64_t down = t->from_bottom ? -row : row, right = t->from_right ? -n : n;
    int64_t step_y = t->swap ? right : down, step_x = t->swap ? down : right;
    uint8_t *to = turned.pixels;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++, to += n) memcpy(to, from + y * step_y + x * step_x, (size_t)n);
    image_release(m);
    *m = turned;
    return STRIA_OK;
}
