/* Pictures: every format to the right pixels, and damage to a sentence. */
#include "data_pictures.h"

#define TEXT(words) words, sizeof(words) - 1

/* Every prefix, and every flipped bit of the first bytes: no crash, no leak (and nothing that the sanitizers would
 * say). */
static void damage(const uint8_t *data, size_t size) {
    uint8_t *broken = malloc(size);
    size_t before = mem_bytes_now();
    for (size_t n = 0; n <= size; n++) {
        image m = {0};
        memcpy(broken, data, n);
        if (image_decode(broken, n, NULL, &m, NULL) == STRIA_OK) image_release(&m);
    }
    for (size_t bit = 0; bit < 8 * size && bit < 8192; bit++) {
        image m = {0};
        memcpy(broken, data, size);
        broken[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (image_decode(broken, size, NULL, &m, NULL) == STRIA_OK) image_release(&m);
    }
    assert_int_equal(mem_bytes_now(), before);
    free(broken);
}

static void test_pnm(void **state) {
    static const uint8_t grey[] = {0, 128, 255, 1, 2, 3}, colour[] = {255, 0, 0, 0, 255, 51};
    (void)state;
    check(decode(TEXT("P5 # why\n3 2\n255\n\0\200\377\1\2\3")), 1, 2, 3, grey);
    check(decode(TEXT("P2\n3 2 255\n0 128 255 # end\n1 2 3")), 1, 2, 3, grey);
    check(decode(TEXT("P3 2 1 5 5 0 0 0 5 1")), 3, 1, 2, colour);
    check(decode(TEXT("P6 2 1 65535\n\377\377\0\0\0\0\0\0\377\377\63\63")), 3, 1, 2, colour);
    refuse(TEXT("P5 3 2 255\n\0\0"), STRIA_BAD_FILE, "truncated: 3 x 2");
    refuse(TEXT("P5 3 2 0\n123456"), STRIA_BAD_FILE, "damaged PNM header");
    refuse(TEXT("P2 1 1 5 6"), STRIA_BAD_FILE, "outside 0 to 5");
    refuse(TEXT("P5 65535 65535 255\n1"), STRIA_UNSUPPORTED, "too large");
    refuse(TEXT("P5 99999999 99999999 255\n1"), STRIA_BAD_FILE, "damaged");
    refuse(TEXT("P5 0 1 255\n1"), STRIA_BAD_FILE, "without pixels");
    damage((const uint8_t *)TEXT("P6 2 1 65535\n\377\377\0\0\0\0\0\0\377\377\63\63"));
}

/* Two columns, two rows, bottom first: blue, green / red, white. */
static size_t make_bmp(uint8_t *out, int bits, bool top_down) {
    static const uint8_t colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}}; /* B G R */
    size_t palette = bits <= 8 ? 16 : 0, at = 54 + palette, pitch = bits <= 16 ? 4 : 8;
    memset(out, 0, at + 2 * pitch);
    memcpy(out, "BM", 2);
    out[10] = (uint8_t)at;
    out[14] = 40;
    out[18] = 2;
    out[22] = top_down ? 0xfe : 2;
    if (top_down) memset(out + 23, 0xff, 3);
    out[28] = (uint8_t)bits;
    for (int i = 0; i < 4; i++) {
        uint8_t *row = out + at + (size_t)(i / 2) * pitch;
        if (bits <= 8) memcpy(out + 54 + 4 * i, colours[i], 3);
        if (bits == 4) row[0] = (uint8_t)(row[0] | i << (i & 1 ? 0 : 4));
        else if (bits == 8) row[i & 1] = (uint8_t)i;
        else memcpy(row + (i & 1) * bits / 8, colours[i], 3);
    }
    return at + 2 * pitch;
}

static void test_bmp(void **state) {
    static const uint8_t up[] = {255, 0, 0, 255, 255, 255, 0, 0, 255, 0, 255, 0};
    static const uint8_t down[] = {0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255};
    static const int bits[] = {4, 8, 24, 32};
    uint8_t file[128];
    (void)state;
    for (int i = 0; i < 4; i++) {
        check(decode(file, make_bmp(file, bits[i], false)), 3, 2, 2, up);
        check(decode(file, make_bmp(file, bits[i], true)), 3, 2, 2, down);
        damage(file, make_bmp(file, bits[i], false));
    }
    size_t n = make_bmp(file, 8, false);
    refuse(file, n - 1, STRIA_BAD_FILE, "truncated");
    file[70] = 4;
    refuse(file, n, STRIA_BAD_FILE, "colour 4 of 4");
    make_bmp(file, 24, false);
    file[30] = 1;
    refuse(file, n, STRIA_UNSUPPORTED, "compressed BMP");
    make_bmp(file, 24, false);
    file[28] = 16;
    refuse(file, n, STRIA_UNSUPPORTED, "16 bits");
}

static void test_other_files(void **state) {
    (void)state;
    refuse("", 0, STRIA_BAD_FILE, "an empty file");
    refuse(TEXT("GIF89a....."), STRIA_UNSUPPORTED, "GIF pictures are not read");
    refuse(TEXT("hello world"), STRIA_BAD_FILE, "not a PNG, JPEG, WebP, TIFF, BMP or PNM picture");
    image m = {0};
    stria_error err;
    assert_int_equal(image_load(in_folder("absent.png"), NULL, &m, &err), STRIA_NO_FILE);
    assert_int_equal(image_load(data_folder, NULL, &m, &err), STRIA_BAD_FILE);
    assert_true(image_name("a.b.JPEG") && image_name("x.png") && !image_name("x.gif") && !image_name("png"));
}

#ifdef STRIA_HAVE_PNG
static void test_png(void **state) {
    static const uint8_t grey[] = {1, 2, 3, 4, 5, 6}, rgba[] = {9, 8, 7, 255, 6, 5, 4, 0}, rgb[] = {9, 8, 7, 6, 5, 4};
    static const uint8_t map[] = {10, 20, 30, 40, 50, 60}, indices[] = {1, 0, 1},
                         mapped[] = {40, 50, 60, 10, 20, 30, 40, 50, 60};
    static const uint16_t wide[] = {0, 65535};
    static const uint8_t ends[] = {0, 255};
    uint8_t file[4096];
    (void)state;
    size_t n = make_png(file, sizeof file, PNG_FORMAT_GRAY, 3, 2, grey, NULL);
    check(decode(file, n), 1, 2, 3, grey);
    damage(file, n);
    for (size_t i = 8; i < n; i++) refuse(file, i, STRIA_BAD_FILE, "damaged PNG");
    check(decode(file, make_png(file, sizeof file, PNG_FORMAT_RGB, 2, 1, rgb, NULL)), 3, 1, 2, rgb);
    check(decode(file, make_png(file, sizeof file, PNG_FORMAT_RGBA, 2, 1, rgba, NULL)), 3, 1, 2, rgb);
    check(decode(file, make_png(file, sizeof file, PNG_FORMAT_RGB_COLORMAP, 3, 1, indices, map)), 3, 1, 3, mapped);
    check(decode(file, make_png(file, sizeof file, PNG_FORMAT_LINEAR_Y, 2, 1, wide, NULL)), 1, 1, 2, ends);
}

/* A header that claims 16,000 x 4,000 pixels in 100 bytes takes no memory for them. */
static void test_png_claims(void **state) {
    static const uint8_t pixel = 1;
    uint8_t file[4096];
    size_t n = make_png(file, sizeof file, PNG_FORMAT_GRAY, 1, 1, &pixel, NULL), peak = mem_bytes_peak();
    (void)state;
    memcpy(file + 16, "\0\0\76\200\0\0\17\240", 8);
    uLong crc = crc32(0, file + 12, 17);
    for (int i = 0; i < 4; i++) file[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
    refuse(file, n, STRIA_BAD_FILE, "truncated: 16000 x 4000");
    assert_true(mem_bytes_peak() - peak < 1 << 20);
}

static void test_png_animation(void **state) {
    static const uint8_t pixel = 1, chunk[] = {0, 0, 0, 8, 'a', 'c', 'T', 'L', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t file[4096];
    size_t n = make_png(file, sizeof file, PNG_FORMAT_GRAY, 1, 1, &pixel, NULL);
    (void)state;
    memmove(file + 33 + sizeof chunk, file + 33, n - 33);
    memcpy(file + 33, chunk, sizeof chunk);
    refuse(file, n + sizeof chunk, STRIA_UNSUPPORTED, "animated PNG");
}
#endif

#ifdef STRIA_HAVE_JPEG
static void check_plain(image m, int channels, const uint8_t *pixel) {
    assert_int_equal(m.channels, channels);
    assert_int_equal(m.height, 30);
    assert_int_equal(m.width, 40);
    for (int i = 0; i < 1200 * channels; i++) assert_in_range(m.pixels[i] + 4 - pixel[i % channels], 0, 8);
    image_release(&m);
}

static void test_jpeg(void **state) {
    static const uint8_t orange[] = {250, 120, 10}, grey[] = {77}, ink[] = {255, 128, 64, 128},
                         printed[] = {128, 64, 32};
    uint8_t *file;
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        size_t n = make_jpeg(&file, JCS_RGB, 3, progressive, orange);
        check_plain(decode(file, n), 3, orange);
        for (size_t i = 3; i + 2 < n; i++) refuse(file, i, STRIA_BAD_FILE, "");
        damage(file, n);
        free(file);
    }
    size_t n = make_jpeg(&file, JCS_GRAYSCALE, 1, false, grey);
    check_plain(decode(file, n), 1, grey);
    free(file);
    for (int space = 0; space < 2; space++) {
        n = make_jpeg(&file, space ? JCS_YCCK : JCS_CMYK, 4, false, ink);
        check_plain(decode(file, n), 3, printed);
        damage(file, n);
        n = jpeg_strip(file, n, 0xee); /* Adobe's marker: CMYK is the same without it, YCCK then cannot be known */
        if (space) image_release(&(image[]){decode(file, n)}[0]);
        else check_plain(decode(file, n), 3, printed);
        free(file);
    }
}

static void test_jpeg_claims(void **state) {
    static const uint8_t grey[] = {77};
    uint8_t *file;
    size_t n = make_jpeg(&file, JCS_GRAYSCALE, 1, true, grey), peak = mem_bytes_peak();
    (void)state;
    for (size_t i = 0; i + 9 < n; i++) {
        if (file[i] != 0xff || file[i + 1] != 0xc2) continue;
        file[i + 5] = file[i + 7] = 0x1f; /* 8,000 x 8,000 */
    }
    refuse(file, n, STRIA_BAD_FILE, "do not fit");
    assert_true(mem_bytes_peak() - peak < 1 << 20);
    free(file);
}
#endif

static void test_real(void **state) {
    static const struct {
        const char *name;
        int height, width;
    } rows[] = {{"bird.bmp", 0, 0},
                {"cat.bmp", 0, 0},
                {"hot_dog.jpg", 0, 0},
                {"parrot.jpg", 0, 0},
                {"kitten_224.png", 224, 224}};
    const char *folder = real_data("photos");
    (void)state;
    if (!folder) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[600];
        image m = {0};
        stria_error err = {0};
        snprintf(path, sizeof path, "%s/%s", folder, rows[i].name);
        stria_status status = image_load(path, NULL, &m, &err);
        if (status == STRIA_UNSUPPORTED) continue; /* built without that library */
        if (status != STRIA_OK) fail_msg("%s", err.text);
        assert_int_equal(m.channels, 3);
        assert_true(m.height >= 100 && m.width >= 100);
        if (rows[i].height) assert_int_equal(m.height, rows[i].height);
        image_release(&m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pnm),  cmocka_unit_test(test_bmp),         cmocka_unit_test(test_other_files),
#ifdef STRIA_HAVE_PNG
        cmocka_unit_test(test_png),  cmocka_unit_test(test_png_claims),  cmocka_unit_test(test_png_animation),
#endif
#ifdef STRIA_HAVE_JPEG
        cmocka_unit_test(test_jpeg), cmocka_unit_test(test_jpeg_claims),
#endif
        cmocka_unit_test(test_real),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
