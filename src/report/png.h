/* Small pictures as data: URIs. The pixels are stored, not compressed, so that this needs no library. */
#ifndef REPORT_PNG_H
#define REPORT_PNG_H

#include "report/out.h"

/* A PNG file of pixels[channels][height][width], 1 channel (grey) or 3. */
void png_bytes(out *o, int channels, int height, int width, const uint8_t *pixels);
/* The same as data:image/png;base64,… */
void png_uri(out *o, int channels, int height, int width, const uint8_t *pixels);

#endif
