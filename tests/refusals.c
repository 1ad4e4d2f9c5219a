#include "refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

refusal_outputs refused;

static void outputs_clear(void) {
    memset(&refused, 0x5a, sizeof refused);
    refused.train.size = sizeof refused.train;
    refused.source.size = sizeof refused.source;
    refused.port.size = sizeof refused.port;
    refused.classifier.size = sizeof refused.classifier;
    refused.evaluation.size = sizeof refused.evaluation;
    refused.summary.size = sizeof refused.summary;
    refused.map.size = sizeof refused.map;
    refused.bench.size = sizeof refused.bench;
}

static void row_check(const refusal *r, size_t index) {
    static refusal_outputs before;
    stria_error err = {0};
    outputs_clear();
    memcpy(&before, &refused, sizeof before);
    size_t memory = mem_bytes_now();
    stria_status status = r->call(r->argument, &err);
    if (status != r->status || err.status != r->status || !strstr(err.text, r->says))
        fail_msg("row %zu: %s (error: %s): '%s', expected %s: '%s'", index, stria_status_name(status),
                 stria_status_name(err.status), err.text, stria_status_name(r->status), r->says);
    if (memcmp(&before, &refused, sizeof before) != 0) fail_msg("row %zu ('%s') changed its output", index, r->says);
    if (mem_bytes_now() != memory) fail_msg("row %zu ('%s') keeps %zu bytes", index, r->says, mem_bytes_now() - memory);
    if (r->call(r->argument, NULL) != r->status) fail_msg("row %zu ('%s') needs an error", index, r->says);
    if (memcmp(&before, &refused, sizeof before) != 0 || mem_bytes_now() != memory)
        fail_msg("row %zu ('%s') without an error changes or keeps something", index, r->says);
}

void refusals_check(const refusal *rows, size_t count) {
    for (size_t i = 0; i < count; i++) row_check(&rows[i], i);
}
