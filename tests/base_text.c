/* The growing text, the nearest name, numbers, patterns and printed sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void text_grows(void **state) {
    (void)state;
    text t = {0};
    char want[4000] = "";
    assert_string_equal(text_string(&t), "");
    text_append(&t, NULL, 0);
    assert_string_equal(t.data, "");
    for (int i = 0; i < 300; i++) {
        text_printf(&t, "%d,", i);
        text_append(&t, "xyz", 2);
        snprintf(want + strlen(want), sizeof want - strlen(want), "%d,xy", i);
    }
    assert_string_equal(text_string(&t), want);
    assert_int_equal(t.length, strlen(want));
    assert_int_equal(text_check(&t, NULL), STRIA_OK);
    text_release(&t);
    assert_null(t.data);
}

static void text_failure_sticks(void **state) {
    (void)state;
    text t = {0};
    stria_error err = {0};
    text_append(&t, "kept", 4);
    mem_fail_at(1);
    text_printf(&t, "%1000d", 1);
    mem_fail_at(0);
    text_append(&t, "ignored", 7);
    assert_string_equal(text_string(&t), "kept");
    assert_int_equal(text_check(&t, &err), STRIA_NO_MEMORY);
    text_release(&t);
}

static void finds_the_nearest(void **state) {
    (void)state;
    const char *const names[] = {"lenet", "lenet5", "linear", "mlp", "resnet50", "Sigmoid"};
    const struct {
        const char *name, *want;
    } cases[] = {
        {"lenet", "lenet"}, {"lenett", "lenet"}, {"leent5", "lenet5"},     {"LINEAR", "linear"},   {"liner", "linear"},
        {"mpl", "mlp"},     {"mlpp", "mlp"},     {"rsenet50", "resnet50"}, {"sigmiod", "Sigmoid"}, {"vgg16", NULL},
        {"", NULL},         {"x", NULL},         {"convolution", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = text_nearest(cases[i].name, names, 6);
        if (cases[i].want) assert_string_equal(found ? found : "(none)", cases[i].want);
        else assert_null(found);
    }
    /* of equally near ones the one that begins alike, whatever stands between the letters */
    const char *const nets[] = {"mobilenet-v1", "mobilenet-v2"};
    assert_string_equal(text_nearest("mobilenetv2-13", nets, 2), "mobilenet-v2");
    assert_string_equal(text_nearest("mobilenetv1-13", nets, 2), "mobilenet-v1");
    char giant[10000];
    memset(giant, 'a', sizeof giant - 1);
    giant[sizeof giant - 1] = 0;
    const char *const giants[] = {giant};
    assert_null(text_nearest(giant, names, 6));
    assert_null(text_nearest("lenet", giants, 1));
    assert_null(text_nearest("lenet", NULL, 0));
}

static void reads_integers(void **state) {
    (void)state;
    int64_t value = 77;
    const char *const bad[] = {"",    " 1",  "1 ",   "1x", "x", "0x10", "1.0", "--1", "+", "-", "9223372036854775808",
                               "1e3", "\n1", "1,000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(text_to_int(bad[i], &value));
    assert_int_equal(value, 77);
    assert_true(text_to_int("-9223372036854775808", &value) && value == INT64_MIN);
    assert_true(text_to_int("+42", &value) && value == 42);
    assert_true(text_to_int("007", &value) && value == 7);
}

static void reads_reals(void **state) {
    (void)state;
    double value = 77;
    const char *const bad[] = {"", " 1", "1 ", "1e", "e1", "nan", "inf", "-inf", "1e999", "0,5", "1.0.0", ".", "1f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(text_to_double(bad[i], &value));
    assert_true(value == 77);
    assert_true(text_to_double("-0.125", &value) && value == -0.125);
    assert_true(text_to_double("1e-3", &value) && value == 1e-3);
    assert_true(text_to_double(".5", &value) && value == 0.5);
    assert_true(text_to_double("1e-400", &value) && value == 0);
}

/* A host program may have set a locale with a decimal comma; runs only where such a locale is installed. */
static void ignores_the_locale(void **state) {
    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    text t = {0};
    double value = 0;
    text_printf(&t, "%g", 0.5);
    assert_string_equal(text_string(&t), "0.5");
    assert_true(text_to_double("0.5", &value) && value == 0.5);
    text_release(&t);
    setlocale(LC_ALL, "C");
}

static void knows_endings(void **state) {
    (void)state;
    assert_true(text_ends("a/x.npy", ".npy"));
    assert_false(text_ends(".npy", ".npy"));
    assert_false(text_ends("x.npz", ".npy"));
    assert_false(text_ends("y", ".npy"));
}

/* RFC 3629: what is no character, and the least and greatest of each length. */
static void finds_utf8(void **state) {
    static const struct {
        const char *s;
        size_t bytes;
    } rows[] = {{"", 0},
                {"a", 1},
                {"\x7f", 1},
                {"\x80", 0},
                {"\xc1\xbf", 0},
                {"\xc2\x80", 2},
                {"\xdf\xbf", 2},
                {"\xe0\x9f\xbf", 0},
                {"\xe0\xa0\x80", 3},
                {"\xed\x9f\xbf", 3},
                {"\xed\xa0\x80", 0},
                {"\xef\xbf\xbf", 3},
                {"\xf0\x8f\xbf\xbf", 0},
                {"\xf0\x90\x80\x80", 4},
                {"\xf4\x8f\xbf\xbf", 4},
                {"\xf4\x90\x80\x80", 0},
                {"\xf8\x88\x80\x80\x80", 0},
                {"\xff", 0},
                {"\xe7\x8b", 0},
                {"\xe9z", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_int_equal(text_utf8_bytes(rows[i].s), rows[i].bytes);
}

static void prints_sizes(void **state) {
    (void)state;
    char b[32];
    assert_string_equal(text_thousands(0, b), "0");
    assert_string_equal(text_thousands(999, b), "999");
    assert_string_equal(text_thousands(-1000, b), "-1,000");
    assert_string_equal(text_thousands(431080, b), "431,080");
    assert_string_equal(text_thousands(INT64_MIN, b), "-9,223,372,036,854,775,808");
    assert_string_equal(text_bytes(0, b), "0 B");
    assert_string_equal(text_bytes(1023, b), "1023 B");
    assert_string_equal(text_bytes(1024, b), "1.0 KiB");
    assert_string_equal(text_bytes(1048575, b), "1.0 MiB");
    assert_string_equal(text_bytes(66479718, b), "63.4 MiB");
    assert_string_equal(text_bytes(UINT64_MAX, b), "16.0 EiB");
}

static void quotes_json(void **state) {
    (void)state;
    text t = {0};
    text_json(&t, "a\"b\\c\n\x1F\xC3\xA9");
    assert_string_equal(text_string(&t), "\"a\\\"b\\\\c\\u000a\\u001f\xC3\xA9\"");
    text_release(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows),     cmocka_unit_test(text_failure_sticks), cmocka_unit_test(finds_the_nearest),
        cmocka_unit_test(reads_integers), cmocka_unit_test(reads_reals),         cmocka_unit_test(ignores_the_locale),
        cmocka_unit_test(knows_endings),  cmocka_unit_test(finds_utf8),          cmocka_unit_test(prints_sizes),
        cmocka_unit_test(quotes_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
