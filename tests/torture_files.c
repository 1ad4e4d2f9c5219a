/* Every file of the fuzz corpora and of the golden weights, with each allocation of its reader failing in turn:
 * STRIA_NO_MEMORY, nothing left, the same answer afterwards. A graph that can be read is copied, written as text and in
 * several opsets, and made ready. Jansson's own allocations are left alone: it calls a text wrong for want of memory.
 */
#include "torture.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "data/image.h"
#include "data/npz.h"
#include "fuzz_folder.h"
#include "model/net.h"
#include "model/onnx/onnx.h"
#include "model/safetensors.h"
#include "model/weights/weights.h"
#include "run/machine.h"
#include "run/program.h"
#include "train/trainer.h"

enum { ALLOCATIONS_MAX = 400 }; /* of one file that fail; of more, every n-th */

typedef struct bytes {
    const char *path;
    const uint8_t *data;
    size_t size;
} bytes;

/* ---- graphs ---- */

/* In older opsets too; what these cannot say is no failure. */
static stria_status opsets_write(const graph *g, stria_error *err) {
    for (int opset = 7; opset <= 25; opset += 6) {
        text t = {0};
        stria_error own = {0};
        stria_status status = onnx_write_opset(g, opset, &t, &own);
        text_release(&t);
        if (status != STRIA_NO_MEMORY) continue;
        *err = own;
        return status;
    }
    return STRIA_OK;
}

static stria_status graph_use(graph *g, stria_error *err) {
    graph *own = NULL;
    program *p = NULL;
    text t = {0};
    program_config config = {.optimize = true};
    stria_status status = graph_check(g, err);
    if (status == STRIA_OK) status = net_write(g, &t, err);
    text_release(&t);
    if (status == STRIA_OK) status = opsets_write(g, err);
    if (status == STRIA_OK) status = graph_copy(g, NULL, &own, err);
    if (status == STRIA_OK) status = machine_kernels(NULL, &config.ks, err);
    if (status == STRIA_OK) status = program_new(&p, own, &config, NULL, err);
    program_release(p);
    graph_free(own);
    return status;
}

static stria_status onnx_use(void *what, stria_error *err) {
    const bytes *b = what;
    graph *g = NULL;
    stria_status status = onnx_read(&g, b->data, b->size, "file.onnx", err);
    if (status == STRIA_OK) status = graph_use(g, err);
    graph_free(g);
    return status;
}

static stria_status net_use(void *what, stria_error *err) {
    const bytes *b = what;
    graph *g = NULL;
    stria_status status = net_read(&g, (const char *)b->data, b->size, "file.net", 1, err);
    if (status == STRIA_OK) status = graph_use(g, err);
    graph_free(g);
    return status;
}

static stria_status proto_use(void *what, stria_error *err) {
    const bytes *b = what;
    tensor *t = NULL;
    char *name = NULL;
    stria_status status = onnx_read_tensor(&t, &name, b->data, b->size, err);
    if (status != STRIA_OK) return status;
    tensor_release(t);
    mem_free(name);
    return STRIA_OK;
}

/* ---- arrays and weights ---- */

static stria_status npy_use(void *what, stria_error *err) {
    const bytes *b = what;
    npy_array a = {0};
    stria_status status = npy_parse(b->data, b->size, &a, err);
    if (status == STRIA_OK) status = npy_to_float(&a, err);
    npy_release(&a);
    return status;
}

static stria_status npz_use(void *what, stria_error *err) {
    const bytes *b = what;
    npz_member *members;
    int count;
    TRY(npz_parse(b->data, b->size, &members, &count, err));
    npz_release(members, count);
    return STRIA_OK;
}

static stria_status idx_use(void *what, stria_error *err) {
    const bytes *b = what;
    idx_array a = {0};
    stria_status status = idx_parse(b->data, b->size, b->size > 8 && b->data[3] == 1 ? 1 : 3, &a, err);
    idx_release(&a);
    return status;
}

static stria_status safetensors_use(void *what, stria_error *err) {
    const bytes *b = what;
    safetensors file;
    TRY(safetensors_decode(&file, b->data, b->size, err));
    safetensors_release(&file);
    return STRIA_OK;
}

static stria_status weights_use(void *what, stria_error *err) {
    const bytes *b = what;
    weights w;
    if (weights_is_keras(b->data, b->size)) return STRIA_OK; /* read in a process of its own: keras_use */
    TRY(weights_decode(&w, b->data, b->size, err));
    weights_release(&w);
    return STRIA_OK;
}

static stria_status keras_use(void *what, stria_error *err) {
    const bytes *b = what;
    weights w;
    if (!weights_is_keras(b->data, b->size)) return STRIA_OK;
    TRY(weights_read(&w, b->path, err));
    weights_release(&w);
    return STRIA_OK;
}

/* ---- pictures, datasets, runs ---- */

static stria_status picture_use(void *what, stria_error *err) {
    const bytes *b = what;
    image m = {0};
    stria_status status = image_decode(b->data, b->size, NULL, &m, err);
    image_release(&m);
    return status;
}

static stria_status cifar_use(void *what, stria_error *err) {
    const bytes *b = what;
    char spec[96];
    dataset *d = NULL;
    snprintf(spec, sizeof spec, "cifar10:%s", fuzz_folder_write("test_batch.bin", b->data, b->size));
    stria_status status = dataset_open(&d, spec, &(dataset_options){.split = "test"}, err);
    dataset_free(d);
    return status;
}

static stria_status checkpoint_use(void *what, stria_error *err) {
    checkpoint c;
    TRY(checkpoint_read(&c, fuzz_folder, err));
    checkpoint_release(&c);
    return STRIA_OK;
}

/* ---- folders ---- */

static int files_of(const char *folder, torture_use *use, int *read) {
    char path[1024];
    const char *source = getenv("SOURCE"); /* as ctest sets it */
    int files = 0;
    snprintf(path, sizeof path, "%s/%s", source ? source : ".", folder);
    size_t length = strlen(path);
    DIR *dir = opendir(path);
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        uint8_t *data;
        bytes b = {.path = path};
        stria_error err = {0};
        if (e->d_name[0] == '.') continue;
        snprintf(path + length, sizeof path - length, "/%s", e->d_name);
        if (!CHECK(file_read(path, 0, &data, &b.size, &err) == STRIA_OK, "%s", err.text)) continue;
        b.data = data;
        if (use == checkpoint_use) fuzz_folder_write(CHECKPOINT_FILE, data, b.size);
        mem_fail_at(0);
        *read += use(&b, &err) == STRIA_OK;
        long step = 1 + mem_count() / ALLOCATIONS_MAX;
        torture_each(use, &b, path, step);
        mem_free(data);
        files++;
    }
    if (dir) closedir(dir);
    fuzz_folder_remove(); /* the next one's file has another name */
    *fuzz_folder = 0;
    return files;
}

int main(int argc, char **argv) {
    static const struct {
        const char *folder;
        torture_use *use;
        int files, read; /* at least */
    } rows[] = {
        {"tests/fuzz/corpus/onnx", onnx_use, 8, 1},        {"tests/fuzz/corpus/onnx", proto_use, 8, 0},
        {"tests/fuzz/corpus/run", onnx_use, 15, 8},        {"tests/fuzz/corpus/net", net_use, 8, 1},
        {"tests/fuzz/corpus/npy", npy_use, 10, 1},         {"tests/fuzz/corpus/npz", npz_use, 12, 1},
        {"tests/fuzz/corpus/idx", idx_use, 10, 1},         {"tests/fuzz/corpus/safetensors", safetensors_use, 8, 1},
        {"tests/fuzz/corpus/weights", weights_use, 12, 1}, {"tests/fuzz/corpus/picture", picture_use, 20, 1},
        {"tests/fuzz/corpus/cifar", cifar_use, 4, 1},      {"tests/golden/weights", weights_use, 30, 10},
        {"tests/golden/weights", keras_use, 30, 4},        {"tests/fuzz/corpus/checkpoint", checkpoint_use, 4, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 1 && !strstr(rows[i].folder, argv[1])) continue;
        int read = 0, files = files_of(rows[i].folder, rows[i].use, &read);
        CHECK(files >= rows[i].files && read >= rows[i].read, "%s: %d files, of which %d are read", rows[i].folder,
              files, read);
    }
    return check_report();
}
