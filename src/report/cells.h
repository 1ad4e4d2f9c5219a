/* How wide text is: cells of a terminal, which also measure text in a picture. A Chinese character or an emoji takes
 * two, a mark that stands on the character before it none. */
#ifndef REPORT_CELLS_H
#define REPORT_CELLS_H

#include <stddef.h>
#include <stdint.h>

#define CELLS_NO_CHARACTER 0xFFFFFFFFu

/* The UTF-8 character that `text` begins with (RFC 3629), and its bytes; of a byte that begins none,
 * CELLS_NO_CHARACTER and 1. text must not be empty. */
size_t cells_character(const char *text, uint32_t *character);
/* 0, 1 or 2: Unicode's East Asian Width, wide and fullwidth being 2, and emoji. */
int cells_width(uint32_t character);
int cells_of(const char *text);

#endif
