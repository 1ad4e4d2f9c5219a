/* The decoders behind image_decode. Each fills *out (zeroed before) and on failure leaves what it took to the caller.
 */
#ifndef DATA_IMAGE_FORMAT_H
#define DATA_IMAGE_FORMAT_H

#include "data/image.h"

stria_status image_decode_png(const uint8_t *data, size_t size, image *out, stria_error *err);
stria_status image_decode_jpeg(const uint8_t *data, size_t size, image *out, stria_error *err);
stria_status image_decode_bmp(const uint8_t *data, size_t size, image *out, stria_error *err);
stria_status image_decode_pnm(const uint8_t *data, size_t size, image *out, stria_error *err);

/* What png bytes go to, in order. */
typedef struct file_writer file_writer;
stria_status image_encode_png(file_writer *w, const image *m, stria_error *err);

/* Checks sizes and takes memory for a picture. encoded_bytes: the least that a file must spend on it, available: what
 * is there. */
stria_status image_new(image *out, int channels, int64_t height, int64_t width, uint64_t encoded_bytes,
                       uint64_t available, stria_error *err);

/* Only the checks. */
stria_status image_check(int64_t height, int64_t width, uint64_t encoded_bytes, uint64_t available, stria_error *err);

#endif
