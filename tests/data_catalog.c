/* Entries of the catalog: fetched from a local server that breaks and stalls, found by name afterwards. */
#include "data_support.h"

#include "base/clock.h"
#include "data/catalog.h"
#include "data/dataset.h"
#include "http_server.h"

#ifndef STRIA_HAVE_CURL
int main(void) {
    return 77;
}
#else

#define BODY 200000
static uint8_t body[BODY];
static char body_sum[SHA256_TEXT];

static int setup(void **state) {
    sha256 s;
    for (size_t i = 0; i < BODY; i++) body[i] = (uint8_t)(i * 2654435761u >> 11);
    sha256_init(&s);
    sha256_add(&s, body, BODY);
    sha256_finish(&s, body_sum);
    return folder_setup(state);
}

/* Two files of the same contents, which is what the server has. */
static const catalog_entry *pair(void) {
    static catalog_entry e;
    const catalog_entry made = {.name = "pair",
                                .files = {{"one.bin", BODY, body_sum}, {"two.bin", BODY, body_sum}},
                                .file_count = 2,
                                .signs = {"one.bin"}};
    memcpy(&e, &made, sizeof e);
    return &e;
}

static http_server server;
static char from[64];

static void serve(const http_step *steps, int count) {
    server = (http_server){.body = body, .size = BODY, .steps = steps, .step_count = count};
    assert_true(http_start(&server));
    snprintf(from, sizeof from, "http://127.0.0.1:%d/some/folder", server.port);
}
#define SERVE(...)                                                                                                     \
    static const http_step steps[] = {__VA_ARGS__};                                                                    \
    serve(steps, sizeof steps / sizeof *steps)

static stria_status get(const catalog_entry *e, catalog_fetch_options o, char path[512], stria_error *err) {
    char sum[SHA256_TEXT];
    o.stall_seconds = 1;
    o.retry_ms = 1;
    if (!o.from) o.from = from;
    *err = (stria_error){0};
    return catalog_fetch(e, &o, path, 512, sum, err);
}

static void places(const char *data, const char *cache, const char *home) {
    data ? setenv("STRIA_DATA", data, 1) : unsetenv("STRIA_DATA");
    cache ? setenv("XDG_CACHE_HOME", cache, 1) : unsetenv("XDG_CACHE_HOME");
    home ? setenv("HOME", home, 1) : unsetenv("HOME");
}

/* Every entry can be named, has an address and a well-formed sum, or none. */
static void table(void **state) {
    (void)state;
    for (int i = 0; catalog_at(i); i++) {
        const catalog_entry *e = catalog_at(i);
        assert_ptr_equal(catalog_named(e->name), e);
        assert_true(e->about && e->page && e->licence && e->homes[0] && e->file_count >= 1);
        assert_true(strncmp(e->homes[0], "http", 4) == 0);
        for (int k = 0; k < e->file_count; k++) {
            assert_non_null(e->files[k].name);
            assert_true(!e->files[k].sha256 || (sha256_valid(e->files[k].sha256) && e->files[k].bytes));
        }
        if (e->kind != CATALOG_DATA) continue;
        bool source = false;
        for (int k = 0; k < dataset_kinds(); k++) source = source || strcmp(dataset_kind_at(k)->name, e->name) == 0;
        assert_true(source);
    }
    assert_null(catalog_named("pair"));
    assert_int_equal(catalog_bytes(catalog_named("mnist")), 11594722);
    assert_int_equal(catalog_bytes(catalog_named("flowers17")), 0);
}

static bool watch(uint64_t done, uint64_t total, void *context) {
    uint64_t *most = context;
    assert_int_equal(total, 2 * BODY);
    assert_true(done >= *most); /* over both files */
    *most = done;
    return true;
}

static void fetched(void **state) {
    stria_error err;
    char path[512], found[512];
    uint64_t most = 0;
    (void)state;
    SERVE({.cut = 60000}, {.cut = 60000}, {0}, {.cut = 1000}, {.code = 503}, {0});
    places(NULL, in_folder("cache"), NULL);
    assert_int_equal(catalog_find(pair(), found, sizeof found, &err), STRIA_NO_FILE);
    assert_true(says(&err,
                     "'pair' is not on this machine: 'stria data fetch pair' downloads it (0.4 MiB), or say where it "
                     "is: pair:PATH"));
    assert_int_equal(get(pair(), (catalog_fetch_options){.progress = watch, .context = &most}, path, &err), STRIA_OK);
    assert_string_equal(path, in_folder("cache/stria/pair"));
    assert_int_equal(most, 2 * BODY);
    assert_int_equal(file_bytes(in_folder("cache/stria/pair/two.bin")), BODY);
    assert_int_equal(catalog_find(pair(), found, sizeof found, &err), STRIA_OK);
    assert_string_equal(found, path);
    int before = server.requests;
    assert_int_equal(get(pair(), (catalog_fetch_options){0}, path, &err), STRIA_OK); /* all there: nobody is asked */
    assert_int_equal(server.requests, before);
    put_file("cache/stria/pair/two.bin", "damaged", 7); /* only what is wrong is fetched again */
    assert_int_equal(get(pair(), (catalog_fetch_options){0}, path, &err), STRIA_OK);
    assert_int_equal(server.requests, before + 1);
    http_stop(&server);
}

static void stalled(void **state) {
    stria_error err;
    char path[512];
    (void)state;
    SERVE({.cut = 70000, .stall = true});
    double begun = clock_seconds();
    assert_int_equal(get(pair(), (catalog_fetch_options){.folder = in_folder("stalled/deep")}, path, &err), STRIA_IO);
    assert_true(clock_seconds() - begun < 60);
    http_stop(&server);
    assert_int_equal(file_bytes(in_folder("stalled/deep/one.bin.part")), 70000);
    {
        static const http_step well[] = {{0}};
        serve(well, 1);
        assert_int_equal(get(pair(), (catalog_fetch_options){.folder = in_folder("stalled/deep")}, path, &err),
                         STRIA_OK);
        assert_int_equal(server.ranges, 1); /* what had come was not asked for again */
        http_stop(&server);
    }
}

/* The second home serves where the first one does not; a failure is told of the first. */
static void homes(void **state) {
    stria_error err;
    char path[512], sum[SHA256_TEXT], second[80];
    catalog_fetch_options o = {.folder = in_folder("homes"), .stall_seconds = 1, .retry_ms = 1};
    (void)state;
    SERVE({0});
    snprintf(second, sizeof second, "%s/", from);
    catalog_entry made = {.name = "two",
                          .homes = {"http://127.0.0.1:1/first/", second},
                          .files = {{"one.bin", BODY, body_sum}},
                          .file_count = 1,
                          .archive = "one.bin"};
    assert_int_equal(catalog_fetch(&made, &o, path, sizeof path, sum, &err), STRIA_OK);
    assert_string_equal(path, in_folder("homes/one.bin")); /* one file is what the source reads */
    assert_string_equal(sum, body_sum);
    http_stop(&server);
    o.folder = in_folder("neither");
    err = (stria_error){0};
    assert_int_equal(catalog_fetch(&made, &o, path, sizeof path, sum, &err), STRIA_IO);
    assert_true(says(&err, "http://127.0.0.1:1/first/one.bin: "));
}

static bool stop(uint64_t done, uint64_t total, void *context) {
    return done == 0; /* not before something came */
}

/* An interruption of the second home is told, not the failure of the first. */
static void interrupted(void **state) {
    stria_error err = {0};
    char path[512], sum[SHA256_TEXT], second[80];
    catalog_fetch_options o = {.folder = in_folder("interrupted"), .stall_seconds = 1, .retry_ms = 1, .progress = stop};
    (void)state;
    SERVE({0});
    snprintf(second, sizeof second, "%s/", from);
    catalog_entry made = {.name = "two",
                          .homes = {"http://127.0.0.1:1/first/", second},
                          .files = {{"one.bin", BODY, body_sum}},
                          .file_count = 1};
    assert_int_equal(catalog_fetch(&made, &o, path, sizeof path, sum, &err), STRIA_INTERRUPTED);
    assert_false(says(&err, "http://127.0.0.1:1/first/"));
    http_stop(&server);
}

static void endless(void **state) {
    stria_error err = {0};
    (void)state;
    SERVE({.no_length = true}, {0});
    char url[96];
    snprintf(url, sizeof url, "%s/x", from);
    fetch_request r = {.url = url, .path = in_folder("endless"), .most = BODY - 1, .stall_seconds = 1, .retry_ms = 1};
    for (int turn = 0; turn < 2; turn++) { /* it comes without a size; it is announced */
        assert_int_equal(fetch_file(&r, NULL, &err), STRIA_BAD_FILE);
        assert_true(says(&err, "more than 199999 bytes, the limit for files of unknown size"));
        assert_false(file_exists(in_folder("endless")));
        assert_false(file_exists(in_folder("endless.part")));
    }
    r.most = BODY;
    assert_int_equal(fetch_file(&r, NULL, &err), STRIA_OK);
    http_stop(&server);
}

/* $STRIA_DATA before the cache before what the system has; archives under their usual endings, folders unpacked. */
static void found(void **state) {
    stria_error err = {0};
    char path[512];
    const catalog_entry *cifar = catalog_named("cifar10"), *mnist = catalog_named("mnist");
    (void)state;
    put_folder("data"), put_folder("data/cifar10"), put_folder("home"), put_folder("home/.cache");
    put_folder("home/.cache/stria"), put_folder("home/.cache/stria/cifar10"), put_folder("home/.cache/stria/mnist");
    places(in_folder("data"), NULL, in_folder("home"));
    put_file("home/.cache/stria/mnist/train-images-idx3-ubyte.gz.part", "half", 4);
    assert_int_equal(catalog_find(mnist, path, sizeof path, &err), STRIA_NO_FILE);
    put_file("home/.cache/stria/mnist/t10k-images-idx3-ubyte.gz", "x", 1);
    assert_int_equal(catalog_find(mnist, path, sizeof path, &err), STRIA_OK);
    assert_string_equal(path, in_folder("home/.cache/stria/mnist"));
    put_file("home/.cache/stria/cifar10/cifar-10-binary.tar.gz", "x", 1);
    assert_int_equal(catalog_find(cifar, path, sizeof path, &err), STRIA_OK);
    assert_string_equal(path, in_folder("home/.cache/stria/cifar10/cifar-10-binary.tar.gz"));
    put_file("data/cifar10/data_batch_1.bin", "x", 1);
    assert_int_equal(catalog_find(cifar, path, sizeof path, &err), STRIA_OK);
    assert_string_equal(path, in_folder("data/cifar10"));
    put_file("data/cifar10/cifar-10-binary.tar.gz", "x", 1); /* what is unpacked wins */
    assert_int_equal(catalog_find(cifar, path, sizeof path, &err), STRIA_OK);
    assert_string_equal(path, in_folder("data/cifar10"));
    put_folder("data/cifar100");
    put_file("data/cifar100/cifar-100-binary", "x", 1); /* the archive, called as its folder */
    assert_int_equal(catalog_find(catalog_named("cifar100"), path, sizeof path, &err), STRIA_OK);
    assert_string_equal(path, in_folder("data/cifar100/cifar-100-binary"));
    assert_int_equal(catalog_find(cifar, path, 5, &err), STRIA_BAD_ARGUMENT);
    places("", "relative", NULL); /* none of them says where */
    assert_int_equal(catalog_find(mnist, path, sizeof path, &err), STRIA_NO_FILE);
    assert_int_equal(get(pair(), (catalog_fetch_options){0}, path, &err), STRIA_BAD_ARGUMENT);
    assert_true(says(&err, "neither STRIA_DATA nor XDG_CACHE_HOME nor HOME says where 'pair' is to be kept"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),       cmocka_unit_test(fetched), cmocka_unit_test(stalled), cmocka_unit_test(homes),
        cmocka_unit_test(interrupted), cmocka_unit_test(endless), cmocka_unit_test(found)};
    return cmocka_run_group_tests(tests, setup, folder_teardown);
}
#endif
