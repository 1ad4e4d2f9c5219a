/* image_write: what is written is read again; names, channels and a full disk are refused, and nothing half is left. */
#include "data_support.h"

#include "data/image.h"

static uint8_t pixels[2 * 3 * 3] = {0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255, 7, 8, 9, 10, 11, 12};

static void check_round(const char *name, int channels) {
    stria_error err = {0};
    image m = {.channels = channels, .height = 2, .width = 3, .pixels = pixels}, back = {0};
    assert_int_equal(image_write(in_folder(name), &m, &err), STRIA_OK);
    assert_int_equal(image_load(in_folder(name), NULL, &back, &err), STRIA_OK);
    assert_int_equal(back.channels, channels);
    assert_int_equal(back.height, 2);
    assert_int_equal(back.width, 3);
    assert_memory_equal(back.pixels, pixels, (size_t)(6 * channels));
    image_release(&back);
}

static void test_round(void **state) {
    (void)state;
    check_round("grey.pgm", 1);
    check_round("colour.PPM", 3);
    check_round("any.pnm", 1);
    check_round("any.pnm", 3);
#ifdef STRIA_HAVE_PNG
    check_round("grey.png", 1);
    check_round("colour.png", 3);
#endif
}

static void check_refused(const char *name, int channels, stria_status wanted) {
    stria_error err = {0};
    image m = {.channels = channels, .height = 2, .width = 3, .pixels = pixels};
    assert_int_equal(image_write(in_folder(name), &m, &err), wanted);
    assert_int_equal(err.status, wanted);
    assert_true(*err.text);
}

static void test_refused(void **state) {
    (void)state;
    check_refused("a.jpg", 1, STRIA_BAD_ARGUMENT);
    check_refused("a", 1, STRIA_BAD_ARGUMENT);
    check_refused("colour.pgm", 3, STRIA_BAD_ARGUMENT);
    check_refused("grey.ppm", 1, STRIA_BAD_ARGUMENT);
    check_refused("nowhere/a.pgm", 1, STRIA_NO_FILE);
}

/* Every step of writing fails once, then every allocation: no file, or the whole. */
static void test_torture(void **state) {
    (void)state;
    static const char *const names[] = {"t.pgm", "t.png"};
    int count = 1;
#ifdef STRIA_HAVE_PNG
    count = 2;
#endif
    image m = {.channels = 1, .height = 2, .width = 3, .pixels = pixels};
    for (int i = 0; i < count; i++) {
        bool failed = true;
        for (long n = 1; n < 200 && failed; n++) {
            file_fail_at(n);
            failed = image_write(in_folder(names[i]), &m, NULL) != STRIA_OK;
            file_fail_at(0);
            bool there = file_exists(in_folder(names[i]));
            assert_true(there || failed);
            if (!there) continue;
            image whole = {0}; /* the sync of the folder comes after the renaming */
            assert_int_equal(image_load(in_folder(names[i]), NULL, &whole, NULL), STRIA_OK);
            image_release(&whole);
            assert_int_equal(remove(in_folder(names[i])), 0);
        }
        assert_false(failed);
        failed = true;
        for (long n = 1; n < 200 && failed; n++) {
            stria_error err = {0};
            mem_fail_at(n);
            failed = image_write(in_folder(names[i]), &m, &err) != STRIA_OK;
            mem_fail_at(0);
            assert_true(!failed || err.status == STRIA_NO_MEMORY);
        }
        assert_false(failed);
        check_round(names[i], 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
