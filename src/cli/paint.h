/* Arrays of numbers as pictures: tiles of maps, and heat over a picture. */
#ifndef CLI_PAINT_H
#define CLI_PAINT_H

#include <stria/stria.h>

/* uint8 [3, height, width]; data is for free(). */

/* maps[count][height][width] side by side in a square, each from its least (black) to its greatest (white). colour:
 * three maps that follow each other make a coloured tile, with one least and greatest for the three. */
stria_status paint_tiles(const float *maps, int64_t count, int64_t height, int64_t width, bool colour,
                         stria_array *picture, stria_error *error);
/* heat[oh][ow] over the picture x [1, channels, height, width] in grey, from its least to its greatest. Heat is
 * interpolated bilinearly over pixel centres where it is smaller. Above 0 it is orange, below 0 blue, as strong as its
 * share of the size that 99 of 100 values do not pass. Small pictures are enlarged by a whole number. */
stria_status paint_heat(const stria_array *x, const float *heat, int64_t oh, int64_t ow, stria_array *picture,
                        stria_error *error);
/* A picture uint8 [3, height, width]; small ones are enlarged by a whole number. */
stria_status paint_pixels(const stria_array *from, stria_array *picture, stria_error *error);

#endif
