/* Specs: names, pairs, sums and lists; every mistake has its sentence; numbers at the ends of their ranges. */
#include <math.h>
#include <string.h>

#include "base/spec.h"
#include "check.h"

static const struct row {
    const char *name;
    int more;
} rows[] = {{"alpha", 1}, {"beta", 2}, {"gamma", 3}};

/* "a=1;b=2" for the pairs of a term, or the sentence. */
static const char *pairs(spec *s) {
    static char text[512];
    bool more;
    *text = 0;
    for (;;) {
        stria_error err = {0};
        size_t used = strlen(text);
        if (spec_next(s, &more, &err) != STRIA_OK) return memcpy(text, err.text, sizeof text - 1);
        if (!more) return text;
        snprintf(text + used, sizeof text - used, "%.*s~%.*s;", (int)s->key.length, s->key.at, (int)s->value.length,
                 s->value.at);
    }
}

static void check_terms(void) {
    static const struct {
        const char *text, *name, *pairs;
    } cases[] = {
        {"", "", ""},
        {"sgd", "sgd", ""},
        {"sgd:", "sgd", "'' is not of the form key=value (at character 5 of 'sgd:')"},
        {"a:k=v", "a", "k~v;"},
        {"a:k=v,long=1x2=3,e=", "a", "k~v;long~1x2=3;e~;"},
        {"a:=v", "a", "'=v' is not of the form key=value (at character 3 of 'a:=v')"},
        {"a:k=v,,b=1", "a", "'' is not of the form key=value (at character 7 of 'a:k=v,,b=1')"},
        {"a:k=v,b", "a", "'b' is not of the form key=value (at character 7 of 'a:k=v,b')"},
        {"a,b=1", "a,b=1", ""},
        {"a:k=1e+3+b", "a", "k~1e+3+b;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spec s = spec_open("", cases[i].text);
        CHECK(spec_is(s.name, cases[i].name), "'%s': the name is '%.*s'", cases[i].text, (int)s.name.length, s.name.at);
        const char *got = pairs(&s);
        CHECK(strcmp(got, cases[i].pairs) == 0, "'%s': %s", cases[i].text, got);
    }
}

static void check_sums(void) {
    spec s = spec_open_sum("--loss", "a:k=1e+3,b=2+c+d:x=");
    CHECK(spec_is(s.name, "a") && strcmp(pairs(&s), "k~1e+3;b~2;") == 0, "the first term");
    CHECK(spec_next_term(&s) && spec_is(s.name, "c") && !*pairs(&s), "the second term");
    CHECK(spec_next_term(&s) && spec_is(s.name, "d") && strcmp(pairs(&s), "x~;") == 0, "the third term");
    CHECK(!spec_next_term(&s), "there is no fourth term");
    s = spec_open_sum("", "a+");
    CHECK(spec_next_term(&s) && s.name.length == 0 && !spec_next_term(&s), "a '+' begins a term, of no name here");
}

static void check_lists(void) {
    spec s = spec_open_list("", " \t k=1  other=a,b:c\n");
    CHECK(strcmp(pairs(&s), "k~1;other~a,b:c;") == 0, "a list");
    s = spec_open_list("", "");
    CHECK(!*pairs(&s), "an empty list");
    s = spec_open_list("", "\r\nk=1\r\n \r");
    CHECK(strcmp(pairs(&s), "k~1;") == 0, "lines that end as Windows' do");
    s = spec_open_list("it", "kernel");
    CHECK(strcmp(pairs(&s), "it: 'kernel' is not of the form key=value") == 0, "one word of something");
    s = spec_open_list("", "kernel");
    CHECK(strcmp(pairs(&s), "'kernel' is not of the form key=value") == 0, "one word");
    s = spec_open_list("it", "k=1 kernel");
    CHECK(strcmp(pairs(&s), "it: 'kernel' is not of the form key=value (at character 5 of 'k=1 kernel')") == 0,
          "its position");
}

static void check_choice(void) {
    static const struct {
        const char *word, *says;
    } bad[] = {
        {"alhpa", "--x: there is no thing 'alhpa'; did you mean 'alpha'?"},
        {"gama", "--x: there is no thing 'gama'; did you mean 'gamma'?"},
        {"zzzzz", "--x: there is no thing 'zzzzz'; there are alpha, beta and gamma"},
        {"", "--x: there is no thing ''; there are alpha, beta and gamma"},
    };
    static const char *const names[] = {"one", NULL, "never"};
    for (int i = 0; i < 3; i++) {
        int index = -1;
        spec s = spec_open("--x", rows[i].name);
        CHECK(spec_choose(&s, "thing", s.name, SPEC_ROWS(rows), &index, NULL) == STRIA_OK && index == i, "%s",
              rows[i].name);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int index = 7;
        stria_error err = {0};
        spec s = spec_open("--x", bad[i].word);
        CHECK(spec_choose(&s, "thing", s.name, SPEC_ROWS(rows), &index, &err) == STRIA_BAD_ARGUMENT && index == 7 &&
                  strcmp(err.text, bad[i].says) == 0,
              "%s", err.text);
    }
    int index;
    stria_error err = {0};
    spec s = spec_open("", "never");
    CHECK(spec_choose(&s, "name", s.name, SPEC_ROWS(names), &index, &err) == STRIA_BAD_ARGUMENT &&
              strcmp(err.text, "there is no name 'never'; there is one") == 0,
          "a table ends at a NULL name: %s", err.text);
}

static void check_numbers(void) {
    static const struct {
        const char *text;
        bool real, positive, flag;
    } cases[] = {{"x:k=0", true, false, true},    {"x:k=1", false, true, true},     {"x:k=0.5", true, true, false},
                 {"x:k=-1", false, false, false}, {"x:k=", false, false, false},    {"x:k=nan", false, false, false},
                 {"x:k=2", false, true, false},   {"x:k=2.1", false, false, false}, {"x:k=1x", false, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spec s = spec_open("", cases[i].text);
        bool more, flag;
        double x;
        CHECK(spec_next(&s, &more, NULL) == STRIA_OK && more, "%s", cases[i].text);
        CHECK((spec_real(&s, 0, 1, &x, NULL) == STRIA_OK) == cases[i].real, "%s as a real", cases[i].text);
        CHECK((spec_positive(&s, 2, &x, NULL) == STRIA_OK) == cases[i].positive, "%s above 0", cases[i].text);
        CHECK((spec_flag(&s, &flag, NULL) == STRIA_OK) == cases[i].flag, "%s as a flag", cases[i].text);
    }
}

static stria_status half(const spec *s, stria_error *err) {
    double x;
    return spec_real(s, 0.5, (double)INFINITY, &x, err);
}
static stria_status below(const spec *s, stria_error *err) {
    double x;
    return spec_real(s, 0, 1, &x, err);
}
static stria_status above(const spec *s, stria_error *err) {
    double x;
    return spec_positive(s, 2, &x, err);
}
static stria_status truth(const spec *s, stria_error *err) {
    bool flag;
    return spec_flag(s, &flag, err);
}

/* With the option's name and without; a number of 64 characters is none. */
static void check_sentences(void) {
    static const struct {
        stria_status (*ask)(const spec *s, stria_error *err);
        const char *value, *says;
    } cases[] = {
        {half, "0.4", "k is '0.4', expected a number of 0.5 or more"},
        {half, "", "k is '', expected a number of 0.5 or more"},
        {half, "1e", "k is '1e', expected a number of 0.5 or more"},
        {below, "1", "k is '1', expected a number from 0 to below 1"},
        {below, "-1e-9", "k is '-1e-9', expected a number from 0 to below 1"},
        {below, "0.000000000000000000000000000000000000000000000000000000000000001",
         "k is '0.000000000000000000000000000000000000000000000000000000000000001', expected a number from 0 to "
         "below 1"},
        {above, "0.000000000000000000000000000000000000000000000000000000000000001",
         "k is '0.000000000000000000000000000000000000000000000000000000000000001', expected a number above 0, "
         "up to 2"},
        {above, "0", "k is '0', expected a number above 0, up to 2"},
        {above, "2.1", "k is '2.1', expected a number above 0, up to 2"},
        {truth, "yes", "k is 'yes', expected 0 or 1"},
        {truth, "", "k is '', expected 0 or 1"}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        char text[100], says[300];
        const char *what = i % 2 ? "--option" : "";
        bool more;
        stria_error err = {0};
        snprintf(text, sizeof text, "x:k=%s", cases[i / 2].value);
        snprintf(says, sizeof says, "%s%s%s", what, *what ? ": " : "", cases[i / 2].says);
        spec s = spec_open(what, text);
        CHECK(spec_next(&s, &more, NULL) == STRIA_OK && more, "%s", text);
        CHECK(cases[i / 2].ask(&s, &err) == STRIA_BAD_ARGUMENT && strcmp(err.text, says) == 0, "%s: '%s'", text,
              err.text);
    }
}

/* Words of any length are cut in sentences and refused by copies. */
static void check_long_words(void) {
    char text[5000], buffer[8];
    stria_error err = {0};
    bool more;
    int index;
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    spec s = spec_open("", text);
    CHECK(spec_choose(&s, "thing", s.name, SPEC_ROWS(rows), &index, &err) != STRIA_OK && strlen(err.text) < 300, "%s",
          err.text);
    CHECK(!spec_copy(s.name, buffer, sizeof buffer) && !*buffer, "a word of 4,999 bytes does not fit 8");
    s.name.length = 7;
    CHECK(spec_copy(s.name, buffer, sizeof buffer) && strlen(buffer) == 7, "a word of 7 bytes fits 8");
    text[1] = ':';
    s = spec_open("", text);
    CHECK(spec_next(&s, &more, &err) != STRIA_OK && strlen(err.text) < 400, "%s", err.text);
}

int main(void) {
    check_terms();
    check_sums();
    check_lists();
    check_choice();
    check_numbers();
    check_sentences();
    check_long_words();
    return check_report();
}
