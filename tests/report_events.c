/* TensorBoard's event files: checksums and records as its own writer makes them, counts of histograms, and how far a
 * file came, damaged ones included. The real package reads them in tests/end_tensorboard.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/events.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The vectors of RFC 3720, B.4, and the one of every catalogue of checksums. */
static void test_checksum(void **state) {
    uint8_t bytes[32] = {0};
    (void)state;
    assert_int_equal(event_crc(bytes, 32), 0x8A9136AAu);
    memset(bytes, 0xFF, 32);
    assert_int_equal(event_crc(bytes, 32), 0x62A8AB43u);
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)i;
    assert_int_equal(event_crc(bytes, 32), 0x46DD794Eu);
    assert_int_equal(event_crc("123456789", 9), 0xE3069283u);
}

static void check_hex(out *o, const char *wanted) {
    char *hex = calloc(2, o->length + 1);
    assert_non_null(hex);
    assert_false(o->failed);
    for (size_t i = 0; i < o->length; i++) snprintf(hex + 2 * i, 3, "%02x", (uint8_t)o->data[i]);
    assert_string_equal(hex, wanted);
    free(hex);
    out_release(o);
}

/* Wanted bytes: tensorboard 2.21.0, RecordWriter().write(Event(…).SerializeToString()). */
static void test_records(void **state) {
    static char loss[] = "step/loss", cat[] = "step/猫";
    const event_scalar scalars[] = {{loss, 0.125}, {cat, -3.5}};
    const event_time at = {1234567890.5, 300};
    out o = {0};
    (void)state;
    event_version(&o, at.wall);
    check_hex(&o, "1800000000000000a37f4b22090000a0b48065d2411a0d627261696e2e4576656e743a32f5e8f016");
    event_restart(&o, at);
    check_hex(&o, "100000000000000095fbfe18090000a0b48065d24110ac023a0208010cab6b73");
    event_scalars(&o, at, scalars, 2);
    check_hex(&o,
              "31000000000000009d8383e9090000a0b48065d24110ac022a230a100a09737465702f6c6f7373150000003e0a0f0a0873746570"
              "2fe78cab15000060c0082ef165");
    event_scalars(&o, at, scalars, 0);
    assert_int_equal(o.length, 0);
}

/* The doubles of the histogram are the last thing in the record but its checksum. */
static void test_histogram(void **state) {
    float x[] = {-1, 2, 0.5f, NAN, INFINITY, 2, -1, 0.51f, 0};
    double bins[90], sum = 0;
    out o = {0};
    (void)state;
    event_histogram(&o, (event_time){1, 2}, "w", x, 9);
    assert_non_null(o.data);
    memcpy(bins, o.data + o.length - 4 - sizeof bins, sizeof bins);
    for (int k = 0; k < 30; k++) {
        assert_true(fabs(bins[3 * k] - (-1 + 0.1 * k)) < 1e-12 && bins[3 * k + 1] > bins[3 * k]);
        sum += bins[3 * k + 2];
    }
    assert_true(sum == 7 && bins[2] == 2 && bins[89] == 2 && bins[88] == 2 && bins[3 * 10 + 2] == 1);
    assert_true(bins[3 * 15 + 2] == 2);
    out_release(&o);
    event_histogram(&o, (event_time){1, 2}, "w", x + 3, 2); /* nothing finite */
    assert_int_equal(o.length, 0);
    event_histogram(&o, (event_time){1, 2}, "w", x, 1); /* one value */
    memcpy(bins, o.data + o.length - 4 - sizeof bins, sizeof bins);
    assert_true(bins[89] == 0 && bins[2] == 1);
    out_release(&o);
}

static event_reach reach_of(const out *o, size_t length, int64_t most) {
    char path[] = "/tmp/stria-events-XXXXXX";
    event_reach reach = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, o->data, length), (ssize_t)length);
    close(fd);
    events_reach(path, most, &reach);
    unlink(path);
    return reach;
}

static void test_reach(void **state) {
    static char step[] = "step/loss", epoch[] = "epoch/loss";
    const event_scalar of_step = {step, 1}, of_epoch = {epoch, 1};
    out o = {0};
    (void)state;
    event_version(&o, 1);
    for (int i = 1; i <= 200; i++) event_scalars(&o, (event_time){i, i}, &of_step, 1);
    event_scalars(&o, (event_time){201, 200}, &of_epoch, 1);
    size_t whole = o.length;
    event_scalars(&o, (event_time){202, 201}, &of_step, 1);
    event_reach all = reach_of(&o, o.length, 1000), cut = reach_of(&o, o.length - 1, 1000);
    event_reach some = reach_of(&o, o.length, 150), none = reach_of(&o, 5, 1000);
    assert_true(all.step == 201 && all.epoch == 200);
    assert_true(cut.step == 200 && cut.epoch == 200);
    assert_true(some.step == 150 && some.epoch == 0);
    assert_true(none.step == 0 && none.epoch == 0 && all.eval == 0);
    for (size_t i = 0; i < whole; i += 7) { /* any damage is survived; lengths may claim anything */
        char was = o.data[i];
        o.data[i] = (char)(was ^ 0xFF);
        event_reach damaged = reach_of(&o, o.length, 1000);
        assert_true(damaged.step <= 1000);
        o.data[i] = was;
    }
    out_release(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_checksum), cmocka_unit_test(test_records),
                                       cmocka_unit_test(test_histogram), cmocka_unit_test(test_reach)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
