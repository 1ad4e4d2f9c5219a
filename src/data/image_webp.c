/* WebP, through libwebp. Of an animation nothing is read; transparency is dropped. */
#include "data/image_format.h"

#ifdef STRIA_HAVE_WEBP
#include <webp/decode.h>

#include "base/memory.h"

stria_status image_decode_webp(const image_file *f, image *out, stria_error *err) {
    WebPBitstreamFeatures features;
    if (WebPGetFeatures(f->data, f->size, &features) != VP8_STATUS_OK) FAIL(err, STRIA_BAD_FILE, "a damaged WebP");
    if (features.has_animation) FAIL(err, STRIA_UNSUPPORTED, "an animated WebP: save one of its pictures");
    /* The decoder holds rows of four channels, and of what has no loss the whole picture. */
    uint64_t pixels = (uint64_t)features.height * (uint64_t)features.width;
    TRY(image_new(f, out, 3, features.height, features.width, 0, f->size, 4 * pixels, err));
    size_t row = (size_t)out->width * 3;
    if (!WebPDecodeRGBInto(f->data, f->size, out->pixels, row * (size_t)out->height, (int)row))
        FAIL(err, STRIA_BAD_FILE, "a damaged WebP");
    return STRIA_OK;
}

#else

stria_status image_decode_webp(const image_file *f, image *out, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "this build has no libwebp, so it reads no WebP");
}

#endif
