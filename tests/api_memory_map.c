/* The planned workspace: no two pieces that are there at once share a byte, the peak is what they sum to, and nothing
 * of a training step is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <stria/stria.h>

static stria_error err;

static void check_map(const stria_memory_map *map) {
    uint64_t peak = 0, highest = 0;
    int peak_node = -1;
    assert_true(map->node_count > 0 && map->block_count > 0);
    for (int i = 0; i < map->block_count; i++) {
        const stria_memory_block *b = map->blocks[i];
        assert_true(b->bytes > 0 && b->offset + b->bytes <= map->workspace_bytes);
        assert_true(b->first >= 0 && b->first <= b->last && b->last < map->node_count);
        if (i) assert_true(b->bytes <= map->blocks[i - 1]->bytes);
        if (b->offset + b->bytes > highest) highest = b->offset + b->bytes;
        for (int k = 0; k < i; k++) {
            const stria_memory_block *c = map->blocks[k];
            bool apart = b->last < c->first || c->last < b->first || b->offset + b->bytes <= c->offset ||
                         c->offset + c->bytes <= b->offset;
            if (!apart) fail_msg("'%s' and '%s' share memory", b->name, c->name);
        }
    }
    assert_true(map->workspace_bytes - highest < 64); /* rounded up */
    for (int k = 0; k < map->node_count; k++) {
        uint64_t used = 0;
        for (int i = 0; i < map->block_count; i++)
            if (map->blocks[i]->first <= k && map->blocks[i]->last >= k) used += map->blocks[i]->bytes;
        if (used > peak) peak = used, peak_node = k;
    }
    assert_int_equal(map->peak_bytes, peak);
    assert_int_equal(map->peak, peak_node);
    assert_true(map->peak_bytes <= map->workspace_bytes);
}

static int count_of(const stria_memory_map *map, const char *kind) {
    int count = 0;
    for (int i = 0; i < map->block_count; i++) count += strcmp(map->blocks[i]->kind, kind) == 0;
    return count;
}

static void test_maps(void **state) {
    static const char *const models[] = {"lenet5", "resnet20", "mobilenet-v2:size=3x32x32,width=0.25",
                                         "googlenet:size=3x96x96"};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (int train = 0; train < 2; train++) {
            stria_model *m;
            stria_memory_map map = {.size = sizeof map};
            stria_summary s = {.size = sizeof s};
            assert_int_equal(stria_model_open(&m, models[i], 1, &err), STRIA_OK);
            assert_int_equal(stria_map_memory(m, 4, train, &map, &err), STRIA_OK);
            assert_int_equal(stria_summarize(m, 4, &s, &err), STRIA_OK);
            check_map(&map);
            assert_true(map.workspace_bytes <= (train ? s.training_bytes : s.inference_bytes));
            assert_int_equal(count_of(&map, "gradient") > 0, train);
            assert_int_equal(count_of(&map, "parameter gradient") > 0, train);
            assert_true(count_of(&map, "input") >= 1 && count_of(&map, "activation") > 0);
            if (train) assert_true(map.backward > 0 && map.backward < map.node_count);
            else assert_int_equal(map.backward, map.node_count);
            stria_summary_release(&s);
            stria_memory_map_release(&map);
            stria_model_free(m);
        }
}

static void test_refusals(void **state) {
    stria_model *m;
    stria_memory_map map = {.size = sizeof map};
    (void)state;
    assert_int_equal(stria_model_open(&m, "lenet5", 1, &err), STRIA_OK);
    assert_int_equal(stria_map_memory(m, 0, true, &map, &err), STRIA_BAD_ARGUMENT);
    assert_string_equal(err.text, "a batch of 0 images cannot be run");
    stria_memory_map_release(&map);
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_maps), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
