/* Windows bitmaps: 1, 4, 8 (palette), 24 and 32 bits a pixel, uncompressed, either way up. */
#include <string.h>

#include "data/image_format.h"

typedef struct bmp_header {
    size_t pixels_at, palette_at;
    int64_t width, height;
    bool top_down;
    int bits, palette_entry, colours; /* bytes an entry, entries that are there */
} bmp_header;

static uint32_t little(const uint8_t *p, int bytes) {
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | p[i];
    return value;
}

/* BITFIELDS only says where the bytes of a 32-bit pixel lie; only the usual order (B G R X) is read. */
static bool usual_masks(const uint8_t *data, size_t size) {
    return size >= 66 && little(data + 54, 4) == 0xff0000 && little(data + 58, 4) == 0xff00 &&
           little(data + 62, 4) == 0xff;
}

static stria_status parse_info(const uint8_t *data, size_t size, uint32_t info, bmp_header *h, stria_error *err) {
    h->width = (int32_t)little(data + 18, 4);
    h->height = (int32_t)little(data + 22, 4);
    h->top_down = h->height < 0;
    if (h->top_down) h->height = -h->height;
    h->bits = (int)little(data + 28, 2);
    uint32_t compression = little(data + 30, 4);
    bool plain = compression == 0 || (compression == 3 && h->bits == 32 && usual_masks(data, size));
    if (!plain) FAIL(err, STRIA_UNSUPPORTED, "a compressed BMP (method %u): convert it to PNG", compression);
    h->palette_entry = 4;
    h->palette_at = 14 + (size_t)info;
    return STRIA_OK;
}

static stria_status parse_header(const uint8_t *data, size_t size, bmp_header *h, stria_error *err) {
    if (size < 26) FAIL(err, STRIA_BAD_FILE, "a truncated BMP");
    uint32_t info = little(data + 14, 4);
    h->pixels_at = little(data + 10, 4);
    if (info == 12) { /* OS/2 */
        h->width = little(data + 18, 2);
        h->height = little(data + 20, 2);
        h->bits = (int)little(data + 24, 2);
        h->palette_entry = 3;
        h->palette_at = 26;
    } else if (info >= 40 && info <= 124 && size >= 54) TRY(parse_info(data, size, info, h, err));
    else FAIL(err, STRIA_BAD_FILE, "a BMP with a header of %u bytes", info);
    if (h->bits != 1 && h->bits != 4 && h->bits != 8 && h->bits != 24 && h->bits != 32) {
        FAIL(err, STRIA_UNSUPPORTED, "a BMP of %d bits a pixel: convert it to PNG", h->bits);
    }
    if (h->pixels_at > size || (h->bits <= 8 && h->palette_at > h->pixels_at))
        FAIL(err, STRIA_BAD_FILE, "a truncated BMP");
    if (h->bits <= 8) h->colours = (int)((h->pixels_at - h->palette_at) / (size_t)h->palette_entry);
    return STRIA_OK;
}

/* B G R, in the file's order, becomes R G B. */
static stria_status convert_row(const uint8_t *data, const uint8_t *row, const bmp_header *h, uint8_t *to,
                                stria_error *err) {
    for (int64_t x = 0; x < h->width; x++, to += 3) {
        const uint8_t *from = row + x * h->bits / 8;
        if (h->bits <= 8) {
            int shift = 8 - h->bits - (int)(x * h->bits % 8);
            int index = *from >> shift & ((1 << h->bits) - 1);
            if (index >= h->colours) FAIL(err, STRIA_BAD_FILE, "a BMP with colour %d of %d", index, h->colours);
            from = data + h->palette_at + (size_t)index * (size_t)h->palette_entry;
        }
        to[0] = from[2];
        to[1] = from[1];
        to[2] = from[0];
    }
    return STRIA_OK;
}

stria_status image_decode_bmp(const image_file *f, image *out, stria_error *err) {
    const uint8_t *data = f->data;
    size_t size = f->size;
    bmp_header h = {0};
    TRY(parse_header(data, size, &h, err));
    uint64_t pitch = ((uint64_t)h.width * (uint64_t)h.bits + 31) / 32 * 4;
    TRY(image_check(f, h.height, h.width, err)); /* before the product, which could overflow */
    TRY(image_new(f, out, 3, h.height, h.width, pitch * (uint64_t)h.height, size - h.pixels_at, 0, err));
    for (int64_t y = 0; y < h.height; y++) {
        int64_t from = h.top_down ? y : h.height - 1 - y;
        const uint8_t *row = data + h.pixels_at + (uint64_t)from * pitch;
        TRY(convert_row(data, row, &h, out->pixels + y * h.width * 3, err));
    }
    return STRIA_OK;
}
