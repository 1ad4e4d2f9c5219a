/* What the first bytes of a picture say of its channels, size and orientation: each format, what lies between, and what
 * is damaged. Every beginning of each row is read from memory of just its size, for AddressSanitizer. */
#include <string.h>

#include "check.h"
#include "data/image_format.h"

/* A directory of one entry: the orientation, as a number of two bytes. */
#define LITTLE(n) "II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0" n "\0\0\0"
#define BIG(n)    "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0" n "\0\0"

#define PNG(colours) "\x89PNG\r\n\x1a\n\0\0\0\15IHDR\0\0\0\3\0\0\0\2\10" colours "\0\0\0CCCC"
#define FRAME(mark)  "\xff" mark "\0\13\10\0\2\0\3\1\1\1\1"
#define RIFF         "RIFF\0\0\0\0WEBP"
#define BMP(height)  "BM0123456789abcdef\3\0\0\0" height
/* Entries of TIFF: a number of four bytes, and one of two. */
#define LONG(tag, n)  tag "\1\4\0\1\0\0\0" n "\0\0\0"
#define SHORT(tag, n) tag "\1\3\0\1\0\0\0" n "\0\0\0"
#define TIFF(n)       "II*\0\10\0\0\0" n "\0"

#define B(text)                                                                                                        \
    { text, sizeof(text) - 1 }

static const struct {
    struct {
        const char *at;
        size_t count;
    } file;
    int channels, height, width, orientation;
} rows[] = {
    {B(""), 0, 0, 0, 1},
    {B("P"), 0, 0, 0, 1},
    {B("GIF89a\3\0\2\0"), 0, 0, 0, 1},
    {B(PNG("\0")), 1, 2, 3, 1},
    {B(PNG("\2")), 3, 2, 3, 1},
    {B(PNG("\4")), 1, 2, 3, 1},
    {B(PNG("\6") "\0\0\0\26"
                 "eXIf" LITTLE("\6") "CCCC"),
     3, 3, 2, 6},
    {B(PNG("\6") "\0\0\0\1IDAT.CCCC\0\0\0\26"
                 "eXIf" BIG("\3") "CCCC"),
     3, 2, 3, 3},
    {B(PNG("\6") "\0\0\1\0IDAT.CCCC\0\0\0\26"
                 "eXIf" BIG("\6") "CCCC"),
     3, 2, 3, 1}, /* IDAT ends after the file */
    {B("\x89PNG\r\n\x1a\n\0\0\0\15IHDR\xff\xff\xff\xff\0\0\0\2\10\0"), 1, 2, 0, 1},
    {B("\xff\xd8" FRAME("\xc0")), 1, 2, 3, 1},
    {B("\xff\xd8\xff\xc2\0\21\10\0\2\0\3\3aaabbbccc"), 3, 2, 3, 1},
    {B("\xff\xd8\xff\xff\xff" FRAME("\xc1")), 1, 2, 3, 1}, /* padding */
    {B("\xff\xd8" FRAME("\xc4") FRAME("\xc8") FRAME("\xcc") FRAME("\xfe") FRAME("\xcf")), 1, 2, 3, 1},
    {B("\xff\xd8" FRAME("\xc4")), 0, 0, 0, 1},
    {B("\xff\xd8\xff\xe0\0\4ab" FRAME("\xc0")), 1, 2, 3, 1},
    {B("\xff\xd8\xff\xe0\0\1" FRAME("\xc0")), 0, 0, 0, 1},            /* a length is 2 at least */
    {B("\xff\xd8\xff\xe0\1\0" FRAME("\xc0")), 0, 0, 0, 1},            /* it ends after the file */
    {B("\xff\xd8\xff\xda\0\4ab" FRAME("\xc0")), 0, 0, 0, 1},          /* pixels came first */
    {B("\xff\xd8\xff\xe0\0\2ab" FRAME("\xc0")), 0, 0, 0, 1},          /* no segment follows */
    {B("\xff\xd8\xff\xc0\0\7\10\0\2\0\3" FRAME("\xc0")), 0, 0, 0, 1}, /* a frame without components */
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0" LITTLE("\6") FRAME("\xc0")), 1, 3, 2, 6},
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0" BIG("\10") FRAME("\xc0")), 1, 3, 2, 8},
    {B("\xff\xd8\xff\xe1\0\6Exif\xff\xe1\0\36Exif\0\0" BIG("\2") FRAME("\xc0")), 1, 2, 3, 2},
    {B("\xff\xd8\xff\xe1\0\12http:/ns\xff\xe1\0\36Exif\0\0" BIG("\4") FRAME("\xc0")), 1, 2, 3, 4},
    {B("\xff\xd8\xff\xe1\0\10Exif\0\0" FRAME("\xc0")), 1, 2, 3, 1},
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0" LITTLE("\0") FRAME("\xc0")), 1, 2, 3, 1},
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0" LITTLE("\11") FRAME("\xc0")), 1, 2, 3, 1},
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\2\0\0\0\6\0\0\0" FRAME("\xc0")), 1, 2, 3,
     1}, /* two */
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0II*\0\10\0\0\0\1\0\x12\1\2\0\1\0\0\0\6\0\0\0" FRAME("\xc0")), 1, 2, 3,
     1}, /* text */
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0II*\0\27\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0" FRAME("\xc0")), 1, 2, 3,
     1}, /* outside */
    {B("\xff\xd8\xff\xe1\0\36Exif\0\0MM*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0" FRAME("\xc0")), 1, 2, 3, 1},
    {B(BMP("\2\0\0\0")), 3, 2, 3, 1},
    {B(BMP("\xfe\xff\xff\xff")), 3, 2, 3, 1},
    {B(BMP("\0\0\0\x80")), 3, 0, 3, 1},
    {B("BM"), 3, 0, 0, 1},
    {B(RIFF), 3, 0, 0, 1},
    {B(RIFF "VP8 \1\0\0\0x\0"
            "EXIF\34\0\0\0Exif\0\0" LITTLE("\6")),
     3, 0, 0, 6},
    {B(RIFF "VP8 \2\0\0\0xy"
            "EXIF\26\0\0\0" BIG("\5")),
     3, 0, 0, 5},
    {B(RIFF "VP8 \2\0\0\0xy"
            "EXIF\3\0\0\0abc"),
     3, 0, 0, 1},
    {B(RIFF "VP8 \xff\xff\xff\xff"
            "EXIF\26\0\0\0" BIG("\5")),
     3, 0, 0, 1},
    {B("RIFF\0\0\0\0WAVE"), 0, 0, 0, 1},
    {B(TIFF("\3") LONG("\0", "\3") SHORT("\1", "\2") SHORT("\6", "\2")), 3, 2, 3, 1},
    {B(TIFF("\3") LONG("\0", "\3") SHORT("\1", "\2") SHORT("\6", "\1")), 1, 2, 3, 1},
    {B(TIFF("\4") LONG("\0", "\3") SHORT("\1", "\2") SHORT("\6", "\0") SHORT("\x12", "\10")), 1, 3, 2, 1},
    {B(TIFF("\1") LONG("\0", "\3")), 3, 0, 3, 1},
    {B("II*\0\xff\0\0\0"), 3, 0, 0, 1},
    {B("MM\0*\0\0\0\10\0\0"), 3, 0, 0, 1},
    {B("P2 3 2 255 0"), 1, 2, 3, 1},
    {B("P5\n3\t2\r255 0"), 1, 2, 3, 1},
    {B("P3 3 2 255 0"), 3, 2, 3, 1},
    {B("P6# by hand\n#\n 3 # wide\n2\v255\f"), 3, 2, 3, 1},
    {B("P6 # no end"), 3, 0, 0, 1},
    {B("P6 3 x"), 3, 0, 0, 1},
    {B("P6 0 2 255"), 3, 0, 0, 1},
    {B("P6 2 0 255"), 3, 0, 0, 1},
    {B("P6 99999999999999999999 2 255"), 3, 2, 0, 1},
    {B("P4 3 2 x"), 0, 2, 3, 1},
    {B("P7 3 2 x"), 0, 0, 0, 1},
};

static image_facts facts(size_t row, size_t count, bool no_exif, int *orientation) {
    uint8_t *copy = malloc(count ? count : 1);
    if (!copy) return (image_facts){-1, -1, -1};
    memcpy(copy, rows[row].file.at, count);
    image_facts f = image_header_facts(copy, count, no_exif);
    *orientation = image_orientation(copy, count);
    free(copy);
    return f;
}

static void row_check(size_t i) {
    int o, height = rows[i].height, width = rows[i].width;
    size_t all = rows[i].file.count;
    image_facts f = facts(i, all, false, &o);
    CHECK(f.channels == rows[i].channels && f.height == height && f.width == width && o == rows[i].orientation,
          "row %zu: %d channels, %d x %d, orientation %d", i, f.channels, f.height, f.width, o);
    /* Without the orientation it is as it is stored. */
    image_facts stored = facts(i, all, true, &o);
    bool turned = stored.height != f.height;
    CHECK(stored.height == (turned ? width : height) && stored.width == (turned ? height : width), "row %zu: %d x %d",
          i, stored.height, stored.width);
    /* What is not there yet is not made up. */
    for (size_t n = 0; n < all; n++) {
        f = facts(i, n, true, &o);
        CHECK((f.height == 0 || f.height == stored.height) && (f.width == 0 || f.width == stored.width) && o >= 1 &&
                  o <= 8,
              "row %zu, %zu bytes: %d x %d, orientation %d", i, n, f.height, f.width, o);
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) row_check(i);
    return check_report();
}
