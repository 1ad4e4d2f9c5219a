/* Keras' files with an HDF5 library that fails: each of its functions that can fail does so, at its first call and at
 * some of the later ones. The file is refused by a sentence, or what is read of it is as it is in the file; no array
 * has another's contents. Linked with --wrap=dlsym, as the library is loaded when it is needed. */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/library.h"
#include "base/memory.h"
#include "model/weights/weights.h"

#ifdef STRIA_HAVE_HDF5
#include <hdf5.h>

enum { FUNCTIONS = 40 };

/* Shared with the process that reads, whose calls they count. */
static struct counts { long calls[FUNCTIONS]; } * counts;
static int failing, refusals; /* failing: -1: none */
static long fail_at;

static bool fails(int function) {
    return ++counts->calls[function] == fail_at && function == failing;
}

#define H5(type, name, parameters, arguments, failure)                                                                 \
    static type(*real_##name) parameters;                                                                              \
    static type my_##name parameters {                                                                                 \
        return fails(I_##name) ? (failure) : real_##name arguments;                                                    \
    }
#define LIST(X)                                                                                                        \
    X(htri_t, H5Aexists, (hid_t a, const char *b), (a, b), -1)                                                         \
    X(hid_t, H5Aget_space, (hid_t a), (a), -1)                                                                         \
    X(hid_t, H5Aget_type, (hid_t a), (a), -1)                                                                          \
    X(hid_t, H5Aopen, (hid_t a, const char *b, hid_t c), (a, b, c), -1)                                                \
    X(herr_t, H5Aread, (hid_t a, hid_t b, void *c), (a, b, c), -1)                                                     \
    X(hid_t, H5Dget_create_plist, (hid_t a), (a), -1)                                                                  \
    X(hid_t, H5Dget_space, (hid_t a), (a), -1)                                                                         \
    X(hid_t, H5Dget_type, (hid_t a), (a), -1)                                                                          \
    X(herr_t, H5Dread, (hid_t a, hid_t b, hid_t c, hid_t d, hid_t e, void *f), (a, b, c, d, e, f), -1)                 \
    X(herr_t, H5Eset_auto2, (hid_t a, H5E_auto2_t b, void *c), (a, b, c), -1)                                          \
    X(hid_t, H5Fopen, (const char *a, unsigned b, hid_t c), (a, b, c), -1)                                             \
    X(herr_t, H5Gget_info, (hid_t a, H5G_info_t * b), (a, b), -1)                                                      \
    X(hid_t, H5Gopen2, (hid_t a, const char *b, hid_t c), (a, b, c), -1)                                               \
    X(htri_t, H5Lexists, (hid_t a, const char *b, hid_t c), (a, b, c), -1)                                             \
    X(ssize_t, H5Lget_name_by_idx,                                                                                     \
      (hid_t a, const char *b, H5_index_t c, H5_iter_order_t d, hsize_t e, char *f, size_t g, hid_t h),                \
      (a, b, c, d, e, f, g, h), -1)                                                                                    \
    X(herr_t, H5Lunregister, (H5L_type_t a), (a), -1)                                                                  \
    X(hid_t, H5Oopen, (hid_t a, const char *b, hid_t c), (a, b, c), -1)                                                \
    X(herr_t, H5PLset_loading_state, (unsigned a), (a), -1)                                                            \
    X(hid_t, H5Pcreate, (hid_t a), (a), -1)                                                                            \
    X(int, H5Pget_external_count, (hid_t a), (a), -1)                                                                  \
    X(H5D_layout_t, H5Pget_layout, (hid_t a), (a), H5D_LAYOUT_ERROR)                                                   \
    X(herr_t, H5Pset_fapl_core, (hid_t a, size_t b, hbool_t c), (a, b, c), -1)                                         \
    X(herr_t, H5Pset_file_image, (hid_t a, void *b, size_t c), (a, b, c), -1)                                          \
    X(int, H5Sget_simple_extent_dims, (hid_t a, hsize_t * b, hsize_t * c), (a, b, c), -1)                              \
    X(int, H5Sget_simple_extent_ndims, (hid_t a), (a), -1)                                                             \
    X(hssize_t, H5Sget_simple_extent_npoints, (hid_t a), (a), -1)                                                      \
    X(hid_t, H5Tcopy, (hid_t a), (a), -1)                                                                              \
    X(H5T_class_t, H5Tget_class, (hid_t a), (a), H5T_NO_CLASS)                                                         \
    X(size_t, H5Tget_ebias, (hid_t a), (a), 0)                                                                         \
    X(herr_t, H5Tget_fields, (hid_t a, size_t * b, size_t * c, size_t * d, size_t * e, size_t * f),                    \
      (a, b, c, d, e, f), -1)                                                                                          \
    X(H5T_norm_t, H5Tget_norm, (hid_t a), (a), H5T_NORM_ERROR)                                                         \
    X(H5T_order_t, H5Tget_order, (hid_t a), (a), H5T_ORDER_ERROR)                                                      \
    X(size_t, H5Tget_precision, (hid_t a), (a), 0)                                                                     \
    X(size_t, H5Tget_size, (hid_t a), (a), 0)                                                                          \
    X(char *, H5Tget_tag, (hid_t a), (a), NULL)                                                                        \
    X(htri_t, H5Tis_variable_str, (hid_t a), (a), -1)                                                                  \
    X(herr_t, H5open, (void), (), -1)

#define INDEX(type, name, parameters, arguments, failure) I_##name,
enum { LIST(INDEX) LISTED };
LIST(H5)

/* Functions as they lie in memory, since no type of C holds all of them. */
#define ROW(type, name, parameters, arguments, failure) {#name, &real_##name, &(type(*) parameters){my_##name}},

void *__real_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name);
void *__wrap_dlsym(void *handle, const char *name) {
    const struct {
        const char *name;
        void *real;
        const void *mine;
    } rows[] = {LIST(ROW)};
    void *address = __real_dlsym(handle, name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows && address; i++)
        if (strcmp(rows[i].name, name) == 0) {
            memcpy(rows[i].real, &address, sizeof address);
            memcpy(&address, rows[i].mine, sizeof address);
            return address;
        }
    return address;
}

#define NAME(type, name, parameters, arguments, failure) #name,
static const char *const names[] = {LIST(NAME)};

/* ---- files ---- */

static stria_status read_with(weights *w, const char *file, int function, long at, stria_error *err) {
    memset(counts, 0, sizeof *counts);
    failing = function;
    fail_at = at;
    return weights_read(w, file, err);
}

static const tensor *named(const weights *w, const char *name) {
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->items[i].name, name) == 0) return w->items[i].data;
    return NULL;
}

/* Every array that both have is the same; there are no more than there were. */
static bool part_of(const weights *part, const weights *whole) {
    for (int i = 0; i < part->count; i++) {
        const tensor *a = part->items[i].data, *b = named(whole, part->items[i].name);
        if (b && (a->type != b->type || a->bytes != b->bytes || memcmp(a->data, b->data, a->bytes) != 0)) return false;
    }
    return part->count <= whole->count;
}

static void failure_check(const char *file, const weights *whole, int function, long at) {
    stria_error err = {0};
    weights w = {0};
    size_t memory = mem_bytes_now();
    stria_status status = read_with(&w, file, function, at, &err);
    if (status == STRIA_OK) {
        CHECK(part_of(&w, whole), "%s: call %ld of %s fails: other arrays", file, at, names[function]);
        weights_release(&w);
    } else
        CHECK(strncmp(err.text, file, strlen(file)) == 0 && err.status == status && !strstr(err.text, "breaks on it"),
              "%s: call %ld of %s fails: '%s'", file, at, names[function], err.text);
    refusals += status != STRIA_OK;
    CHECK(mem_bytes_now() == memory, "%s: call %ld of %s fails: memory stays", file, at, names[function]);
}

static void file_check(const char *file) {
    stria_error err = {0};
    weights whole = {0};
    long calls[FUNCTIONS], all = 0;
    if (!CHECK(read_with(&whole, file, -1, 0, &err) == STRIA_OK, "%s", err.text)) return;
    memcpy(calls, counts->calls, sizeof calls);
    for (int f = 0; f < LISTED; f++)
        for (long at = 1; at <= calls[f]; at = at < 3 ? at + 1 : at * 4, all++) failure_check(file, &whole, f, at);
    weights_release(&whole);
    printf("%4ld failures: %s\n", all, file);
}

int main(void) {
    static const char *const files[] = {"named.weights.h5",   "named.h5",     "keras2.h5",
                                        "unnamed.weights.h5", "two_bytes.h5", "nested.h5"};
    char folder[600];
    const char *source = getenv("SOURCE");
    snprintf(folder, sizeof folder, "%s/tests/golden/weights", source ? source : ".");
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!CHECK(counts != MAP_FAILED && chdir(folder) == 0, "no folder %s", folder)) return check_report();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) file_check(files[i]);
    CHECK(refusals > 100, "only %d failures are told", refusals);
    return check_report();
}
#else
int main(void) {
    return check_skip("built without HDF5");
}
#endif
