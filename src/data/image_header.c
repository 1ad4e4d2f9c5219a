/* The parts of a picture file that are not pixels. Read by hand, so that no library takes memory for it. */
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

/* A segment of a JPEG file. */
typedef struct segment {
    int marker;
    const uint8_t *data;
    size_t length;
} segment;

/* The segment at *at, which moves past it; false at the first scan, and where no segment is. */
static bool jpeg_segment(const uint8_t *data, size_t size, size_t *at, segment *s) {
    while (*at < size && size - *at >= 4 && data[*at] == 0xff && data[*at + 1] == 0xff) ++*at; /* padding */
    if (*at > size || size - *at < 4 || data[*at] != 0xff || data[*at + 1] == 0xda) return false;
    size_t n = number(data + *at + 2, 2, true);
    if (n < 2 || n > size - *at - 2) return false;
    *s = (segment){data[*at + 1], data + *at + 4, n - 2};
    *at += n + 2;
    return true;
}

static bool is_png(const uint8_t *data, size_t size) {
    return size >= PNG_MAGIC && memcmp(data, "\x89PNG", 4) == 0;
}

static bool is_jpeg(const uint8_t *data, size_t size) {
    return size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0;
}

static const uint8_t *jpeg_exif(const uint8_t *data, size_t size, size_t *length) {
    segment s;
    for (size_t at = 2; jpeg_segment(data, size, &at, &s);) {
        if (s.marker != 0xe1 || s.length < 6 || memcmp(s.data, "Exif\0\0", 6) != 0) continue;
        *length = s.length - 6;
        return s.data + 6;
    }
    return NULL;
}

/* ---- orientation ---- */

/* A number of the first directory of a TIFF file, which EXIF data are: entries of tag, type, count and value. −1 where
 * there is none, or it is damaged. */
static int64_t tiff_number(const uint8_t *tiff, size_t size, uint32_t tag) {
    if (size < 8 || (memcmp(tiff, "MM\0*", 4) != 0 && memcmp(tiff, "II*\0", 4) != 0)) return -1;
    bool big = *tiff == 'M';
    size_t at = number(tiff + 4, 4, big);
    if (at > size - 2) return -1;
    int entries = (int)number(tiff + at, 2, big);
    for (at += 2; entries > 0 && at <= size && size - at >= 12; entries--, at += 12) {
        if (number(tiff + at, 2, big) != tag) continue;
        uint32_t type = number(tiff + at + 2, 2, big), count = number(tiff + at + 4, 4, big);
        if (count != 1 || (type != 3 && type != 4)) return -1;
        return number(tiff + at + 8, type == 3 ? 2 : 4, big);
    }
    return -1;
}

static int tiff_orientation(const uint8_t *tiff, size_t size) {
    int64_t value = tiff_number(tiff, size, 0x112);
    return value >= 1 && value <= 8 ? (int)value : 1;
}

/* The chunk EXIF of a RIFF file: its name, its length, its contents, to an even length. */
static const uint8_t *webp_exif(const uint8_t *data, size_t size, size_t *length) {
    for (size_t at = 12; at <= size && size - at >= 8;) {
        size_t n = number(data + at + 4, 4, false);
        if (n > size - at - 8) return NULL;
        if (memcmp(data + at, "EXIF", 4) == 0) {
            bool named = n >= 6 && memcmp(data + at + 8, "Exif\0\0", 6) == 0;
            *length = n - (named ? 6 : 0);
            return data + at + 8 + (named ? 6 : 0);
        }
        at += 8 + n + (n & 1);
    }
    return NULL;
}

static bool is_webp(const uint8_t *data, size_t size) {
    return size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0;
}

int image_orientation(const uint8_t *data, size_t size) {
    size_t length = 0;
    const uint8_t *tiff = is_png(data, size)    ? image_png_chunk(data, size, "eXIf", false, &length)
                          : is_jpeg(data, size) ? jpeg_exif(data, size, &length)
                          : is_webp(data, size) ? webp_exif(data, size, &length)
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

/* ---- channels and size ---- */

/* The frame header: precision, height, width, number of components; markers C0 to CF, of which three are others. */
static image_facts jpeg_facts(const uint8_t *data, size_t size) {
    segment s;
    for (size_t at = 2; jpeg_segment(data, size, &at, &s);) {
        bool frame = s.marker >= 0xc0 && s.marker <= 0xcf && s.marker != 0xc4 && s.marker != 0xc8 && s.marker != 0xcc;
        if (!frame) continue;
        if (s.length < 6) break;
        return (image_facts){s.data[5] == 1 ? 1 : 3, (int)number(s.data + 1, 2, true),
                             (int)number(s.data + 3, 2, true)};
    }
    return (image_facts){0};
}

static int side(uint32_t n) {
    return n <= IMAGE_MAX_SIDE ? (int)n : 0;
}

/* Bit 1 of the colour type: colours. */
static image_facts png_facts(const uint8_t *data, size_t size) {
    if (size < 26) return (image_facts){0};
    return (image_facts){data[25] & 2 ? 3 : 1, side(number(data + 20, 4, true)), side(number(data + 16, 4, true))};
}

/* A negative height is of rows from the top. */
static image_facts bmp_facts(const uint8_t *data, size_t size) {
    if (size < 26) return (image_facts){.channels = 3};
    int32_t height = (int32_t)number(data + 22, 4, false);
    uint32_t rows = height < 0 ? 0u - (uint32_t)height : (uint32_t)height;
    return (image_facts){3, side(rows), side(number(data + 18, 4, false))};
}

/* A number in text, after blanks and comments; −1 where there is none. One beyond IMAGE_MAX_SIDE is only known to be.
 */
static int64_t text_number(const uint8_t *data, size_t size, size_t *at) {
    int64_t n = -1;
    for (; *at < size; ++*at) {
        if (data[*at] == '#')
            while (*at < size && data[*at] != '\n') ++*at;
        else if (!memchr(" \t\r\n\v\f", data[*at], 6)) break;
    }
    for (; *at < size && data[*at] >= '0' && data[*at] <= '9'; ++*at)
        if (n <= IMAGE_MAX_SIDE) n = 10 * (n < 0 ? 0 : n) + data[*at] - '0';
    return n;
}

/* P2 and P5 are grey, P3 and P6 colours; width, then height. */
static image_facts pnm_facts(const uint8_t *data, size_t size) {
    static const int channels[] = {['2'] = 1, ['5'] = 1, ['3'] = 3, ['6'] = 3};
    if (data[0] != 'P' || data[1] >= sizeof channels / sizeof *channels) return (image_facts){0};
    size_t at = 2;
    int64_t width = text_number(data, size, &at), height = text_number(data, size, &at);
    bool sized = width > 0 && height > 0;
    return (image_facts){channels[data[1]], sized ? side((uint32_t)height) : 0, sized ? side((uint32_t)width) : 0};
}

/* Colours unless the photometric interpretation is a grey one. The directory may lie beyond these bytes. */
static image_facts tiff_facts(const uint8_t *data, size_t size, bool no_exif) {
    int64_t kind = tiff_number(data, size, 0x106);
    int64_t height = tiff_number(data, size, 0x101), width = tiff_number(data, size, 0x100);
    image_facts f = {kind == 0 || kind == 1 ? 1 : 3, height > 0 ? side((uint32_t)height) : 0,
                     width > 0 ? side((uint32_t)width) : 0};
    return !no_exif && tiff_orientation(data, size) > 4 ? (image_facts){f.channels, f.width, f.height} : f;
}

static image_facts facts_stored(const uint8_t *data, size_t size, bool no_exif) {
    if (is_png(data, size)) return png_facts(data, size);
    if (is_jpeg(data, size)) return jpeg_facts(data, size);
    if (size < 2) return (image_facts){0};
    if (memcmp(data, "BM", 2) == 0) return bmp_facts(data, size);
    if (is_webp(data, size)) return (image_facts){.channels = 3};
    if (memcmp(data, "II", 2) == 0 || memcmp(data, "MM", 2) == 0) return tiff_facts(data, size, no_exif);
    return pnm_facts(data, size);
}

image_facts image_header_facts(const uint8_t *data, size_t size, bool no_exif) {
    image_facts f = facts_stored(data, size, no_exif);
    if (!f.channels || no_exif || !turns[image_orientation(data, size)].swap) return f;
    return (image_facts){f.channels, f.width, f.height};
}
