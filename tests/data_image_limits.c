/* Pictures that are turned by EXIF, and files that were made to exhaust memory or time. */
#include "data_pictures.h"

#include <time.h>

#ifdef STRIA_HAVE_PNG
/* 0 1 2 / 3 4 5 as each orientation shows it (figures of Pillow's ImageOps.exif_transpose). */
static const struct turned {
    int height, width;
    uint8_t pixels[6];
} turned[9] = {{2, 3, {0, 1, 2, 3, 4, 5}}, {2, 3, {0, 1, 2, 3, 4, 5}}, {2, 3, {2, 1, 0, 5, 4, 3}},
               {2, 3, {5, 4, 3, 2, 1, 0}}, {2, 3, {3, 4, 5, 0, 1, 2}}, {3, 2, {0, 3, 1, 4, 2, 5}},
               {3, 2, {3, 0, 4, 1, 5, 2}}, {3, 2, {5, 2, 4, 1, 3, 0}}, {3, 2, {2, 5, 1, 4, 0, 3}}};

static void test_png_orientation(void **state) {
    static const uint8_t grey[] = {0, 1, 2, 3, 4, 5};
    uint8_t file[4096], exif[38];
    (void)state;
    for (int orientation = 0; orientation <= 9; orientation++) {
        for (int form = 0; form < 4; form++) {
            const struct turned *t = &turned[orientation == 9 ? 1 : orientation];
            size_t n = make_png(file, sizeof file, PNG_FORMAT_GRAY, 3, 2, grey, NULL);
            n = png_insert(file, n, "eXIf", exif, make_exif(exif, form & 1, form & 2 ? 4 : 3, orientation));
            check(decode(file, n), 1, t->height, t->width, t->pixels);
        }
    }
}

/* Colours move as a whole. */
static void test_png_orientation_rgb(void **state) {
    static const uint8_t rgb[] = {1, 2, 3, 4, 5, 6}, upright[] = {1, 2, 3, 4, 5, 6};
    uint8_t file[4096], exif[38];
    (void)state;
    size_t n = make_png(file, sizeof file, PNG_FORMAT_RGB, 2, 1, rgb, NULL);
    n = png_insert(file, n, "eXIf", exif, make_exif(exif, true, 3, 6));
    check(decode(file, n), 3, 2, 1, upright);
}

/* Every prefix of the directory, and one that points out of it: the picture as it is stored. */
static void test_exif_damage(void **state) {
    static const uint8_t grey[] = {0, 1, 2, 3, 4, 5};
    uint8_t file[4096], exif[38];
    (void)state;
    for (size_t cut = 0; cut < 38; cut++) {
        size_t n = make_png(file, sizeof file, PNG_FORMAT_GRAY, 3, 2, grey, NULL);
        make_exif(exif, false, 3, 3);
        n = png_insert(file, n, "eXIf", exif, cut);
        check(decode(file, n), 1, 2, 3, cut < 34 ? grey : turned[3].pixels);
    }
    for (int at = 4; at < 10; at++) {
        size_t n = make_png(file, sizeof file, PNG_FORMAT_GRAY, 3, 2, grey, NULL);
        make_exif(exif, false, 3, 1);
        exif[at] = 0xff;
        n = png_insert(file, n, "eXIf", exif, sizeof exif);
        check(decode(file, n), 1, 2, 3, grey);
    }
}

typedef struct buffer {
    uint8_t *data;
    size_t size;
} buffer;

static void buffer_write(png_structp png, png_bytep data, size_t n) {
    buffer *b = png_get_io_ptr(png);
    b->data = realloc(b->data, b->size + n);
    memcpy(b->data + b->size, data, n);
    b->size += n;
}

static void buffer_flush(png_structp png) {
    (void)png;
}

/* One colour: a bit per pixel of a palette, or 24 bits. */
static buffer make_bomb(int side, bool palette) {
    buffer b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_color colours[2] = {{1, 2, 3}, {4, 5, 6}};
    uint8_t *row = calloc((size_t)side, 3);
    png_set_write_fn(png, &b, buffer_write, buffer_flush);
    png_set_IHDR(png, info, (uint32_t)side, (uint32_t)side, palette ? 1 : 8,
                 palette ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (palette) png_set_PLTE(png, info, colours, 2);
    png_write_info(png, info);
    for (int y = 0; y < side; y++) png_write_row(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
    return b;
}

/* What memory the file justifies; --max-pixels instead of it. */
static void test_png_bomb(void **state) {
    enum { SIDE = 4000 };
    buffer b = make_bomb(SIDE, true);
    image m = {0};
    stria_error err;
    (void)state;
    assert_true(b.size < 4000);
    size_t peak = mem_bytes_peak();
    refuse(b.data, b.size, STRIA_UNSUPPORTED, "would take 48000000 bytes of memory; --max-pixels reads it");
    assert_true(mem_bytes_peak() - peak < 1 << 20);
    assert_int_equal(image_decode(b.data, b.size, &(image_reading){.max_pixels = SIDE * SIDE - 1}, &m, &err),
                     STRIA_UNSUPPORTED);
    assert_true(says(&err, "4000 x 4000 pixels is larger than the limit of 15999999"));
    assert_int_equal(image_decode(b.data, b.size, &(image_reading){.max_pixels = SIDE * SIDE}, &m, &err), STRIA_OK);
    assert_int_equal(m.pixels[3 * SIDE * SIDE - 1], 3);
    image_release(&m);
    free(b.data);
    b = make_bomb(SIDE, false); /* a page in one colour, as a program would write it, is read */
    /* A block in large pages counts as up to one page more, depending on where it lies. */
    size_t most = 3 * SIDE * SIDE + (3 << 20);
    peak = mem_bytes_peak();
    image_release(&(image[]){decode(b.data, b.size)}[0]);
    assert_true(mem_bytes_peak() <= (peak > most ? peak : most));
    free(b.data);
}

/* Hundreds of texts of megabytes in a small file are not inflated. */
static void test_png_texts(void **state) {
    enum { LENGTH = 4 << 20, TEXTS = 200 };
    static const uint8_t pixel = 1;
    uint8_t *text = calloc(LENGTH, 1), *file = malloc((size_t)TEXTS * 8192), *packed = malloc(8192);
    uLongf room = 8000;
    (void)state;
    memcpy(packed, "k\0\0", 3); /* keyword, method */
    assert_int_equal(compress2(packed + 3, &room, text, LENGTH, 9), Z_OK);
    size_t n = make_png(file, 4096, PNG_FORMAT_GRAY, 1, 1, &pixel, NULL), peak = mem_bytes_peak();
    for (int i = 0; i < TEXTS; i++) n = png_insert(file, n, "zTXt", packed, room + 3);
    check(decode(file, n), 1, 1, 1, &pixel);
    assert_true(mem_bytes_peak() - peak < 1 << 20);
    free(text);
    free(packed);
    free(file);
}
#endif

#ifdef STRIA_HAVE_JPEG
static void test_jpeg_orientation(void **state) {
    static const uint8_t grey[] = {77};
    uint8_t *file, out[4096], exif[64] = "Exif\0";
    (void)state;
    size_t size = make_jpeg(&file, JCS_GRAYSCALE, 1, false, grey);
    for (int orientation = 1; orientation <= 8; orientation++) {
        size_t n = make_exif(exif + 6, orientation & 1, 3, orientation);
        n = jpeg_insert(out, file, size, 0xe1, exif, n + 6);
        image m = decode(out, n);
        assert_int_equal(m.height, orientation > 4 ? 40 : 30);
        assert_int_equal(m.width, orientation > 4 ? 30 : 40);
        image_release(&m);
    }
    /* After another segment of the same marker (XMP), and in one that claims more than the file has. */
    size_t n = jpeg_insert(out, file, size, 0xe1, exif, make_exif(exif + 6, true, 3, 6) + 6);
    uint8_t more[4096];
    n = jpeg_insert(more, out, n, 0xe1, (const uint8_t *)"http://ns", 9);
    image m = decode(more, n);
    assert_int_equal(m.height, 40);
    image_release(&m);
    free(file);
}

typedef struct scans {
    uint8_t *data;
    size_t size;
} scans;

/* A progressive grey JPEG of one colour whose last scan stands there so many times. */
static scans make_scans(int side, int repeats) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    uint8_t *row = calloc((size_t)side, 1), *file = NULL;
    unsigned long size = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &file, &size);
    c.image_width = c.image_height = (JDIMENSION)side;
    c.input_components = 1;
    c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) jpeg_write_scanlines(&c, &row, 1);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    size_t last = size - 2;
    while (file[last] != 0xff || file[last + 1] != 0xda) last--;
    size_t n = size - 2 - last;
    scans s = {malloc(last + (size_t)repeats * n + 2), last};
    memcpy(s.data, file, last);
    for (int i = 0; i < repeats; i++, s.size += n) memcpy(s.data + s.size, file + last, n);
    memcpy(s.data + s.size, "\xff\xd9", 2);
    s.size += 2;
    free(file);
    free(row);
    return s;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Small pictures may have many scans, large ones few. */
static void test_jpeg_scans(void **state) {
    scans s = make_scans(256, 150);
    (void)state;
    image_release(&(image[]){decode(s.data, s.size)}[0]);
    free(s.data);
    s = make_scans(256, 250);
    refuse(s.data, s.size, STRIA_BAD_FILE, "201 scans are too many for 65536 pixels");
    free(s.data);
    s = make_scans(4096, 190);
    double begin = seconds();
    refuse(s.data, s.size, STRIA_BAD_FILE, "65 scans are too many for 16777216 pixels");
    assert_true(seconds() - begin < 20); /* 2 s, and more with sanitizers */
    free(s.data);
}
#endif

/* The header alone tells the channels that decoding gives, also after segments that are longer than what is read first.
 */
static void test_header_channels(void **state) {
    (void)state;
    put_file("grey.pgm", "P5 1 1 255\n.", 12);
    put_file("colour.ppm", "P3 1 1 255\n1 2 3", 16);
    put_file("text", "hello world", 11);
    assert_int_equal(image_look(in_folder("grey.pgm"), false).channels, 1);
    assert_int_equal(image_look(in_folder("colour.ppm"), false).channels, 3);
    assert_int_equal(image_look(in_folder("text"), false).channels, 0);
    assert_int_equal(image_look(in_folder("absent"), false).channels, 0);
    assert_int_equal(image_look(data_folder, false).channels, 0);
#ifdef STRIA_HAVE_JPEG
    static uint8_t pixel[4] = {1, 2, 3, 4}, notes[60000], out[70000];
    static const J_COLOR_SPACE spaces[] = {JCS_GRAYSCALE, JCS_RGB, JCS_CMYK};
    for (int i = 0; i < 3; i++) {
        uint8_t *file;
        size_t size = make_jpeg(&file, spaces[i], i == 0 ? 1 : i + 2, i == 1, pixel);
        put_file("x.jpg", file, size);
        assert_int_equal(image_look(in_folder("x.jpg"), false).channels, i ? 3 : 1);
        size = jpeg_insert(out, file, size, 0xfe, notes, sizeof notes);
        put_file("x.jpg", out, size);
        assert_int_equal(image_look(in_folder("x.jpg"), false).channels, i ? 3 : 1);
        free(file);
    }
#endif
#ifdef STRIA_HAVE_PNG
    static const uint32_t formats[] = {PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
    static const uint8_t pixels[4] = {1, 2, 3, 255};
    uint8_t png[4096];
    for (int i = 0; i < 4; i++) {
        size_t n = make_png(png, sizeof png, formats[i], 1, 1, pixels, NULL);
        put_file("x.png", png, n);
        image m = decode(png, n);
        assert_int_equal(image_look(in_folder("x.png"), false).channels, m.channels);
        image_release(&m);
    }
#endif
}

static void test_pixel_limit(void **state) {
    static const char large[] = "P5 8193 8193 255\n.";
    image m = {0};
    stria_error err;
    (void)state;
    refuse(large, sizeof large, STRIA_UNSUPPORTED, "8193 x 8193 pixels is larger than the limit of 67108864");
    assert_int_equal(
        image_decode((const uint8_t *)large, sizeof large, &(image_reading){.max_pixels = 8193 * 8193}, &m, &err),
        STRIA_BAD_FILE);
    assert_true(says(&err, "truncated"));
    assert_int_equal(image_decode((const uint8_t *)"P5 2 1 255\n..", 13, &(image_reading){.max_pixels = 1}, &m, &err),
                     STRIA_UNSUPPORTED);
    assert_int_equal(image_decode((const uint8_t *)"P5 20000 20000 255\n..", 21,
                                  &(image_reading){.max_pixels = INT64_MAX}, &m, &err),
                     STRIA_UNSUPPORTED);
    assert_true(says(&err, "too large"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef STRIA_HAVE_PNG
        cmocka_unit_test(test_png_orientation),  cmocka_unit_test(test_png_orientation_rgb),
        cmocka_unit_test(test_exif_damage),      cmocka_unit_test(test_png_bomb),
        cmocka_unit_test(test_png_texts),
#endif
#ifdef STRIA_HAVE_JPEG
        cmocka_unit_test(test_jpeg_orientation), cmocka_unit_test(test_jpeg_scans),
#endif
        cmocka_unit_test(test_header_channels),  cmocka_unit_test(test_pixel_limit),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
