/* Sentences: status, truncation, prefixes, and what names from strangers may not do to a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "base/text.h"

static void sets_status_and_sentence(void **state) {
    (void)state;
    stria_error err = {0};
    assert_int_equal(error_set(&err, STRIA_BAD_SHAPE, "layer '%s' has %d channels", "conv1", 3), STRIA_BAD_SHAPE);
    assert_int_equal(err.status, STRIA_BAD_SHAPE);
    assert_string_equal(err.text, "layer 'conv1' has 3 channels");
    assert_int_equal(error_set(NULL, STRIA_IO, "nobody listens"), STRIA_IO);
    error_prefix(NULL, "nobody ");
}

static void may_quote_itself(void **state) {
    (void)state;
    stria_error err = {0};
    error_set(&err, STRIA_IO, "inner");
    error_set(&err, STRIA_BAD_FILE, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
    error_prefix(&err, "%s, again ", err.text);
    assert_string_equal(err.text, "outer: inner, again outer: inner");
    assert_int_equal(err.status, STRIA_BAD_FILE);
}

static void masks_control_characters(void **state) {
    (void)state;
    stria_error err = {0};
    error_set(&err, STRIA_BAD_FILE, "name '%s'",
              "a\x1b[31mb\nc\x7f\xc2\x9b"
              "d\xc3\xa9");
    assert_string_equal(err.text, "name 'a?[31mb?c???d\xc3\xa9'");
}

/* What is masked is masked in every encoding, and nothing else is. */
static void masks_what_drives_terminals(void **state) {
    static const struct {
        const char *given, *shown;
    } cases[] = {
        {"\xc2\x80\xc2\x9f", "????"}, /* C1 in UTF-8 */
        {"a\x9b"
         "1;31m",
         "a?1;31m"},                      /* C1 as a byte */
        {"\xc2\xa0\xe9", "\xc2\xa0\xe9"}, /* a no-break space, Latin-1 */
        {"\xe2\x80\xae"
         "gnp",
         "???gnp"}, /* U+202E */
        {"\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9", "?????????"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "??????"}, /* line and paragraph separators */
        {"\xe2\x80\xa6\xe2\x82\xac", "\xe2\x80\xa6\xe2\x82\xac"},
        {"\xe0\x82\x9b", "\xe0??"}, /* C1, overlong */
        {"\xf0\x9f\x98\x80\t", "\xf0\x9f\x98\x80?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stria_error err = {0};
        char line[64];
        strcpy(line, cases[i].given);
        assert_string_equal(text_mask(line), cases[i].shown);
        error_set(&err, STRIA_BAD_FILE, "%s", cases[i].given);
        assert_string_equal(err.text, cases[i].shown);
        error_prefix(&err, "%s: ", cases[i].given);
        assert_memory_equal(err.text, cases[i].shown, strlen(cases[i].shown));
    }
}

static void truncates_between_characters(void **state) {
    (void)state;
    stria_error err = {0};
    char name[3000];
    for (size_t i = 0; i + 2 < sizeof name; i += 2) memcpy(name + i, "\xc3\xa9", 3);
    for (int shift = 0; shift < 2; shift++) {
        error_set(&err, STRIA_BAD_FILE, "%s%s", shift ? "x" : "", name);
        size_t length = strlen(err.text);
        assert_true(length >= sizeof err.text - 2 && length < sizeof err.text);
        assert_int_equal((unsigned char)err.text[length - 1], 0xA9);
        error_prefix(&err, "file %d: ", shift);
        length = strlen(err.text);
        assert_true(length >= sizeof err.text - 2 && length < sizeof err.text);
        assert_int_equal((unsigned char)err.text[length - 1], 0xA9);
        assert_memory_equal(err.text, "file ", 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_status_and_sentence),     cmocka_unit_test(may_quote_itself),
        cmocka_unit_test(masks_control_characters),     cmocka_unit_test(masks_what_drives_terminals),
        cmocka_unit_test(truncates_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
