/* Every file that a verb reads in every form of damage: missing, empty, cut, longer, with other bytes, a folder in its
 * place; in files of JSON each value by itself gone or of another kind. The command goes on, or says why not by a
 * sentence and an exit code of 1 or 2. It never touches the file that it refuses, and leaves no half-written one. */
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "check.h"
#include "command.h"
#include "small.h"

enum { FLIPS = 12, JSON_TRIES = 240, WORDS = 300 };

typedef struct content {
    uint8_t *data;
    size_t size;
} content;

static content content_of(const char *path) {
    content c = {0};
    if (file_read(path, 0, &c.data, &c.size, NULL) != STRIA_OK) return (content){0};
    return c;
}

static bool put(const char *path, const void *data, size_t size) {
    FILE *f = fopen(path, "wbe");
    bool whole = f && fwrite(data, 1, size, f) == size;
    return f && fclose(f) == 0 && whole;
}

static bool half_written(void) {
    glob_t found = {0};
    bool any = glob("*/*.tmp", 0, NULL, &found) == 0;
    globfree(&found);
    return any;
}

/* "stria: " begins a line; what looks for differences and damages tells of them on standard output. */
static bool said(const char *line) {
    bool finds = strncmp(line, "run case", 8) == 0 || strncmp(line, "data check", 10) == 0;
    if (finds && *command_out) return true;
    const char *at = strstr(command_err, "stria: ");
    return at && (at == command_err || at[-1] == '\n' || at[-1] == '\r' || at[-1] == 'K');
}

static long runs;

/* The command on what stands there now; `now`: the file's contents, NULL where it is none. */
static bool damage_check(const char *line, const char *path, const content *now, const char *what, long n) {
    small_folder_empty("out");
    mkdir("out", 0777);
    int code = command_run(line);
    runs++;
    bool right = CHECK(code >= 0 && code <= 2 && (code == 0 || said(line)), "stria %s: %s %s %ld: exit %d, '%.300s'",
                       line, path, what, n, code, command_err);
    right &= CHECK(!half_written(), "stria %s: %s %s %ld: half a file is left", line, path, what, n);
    if (code == 0 || !now) return right;
    content then = content_of(path);
    right &= CHECK(then.size == now->size && memcmp(then.data, now->data, now->size) == 0,
                   "stria %s: %s %s %ld: it is another now", line, path, what, n);
    mem_free(then.data);
    return right;
}

static bool with(const char *line, const char *path, const void *data, size_t size, const char *what, long n) {
    content now = {(uint8_t *)(uintptr_t)data, size};
    return CHECK(put(path, data, size), "no %s", path) && damage_check(line, path, &now, what, n);
}

static void file_check(const char *line, const char *path, content whole) {
    static const char garbage[] = "{\"a\": [1, 2\n\0\xff\xfe not a file";
    uint8_t *other = mem_alloc(2 * whole.size + 1);
    uint32_t random = 1;
    unlink(path);
    damage_check(line, path, NULL, "is missing", 0);
    mkdir(path, 0777);
    damage_check(line, path, NULL, "is a folder", 0);
    rmdir(path);
    with(line, path, "", 0, "is empty", 0);
    with(line, path, garbage, sizeof garbage - 1, "is something else", 0);
    for (int k = 1; k < 8; k++) with(line, path, whole.data, whole.size * (size_t)k / 8, "is cut at eighth", k);
    with(line, path, whole.data, whole.size - 1, "is cut by a byte", 0);
    memcpy(other, whole.data, whole.size);
    memcpy(other + whole.size, whole.data, whole.size);
    with(line, path, other, 2 * whole.size, "is there twice", 0);
    for (int k = 0; k < FLIPS; k++) {
        random = random * 1664525 + 1013904223;
        size_t at = k < FLIPS / 2 ? random % (whole.size < 200 ? whole.size : 200) : random % whole.size;
        memcpy(other, whole.data, whole.size);
        other[at] ^= (uint8_t)(k % 2 ? 255 : 1 << k);
        with(line, path, other, whole.size, "has another byte at", (long)at);
    }
    mem_free(other);
}

/* ---- JSON ---- */

/* Where the value ends that begins at `at`: a string, a number, a word, or everything between brackets. */
static size_t value_end(const char *text, size_t at, size_t size) {
    int depth = 0;
    for (bool quoted = false; at < size; at++) {
        if (quoted && text[at] == '\\') at++;
        else if (text[at] == '"') quoted = !quoted;
        else if (quoted) continue;
        else if (text[at] == '{' || text[at] == '[') depth++;
        else if (depth && (text[at] == '}' || text[at] == ']')) depth--;
        else if (!depth && (text[at] == ',' || text[at] == '}' || text[at] == ']' || text[at] == '\n')) return at;
    }
    return size;
}

/* Each value after a colon becomes something else; or its key does, so that it is missing. */
static void json_check(const char *line, const char *path, content whole) {
    static const char *const others[] = {"null", "\"x\"", "-1", "1e300", "0.5", "[]", "{}", "true"};
    enum { OTHERS = sizeof others / sizeof *others };
    const char *text = (const char *)whole.data;
    char *changed = mem_alloc(whole.size + 16);
    long values = 0;
    for (size_t i = 0; i + 1 < whole.size; i++) values += text[i] == '"' && text[i + 1] == ':';
    long step = 1 + values * (OTHERS + 1) / JSON_TRIES, n = 0;
    for (size_t i = 0; i + 2 < whole.size; i++) {
        if (text[i] != '"' || text[i + 1] != ':') continue;
        size_t at = i + 2 + (text[i + 2] == ' '), end = value_end(text, at, whole.size);
        for (int k = 0; k <= OTHERS; k++) {
            if (n++ % step) continue;
            size_t length = k < OTHERS ? strlen(others[k]) : 0;
            memcpy(changed, text, whole.size);
            if (k == OTHERS) changed[i - 1] = '~';
            else {
                memcpy(changed + at, others[k], length);
                memcpy(changed + at + length, text + end, whole.size - end);
            }
            size_t size = k == OTHERS ? whole.size : at + length + whole.size - end;
            if (!with(line, path, changed, size, k == OTHERS ? "lacks the key before" : others[k], (long)i)) break;
        }
    }
    mem_free(changed);
}

static const struct {
    const char *line, *path;
    bool json;
} rows[] = {
    {"bench --compare b.json bench.json", "b.json", true},
    {"bench --compare bench.json b.json", "b.json", true},
    {"report r --out out/r.html --no-eval", "r/run.json", true},
    {"report r --out out/r.html --no-eval", "r/metrics.jsonl", true},
    {"report r --out out/r.html --no-eval --lang zh", "r/model.onnx", false},
    {"compare r s --out out/c.svg", "r/metrics.jsonl", true},
    {"compare r s --json", "r/run.json", true},
    {"compare r s", "s/metrics.jsonl", true},
    {"train m.net --data mnist:d --batch 20 --sweep lr=0.1,0.01 --epochs 1 --out g", "g/sweep.json", true},
    {"train m.net --data mnist:d --batch 20 --sweep lr=0.1,0.01 --epochs 1 --out g", "g/001-0.1-seed0/metrics.jsonl",
     true},
    {"train --resume r --epochs 2 --tensorboard", "r/metrics.jsonl", true},
    {"eval r", "r/checkpoint.safetensors", false},
    {"eval r", "d/t10k-labels-idx1-ubyte", false},
    {"predict r --limit 2", "d/t10k-images-idx3-ubyte", false},
    {"predict m.onnx p.pgm", "m.onnx", false},
    {"predict m.onnx p.pgm", "p.pgm", false},
    {"summary m.net", "m.net", false},
    {"run m.onnx --input x.npy --grad logits --output out", "x.npy", false},
    {"run case/model.onnx --test-data case --every-way", "case/test_data_set_0/input_0.pb", false},
    {"run case/model.onnx --test-data case", "case/test_data_set_0/output_0.pb", false},
    {"filter p.pgm --kernel k.npy --out out/y.png", "k.npy", false},
    {"convert m.net out/w.safetensors --weights w.npz", "w.npz", false},
    {"convert m.net out/n.onnx --weights w.safetensors --labels labels.txt", "w.safetensors", false},
    {"convert m.net out/n.onnx --labels labels.txt", "labels.txt", false},
    {"data check folder:f", "f/dark/01.pgm", false},
    {"data stats npy:x.npy,y.npy", "y.npy", false},
};

static void row_check(size_t i) {
    char line[WORDS];
    snprintf(line, sizeof line, "%s%s", rows[i].line, strncmp(rows[i].line, "bench", 5) ? " --threads 1" : "");
    content whole = content_of(rows[i].path);
    if (!CHECK(whole.size > 0, "no %s", rows[i].path)) return;
    small_folder_empty("out");
    mkdir("out", 0777);
    CHECK(command_run(line) == 0, "stria %s: %s", line, command_err);
    long before = runs;
    file_check(line, rows[i].path, whole);
    if (rows[i].json) json_check(line, rows[i].path, whole);
    CHECK(put(rows[i].path, whole.data, whole.size) && command_run(line) == 0, "stria %s, afterwards: %s", line,
          command_err);
    mem_free(whole.data);
    printf("%4ld damages of %s: %s\n", runs - before, rows[i].path, line);
    fflush(stdout);
}

int main(int argc, char **argv) {
    bool files = command_folder() && command_files();
    content bench = content_of("bench.json");
    files =
        files && put("b.json", bench.data, bench.size) &&
        command_run("train m.net --data mnist:d --batch 20 --sweep lr=0.1,0.01 --epochs 1 --out g --threads 1") == 0;
    mem_free(bench.data);
    if (!CHECK(files, "no files: %s", command_err)) return check_report();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc == 1 || strstr(rows[i].line, argv[1]) || strstr(rows[i].path, argv[1])) row_check(i);
    return check_report();
}
