/* Every verb with memory that ends: an allocation of the command, of what it draws with and of the library fails, once
 * for each way that leads to one. The command says so and exits with 1, or does without and says the same as ever; it
 * gives back what it took and leaves no half-written file. Linked with --wrap, so that no allocation is missed. */
#include <execinfo.h>
#include <glob.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "check.h"
#include "command.h"
#include "small.h"

#include "cli/term.h"

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
int __real_posix_memalign(void **out, size_t alignment, size_t bytes);
char *__real_strdup(const char *text);
void __real_free(void *p);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);

json_t *__real_json_loadb(const char *text, size_t bytes, size_t flags, json_error_t *why);
json_t *__real_json_load_file(const char *path, size_t flags, json_error_t *why);
json_t *__wrap_json_loadb(const char *text, size_t bytes, size_t flags, json_error_t *why);
json_t *__wrap_json_load_file(const char *path, size_t flags, json_error_t *why);

/* ---- blocks that are held ---- */

enum {
    BLOCKS_MAX = 1 << 16,
    PATHS_MAX = 1 << 18,
    FRAMES_MAX = 48,
    OUTER = 14, /* frames tell paths apart: from main's to a few in the library, which has tests of its own */
    TRIES_MAX = 1 << 14
};

static void *blocks[BLOCKS_MAX]; /* by a hash of their address */
static long held;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static uint64_t hash(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static size_t place_of(const void *p) {
    return hash(1, (uintptr_t)p) % BLOCKS_MAX;
}

static void *block_note(void *p) {
    if (!p) return NULL;
    pthread_mutex_lock(&guard);
    size_t at = place_of(p);
    while (blocks[at]) at = (at + 1) % BLOCKS_MAX;
    blocks[at] = p;
    held++;
    pthread_mutex_unlock(&guard);
    return p;
}

/* Blocks of others, as of libc, are none. */
static void block_forget(void *p) {
    if (!p) return;
    pthread_mutex_lock(&guard);
    size_t at = place_of(p);
    while (blocks[at] && blocks[at] != p) at = (at + 1) % BLOCKS_MAX;
    held -= blocks[at] != NULL;
    for (size_t next = at; blocks[at];) { /* what follows it moves up */
        next = (next + 1) % BLOCKS_MAX;
        if (blocks[next] && (next - place_of(blocks[next])) % BLOCKS_MAX < (next - at) % BLOCKS_MAX) continue;
        blocks[at] = blocks[next];
        at = next;
    }
    pthread_mutex_unlock(&guard);
}

/* ---- which one fails ---- */

static pthread_t main_thread;
static long count, fail_at;
static bool noting;               /* allocations are looked at, none fails */
static uint64_t paths[PATHS_MAX]; /* that led to an allocation, of all commands so far */
static long tries[TRIES_MAX];     /* allocations of this command on a path of its own */
static int try_count, path_count, failed_depth;
static void *failed_frames[FRAMES_MAX];

/* True where no allocation of an earlier command was reached on this path. */
static bool path_new(void) {
    void *frames[FRAMES_MAX];
    int depth = backtrace(frames, FRAMES_MAX);
    uint64_t h = 0;
    for (int i = depth > OUTER + 2 ? depth - OUTER : 2; i < depth; i++) h = hash(h, (uintptr_t)frames[i]);
    size_t at = h % PATHS_MAX;
    while (paths[at] && paths[at] != h) at = (at + 1) % PATHS_MAX;
    bool found = paths[at] == h;
    paths[at] = h;
    path_count += !found;
    return !found;
}

static bool parsing; /* Jansson's parser ends the process by an assertion where its text cannot grow (2.14, load.c) */

static bool fails(void) {
    if (parsing) return false;
    if (!pthread_equal(pthread_self(), main_thread)) return false; /* the others' are in no fixed order */
    count++;
    if (noting && path_new() && try_count < TRIES_MAX) tries[try_count++] = count;
    if (count != fail_at) return false;
    failed_depth = backtrace(failed_frames, FRAMES_MAX);
    return true;
}

void *__wrap_malloc(size_t bytes) {
    return fails() ? NULL : block_note(__real_malloc(bytes));
}
void *__wrap_calloc(size_t number, size_t bytes) {
    return fails() ? NULL : block_note(__real_calloc(number, bytes));
}
char *__wrap_strdup(const char *text) {
    return fails() ? NULL : block_note(__real_strdup(text));
}
void __wrap_free(void *p) {
    block_forget(p);
    __real_free(p);
}
void *__wrap_realloc(void *p, size_t bytes) {
    if (fails()) return NULL;
    void *q = __real_realloc(p, bytes);
    if (q) block_forget(p);
    return block_note(q);
}
int __wrap_posix_memalign(void **out, size_t alignment, size_t bytes) {
    int failed = fails() ? 12 : __real_posix_memalign(out, alignment, bytes);
    if (!failed) block_note(*out);
    return failed;
}

json_t *__wrap_json_loadb(const char *text, size_t bytes, size_t flags, json_error_t *why) {
    parsing = true;
    json_t *document = __real_json_loadb(text, bytes, flags, why);
    parsing = false;
    return document;
}

json_t *__wrap_json_load_file(const char *path, size_t flags, json_error_t *why) {
    parsing = true;
    json_t *document = __real_json_load_file(path, flags, why);
    parsing = false;
    return document;
}

/* ---- one command ---- */

static char wanted_out[sizeof command_out], wanted_err[sizeof command_err];
static int wanted_code;
static uint64_t wanted_files;
static bool repeats; /* the files are always the same */

static int run(const char *line, long at) {
    small_folder_empty("out");
    mkdir("out", 0777);
    count = try_count = failed_depth = 0;
    fail_at = at;
    int code = command_run(line);
    fail_at = 0;
    for (int i = 0; i < 8; i++) show_name("a"); /* it keeps that many */
    return code;
}

/* Names and contents of what it wrote. */
static uint64_t written(void) {
    static char part[1 << 16];
    uint64_t sum = 0;
    glob_t found = {0};
    if (glob("out/*", 0, NULL, &found) != 0) found.gl_pathc = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *f = fopen(found.gl_pathv[i], "rbe");
        for (size_t got; f && (got = fread(part, 1, sizeof part, f)) > 0;)
            for (size_t k = 0; k < got; k++) sum = hash(sum, (unsigned char)part[k]);
        if (f) fclose(f);
        sum = hash(sum, strlen(found.gl_pathv[i]));
    }
    globfree(&found);
    return sum;
}

static bool memory_said(void) {
    for (const char *at = command_err; (at = strstr(at, "stria: ")); at++) {
        const char *memory = strstr(at, "memory"), *end = strchr(at, '\n');
        if (memory && (!end || memory < end)) return true;
    }
    return false;
}

/* A sentence about memory, even where the work goes on without what it was for, or the same as ever. */
static bool told(int code) {
    bool same = code == wanted_code && strcmp(command_out, wanted_out) == 0 && strcmp(command_err, wanted_err) == 0 &&
                (!repeats || written() == wanted_files);
    return same || (code <= 1 && memory_said());
}

static bool half_written(void) {
    glob_t found = {0};
    bool any = glob("*/*.tmp", 0, NULL, &found) == 0;
    globfree(&found);
    return any;
}

static void failure_check(const char *line, long at, long of) {
    long before = held;
    int code = run(line, at);
    if (!failed_depth) return; /* the times that it tells are of another length */
    bool right =
        CHECK(told(code), "stria %s: allocation %ld of %ld fails: exit %d, '%s'", line, at, of, code, command_err);
    right &= CHECK(held == before, "stria %s: allocation %ld of %ld fails: %ld blocks are left", line, at, of,
                   held - before);
    right &= CHECK(!half_written(), "stria %s: allocation %ld of %ld fails: half a file is left", line, at, of);
    if (right) return;
    fflush(stdout);
    backtrace_symbols_fd(failed_frames, failed_depth, 1);
}

static void line_check(const char *line) {
    static long at[TRIES_MAX];
    run(line, 0); /* what is made once and kept is made now */
    wanted_files = written();
    long before = held;
    noting = true;
    wanted_code = run(line, 0);
    noting = false;
    long allocations = count;
    repeats = written() == wanted_files;
    int wanted = try_count;
    memcpy(at, tries, sizeof *at * (size_t)wanted);
    strcpy(wanted_out, command_out);
    strcpy(wanted_err, command_err);
    CHECK(wanted_code == 0, "stria %s: %s", line, wanted_err);
    CHECK(held == before, "stria %s: %ld blocks are left", line, held - before);
    for (int i = 0; i < wanted; i++) failure_check(line, at[i], allocations);
    printf("%6ld allocations, %5d paths: %s\n", allocations, wanted, line);
}

static const char *const lines[] = {
    "info",
    "info --operators",
    "info --operators --json",
    "summary m.onnx --tensors --receptive-field --formula",
    "summary m.onnx --json",
    "summary m.net --net",
    "summary m.net --memory-map --out out/map.svg",
    "explain m.onnx",
    "explain m.onnx --json",
    "graph m.onnx --out out/g.svg",
    "graph m.onnx --out out/g.dot --fold no --backward",
    "graph m.onnx --out out/g.mmd --json",
    "data list",
    "model list",
    "model list --json",
    "data list --json",
    "data steps",
    "data show folder:f --output out/sheet.png --augment flip",
    "data stats folder:f",
    "data check folder:f",
    "data check folder:f --json",
    "filter p.pgm --kernel sobel-x,sobel-y --magnitude --out out/y.png",
    "filter k.npy --kernel k.npy --out out/y.npy",
    "filter '1 2 3;4 5 6' --kernel '1 1;0 1' --steps",
    "filter '1 2 3;4 5 6' --kernel '1 1;0 1' --json",
    "filter 22x24 --kernel 3x3 --sizes",
    "filter p.pgm --find p.pgm",
    "filter '1 1 0 0 0 0 1 1' --learn '0 1 0 0 0 -1 0' --size 2 --iterations 5 --save-kernel out/k.npy",
    "predict m.onnx p.pgm",
    "predict m.onnx p.pgm --json",
    "predict r --limit 3",
    "eval r",
    "eval r --json --split val",
    "run m.onnx --input x.npy",
    "run m.onnx --input x.npy --layers --output out",
    "run m.onnx --input x.npy --grad logits --output out --json",
    "run case/model.onnx --test-data case",
    "run case/model.onnx --test-data case --every-way --json",
    "bench m.onnx --repeat 1 --train --html out/b.html --trace out/t.json",
    "bench --compare bench.json bench.json",
    "convert m.onnx out/n.net",
    "convert m.onnx out/n.onnx --json --save-test-case out/case",
    "convert m.onnx out/w.npz --fp16",
    "convert m.net out/w.safetensors --weights w.npz",
    "diff m.net m.onnx --image p.pgm",
    "diff m.onnx m.onnx --json",
    "compare r s --out out/c.svg",
    "compare r s --json",
    "report r --out out/r.html",
    "report s --out out/r.html --lang zh --no-eval --json",
    "show m.onnx filters --out out/s.png",
    "show m.onnx gradcam --image p.pgm --out out/s.png",
    "show m.onnx occlusion --image p.pgm --out out/s.npy",
    "show m.onnx activation-max --class 1 --steps 2 --out out/s.png",
    "show r embedding --out out/s.svg",
    "show m.onnx features --image p.pgm --terminal",
    "train m.net --data mnist:d --out out --epochs 1 --batch 20 --tensorboard",
    "train m.net --data mnist:d --find-lr out/lr.svg --batch 20",
    "train m.net --data folder:f --head 2 --from m.onnx --freeze all-but-head --out out --epochs 1",
    "show m.onnx smoothgrad --image p.pgm --samples 2 --out out/s.npy",
    "show m.onnx guided --image p.pgm --out out/s.npy",
    "show m.onnx integrated --image p.pgm --out out/s.npy",
    "show m.onnx saliency --image p.pgm --out out/s.png",
    "show m.onnx deepdream --image p.pgm --steps 2 --out out/s.png",
    "report r --out out/r.html --no-eval --tensorboard",
    "filter '1 2 3' --learn '1 2 4' --size 1 --iterations 5 --json",
    "data split folder:f --output out/d",
    "data augment folder:f --output out/d --augment flip --json",
    "data pack folder:f --output out/d",
    "data stats folder:f --json",
    "predict r f/dark --top 2 --json",
    "run m.onnx --input image=x.npy --batch 1 --json",
    "run m.onnx --input x.npy --reference",
    "train m.net --data mnist:d --batch 20 --sweep lr=0.1,0.2 --epochs 1 --out out/g",
    NULL,
};

int main(int argc, char **argv) {
    void *frames[4];
    backtrace(frames, 4); /* which loads a library at its first call */
    main_thread = pthread_self();
    if (!CHECK(command_folder() && command_files(), "no files")) return check_report();
    for (int i = 1; i < argc; i++) line_check(argv[i]);
    for (int i = 0; argc == 1 && lines[i]; i++) {
        char line[512];
        snprintf(line, sizeof line, "%s --threads 1", lines[i]);
        line_check(line);
    }
    return check_report();
}
