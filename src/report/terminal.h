/* Pictures as terminals draw them: kitty's graphics protocol, sixels, or half blocks in colours. */
#ifndef REPORT_TERMINAL_H
#define REPORT_TERMINAL_H

#include "report/out.h"

typedef enum terminal_kind {
    TERMINAL_KITTY,
    TERMINAL_SIXEL,
    TERMINAL_BLOCKS,    /* two pixels a cell, 2²⁴ colours */
    TERMINAL_BLOCKS_256 /* the same in the 6×6×6 cube and the greys of 256 colours */
} terminal_kind;

/* The environment's description of the terminal: TERM, KITTY_WINDOW_ID, TERM_PROGRAM, COLORTERM. */
terminal_kind terminal_of_environment(void);

/* pixels[3][height][width]. Blocks are shrunk by means to at most `columns` cells a row; the others go as they are,
 * sixels in a cube of 6×6×6 colours with ordered dithering. Ends with a line feed. */
void terminal_picture(out *o, terminal_kind kind, const uint8_t *pixels, int height, int width, int columns);

#endif
