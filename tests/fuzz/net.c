/* libFuzzer target for .net text. What can be read can be written, unless it holds what text cannot say, and is then
 * read again to the same text: clang -g -fsanitize=fuzzer,address,undefined … && ./net tests/fuzz/corpus/net */
#include <stdlib.h>
#include <string.h>

#include "model/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const graph *g) {
    text once = {0}, twice = {0};
    graph *again = NULL;
    stria_error err;
    if (net_write(g, &once, &err) == STRIA_OK) {
        if (net_read(&again, once.data, once.length, "again", 7, &err) != STRIA_OK) abort();
        if (net_write(again, &twice, &err) != STRIA_OK) abort();
        if (once.length != twice.length || memcmp(once.data, twice.data, once.length) != 0) abort();
    }
    text_release(&once);
    text_release(&twice);
    graph_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    stria_error err = {0};
    graph *g = NULL;
    if (net_read(&g, (const char *)data, size, "fuzz.net", 1, &err) == STRIA_OK) {
        if (graph_check(g, &err) != STRIA_OK) abort();
        round_trip(g);
        graph_free(g);
    } else if (!err.text[0]) abort();
    return 0;
}
