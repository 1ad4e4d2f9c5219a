/* Downloads from a local server that breaks connections, lies about sizes, redirects and stalls. */
#include "data_support.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "data/fetch.h"
#include "data/fetch_part.h"
#include "http_server.h"

#ifndef STRIA_HAVE_CURL
int main(void) {
    return 77;
}
#else

#define BODY 300000
static uint8_t body[BODY];
static char body_sum[SHA256_TEXT];

static void body_make(void) {
    sha256 s;
    for (size_t i = 0; i < BODY; i++) body[i] = (uint8_t)(i * 2654435761u >> 13);
    sha256_init(&s);
    sha256_add(&s, body, BODY);
    sha256_finish(&s, body_sum);
}

static http_server server;

static void serve(const http_step *steps, int count) {
    server = (http_server){.body = body, .size = BODY, .steps = steps, .step_count = count};
    assert_true(http_start(&server));
}
#define SERVE(...)                                                                                                     \
    static const http_step steps[] = {__VA_ARGS__};                                                                    \
    serve(steps, sizeof steps / sizeof *steps)

static const char *address(void) {
    static char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/model.onnx", server.port);
    return url;
}

static stria_status fetch(const char *name, const char *sha256, uint64_t bytes, stria_error *err) {
    fetch_request r = {
        .url = address(), .path = in_folder(name), .sha256 = sha256, .bytes = bytes, .stall_seconds = 1, .retry_ms = 1};
    *err = (stria_error){0};
    return fetch_file(&r, NULL, err);
}

static void whole(const char *name) {
    uint8_t *data;
    size_t size;
    char part[64];
    assert_int_equal(file_read(in_folder(name), 0, &data, &size, NULL), STRIA_OK);
    assert_int_equal(size, BODY);
    assert_memory_equal(data, body, BODY);
    mem_free(data);
    snprintf(part, sizeof part, "%s.part", name);
    assert_false(file_exists(in_folder(part)));
}

static void sums(void **state) {
    /* FIPS 180-2, appendix B: "abc", two blocks, a million times "a"; and nothing. */
    static const struct {
        const char *text, *sum;
        int times;
    } cases[] = {{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 1},
                 {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", 1},
                 {"aaaaaaaaaa", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 100000},
                 {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sha256 s;
        char text[SHA256_TEXT];
        sha256_init(&s);
        for (int n = 0; n < cases[i].times; n++) sha256_add(&s, cases[i].text, strlen(cases[i].text));
        sha256_finish(&s, text);
        assert_string_equal(text, cases[i].sum);
    }
    assert_true(sha256_valid(cases[0].sum));
    assert_false(sha256_valid("abc"));
    put_file("abc", "abc", 3);
    char text[SHA256_TEXT];
    assert_int_equal(sha256_file(in_folder("abc"), text, NULL), STRIA_OK);
    assert_string_equal(text, cases[0].sum);
}

static void plain(void **state) {
    stria_error err;
    (void)state;
    SERVE({0});
    assert_int_equal(fetch("plain", body_sum, BODY, &err), STRIA_OK);
    whole("plain");
    assert_int_equal(server.requests, 1);
    assert_int_equal(fetch("plain", body_sum, BODY, &err), STRIA_OK);
    assert_int_equal(server.requests, 1); /* it was there */
    put_file("plain", "old", 3);
    assert_int_equal(fetch("plain", NULL, 0, &err), STRIA_OK);
    whole("plain");
    http_stop(&server);
}

/* Without a sum a version's mark is enough to go on; without either it starts again. */
static void broken(void **state) {
    stria_error err;
    (void)state;
    {
        SERVE({.cut = 100000}, {.cut = 70000}, {0});
        assert_int_equal(fetch("broken", body_sum, BODY, &err), STRIA_OK);
        whole("broken");
        assert_int_equal(server.requests, 3);
        assert_int_equal(server.ranges, 2);
        http_stop(&server);
    }
    {
        SERVE({.cut = 100000, .etag = "\"a\""}, {.etag = "\"a\""});
        assert_int_equal(fetch("broken2", NULL, 0, &err), STRIA_OK);
        whole("broken2");
        assert_int_equal(server.ranges, 1);
        http_stop(&server);
    }
    {
        SERVE({.cut = 100000}, {0});
        assert_int_equal(fetch("broken3", NULL, 0, &err), STRIA_OK);
        whole("broken3");
        assert_int_equal(server.ranges, 0);
        http_stop(&server);
    }
}

/* The server's file changes between two tries: its mark shows it, and nothing is mixed. */
static void changed(void **state) {
    stria_error err;
    (void)state;
    SERVE({.cut = 100000, .etag = "\"old\"", .other = true}, {.etag = "\"new\""});
    assert_int_equal(fetch("changed", NULL, 0, &err), STRIA_OK);
    whole("changed");
    assert_int_equal(server.ranges, 1);
    http_stop(&server);
}

static void no_ranges(void **state) {
    stria_error err;
    (void)state;
    SERVE({.cut = 100000, .no_ranges = true}, {.no_ranges = true});
    assert_int_equal(fetch("whole", body_sum, BODY, &err), STRIA_OK);
    whole("whole");
    http_stop(&server);
}

/* What an earlier call left is gone on with; if it was of another version, the file is fetched again. */
static void resumed(void **state) {
    stria_error err;
    (void)state;
    SERVE({0});
    put_file("resumed.part", body, 123457);
    assert_int_equal(fetch("resumed", body_sum, BODY, &err), STRIA_OK);
    whole("resumed");
    assert_int_equal(server.ranges, 1);
    put_file("other.part", body + 1, 123457);
    assert_int_equal(fetch("other", body_sum, BODY, &err), STRIA_OK);
    whole("other");
    put_file("long.part", body, BODY); /* whole, but a kill prevented the rename */
    server.requests = 0;
    assert_int_equal(fetch("long", body_sum, BODY, &err), STRIA_OK);
    whole("long");
    assert_int_equal(server.requests, 0);
    put_file("much.part", body, BODY); /* the same without a known size: the server has no such rest */
    assert_int_equal(fetch("much", body_sum, 0, &err), STRIA_OK);
    whole("much");
    put_file("unknown.part", body + 1, 100);
    assert_int_equal(fetch("unknown", NULL, 0, &err), STRIA_OK); /* without a sum: from the start */
    whole("unknown");
    http_stop(&server);
}

static void refused(stria_status status, const char *name, const char *sum, uint64_t bytes, const char *words) {
    stria_error err;
    char part[64];
    assert_int_equal(fetch(name, sum, bytes, &err), status);
    if (!strstr(err.text, words)) fail_msg("'%s' does not say '%s'", err.text, words);
    assert_false(file_exists(in_folder(name)));
    snprintf(part, sizeof part, "%s.part", name);
    if (status == STRIA_BAD_FILE || status == STRIA_NO_FILE) assert_false(file_exists(in_folder(part)));
}

static void wrong(void **state) {
    (void)state;
    SERVE({0});
    char sum[SHA256_TEXT];
    memcpy(sum, body_sum, sizeof sum);
    sum[5] = sum[5] == '0' ? '1' : '0';
    refused(STRIA_BAD_FILE, "wrong", sum, 0, "it is another one, or damaged");
    refused(STRIA_BAD_FILE, "wrong", body_sum, BODY + 1, "has 300000 bytes, not 300001");
    refused(STRIA_BAD_ARGUMENT, "wrong", "abc", 0, "not a SHA-256");
    http_stop(&server);
}

static void too_much(void **state) {
    (void)state;
    SERVE({.no_length = true});
    refused(STRIA_BAD_FILE, "much2", body_sum, 1000, "more than the 1000 bytes");
    http_stop(&server);
}

static void answers(void **state) {
    (void)state;
    {
        SERVE({.code = 404});
        refused(STRIA_NO_FILE, "none", body_sum, BODY, "404 (no such file)");
        assert_int_equal(server.requests, 1);
        http_stop(&server);
    }
    {
        SERVE({.code = 503}, {.code = 500}, {0});
        stria_error err;
        assert_int_equal(fetch("late", body_sum, BODY, &err), STRIA_OK);
        whole("late");
        http_stop(&server);
    }
    {
        SERVE({.code = 503});
        refused(STRIA_IO, "never", body_sum, BODY, "503");
        assert_int_equal(server.requests, 5);
        http_stop(&server);
    }
    {
        SERVE({.cut = 100}, {.cut = 100, .wrong_place = true});
        refused(STRIA_IO, "misplaced", body_sum, BODY, "another part");
        http_stop(&server);
    }
}

/* A connection that gives a byte at a time ends some day; what came is kept for the next call. */
static void drops(void **state) {
    (void)state;
    SERVE({.cut = 7});
    refused(STRIA_IO, "drops", body_sum, BODY, "bytes remaining");
    assert_int_equal(server.requests, 5);
    assert_int_equal(file_bytes(in_folder("drops.part")), 35);
    refused(STRIA_IO, "drops2", NULL, 0, "bytes remaining");
    assert_false(file_exists(in_folder("drops2.part")));
    http_stop(&server);
}

static void stalled(void **state) {
    stria_error err;
    (void)state;
    SERVE({.cut = 100000, .stall = true}, {0});
    double begun = clock_seconds();
    /* The server answers one request at a time: what stalls must be given up before the next is heard. */
    fetch_request r = {.url = address(), .path = in_folder("stalled"), .sha256 = body_sum, .stall_seconds = 1};
    stria_status status = fetch_file(&r, NULL, &err);
    assert_true(status != STRIA_OK);
    assert_true(clock_seconds() - begun < 60);
    assert_int_equal(file_bytes(in_folder("stalled.part")), 100000);
    http_stop(&server);
}

/* A byte now and then is no progress; what came is kept, and the next call goes on with it. */
static void dripping(void **state) {
    stria_error err;
    (void)state;
    SERVE({.cut = 1000, .drip = true}, {.cut = 1, .drip = true});
    assert_int_equal(fetch("dripping", body_sum, BODY, &err), STRIA_IO);
    assert_int_equal(server.requests, 5);
    assert_false(file_exists(in_folder("dripping")));
    http_stop(&server);
    int64_t kept = (int64_t)file_bytes(in_folder("dripping.part"));
    assert_in_range(kept, 1004, BODY / 2);
}

static void dripped(void **state) {
    stria_error err;
    (void)state;
    SERVE({0});
    assert_int_equal(fetch("dripping", body_sum, BODY, &err), STRIA_OK);
    assert_int_equal(server.ranges, 1);
    whole("dripping");
    http_stop(&server);
}

static void redirected(void **state) {
    stria_error err;
    (void)state;
    SERVE({.code = 302, .location = "/elsewhere"}, {0});
    assert_int_equal(fetch("redirected", body_sum, BODY, &err), STRIA_OK);
    whole("redirected");
    assert_int_equal(server.requests, 2);
    http_stop(&server);
    {
        static const http_step away[] = {{.code = 302, .location = "file:///etc/passwd"}};
        serve(away, 1);
        assert_int_not_equal(fetch("away", NULL, 0, &err), STRIA_OK);
        assert_false(file_exists(in_folder("away")));
        http_stop(&server);
    }
    {
        static const http_step round[] = {{.code = 302, .location = "/again"}};
        serve(round, 1);
        refused(STRIA_IO, "round", NULL, 0, "redirects");
        assert_int_equal(server.requests, 11);
        http_stop(&server);
    }
}

static bool stop_after(uint64_t done, uint64_t total, void *context) {
    (void)total;
    return done < *(uint64_t *)context;
}

static void stopped(void **state) {
    stria_error err;
    uint64_t limit = 1;
    (void)state;
    SERVE({.cut = 100000}, {0});
    fetch_request r = {.url = address(),
                       .path = in_folder("stopped"),
                       .sha256 = body_sum,
                       .stall_seconds = 5,
                       .retry_ms = 1,
                       .progress = stop_after,
                       .context = &limit};
    assert_int_equal(fetch_file(&r, NULL, &err), STRIA_INTERRUPTED);
    assert_false(file_exists(in_folder("stopped")));
    assert_int_equal(fetch("stopped", body_sum, BODY, &err), STRIA_OK);
    whole("stopped");
    http_stop(&server);
}

static void places(void **state) {
    stria_error err;
    fetch_part part;
    (void)state;
    SERVE({0});
    put_folder("folder");
    assert_int_equal(fetch("folder", NULL, 0, &err), STRIA_BAD_FILE);
    assert_int_equal(fetch("none/file", NULL, 0, &err), STRIA_NO_FILE);
    assert_int_equal(symlink("/etc/passwd", in_folder("link.part")), 0);
    assert_int_not_equal(fetch("link", NULL, 0, &err), STRIA_OK);
    assert_int_equal(part_open(&part, in_folder("busy"), true, &err), STRIA_OK);
    assert_int_equal(fetch("busy", body_sum, BODY, &err), STRIA_BUSY);
    part_close(&part, false);
    assert_int_equal(fetch("busy", body_sum, BODY, &err), STRIA_OK);
    fetch_request r = {.url = "file:///etc/passwd", .path = in_folder("x"), .stall_seconds = 1};
    assert_int_equal(fetch_file(&r, NULL, &err), STRIA_BAD_ARGUMENT);
    r.url = "http://127.0.0.1:1/x";
    assert_int_equal(fetch_file(&r, NULL, &err), STRIA_IO);
    assert_false(file_exists(in_folder("x.part")));
    http_stop(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),    cmocka_unit_test(plain),      cmocka_unit_test(broken),
        cmocka_unit_test(changed), cmocka_unit_test(no_ranges),  cmocka_unit_test(resumed),
        cmocka_unit_test(wrong),   cmocka_unit_test(too_much),   cmocka_unit_test(answers),
        cmocka_unit_test(drops),   cmocka_unit_test(stalled),    cmocka_unit_test(dripping),
        cmocka_unit_test(dripped), cmocka_unit_test(redirected), cmocka_unit_test(stopped),
        cmocka_unit_test(places),
    };
    body_make();
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
#endif
