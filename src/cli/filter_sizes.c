/* stria filter --sizes: how large the result is, over strides and paddings. */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

enum { STRIDES = 4, PADDINGS_MAX = 8 };

typedef struct sizes {
    int rank;
    int64_t in[2], kernel[2], dilation[2];
} sizes;

/* ⌊(n + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1; 0 where the kernel does not fit. */
static int64_t result_size(const sizes *s, int d, int64_t stride, int64_t padding) {
    if (s->rank == 1 && d == 0) return 1;
    int64_t room = s->in[d] + 2 * padding - s->dilation[d] * (s->kernel[d] - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

/* What must be added in all so that the result is as large as the input: (n − 1)·stride + dilation·(kernel − 1) + 1 −
 * n. */
static int64_t keeping(const sizes *s, int d, int64_t stride) {
    if (s->rank == 1 && d == 0) return 0;
    int64_t total = (s->in[d] - 1) * stride + s->dilation[d] * (s->kernel[d] - 1) + 1 - s->in[d];
    return total > 0 ? total : 0;
}

/* Paddings up to what makes it full, as far as a table is wide. */
static int paddings(const sizes *s) {
    int64_t most = 0;
    for (int d = 0; d < 2; d++) {
        int64_t around = s->dilation[d] * (s->kernel[d] - 1);
        if (around > most) most = around;
    }
    return most < PADDINGS_MAX ? (int)most + 1 : PADDINGS_MAX;
}

static const char *extent(const sizes *s, const int64_t size[2], char text[64]) {
    if (s->rank == 1) snprintf(text, 64, "%lld", (long long)size[1]);
    else snprintf(text, 64, "%lldx%lld", (long long)size[0], (long long)size[1]);
    return text;
}

/* "1", or "2 before, 1 after", of differing directions "rows 1, columns 0". */
static const char *keeping_text(const sizes *s, int64_t stride, char text[128]) {
    int64_t rows = keeping(s, 0, stride), columns = keeping(s, 1, stride);
    int length = 0;
    for (int d = s->rank == 1 ? 1 : 0; d < 2; d++) {
        int64_t total = d ? columns : rows;
        if (d == 1 && s->rank == 2 && rows == columns) break;
        const char *which = s->rank == 1 || rows == columns ? "" : d ? ", columns " : "rows ";
        length += snprintf(text + length, 128 - (size_t)length, total % 2 ? "%s%lld before and %lld after" : "%s%lld",
                           which, (long long)(total - total / 2), (long long)(total / 2));
    }
    return text;
}

static void table_fill(const sizes *s, FILE *stream) {
    char headings[256], text[128];
    int count = paddings(s), length = snprintf(headings, sizeof headings, ">stride");
    for (int p = 0; p < count; p++)
        length += snprintf(headings + length, sizeof headings - (size_t)length, "|>padding %d", p);
    snprintf(headings + length, sizeof headings - (size_t)length, "|keeps the size");
    table t;
    table_init(&t, headings);
    for (int stride = 1; stride <= STRIDES; stride++) {
        table_cell(&t, "%d", stride);
        for (int p = 0; p < count; p++) {
            int64_t size[2] = {result_size(s, 0, stride, p), result_size(s, 1, stride, p)};
            table_cell(&t, "%s", size[0] && size[1] ? extent(s, size, text) : "-");
        }
        table_cell(&t, "padding %s", keeping_text(s, stride, text));
    }
    table_print(&t, stream);
    table_release(&t);
}

static json_t *sizes_json(const sizes *s) {
    json_t *rows = json_array(), *keeps = json_array();
    for (int stride = 1; stride <= STRIDES; stride++) {
        for (int p = 0; p < paddings(s); p++)
            json_array_append_new(rows, json_pack("{s:i,s:i,s:I,s:I}", "stride", stride, "padding", p, "height",
                                                  (json_int_t)result_size(s, 0, stride, p), "width",
                                                  (json_int_t)result_size(s, 1, stride, p)));
        json_array_append_new(keeps, json_pack("{s:i,s:[I,I]}", "stride", stride, "padding",
                                               (json_int_t)keeping(s, 0, stride), (json_int_t)keeping(s, 1, stride)));
    }
    return json_pack("{s:s,s:o,s:o}", "formula", "floor((size + 2*padding - dilation*(kernel - 1) - 1) / stride) + 1",
                     "sizes", rows, "keeps", keeps);
}

/* "224x224" is a size; everything else what it is elsewhere. */
static bool is_size(const char *word) {
    size_t digits = strspn(word, "0123456789");
    return digits && word[digits] == 'x' && !word_is_file(word);
}

static stria_status input_size(const char *word, sizes *s, stria_error *error) {
    grid x = {0};
    if (is_size(word)) {
        s->rank = 2;
        return size_parse("the input", word, 2, s->in, error);
    }
    stria_status status = grid_read(&x, word, "the input", error);
    s->rank = x.rank;
    s->in[0] = x.height;
    s->in[1] = x.width;
    grid_release(&x);
    return status;
}

static stria_status kernel_size(const options *given, sizes *s, stria_error *error) {
    const char *word = option_text(given, "kernel");
    bank b = {0};
    if (is_size(word)) return size_parse("the kernel", word, 2, s->kernel, error);
    stria_status status = bank_read(&b, given, s->rank, error);
    s->kernel[0] = b.w.height;
    s->kernel[1] = b.w.width;
    bank_release(&b);
    return status;
}

static stria_status sizes_read(const options *given, sizes *s, stria_error *error) {
    int count;
    stria_status status = input_size(given->operands[0], s, error);
    if (status == STRIA_OK) status = kernel_size(given, s, error);
    if (status == STRIA_OK)
        status = sizes_parse("dilation", option_text(given, "dilation"), 1, s->dilation, s->rank, &count, error);
    if (status == STRIA_OK && count == 1) s->dilation[1] = s->dilation[0];
    return status;
}

int filter_sizes(const options *given) {
    sizes s = {0};
    stria_error error = {0};
    char in[64], kernel[64];
    if (sizes_read(given, &s, &error) != STRIA_OK) return term_fail(&error);
    if (option_given(given, "json")) return json_finish(sizes_json(&s));
    printf("input %s, kernel %s", extent(&s, s.in, in), extent(&s, s.kernel, kernel));
    if (s.dilation[0] != s.dilation[1]) printf(", dilation %s", extent(&s, s.dilation, in));
    else if (s.dilation[0] > 1) printf(", dilation %lld", (long long)s.dilation[0]);
    printf("\n\n");
    table_fill(&s, stdout);
    printf("\nresult = floor((input + 2*padding - dilation*(kernel - 1) - 1) / stride) + 1\n"
           "padding that keeps the size, in all: (input - 1)*stride + dilation*(kernel - 1) + 1 - input, half on each "
           "side\n"
           "mode valid: no padding; same: what keeps the size at stride 1; full: dilation*(kernel - 1) on each side\n");
    return EXIT_DONE;
}
