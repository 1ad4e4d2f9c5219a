/* Arrays as they are typed, stored and painted. */
#include "cli/filter.h"
#include "cli/source.h"
#include "cli/tensors.h"
#include "cli/term.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

stria_status grid_new(grid *g, int rank, int64_t maps, int64_t height, int64_t width, const char *what,
                      stria_error *error) {
    int64_t pixels, count;
    if (__builtin_mul_overflow(height, width, &pixels) || __builtin_mul_overflow(maps, pixels, &count) ||
        count > FILTER_VALUES_MAX)
        return source_refuse(error, STRIA_UNSUPPORTED, "%s would have %lld x %lld x %lld values, at most %d are held",
                             what, (long long)maps, (long long)height, (long long)width, FILTER_VALUES_MAX);
    double *values = malloc((size_t)(count + 1) * sizeof *values);
    if (!values)
        return source_refuse(error, STRIA_NO_MEMORY, "out of memory for %s (%lld values)", what, (long long)count);
    *g = (grid){.rank = rank, .maps = maps, .height = height, .width = width, .values = values};
    return STRIA_OK;
}

void grid_release(grid *g) {
    free(g->values);
    *g = (grid){0};
}

const char *grid_size(const grid *g, char text[96]) {
    int length = g->rank == 1 ? snprintf(text, 96, "%lld", (long long)g->width)
                              : snprintf(text, 96, "%lldx%lld", (long long)g->height, (long long)g->width);
    if (g->maps > 1) snprintf(text + length, 96 - (size_t)length, " and %lld channels", (long long)g->maps);
    return text;
}

void grid_flip(grid *g) {
    int64_t taps = g->height * g->width;
    for (int64_t m = 0; m < g->maps; m++)
        for (int64_t i = 0; i < taps / 2; i++) {
            double *map = g->values + m * taps, swap = map[i];
            map[i] = map[taps - 1 - i];
            map[taps - 1 - i] = swap;
        }
}

/* ---- typed ---- */

/* The numbers so far, and how many rows, columns and channels they make; 0 where that is not known yet. */
typedef struct reading {
    const char *what;
    double *values;
    int64_t count, room;
    int64_t in_row, columns, in_map, rows, maps;
    bool many_rows;
    stria_error *error;
} reading;

static stria_status add_number(reading *r, double value) {
    if (r->count == r->room) {
        int64_t room = 2 * r->room + 64;
        double *values = realloc(r->values, (size_t)room * sizeof *values);
        if (!values) return source_refuse(r->error, STRIA_NO_MEMORY, "out of memory for %s", r->what);
        r->values = values;
        r->room = room;
    }
    r->values[r->count++] = value;
    r->in_row++;
    return STRIA_OK;
}

static stria_status end_row(reading *r) {
    if (r->in_row == 0) return source_refuse(r->error, STRIA_BAD_ARGUMENT, "%s has an empty row", r->what);
    if (r->columns && r->in_row != r->columns) {
        char channel[40] = "";
        if (r->maps) snprintf(channel, sizeof channel, " of channel %lld", (long long)r->maps + 1);
        return source_refuse(r->error, STRIA_BAD_ARGUMENT, "%s is ragged: row %lld%s has %lld number%s, row 1 has %lld",
                             r->what, (long long)r->in_map + 1, channel, (long long)r->in_row, show_s(r->in_row),
                             (long long)r->columns);
    }
    r->columns = r->in_row;
    r->in_row = 0;
    r->in_map++;
    return STRIA_OK;
}

static stria_status end_map(reading *r) {
    stria_status status = r->in_row || r->in_map == 0 ? end_row(r) : STRIA_OK;
    if (status != STRIA_OK) return status;
    if (r->rows && r->in_map != r->rows)
        return source_refuse(r->error, STRIA_BAD_ARGUMENT, "channel %lld of %s has %lld rows, channel 1 has %lld",
                             (long long)r->maps + 1, r->what, (long long)r->in_map, (long long)r->rows);
    r->rows = r->in_map;
    r->in_map = 0;
    r->maps++;
    return STRIA_OK;
}

/* A number or a fraction ("1/9") at *at. */
static stria_status take_number(reading *r, const char **at) {
    char *end;
    double value = strtod(*at, &end);
    bool number = end != *at;
    if (number && *end == '/') {
        const char *below = end + 1;
        value /= strtod(below, &end);
        number = end != below;
    }
    bool ends = !*end || isspace((unsigned char)*end) || strchr(",;|[]", *end);
    if (!number || !ends || !isfinite(value)) {
        int length = (int)strcspn(*at, " \t\r\n,;|[]");
        return source_refuse(r->error, STRIA_BAD_ARGUMENT, "%s: '%.*s' is not a number%s", r->what,
                             length < 40 ? length : 40, *at, number && ends ? " that can be computed with" : "");
    }
    *at = end;
    return add_number(r, value);
}

static int deepest(const char *text) {
    int depth = 0, most = 0;
    for (; *text; text++) {
        depth += (*text == '[') - (*text == ']');
        if (depth > most) most = depth;
    }
    return most;
}

/* A bracket that closes: of nested lists the innermost are rows, those around them channels. */
static stria_status close_bracket(reading *r, int depth, int most) {
    if (most >= 2 && depth == most) return end_row(r);
    if (most >= 3 && depth == most - 1 && r->in_map) return end_map(r);
    return STRIA_OK;
}

static stria_status read_text(reading *r, const char *text) {
    int depth = 0, most = deepest(text);
    stria_status status = STRIA_OK;
    r->many_rows = most >= 2;
    while (*text && status == STRIA_OK) {
        char c = *text;
        if (c == '[' || c == ']') depth += c == '[' ? 1 : -1;
        if (depth < 0 || depth > 3)
            return source_refuse(r->error, STRIA_BAD_ARGUMENT, "%s: brackets do not match", r->what);
        if (c == ']') status = close_bracket(r, depth + 1, most);
        else if (c == '|') status = end_map(r);
        else if (c == ';' || (c == '\n' && r->in_row)) {
            status = end_row(r);
            r->many_rows = true;
        } else if (c != '[' && c != ',' && !isspace((unsigned char)c)) {
            status = take_number(r, &text);
            continue;
        }
        text++;
    }
    if (status == STRIA_OK && depth != 0)
        return source_refuse(r->error, STRIA_BAD_ARGUMENT, "%s: brackets do not match", r->what);
    return status;
}

stria_status grid_parse(grid *g, const char *text, const char *what, stria_error *error) {
    reading r = {.what = what, .error = error};
    stria_status status = STRIA_OK;
    if (text[strspn(text, " \t\r\n[],;|")] == 0)
        status = source_refuse(error, STRIA_BAD_ARGUMENT, "%s is empty: it has no number", what);
    else status = read_text(&r, text);
    if (status == STRIA_OK && (r.in_row || r.in_map || r.maps == 0 || text[strlen(text) - 1] == '|'))
        status = end_map(&r);
    if (status == STRIA_OK)
        status = grid_new(g, r.many_rows || r.rows > 1 ? 2 : 1, r.maps, r.rows, r.columns, what, error);
    if (status == STRIA_OK) memcpy(g->values, r.values, (size_t)r.count * sizeof *r.values);
    free(r.values);
    return status;
}

/* ---- files ---- */

bool word_is_array_file(const char *word) {
    return source_ends(word, ".npy") || source_ends(word, ".npz") || source_ends(word, ".pb");
}

bool word_is_file(const char *word) {
    return word_is_array_file(word) || strcmp(word, "-") == 0 || access(word, F_OK) == 0;
}

/* Dimensions from the last: width, height, maps. */
stria_status grid_from_array(grid *g, const stria_array *a, const char *what, stria_error *error) {
    int rank = a->rank;
    if (rank < 1 || rank > 3)
        return source_refuse(error, STRIA_BAD_SHAPE, "%s has %d dimensions, 1 to 3 are filtered", what, rank);
    for (int d = 0; d < rank; d++)
        if (a->shape[d] == 0)
            return source_refuse(error, STRIA_BAD_SHAPE, "%s is empty: its dimension %d is 0", what, d);
    stria_status status = grid_new(g, rank == 1 ? 1 : 2, rank == 3 ? a->shape[0] : 1, rank > 1 ? a->shape[rank - 2] : 1,
                                   a->shape[rank - 1], what, error);
    for (int64_t i = 0; status == STRIA_OK && i < tensor_count(a); i++) g->values[i] = tensor_value(a, i);
    return status;
}

static stria_status file_read_grid(grid *g, const char *path, const char *what, stria_error *error) {
    stria_array a = {0};
    bool array = word_is_array_file(path);
    stria_status status = array ? stria_array_read(path, &a, error) : stria_picture_read(path, &a, error);
    if (status != STRIA_OK) return status;
    status = grid_from_array(g, &a, what, error);
    if (status == STRIA_OK) g->picture = !array;
    stria_array_release(&a);
    return status;
}

/* What begins as a number or a list does is typed, unless a file is called so. */
stria_status grid_read(grid *g, const char *word, const char *what, stria_error *error) {
    const char *first = word + strspn(word, " \t\r\n");
    if (word_is_file(word) || !(*first == '\0' || strchr("[]|;,+-.0123456789", *first)))
        return file_read_grid(g, word, what, error);
    stria_status status = grid_parse(g, word, what, error);
    size_t length = strlen(error->text);
    if (status == STRIA_BAD_ARGUMENT && strchr(first, '.') && strpbrk(first, "abcdefghijklmnopqrstuvwxyz"))
        snprintf(error->text + length, sizeof error->text - length, ", and there is no file '%.200s'", word);
    return status;
}
