/* Batches that a loader's own threads make ahead: the same bits as those made when they are asked for, however many
 * threads and batches ahead, whatever is asked for next, whatever fails; bounded; gone when the loader is. */
#include "data_support.h"

#include <stria/data.h>
#include <stria/model.h>

#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "data/loader.h"

enum { ITEMS = 75, CHANNELS = 3, SIDE = 6, AREA = CHANNELS * SIDE * SIDE, MOST = 32, EPOCHS = 3, SECONDS = 30 };

/* ---- a source that counts who reads, and may be slow or fail ---- */

typedef struct source {
    atomic_long reads;
    long sleep_ns;
    int64_t fails; /* the item that cannot be read; −1: none */
} source;

static int64_t label_of(int64_t index, void *context) {
    (void)context;
    return index % 5;
}

static void pause_ns(long ns) {
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static stria_status pixels_of(int64_t index, uint8_t *pixels, void *context, stria_error *err) {
    source *s = context;
    if (s->sleep_ns) pause_ns(s->sleep_ns);
    atomic_fetch_add(&s->reads, 1);
    if (index == s->fails) {
        snprintf(err->text, sizeof err->text, "item %d is missing", (int)index);
        return err->status = STRIA_BAD_FILE;
    }
    for (int i = 0; i < AREA; i++) pixels[i] = (uint8_t)(index * 31 + i * 7);
    return STRIA_OK;
}

static dataset *open_source(source *s) {
    dataset *d = NULL;
    stria_error err = {0};
    stria_dataset_callbacks c = {.size = sizeof c,
                                 .count = ITEMS,
                                 .channels = CHANNELS,
                                 .height = SIDE,
                                 .width = SIDE,
                                 .classes = 5,
                                 .label = label_of,
                                 .read = pixels_of,
                                 .context = s};
    if (dataset_from_callbacks(&d, &c, &err) != STRIA_OK) fail_msg("%s", err.text);
    return d;
}

static loader_options options_of(int64_t batch, int threads, int ahead) {
    return (loader_options){
        .batch = batch, .seed = 7, .shuffle = true, .drop_last = true, .threads = threads, .ahead = ahead};
}

static loader *make(const dataset *d, const char *steps, loader_options o) {
    loader *l = NULL;
    augment changes;
    preprocess p = preprocess_default();
    stria_error err = {0};
    assert_int_equal(augment_parse(steps, &changes, &err), STRIA_OK);
    o.augment = &changes;
    if (loader_new(&l, d, &p, &o, &err) != STRIA_OK) fail_msg("%s", err.text);
    assert_int_equal(loader_threads(l), o.threads);
    return l;
}

typedef struct batch {
    float x[MOST * AREA];
    int64_t labels[MOST], indices[MOST];
    double share;
} batch;

static void take(loader *l, pool *workers, int64_t epoch, int64_t number, batch *out) {
    stria_error err = {0};
    memset(out, 0, sizeof *out);
    if (loader_fill(l, workers, epoch, number, &(sample){.image = out->x, .label = out->labels, .index = out->indices},
                    &err) != STRIA_OK)
        fail_msg("%s", err.text);
    out->share = loader_share(l);
}

/* ---- the same bits ---- */

static void assert_same_epochs(const dataset *d, const char *steps, loader_options plain, loader_options ahead) {
    static batch one, other;
    pool *two = NULL;
    assert_int_equal(pool_new(&two, 2, NULL), STRIA_OK);
    loader *a = make(d, steps, plain), *b = make(d, steps, ahead);
    assert_true(loader_ahead(b) >= 2 && loader_ahead(a) == 0);
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++)
        for (int64_t k = 0; k < loader_batches(a); k++) {
            take(a, two, epoch, k, &one);
            take(b, k % 2 ? two : NULL, epoch, k, &other);
            assert_memory_equal(&one, &other, sizeof one);
        }
    loader_free(a);
    loader_free(b);
    pool_release(two);
}

static void test_same_bits(void **state) {
    static const int threads[] = {1, 2, 5}, aheads[] = {0, 2, 3, 8}, batches[] = {1, 7, MOST};
    source s = {.fails = -1};
    dataset *d = open_source(&s);
    (void)state;
    for (int t = 0; t < 3; t++)
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 3; b++)
                assert_same_epochs(d, "crop pad 1, flip, mixup", options_of(batches[b], 0, 0),
                                   options_of(batches[b], threads[t], aheads[a]));
    loader_options last = options_of(MOST, 0, 0), last_ahead = options_of(MOST, 3, 8); /* a smaller last batch */
    last.drop_last = last_ahead.drop_last = last.shuffle = last_ahead.shuffle = false;
    assert_same_epochs(d, "flip", last, last_ahead);
    assert_same_epochs(d, "", options_of(MOST, 0, 0), options_of(MOST, 2, 2));
    dataset_free(d);
}

/* An epoch by itself: nothing is read past its end, the next one may be asked for at once or after a rest. */
static void test_epochs_apart(void **state) {
    static batch one, other;
    source s = {.fails = -1};
    dataset *d = open_source(&s);
    loader_options plain = options_of(MOST, 0, 0), apart = options_of(MOST, 3, 8);
    plain.shuffle = apart.shuffle = plain.drop_last = apart.drop_last = false;
    apart.apart = true;
    loader *a = make(d, "", plain), *b = make(d, "", apart);
    (void)state;
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        for (int64_t k = 0; k < loader_batches(a); k++) {
            take(a, NULL, epoch / 3, k, &one);
            take(b, NULL, epoch / 3, k, &other);
            assert_memory_equal(&one, &other, sizeof one);
        }
        pause_ns(20000000);
        assert_int_equal(atomic_load(&s.reads), 2 * ITEMS * (epoch + 1));
        if (epoch == 1) loader_rest(b);
    }
    loader_free(a);
    loader_free(b);
    apart.ahead = 0;
    b = make(d, "", apart);
    assert_int_equal(loader_ahead(b), 3); /* batches of an epoch */
    loader_free(b);
    apart.batch = ITEMS;
    preprocess p = preprocess_default();
    assert_int_equal(loader_new(&b, d, &p, &apart, NULL), STRIA_OK);
    assert_int_equal(loader_threads(b), 0);
    loader_free(b);
    dataset_free(d);
}

/* Whatever batch is asked for: again, ahead, back, of another epoch. */
static void test_any_order(void **state) {
    static const int64_t asked[][2] = {{4, 1}, {4, 1}, {4, 0}, {0, 9}, {1, 0}, {1, 1}, {1, 4}, {900000000, 3}, {0, 0}};
    static batch one, other;
    source s = {.fails = -1};
    dataset *d = open_source(&s);
    loader *a = make(d, "flip, noise 0.1", options_of(7, 0, 0)), *b = make(d, "flip, noise 0.1", options_of(7, 3, 4));
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        take(a, NULL, asked[i][0], asked[i][1], &one);
        take(b, NULL, asked[i][0], asked[i][1], &other);
        assert_memory_equal(&one, &other, sizeof one);
        if (i % 3 == 1) loader_rest(b);
    }
    loader_free(a);
    loader_free(b);
    dataset_free(d);
}

/* ---- ahead, and no further ---- */

/* Waits until so many were read; false after SECONDS. */
static bool wait_reads(source *s, long count) {
    for (int i = 0; i < SECONDS * 1000 && atomic_load(&s->reads) < count; i++) pause_ns(1000000);
    return atomic_load(&s->reads) >= count;
}

static void test_bounded(void **state) {
    static batch b;
    source s = {.fails = -1};
    dataset *d = open_source(&s);
    loader *l = make(d, "flip", options_of(5, 2, 3));
    (void)state;
    assert_int_equal(loader_ahead(l), 3);
    assert_true(loader_most_bytes(l) >= 3 * 5 * AREA * sizeof(float) && loader_most_bytes(l) < 8192);
    pause_ns(20000000);
    assert_int_equal(atomic_load(&s.reads), 0); /* nobody asked yet */
    take(l, NULL, 0, 0, &b);
    assert_true(wait_reads(&s, 4 * 5)); /* three batches ahead of the one that was taken, while nobody asks */
    pause_ns(50000000);
    assert_int_equal(atomic_load(&s.reads), 4 * 5);
    take(l, NULL, 0, 1, &b);
    assert_true(wait_reads(&s, 5 * 5));
    loader_rest(l); /* what was begun ahead is dropped, and nothing is read until a batch is wanted */
    long then = atomic_load(&s.reads);
    pause_ns(50000000);
    assert_int_equal(atomic_load(&s.reads), then);
    take(l, NULL, 0, 2, &b);
    assert_true(wait_reads(&s, then + 4 * 5));
    loader_free(l);
    dataset_free(d);
}

/* A loader is freed at any moment, also while its threads read; afterwards nobody reads. */
static void test_freed_at_any_moment(void **state) {
    static batch b;
    source s = {.fails = -1, .sleep_ns = 200000};
    dataset *d = open_source(&s);
    (void)state;
    for (int taken = 0; taken < 12; taken++) {
        loader *l = make(d, "flip, mixup", options_of(5, 1 + taken % 4, 2 + taken % 5));
        for (int k = 0; k < taken; k++) take(l, NULL, k / 4, k % 4, &b);
        if (taken % 3 == 0) pause_ns(300000 * taken);
        loader_free(l);
        long then = atomic_load(&s.reads);
        pause_ns(2000000);
        assert_int_equal(atomic_load(&s.reads), then);
    }
    dataset_free(d);
}

/* A slow source delays, and nothing else: threads read side by side. */
static void test_slow_source(void **state) {
    static batch one, other;
    source slow = {.fails = -1, .sleep_ns = 1000000}, fast = {.fails = -1};
    dataset *d = open_source(&slow), *f = open_source(&fast);
    loader *a = make(f, "flip", options_of(16, 0, 0)), *b = make(d, "flip", options_of(16, 4, 3));
    (void)state;
    for (int64_t k = 0; k < 2 * loader_batches(a); k++) {
        take(a, NULL, k / loader_batches(a), k % loader_batches(a), &one);
        take(b, NULL, k / loader_batches(a), k % loader_batches(a), &other);
        assert_memory_equal(&one, &other, sizeof one);
    }
    loader_free(a);
    loader_free(b);
    dataset_free(d);
    dataset_free(f);
}

/* ---- what fails ---- */

/* The batch that holds the item fails with its sentence, the ones before and after it do not. */
static void test_failing_item(void **state) {
    static batch b;
    int64_t order[ITEMS], bad = -1;
    source s = {.fails = -1};
    dataset *d = open_source(&s);
    loader *l = make(d, "flip", options_of(5, 2, 4));
    (void)state;
    for (int64_t k = 0; k < ITEMS / 5; k++) {
        take(l, NULL, 2, k, &b);
        memcpy(order + 5 * k, b.indices, 5 * sizeof *order);
    }
    loader_free(l);
    s.fails = order[33];
    l = make(d, "flip", options_of(5, 2, 4));
    for (int64_t k = 0; k < ITEMS / 5; k++) {
        stria_error err = {0};
        stria_status status = loader_fill(l, NULL, 2, k, &(sample){.image = b.x, .label = b.labels}, &err);
        if (status == STRIA_OK) continue;
        assert_int_equal(bad, -1);
        bad = k;
        assert_int_equal(status, STRIA_BAD_FILE);
        char words[64];
        snprintf(words, sizeof words, "item %d is missing", (int)s.fails);
        assert_true(says(&err, words));
    }
    assert_int_equal(bad, 33 / 5);
    loader_free(l);
    dataset_free(d);
}

/* With bad ones left out: after every batch as many are known as where nothing is made ahead, and the same first. */
static void test_bad_counted_in_order(void **state) {
    enum { MANY = 50 };
    static batch one, other;
    char name[64], text[32], spec[600];
    const char *first_a = NULL, *first_b = NULL;
    dataset *d = NULL;
    (void)state;
    put_folder("bad"), put_folder("bad/one");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "bad/one/%d.pgm", 10 + i);
        int length = snprintf(text, sizeof text, i % 7 == 3 ? "P2 1 1 255" : "P2 1 1 255 %d", i);
        put_file(name, text, (size_t)length);
    }
    snprintf(spec, sizeof spec, "folder:%s", in_folder("bad"));
    assert_int_equal(dataset_open(&d, spec, NULL, NULL), STRIA_OK);
    for (int ahead = 2; ahead <= 8; ahead += 3) {
        loader_options o = options_of(4, 0, 0);
        o.bad = BAD_REPLACED, o.shape[0] = o.shape[1] = o.shape[2] = 1;
        loader *a = make(d, "", o);
        o.threads = 3, o.ahead = ahead;
        loader *b = make(d, "", o);
        for (int64_t k = 0; k < 2 * loader_batches(a); k++) {
            take(a, NULL, k / loader_batches(a), k % loader_batches(a), &one);
            take(b, NULL, k / loader_batches(a), k % loader_batches(a), &other);
            assert_memory_equal(&one, &other, sizeof one);
            assert_int_equal(loader_bad_count(a, &first_a), loader_bad_count(b, &first_b));
            assert_true(!first_a == !first_b && (!first_a || strcmp(first_a, first_b) == 0));
        }
        assert_true(loader_bad_count(b, NULL) > 3);
        loader_free(a);
        loader_free(b);
    }
    dataset_free(d);
}

/* Two batches of a source of which every read takes memory. */
static stria_status two_batches(void *what, stria_error *err) {
    static batch b;
    loader *l = NULL;
    augment changes;
    preprocess p = preprocess_default();
    loader_options o = options_of(5, 2, 2);
    TRY(augment_parse("crop pad 1, mixup", &changes, err));
    o.augment = &changes;
    o.seed = 3;
    stria_status status = loader_new(&l, what, &p, &o, err);
    for (int k = 0; k < 2 && status == STRIA_OK; k++)
        status = loader_fill(l, NULL, 0, k, &(sample){.image = b.x, .label = b.labels}, err);
    loader_free(l);
    return status;
}

/* One allocation after the other fails. Those of batches that are not asked for any more hurt nobody. */
static void test_no_memory(void **state) {
    source s = {.fails = -1};
    dataset *d = open_source(&s);
    size_t before = mem_bytes_now();
    long refused = 0;
    (void)state;
    for (long n = 1; n <= 120; n++) {
        stria_error err = {0};
        mem_fail_at(n);
        stria_status status = two_batches(d, &err);
        mem_fail_at(0);
        assert_true(status == STRIA_OK || (status == STRIA_NO_MEMORY && strstr(err.text, "memory")));
        assert_int_equal(mem_bytes_now(), before);
        refused += status != STRIA_OK;
    }
    assert_true(refused > 20);
    assert_int_equal(two_batches(d, NULL), STRIA_OK);
    dataset_free(d);
}

/* A forked child has none of the threads: it goes on alone, to the same bits, and frees its copy. */
static void test_forked_child(void **state) {
    static batch one, other;
    source s = {.fails = -1, .sleep_ns = 100000};
    dataset *d = open_source(&s);
    loader *a = make(d, "flip, mixup", options_of(7, 0, 0)), *b = make(d, "flip, mixup", options_of(7, 3, 3));
    (void)state;
    for (int64_t k = 0; k < 6; k++) {
        take(a, NULL, 0, k, &one);
        take(b, NULL, 0, k, &other);
        pid_t child = fork();
        if (child == 0) {
            alarm(SECONDS);
            stria_error err = {0};
            memset(&other, 0, sizeof other);
            stria_status status = loader_fill(
                b, NULL, 0, k, &(sample){.image = other.x, .label = other.labels, .index = other.indices}, &err);
            other.share = loader_share(b);
            loader_rest(b);
            loader_free(b);
            _exit(status == STRIA_OK && memcmp(&one, &other, sizeof one) == 0 ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    loader_free(a);
    loader_free(b);
    dataset_free(d);
}

/* Pixels in memory that nothing random is done to are made when asked for: handing them over would cost more. */
static void test_no_threads_where_cheap(void **state) {
    uint8_t pixels[ITEMS * AREA] = {0};
    int64_t labels[ITEMS] = {0};
    stria_array x = {
        .type = STRIA_UINT8, .rank = 4, .shape = {ITEMS, CHANNELS, SIDE, SIDE}, .data = pixels, .bytes = sizeof pixels};
    stria_array y = {.type = STRIA_INT64, .rank = 1, .shape = {ITEMS}, .data = labels, .bytes = sizeof labels};
    dataset *d = NULL;
    loader *l = NULL;
    preprocess p = preprocess_default();
    loader_options o = options_of(5, 4, 3);
    (void)state;
    assert_int_equal(dataset_from_arrays(&d, &x, &y, NULL, 1, NULL), STRIA_OK);
    assert_int_equal(loader_new(&l, d, &p, &o, NULL), STRIA_OK);
    assert_int_equal(loader_threads(l), 0);
    loader_free(l);
    l = make(d, "flip", o);
    assert_int_equal(loader_threads(l), 4);
    loader_free(l);
    dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_any_order),
                                       cmocka_unit_test(test_epochs_apart),
                                       cmocka_unit_test(test_bounded),
                                       cmocka_unit_test(test_freed_at_any_moment),
                                       cmocka_unit_test(test_slow_source),
                                       cmocka_unit_test(test_failing_item),
                                       cmocka_unit_test(test_bad_counted_in_order),
                                       cmocka_unit_test(test_no_memory),
                                       cmocka_unit_test(test_forked_child),
                                       cmocka_unit_test(test_no_threads_where_cheap)};
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
