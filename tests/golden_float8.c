/* 8-bit floats against the packages ml_dtypes and onnx, over all codes and at every boundary of rounding, and against
 * the tables of ONNX's Cast. golden_float8.py wrote golden/float8.txt and explains it. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "graph/float8.h"

enum { CODES = 256, PROBES = 3 * CODES };

typedef struct golden {
    char name[32];
    dtype type;
    double value[CODES];
    float probe[PROBES];
    int probes;
} golden;

static bool is_nan_code(const golden *g, uint8_t code) {
    return isnan(g->value[code]);
}

static void probe_add(golden *g, double a, double b) {
    float middle = (float)((a + b) / 2);
    g->probe[g->probes++] = nextafterf(middle, 0);
    g->probe[g->probes++] = middle;
    g->probe[g->probes++] = nextafterf(middle, INFINITY);
}

/* The file's numbers: codes of numbers that are not negative rise with them. */
static void probes_make(golden *g) {
    int end = g->type == STRIA_FLOAT8E8M0 ? 256 : 128, first = g->type == STRIA_FLOAT8E8M0;
    g->probes = 0;
    while (!isfinite(g->value[end - 1])) end--;
    for (int i = first; i + 1 < end; i++) probe_add(g, g->value[i], g->value[i + 1]);
    probe_add(g, g->value[end - 1], 2 * g->value[end - 1] - g->value[end - 2]);
}

static void check_values(const golden *g) {
    for (int code = 0; code < CODES; code++) {
        double mine = float8_value(g->type, (uint8_t)code), theirs = g->value[code];
        bool same = isnan(theirs) ? isnan(mine) : mine == theirs && !signbit(mine) == !signbit(theirs);
        CHECK(same, "%s, code %02x: %g, expected %g", g->name, (unsigned)code, mine, theirs);
        if (isnan(theirs)) continue;
        for (int saturate = 0; saturate < 2; saturate++) /* each number is itself; infinity where it stays */
            CHECK((saturate && isinf(theirs)) || (!saturate && theirs == 0 && g->type == STRIA_FLOAT8E8M0) ||
                      float8_code(g->type, theirs, (float8_rule){saturate, FLOAT8_NEAREST}) == code,
                  "%s, code %02x", g->name, (unsigned)code);
    }
}

/* What does not saturate is in the file; what does is the same, or the largest number for infinity and NaN. */
static void check_rounding(const golden *g, const char *hex, float8_round mode) {
    bool scale = g->type == STRIA_FLOAT8E8M0;
    if (!CHECK(strlen(hex) == 2 * (size_t)g->probes, "%s: %zu digits", g->name, strlen(hex))) return;
    for (int i = 0; i < g->probes; i++) {
        unsigned expected;
        sscanf(hex + 2 * (size_t)i, "%2x", &expected);
        double x = (double)g->probe[i];
        uint8_t code = float8_code(g->type, x, (float8_rule){false, mode});
        uint8_t bounded = float8_code(g->type, x, (float8_rule){true, mode});
        CHECK(code == expected, "%s: %.9g becomes %02x, expected %02x", g->name, x, code, expected);
        bool left = !isfinite(g->value[expected]);
        CHECK(left ? isfinite(g->value[bounded]) && g->value[bounded] <= x : bounded == code, "%s: %.9g becomes %02x",
              g->name, x, bounded);
        if (scale) continue;
        uint8_t negative = float8_code(g->type, -x, (float8_rule){true, mode});
        bool zero = g->value[bounded] == 0;
        CHECK(g->value[negative] == -g->value[bounded] && (!zero || negative == (signbit(g->value[128]) ? 128 : 0)),
              "%s: %.9g becomes %02x", g->name, -x, negative);
    }
}

/* ---- the rows of the standard's tables ---- */

static void check_special(const golden *g) {
    bool scale = g->type == STRIA_FLOAT8E8M0, infinite = g->type == STRIA_FLOAT8E5M2;
    const float8_rule bound = {true, FLOAT8_UP}, open = {false, FLOAT8_NEAREST};
    double largest = 0;
    for (int i = 0; i < CODES; i++)
        if (isfinite(g->value[i]) && g->value[i] > largest) largest = g->value[i];
#define VALUE(x, rule) g->value[float8_code(g->type, x, rule)]
    CHECK(is_nan_code(g, float8_code(g->type, (double)NAN, bound)), "%s", g->name);
    CHECK(is_nan_code(g, float8_code(g->type, (double)NAN, open)), "%s", g->name);
    CHECK(VALUE((double)INFINITY, bound) == largest && VALUE(1e300, bound) == largest, "%s", g->name);
    CHECK(infinite ? VALUE((double)INFINITY, open) == (double)INFINITY : isnan(VALUE((double)INFINITY, open)), "%s",
          g->name);
    CHECK(infinite ? VALUE(1e300, open) == (double)INFINITY : isnan(VALUE(1e300, open)), "%s", g->name);
    if (scale) {
        CHECK(float8_code(g->type, 0, bound) == 0 && float8_code(g->type, 0x1p-200, bound) == 0, "%s", g->name);
        CHECK(isnan(VALUE(0, open)) && isnan(VALUE(0x1p-200, open)) && isnan(VALUE(-1, open)), "%s", g->name);
        CHECK(isnan(VALUE(-1, bound)) && isnan(VALUE(0x1.8p127, open)) && VALUE(0x1.8p127, bound) == largest, "%s",
              g->name);
        return;
    }
    CHECK(VALUE(-(double)INFINITY, bound) == -largest && VALUE(-1e300, bound) == -largest, "%s", g->name);
    CHECK(infinite ? VALUE(-1e300, open) == -(double)INFINITY : isnan(VALUE(-1e300, open)), "%s", g->name);
    CHECK(float8_code(g->type, -0.0, bound) == (signbit(g->value[128]) && !isnan(g->value[128]) ? 128 : 0), "%s",
          g->name);
    CHECK(float8_code(g->type, 0x1p-1074, open) == 0, "%s", g->name);
}

static bool type_read(FILE *f, golden *g) {
    if (fscanf(f, " type %31s values", g->name) != 1) return false;
    g->type = dtype_from_name(g->name);
    CHECK(dtype_is_float8(g->type) && dtype_bytes(g->type) == 1, "%s", g->name);
    for (int i = 0; i < CODES; i++) CHECK(fscanf(f, "%lf", &g->value[i]) == 1, "%s: value %d", g->name, i);
    probes_make(g);
    check_values(g);
    check_special(g);
    return true;
}

int main(void) {
    static const struct {
        const char *word;
        float8_round mode;
    } modes[] = {{"nearest", FLOAT8_NEAREST}, {"up", FLOAT8_UP}, {"down", FLOAT8_DOWN}};
    static char word[2 * PROBES + 1];
    const char *source = getenv("SOURCE");
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/float8.txt", source ? source : ".");
    FILE *f = fopen(path, "r");
    golden g;
    int types = 0, lines = 0;
    if (!CHECK(f && fscanf(f, "%*[^\n]") == 0, "golden/float8.txt")) return check_report();
    while (type_read(f, &g)) {
        types++;
        int modes_of_type = g.type == STRIA_FLOAT8E8M0 ? 3 : 1;
        for (int m = 0; m < modes_of_type; m++) {
            char mode[16] = "";
            CHECK(fscanf(f, "%15s %1536s", mode, word) == 2 && strcmp(mode, modes[m].word) == 0, "%s", g.name);
            check_rounding(&g, word, modes[m].mode);
            lines++;
        }
    }
    fclose(f);
    CHECK(types == 5 && lines == 7, "%d types, %d lines", types, lines);
    return check_report();
}
