/* A new network gets the mean and deviation of pictures in files; what is given stays. */
#include "data_support.h"

#include <stria/stria.h>

static void put_plain(const char *name, int red, int green) {
    uint8_t file[64];
    int n = snprintf((char *)file, sizeof file, "P6 4 4 255\n");
    for (int i = 0; i < 16; i++)
        file[n + 3 * i] = (uint8_t)red, file[n + 3 * i + 1] = (uint8_t)green, file[n + 3 * i + 2] = 51;
    put_file(name, file, (size_t)n + 48);
}

static const char *metadata_of(stria_dataset *d, const char *scale, const char *key, char out[64]) {
    stria_model *m = NULL, *trained = NULL;
    stria_trainer *t = NULL;
    stria_error err = {0};
    stria_train_options o = stria_train_options_default();
    o.batch = 2;
    assert_int_equal(stria_model_open(&m, "linear:classes=2,size=3x4x4", 0, &err), STRIA_OK);
    if (scale) assert_int_equal(stria_model_set_metadata(m, "stria.scale", scale, &err), STRIA_OK);
    if (stria_trainer_new(&t, m, d, NULL, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(stria_trainer_model(&trained, t, &err), STRIA_OK);
    const char *said = stria_model_metadata(trained, key);
    snprintf(out, 64, "%s", said ? said : "");
    stria_model_free(trained);
    stria_model_free(m);
    stria_trainer_free(t);
    return out;
}

static void test_moments(void **state) {
    char spec[600], out[64];
    stria_dataset *d = NULL;
    (void)state;
    put_folder("p");
    put_folder("p/a");
    put_folder("p/b");
    put_plain("p/a/1.ppm", 0, 255);
    put_plain("p/a/2.ppm", 255, 255);
    put_plain("p/b/1.ppm", 0, 0);
    put_plain("p/b/2.ppm", 255, 0);
    snprintf(spec, sizeof spec, "folder:%s", in_folder("p"));
    assert_int_equal(stria_dataset_open(&d, spec, NULL, NULL), STRIA_OK);
    assert_string_equal(metadata_of(d, NULL, "stria.mean", out), "0.5,0.5,0.2");
    assert_string_equal(metadata_of(d, NULL, "stria.std", out), "0.5,0.5,1"); /* blue never changes */
    assert_string_equal(metadata_of(d, "1/128", "stria.mean", out), "");
    stria_dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
