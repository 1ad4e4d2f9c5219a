/* WebP and TIFF pictures: their pixels, orientations, kinds, limits; every prefix of a file is refused without harm. */
#include "data_pictures.h"

#ifdef STRIA_HAVE_WEBP
#include <webp/encode.h>

static const uint8_t colours[18] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7, 100, 50, 25, 1, 2, 3};

static void test_webp(void **state) {
    uint8_t *file = NULL;
    size_t size = WebPEncodeLosslessRGB(colours, 3, 2, 9, &file);
    (void)state;
    assert_true(size > 0);
    check(decode(file, size), 3, 2, 3, colours);
    for (size_t n = 4; n < size; n++) {
        image m = {0};
        stria_error err = {0};
        if (image_decode(file, n, NULL, &m, &err) == STRIA_OK) image_release(&m);
        else assert_true(says(&err, "WebP"));
    }
    image m = {0};
    stria_error err = {0};
    assert_int_equal(image_decode(file, size, &(image_reading){.max_pixels = 5}, &m, &err), STRIA_UNSUPPORTED);
    assert_true(says(&err, "larger than the limit of 5"));
    put_file("x.webp", file, size);
    assert_int_equal(image_look(in_folder("x.webp"), false).channels, 3);
    assert_true(image_name("X.WebP"));
    WebPFree(file);
    refuse("RIFF\4\0\0\0WEBPnonsense", 20, STRIA_BAD_FILE, "a damaged WebP");
}
#endif

#ifdef STRIA_HAVE_TIFF
#include <tiffio.h>

/* Rows of `samples` bytes (or words of 16 bits) a pixel. */
static size_t put_tiff(const char *name, int width, int height, int samples, int bits, int kind, int orientation,
                       int compression, const void *pixels) {
    TIFF *t = TIFFOpen(in_folder(name), "w");
    size_t row = (size_t)(width * samples * bits / 8);
    assert_non_null(t);
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, samples);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, kind);
    TIFFSetField(t, TIFFTAG_ORIENTATION, orientation);
    TIFFSetField(t, TIFFTAG_COMPRESSION, compression);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 1);
    for (int y = 0; y < height; y++)
        assert_int_equal(TIFFWriteScanline(t, (uint8_t *)(uintptr_t)pixels + (size_t)y * row, (uint32_t)y, 0), 1);
    TIFFClose(t);
    return row * (size_t)height;
}

static image load(const char *name) {
    image m = {0};
    stria_error err = {0};
    if (image_load(in_folder(name), NULL, &m, &err) != STRIA_OK) fail_msg("%s", err.text);
    return m;
}

static void test_tiff(void **state) {
    static const uint8_t grey[6] = {0, 50, 100, 150, 200, 250}, white[6] = {255, 205, 155, 105, 55, 5};
    static const uint8_t rgb[12] = {1, 2, 3, 40, 50, 60, 255, 0, 0, 0, 0, 255};
    static const uint16_t deep[4] = {0, 257 * 10, 257 * 200, 65535};
    static const uint8_t shallow[4] = {0, 10, 200, 255};
    (void)state;
    put_tiff("grey.tif", 3, 2, 1, 8, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_LZW, grey);
    check(load("grey.tif"), 1, 2, 3, grey);
    assert_int_equal(image_look(in_folder("grey.tif"), false).channels, 1);
    put_tiff("white.tif", 3, 2, 1, 8, PHOTOMETRIC_MINISWHITE, 1, COMPRESSION_NONE, grey);
    check(load("white.tif"), 1, 2, 3, white);
    put_tiff("rgb.tif", 2, 2, 3, 8, PHOTOMETRIC_RGB, 1, COMPRESSION_PACKBITS, rgb);
    check(load("rgb.tif"), 3, 2, 2, rgb);
    image_facts f = image_look(in_folder("rgb.tif"), false);
    assert_int_equal(f.channels, 3);
    put_tiff("deep.tif", 2, 2, 1, 16, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_NONE, deep);
    check(load("deep.tif"), 1, 2, 2, shallow);
}

/* As EXIF turns a JPEG: the eight forms of one picture. */
static void test_tiff_orientation(void **state) {
    static const uint8_t stored[6] = {1, 2, 3, 4, 5, 6};
    static const uint8_t shown[9][6] = {{0},
                                        {1, 2, 3, 4, 5, 6},
                                        {3, 2, 1, 6, 5, 4},
                                        {6, 5, 4, 3, 2, 1},
                                        {4, 5, 6, 1, 2, 3},
                                        {1, 4, 2, 5, 3, 6},
                                        {4, 1, 5, 2, 6, 3},
                                        {6, 3, 5, 2, 4, 1},
                                        {3, 6, 2, 5, 1, 4}};
    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++) {
        put_tiff("o.tif", 3, 2, 1, 8, PHOTOMETRIC_MINISBLACK, orientation, COMPRESSION_NONE, stored);
        bool turned = orientation > 4;
        check(load("o.tif"), 1, turned ? 3 : 2, turned ? 2 : 3, shown[orientation]);
    }
}

static void test_tiff_damage(void **state) {
    uint8_t pixels[64], *bytes = NULL;
    size_t size = 0;
    (void)state;
    for (int i = 0; i < 64; i++) pixels[i] = (uint8_t)(i * 3);
    put_tiff("d.tif", 8, 8, 1, 8, PHOTOMETRIC_MINISBLACK, 1, COMPRESSION_LZW, pixels);
    assert_int_equal(file_read(in_folder("d.tif"), 0, &bytes, &size, NULL), STRIA_OK);
    for (size_t n = 4; n < size; n++) {
        image m = {0};
        stria_error err = {0};
        size_t before = mem_bytes_now();
        if (image_decode(bytes, n, NULL, &m, &err) == STRIA_OK) image_release(&m);
        else assert_true(says(&err, "TIFF") || says(&err, "picture"));
        assert_int_equal(mem_bytes_now(), before);
    }
    for (size_t i = 4; i < size; i++) { /* a byte of the directory or the data is another */
        image m = {0};
        uint8_t was = bytes[i];
        bytes[i] = (uint8_t)(was ^ 0xff);
        if (image_decode(bytes, size, NULL, &m, NULL) == STRIA_OK) image_release(&m);
        bytes[i] = was;
    }
    mem_free(bytes);
}
#endif

static void test_names(void **state) {
    (void)state;
    assert_true(image_name("a.tif") && image_name("b.TIFF") && image_name("c.webp"));
    assert_false(image_name("d.gif"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
#ifdef STRIA_HAVE_WEBP
        cmocka_unit_test(test_webp),
#endif
#ifdef STRIA_HAVE_TIFF
        cmocka_unit_test(test_tiff),  cmocka_unit_test(test_tiff_orientation), cmocka_unit_test(test_tiff_damage),
#endif
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
