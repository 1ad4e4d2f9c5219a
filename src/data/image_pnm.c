/* Portable grey and colour maps (netpbm): P2 and P3 in text, P5 and P6 in bytes, any maximum up to 65,535. */
#include "data/image_format.h"

typedef struct pnm_cursor {
    const uint8_t *at, *end;
} pnm_cursor;

static bool is_space(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A number after white space and comments; −1 if there is none. */
static int64_t take_number(pnm_cursor *c) {
    while (c->at < c->end && (is_space(*c->at) || *c->at == '#')) {
        bool comment = *c->at == '#';
        while (comment && c->at < c->end && *c->at != '\n') c->at++;
        if (c->at < c->end) c->at++;
    }
    int64_t value = -1;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        value = (value < 0 ? 0 : value * 10) + (*c->at - '0');
        if (value > 1 << 24) return -1;
    }
    return value;
}

static int64_t take_sample(pnm_cursor *c, bool in_text, int bytes) {
    if (in_text) return take_number(c);
    int64_t value = *c->at++;
    if (bytes == 2) value = value << 8 | *c->at++;
    return value;
}

stria_status image_decode_pnm(const image_file *f, image *out, stria_error *err) {
    const uint8_t *data = f->data;
    pnm_cursor c = {data + 2, data + f->size};
    bool in_text = data[1] == '2' || data[1] == '3';
    int channels = data[1] == '3' || data[1] == '6' ? 3 : 1;
    int64_t width = take_number(&c), height = take_number(&c), most = take_number(&c);
    if (most < 1 || most > 65535 || c.at == c.end || !is_space(*c.at))
        FAIL(err, STRIA_BAD_FILE, "a damaged PNM header");
    c.at++;
    TRY(image_check(f, height, width, err)); /* before the product, which could overflow */
    int bytes = !in_text && most > 255 ? 2 : 1;
    uint64_t samples = (uint64_t)height * (uint64_t)width * (uint64_t)channels;
    TRY(image_new(f, out, channels, height, width, samples * (uint64_t)bytes, (uint64_t)(c.end - c.at), 0, err));
    for (uint64_t i = 0; i < samples; i++) {
        int64_t value = take_sample(&c, in_text, bytes);
        if (value < 0 || value > most)
            FAIL(err, STRIA_BAD_FILE, "a PNM whose sample %llu is outside 0 to %lld", (unsigned long long)i,
                 (long long)most);
        out->pixels[i] = (uint8_t)((value * 255 + most / 2) / most);
    }
    return STRIA_OK;
}
