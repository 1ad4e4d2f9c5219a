#include "data/catalog.h"

#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDX(what, digits, of, sum)                                                                                     \
    { what "-idx" digits "-ubyte.gz", of, sum }

/* Classifiers of ImageNet's 1,000 classes from the ONNX Model Zoo. Sums, sizes and top-1 accuracies are those of its
 * repository (github.com/onnx/models: the LFS pointers, ONNX_HUB_MANIFEST.json, the README of each family), which says
 * how pictures become inputs, too. */
#define IMAGENET(of, folder, words, length, sum)                                                                       \
    {                                                                                                                  \
        .name = of, .kind = CATALOG_MODEL, .about = "ImageNet, 1,000 classes: " words,                                 \
        .page = "https://huggingface.co/onnxmodelzoo/" of, .licence = "Apache-2.0",                                    \
        .homes = {"https://huggingface.co/onnxmodelzoo/" of "/resolve/main/",                                          \
                  "https://media.githubusercontent.com/media/onnx/models/main/validated/vision/classification/" folder \
                  "/model/"},                                                                                          \
        .files = {{of ".onnx", length, sum}}, .file_count = 1, .signs = {of ".onnx"},                                  \
        .preprocess = "resize=256 crop=224 channels=rgb scale=1/255 mean=0.485,0.456,0.406 std=0.229,0.224,0.225"      \
    }

/* Sums and sizes: what torchvision, TensorFlow Datasets and MLDatasets.jl agree on, the files of the homes below. */
static const catalog_entry entries[] = {
    {.name = "mnist",
     .about = "handwritten digits",
     .page = "http://yann.lecun.com/exdb/mnist/",
     .licence = "CC BY-SA 3.0",
     .homes = {"https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"},
     .files = {IDX("train-images", "3", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
               IDX("train-labels", "1", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
               IDX("t10k-images", "3", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
               IDX("t10k-labels", "1", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6")},
     .file_count = 4,
     .signs = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"}},
    {.name = "fashion-mnist",
     .about = "clothes",
     .page = "https://github.com/zalandoresearch/fashion-mnist",
     .licence = "MIT",
     .homes = {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
               "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"},
     .files = {IDX("train-images", "3", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
               IDX("train-labels", "1", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
               IDX("t10k-images", "3", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
               IDX("t10k-labels", "1", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")},
     .file_count = 4,
     .signs = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"}},
    {.name = "cifar10",
     .about = "objects of 10 classes",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html",
     .licence = "none stated",
     .homes = {"https://www.cs.toronto.edu/~kriz/"},
     .files = {{"cifar-10-binary.tar.gz", 170052171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}},
     .file_count = 1,
     .archive = "cifar-10-binary",
     .signs = {"cifar-10-batches-bin", "data_batch_1.bin"}},
    {.name = "cifar100",
     .about = "objects of 100 classes",
     .page = "https://www.cs.toronto.edu/~kriz/cifar.html",
     .licence = "none stated",
     .homes = {"https://www.cs.toronto.edu/~kriz/"},
     .files = {{"cifar-100-binary.tar.gz", 168513733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}},
     .file_count = 1,
     .archive = "cifar-100-binary",
     .signs = {"cifar-100-binary", "train.bin"}},
    {.name = "flowers17",
     .about = "photos of 17 kinds of flowers",
     .page = "https://www.robots.ox.ac.uk/~vgg/data/flowers/17/",
     .licence = "none stated",
     .homes = {"https://www.robots.ox.ac.uk/~vgg/data/flowers/17/"},
     .files = {{"17flowers.tgz", 0, NULL}},
     .file_count = 1,
     .archive = "17flowers",
     .signs = {"jpg", "image_0001.jpg"}},
    IMAGENET("squeezenet1.0-12", "squeezenet", "SqueezeNet 1.0, top-1 56.85 %", 4952956,
             "dec81a8684617770b3cf13fadc1d92565d1d453d23935fc6388b792d99c992bd"),
    IMAGENET("squeezenet1.1-7", "squeezenet", "SqueezeNet 1.1, top-1 56.34 %", 4956208,
             "1eeff551a67ae8d565ca33b572fc4b66e3ef357b0eb2863bb9ff47a918cc4088"),
    IMAGENET("mobilenetv2-7", "mobilenet", "MobileNet v2, top-1 70.94 %", 14246826,
             "c1c513582d56afceff8516c73804e484c81c6a830712ab6d682253f4a3cd042f"),
    IMAGENET("mobilenetv2-12", "mobilenet", "MobileNet v2, top-1 69.48 %", 13964571,
             "c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5"),
    IMAGENET("resnet18-v1-7", "resnet", "ResNet-18, top-1 69.93 %", 46820737,
             "4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c"),
    IMAGENET("resnet34-v1-7", "resnet", "ResNet-34, top-1 73.73 %", 87302588,
             "883a41b2e30ddc2e422c108b091b5e70b92d37dc5c345a2c563dcae27971e2cc"),
    IMAGENET("resnet50-v1-12", "resnet", "ResNet-50, top-1 74.97 %", 102576593,
             "3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526"),
    IMAGENET("resnet101-v1-7", "resnet", "ResNet-101, top-1 76.48 %", 178914043,
             "760702f6ec0138f71ebac66f4e95d1c72dc9267a8544f4d4667a53075fd0497c"),
    IMAGENET("resnet152-v1-7", "resnet", "ResNet-152, top-1 77.11 %", 241816206,
             "b0ec92437bf8c9d0739bf9bafdea9638e13f9e3c1e2fb766ad546cc182fd3f6d"),
    IMAGENET("resnet18-v2-7", "resnet", "ResNet-18 v2, top-1 69.70 %", 46806737,
             "3b4d048057854022232aa20bf68262e31718ab7119a17f920b8a2dc1433f824b"),
    IMAGENET("resnet50-v2-7", "resnet", "ResNet-50 v2, top-1 75.81 %", 102442452,
             "79102261eb6e5fd7af5d27f41316293e388c5cb691e5d25bfb035c4f64fefe31"),
    IMAGENET("vgg16-12", "vgg", "VGG-16, top-1 72.38 %", 553437752,
             "722c42f53ca03a5480296bf8f9c85a151de3eed9ec982d7d2302ff6e2900c67b"),
    IMAGENET("vgg16-bn-7", "vgg", "VGG-16 with batch normalisation, top-1 72.71 %", 553512191,
             "4fdceabf1ef715c9ed3020fa2eac1cb2a448296c086b03633c80cf47e1c5afce"),
    IMAGENET("vgg19-7", "vgg", "VGG-19, top-1 73.72 %", 574677321,
             "692f9f927f1df1b89033787a77a73eac59fd9b3344f9ecdf0b13221e41c2046f"),
    IMAGENET("vgg19-bn-7", "vgg", "VGG-19 with batch normalisation, top-1 73.83 %", 574774380,
             "ce0987dfa6228ad29708013f38b7f73cbc14ca6066a05fc22ee49b35871c63ed"),
};
enum { ENTRIES = sizeof entries / sizeof *entries };

const catalog_entry *catalog_at(int i) {
    return i >= 0 && i < ENTRIES ? &entries[i] : NULL;
}

const catalog_entry *catalog_named(const char *name) {
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    return NULL;
}

uint64_t catalog_bytes(const catalog_entry *e) {
    uint64_t sum = 0;
    for (int i = 0; i < e->file_count; i++) {
        if (!e->files[i].bytes) return 0;
        sum += e->files[i].bytes;
    }
    return sum;
}

/* ---- where things are ---- */

/* "A/B" into path, false if it does not fit. A may end in a slash. */
static bool path_join(char *path, size_t size, const char *a, const char *b) {
    size_t n = strlen(a);
    int length = snprintf(path, size, "%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
    return length > 0 && (size_t)length < size;
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The user's own cache (XDG Base Directory Specification: a relative name does not count). */
static bool cache_folder(char *path, size_t size) {
    const char *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    char own[PATH_MAX];
    if (cache && *cache == '/') return path_join(path, size, cache, "stria");
    return home && path_join(own, sizeof own, home, ".cache") && path_join(path, size, own, "stria");
}

/* The i-th folder that holds entries' folders. false past the last; "" where one is not known. */
static bool shelf_at(int i, char *path, size_t size) {
    const char *data = variable("STRIA_DATA");
    *path = 0;
    if (i == 0 && data) snprintf(path, size, "%s", data);
    if (i == 1 && !cache_folder(path, size)) *path = 0;
    if (i == 2) snprintf(path, size, "/usr/share/datasets");
    return i < 3;
}

static bool there(char *path, size_t size, const char *folder, const char *name, const char *ending) {
    char whole[NAME_MAX + 1];
    snprintf(whole, sizeof whole, "%s%s", name, ending);
    return path_join(path, size, folder, whole) && file_exists(path);
}

/* The sign is there, and is not the archive under the name that its files have unpacked. */
static bool sign_there(const catalog_entry *e, const char *sign, char *path, size_t size, const char *folder) {
    bool archive = e->archive && strcmp(sign, e->archive) == 0;
    return (there(path, size, folder, sign, "") && (!archive || file_is_folder(path))) ||
           there(path, size, folder, sign, ".gz");
}

/* What is unpacked wins: it is read faster. */
bool catalog_in(const catalog_entry *e, const char *folder, char *path, size_t size) {
    static const char *const endings[] = {".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tar", ".zip", ""};
    for (size_t i = 0; i < sizeof e->signs / sizeof *e->signs; i++)
        if (e->signs[i] && sign_there(e, e->signs[i], path, size, folder))
            return e->kind == CATALOG_MODEL || snprintf(path, size, "%s", folder) < (int)size;
    for (size_t i = 0; e->archive && i < sizeof endings / sizeof *endings; i++)
        if (there(path, size, folder, e->archive, endings[i]) && !file_is_folder(path)) return true;
    return false;
}

stria_status catalog_find(const catalog_entry *e, char *path, size_t size, stria_error *err) {
    char shelf[PATH_MAX], folder[PATH_MAX], found[PATH_MAX];
    uint64_t bytes = catalog_bytes(e);
    for (int i = 0; shelf_at(i, shelf, sizeof shelf); i++) {
        if (!*shelf || !path_join(folder, sizeof folder, shelf, e->name)) continue;
        if (!catalog_in(e, folder, found, sizeof found)) continue;
        if (strlen(found) >= size) FAIL(err, STRIA_BAD_ARGUMENT, "the path of '%s' is too long", e->name);
        memcpy(path, found, strlen(found) + 1);
        return STRIA_OK;
    }
    char much[48] = "";
    if (bytes) snprintf(much, sizeof much, " (%.1f MiB)", (double)bytes / (1 << 20));
    if (e->kind == CATALOG_MODEL)
        FAIL(err, STRIA_NO_FILE, "'%s' is not on this machine: 'stria model fetch %s' downloads it%s", e->name, e->name,
             much);
    FAIL(err, STRIA_NO_FILE,
         "'%s' is not on this machine: 'stria data fetch %s' downloads it%s, or say where it is: %s:PATH", e->name,
         e->name, much, e->name);
}

/* ---- fetching ---- */

/* Progress of one file, told as that of all. */
typedef struct whole_progress {
    const catalog_fetch_options *o;
    uint64_t before, total;
} whole_progress;

static bool file_progress(uint64_t done, uint64_t total, void *context) {
    const whole_progress *w = context;
    return w->o->progress(w->before + done, w->total ? w->total : total, w->o->context);
}

static stria_status file_get(const catalog_file *f, const char *home, const char *path, whole_progress *w,
                             char sum[SHA256_TEXT], stria_error *err) {
    char url[1024];
    if (!path_join(url, sizeof url, home, f->name)) FAIL(err, STRIA_BAD_ARGUMENT, "the address '%s' is too long", home);
    fetch_request r = {.url = url,
                       .path = path,
                       .bytes = f->bytes,
                       .sha256 = f->sha256,
                       .stall_seconds = w->o->stall_seconds,
                       .retry_ms = w->o->retry_ms,
                       .progress = w->o->progress ? file_progress : NULL,
                       .context = w};
    return fetch_file(&r, sum, err);
}

/* From one home after another; another one may help where a server fails or has another file. If none does, the first
 * one's failure is told; what is no home's failure, as an interruption, ends it and is told. */
static stria_status file_get_any(const catalog_entry *e, int file, const char *path, whole_progress *w,
                                 char sum[SHA256_TEXT], stria_error *err) {
    const char *homes[CATALOG_HOMES] = {w->o->from ? w->o->from : e->homes[0], w->o->from ? NULL : e->homes[1]};
    stria_error told = {0};
    for (int i = 0; i < CATALOG_HOMES && homes[i]; i++) {
        stria_error error = {0};
        stria_status status = file_get(&e->files[file], homes[i], path, w, sum, &error);
        if (status == STRIA_OK) return STRIA_OK;
        bool home = status == STRIA_IO || status == STRIA_NO_FILE || status == STRIA_BAD_FILE;
        if (i == 0 || !home) told = error;
        if (!home) break;
    }
    FAIL(err, told.status, "%s", told.text);
}

static stria_status folder_choose(const catalog_entry *e, const catalog_fetch_options *o, char *folder, size_t size,
                                  stria_error *err) {
    char shelf[PATH_MAX] = "";
    if (o->folder) {
        if ((size_t)snprintf(folder, size, "%s", o->folder) < size) return STRIA_OK;
        FAIL(err, STRIA_BAD_ARGUMENT, "the folder's name is too long");
    }
    for (int i = 0; i < 2 && !*shelf; i++) shelf_at(i, shelf, sizeof shelf);
    if (!*shelf)
        FAIL(err, STRIA_BAD_ARGUMENT,
             "neither STRIA_DATA nor XDG_CACHE_HOME nor HOME says where '%s' is to be kept: give a folder", e->name);
    if (path_join(folder, size, shelf, e->name)) return STRIA_OK;
    FAIL(err, STRIA_BAD_ARGUMENT, "the name of folder '%s' is too long", shelf);
}

/* path: of what the source reads. */
static stria_status files_get(const catalog_entry *e, const catalog_fetch_options *o, const char *folder, char *path,
                              size_t size, char sum[SHA256_TEXT], stria_error *err) {
    char file[PATH_MAX];
    whole_progress w = {.o = o, .total = catalog_bytes(e)};
    for (int i = 0; i < e->file_count; i++) {
        if (!path_join(file, sizeof file, folder, e->files[i].name))
            FAIL(err, STRIA_BAD_ARGUMENT, "the name of folder '%s' is too long", folder);
        TRY(file_get_any(e, i, file, &w, sum, err));
        w.before += file_bytes(file);
    }
    const char *read = e->file_count == 1 ? file : folder;
    if ((size_t)snprintf(path, size, "%s", read) >= size)
        FAIL(err, STRIA_BAD_ARGUMENT, "the path of '%s' is too long", e->name);
    return STRIA_OK;
}

stria_status catalog_fetch(const catalog_entry *e, const catalog_fetch_options *o, char *path, size_t size,
                           char sum[SHA256_TEXT], stria_error *err) {
    char folder[PATH_MAX];
    TRY(folder_choose(e, o, folder, sizeof folder, err));
    bool was_there = file_exists(folder);
    TRY(folder_make(folder, err));
    stria_status status = files_get(e, o, folder, path, size, sum, err);
    if (status != STRIA_OK && !was_there) rmdir(folder); /* unless it holds a part to go on from */
    return status;
}
