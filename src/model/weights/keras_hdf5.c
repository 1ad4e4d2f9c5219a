#include "model/weights/keras_hdf5.h"

#ifdef STRIA_HAVE_HDF5

#include "base/library.h"
#include "base/memory.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

/* The header's constants call these functions of the library on the way. */
#undef H5OPEN
#undef H5CHECK
#define H5OPEN
#define H5CHECK

enum { NAMES_MAX = 1 << 14, TEXT_MAX = 1024, PATH_MAX_BYTES = 1024 };

/* clang-format off: it changes its mind on a list this long. */
#define HDF5_SYMBOLS(X)                                                                                                \
    X(H5Aclose)                                                                                                        \
    X(H5Aexists)                                                                                                       \
    X(H5Aget_space)                                                                                                    \
    X(H5Aget_type)                                                                                                     \
    X(H5Aopen)                                                                                                         \
    X(H5Aread)                                                                                                         \
    X(H5Dget_create_plist)                                                                                             \
    X(H5Dget_space)                                                                                                    \
    X(H5Dget_type)                                                                                                     \
    X(H5Dread)                                                                                                         \
    X(H5Dvlen_reclaim)                                                                                                 \
    X(H5Eset_auto2)                                                                                                    \
    X(H5Fclose)                                                                                                        \
    X(H5Fopen)                                                                                                         \
    X(H5Gclose)                                                                                                        \
    X(H5Gget_info)                                                                                                     \
    X(H5Gopen2)                                                                                                        \
    X(H5Lexists)                                                                                                       \
    X(H5Lget_info)                                                                                                     \
    X(H5Lget_name_by_idx)                                                                                              \
    X(H5Lunregister)                                                                                                   \
    X(H5Oclose)                                                                                                        \
    X(H5Oget_info)                                                                                                     \
    X(H5Oget_info_by_name)                                                                                             \
    X(H5Oopen)                                                                                                         \
    X(H5PLset_loading_state)                                                                                           \
    X(H5Pclose)                                                                                                        \
    X(H5Pcreate)                                                                                                       \
    X(H5Pget_external_count)                                                                                           \
    X(H5Pget_layout)                                                                                                   \
    X(H5Pset_fapl_core)                                                                                                \
    X(H5Pset_file_image)                                                                                               \
    X(H5Sclose)                                                                                                        \
    X(H5Sget_simple_extent_dims)                                                                                       \
    X(H5Sget_simple_extent_ndims)                                                                                      \
    X(H5Sget_simple_extent_npoints)                                                                                    \
    X(H5Tclose)                                                                                                        \
    X(H5Tcopy)                                                                                                         \
    X(H5Tget_class)                                                                                                    \
    X(H5Tget_ebias)                                                                                                    \
    X(H5Tget_fields)                                                                                                   \
    X(H5Tget_norm)                                                                                                     \
    X(H5Tget_order)                                                                                                    \
    X(H5Tget_precision)                                                                                                \
    X(H5Tget_size)                                                                                                     \
    X(H5Tget_tag)                                                                                                      \
    X(H5Tis_variable_str)                                                                                              \
    X(H5free_memory)                                                                                                   \
    X(H5open)                                                                                                          \
    X(H5T_NATIVE_FLOAT_g)                                                                                              \
    X(H5T_NATIVE_DOUBLE_g)                                                                                             \
    X(H5T_NATIVE_INT64_g)                                                                                              \
    X(H5P_CLS_FILE_ACCESS_ID_g)
/* clang-format on */
LIBRARY(libhdf5, STRIA_HDF5_FILE, HDF5_SYMBOLS)

stria_status hdf5_load(stria_error *err) {
    return libhdf5_load(err);
}

/* The library prints what fails unless it is told not to; it opens files that external links name, and loads plugins
 * for filters that a file names, unless both are turned off. For the whole process, which is a child. */
static bool library_tame(void) {
    return libhdf5.H5open() >= 0 && libhdf5.H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0 &&
           libhdf5.H5Lunregister(H5L_TYPE_EXTERNAL) >= 0 && libhdf5.H5PLset_loading_state(0) >= 0;
}

stria_status hdf5_open_image(const uint8_t *bytes, size_t size, hdf5_group *root, stria_error *err) {
    if (!library_tame()) FAIL(err, STRIA_UNSUPPORTED, "this HDF5 library cannot be kept from opening other files");
    hid_t access = libhdf5.H5Pcreate(*libhdf5.H5P_CLS_FILE_ACCESS_ID_g), file = H5I_INVALID_HID,
          group = H5I_INVALID_HID;
    if (access >= 0 && libhdf5.H5Pset_fapl_core(access, 1 << 16, false) >= 0 &&
        libhdf5.H5Pset_file_image(access, (void *)(uintptr_t)bytes, size) >= 0)
        file = libhdf5.H5Fopen("weights", H5F_ACC_RDONLY, access);
    if (access >= 0) libhdf5.H5Pclose(access);
    if (file >= 0) group = libhdf5.H5Gopen2(file, "/", H5P_DEFAULT);
    if (group < 0) {
        if (file >= 0) libhdf5.H5Fclose(file);
        FAIL(err, STRIA_BAD_FILE, "the HDF5 library cannot open it: it is damaged or truncated");
    }
    *root = (hdf5_group){group, file};
    return STRIA_OK;
}

void hdf5_close_image(hdf5_group *root) {
    libhdf5.H5Gclose((hid_t)root->id);
    libhdf5.H5Fclose((hid_t)root->file);
}

/* What a name without '/' links to lies in this file, and is of this kind. */
static bool links_inside(hid_t in, const char *name, H5O_type_t kind) {
    H5L_info_t link;
    H5O_info_t object;
    if (libhdf5.H5Lexists(in, name, H5P_DEFAULT) <= 0) return false;
    if (libhdf5.H5Lget_info(in, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) return false;
    return libhdf5.H5Oget_info_by_name(in, name, &object, H5P_DEFAULT) >= 0 && object.type == kind;
}

/* What lies at a path below g, part by part, so that no link on the way leads elsewhere; below 0: nothing. */
static hid_t inside_open(hdf5_group *g, const char *path, H5O_type_t kind) {
    char part[PATH_MAX_BYTES];
    hid_t at = (hid_t)g->id, next = -1;
    for (const char *from = path;; from++) {
        size_t length = strcspn(from, "/");
        bool last = from[length] == 0;
        next = -1;
        if (length > 0 && length < sizeof part) {
            memcpy(part, from, length);
            part[length] = 0;
            if (links_inside(at, part, last ? kind : H5O_TYPE_GROUP)) next = libhdf5.H5Oopen(at, part, H5P_DEFAULT);
        }
        if (at != (hid_t)g->id) libhdf5.H5Oclose(at);
        if (next < 0 || last) return next;
        at = next;
        from += length;
    }
}

bool hdf5_open(hdf5_group *g, const char *name, hdf5_group *out) {
    hid_t id = inside_open(g, name, H5O_TYPE_GROUP);
    *out = (hdf5_group){id, g->file};
    return id >= 0;
}

void hdf5_close(hdf5_group *g) {
    libhdf5.H5Oclose((hid_t)g->id);
}

int hdf5_count(hdf5_group *g) {
    H5G_info_t info;
    return libhdf5.H5Gget_info((hid_t)g->id, &info) >= 0 && info.nlinks < NAMES_MAX ? (int)info.nlinks : 0;
}

bool hdf5_member(hdf5_group *g, int index, char *name, size_t room) {
    ssize_t length = libhdf5.H5Lget_name_by_idx((hid_t)g->id, ".", H5_INDEX_NAME, H5_ITER_INC, (hsize_t)index, name,
                                                room, H5P_DEFAULT);
    return length > 0 && (size_t)length < room;
}

/* ---- attributes ---- */

/* An attribute that was opened, with its type and how many elements it has. */
typedef struct attribute {
    hid_t id, type, space;
    hssize_t count;
} attribute;

static void attribute_close(attribute *a) {
    if (a->space >= 0) libhdf5.H5Sclose(a->space);
    if (a->type >= 0) libhdf5.H5Tclose(a->type);
    if (a->id >= 0) libhdf5.H5Aclose(a->id);
}

static bool attribute_open(hdf5_group *g, const char *key, attribute *a) {
    *a = (attribute){-1, -1, -1, 0};
    if (libhdf5.H5Aexists((hid_t)g->id, key) <= 0) return false;
    a->id = libhdf5.H5Aopen((hid_t)g->id, key, H5P_DEFAULT);
    if (a->id >= 0) a->type = libhdf5.H5Aget_type(a->id);
    if (a->type >= 0) a->space = libhdf5.H5Aget_space(a->id);
    if (a->space >= 0) a->count = libhdf5.H5Sget_simple_extent_npoints(a->space);
    if (a->space >= 0 && a->count >= 0 && a->count <= NAMES_MAX) return true;
    attribute_close(a);
    return false;
}

static stria_status text_each(const char *text, size_t most, hdf5_each *each, void *context, stria_error *err) {
    char copy[TEXT_MAX];
    size_t length = text ? strnlen(text, most) : 0;
    if (length >= sizeof copy) FAIL(err, STRIA_BAD_FILE, "a name in it has more than %d bytes", TEXT_MAX - 1);
    if (length) memcpy(copy, text, length);
    copy[length] = 0;
    return each(context, copy, err);
}

/* Texts of variable length: pointers, whose memory is the library's. */
static stria_status variable_each(attribute *a, hdf5_each *each, void *context, stria_error *err) {
    char **texts;
    stria_status status = STRIA_OK;
    TRY(mem_new(&texts, (size_t)a->count + 1, sizeof *texts, "names", err));
    hid_t type = libhdf5.H5Tcopy(a->type);
    if (type < 0 || libhdf5.H5Aread(a->id, type, texts) < 0)
        status = error_set(err, STRIA_BAD_FILE, "a list of names in it is damaged");
    else {
        for (hssize_t i = 0; i < a->count && status == STRIA_OK; i++)
            status = text_each(texts[i], TEXT_MAX, each, context, err);
        libhdf5.H5Dvlen_reclaim(type, a->space, H5P_DEFAULT, texts);
    }
    if (type >= 0) libhdf5.H5Tclose(type);
    mem_free((void *)texts);
    return status;
}

static stria_status fixed_each(attribute *a, hdf5_each *each, void *context, stria_error *err) {
    size_t bytes = libhdf5.H5Tget_size(a->type);
    char *texts;
    if (bytes == 0 || bytes > TEXT_MAX) FAIL(err, STRIA_BAD_FILE, "names in it have %zu bytes", bytes);
    TRY(mem_new(&texts, (size_t)a->count * bytes + 1, 1, "names", err));
    stria_status status = STRIA_OK;
    if (libhdf5.H5Aread(a->id, a->type, texts) < 0)
        status = error_set(err, STRIA_BAD_FILE, "a list of names in it is damaged");
    for (hssize_t i = 0; i < a->count && status == STRIA_OK; i++)
        status = text_each(texts + (size_t)i * bytes, bytes, each, context, err);
    mem_free(texts);
    return status;
}

static stria_status attribute_each(attribute *a, hdf5_each *each, void *context, stria_error *err) {
    if (a->count == 0) return STRIA_OK; /* of whatever type: a layer without weights has numbers */
    if (libhdf5.H5Tget_class(a->type) != H5T_STRING) FAIL(err, STRIA_BAD_FILE, "a list of names in it holds no text");
    return libhdf5.H5Tis_variable_str(a->type) > 0 ? variable_each(a, each, context, err)
                                                   : fixed_each(a, each, context, err);
}

typedef struct kept {
    char *out;
    size_t room;
} kept;

static stria_status keep(void *context, const char *text, stria_error *err) {
    kept *k = context;
    snprintf(k->out, k->room, "%s", text);
    return STRIA_OK;
}

stria_status hdf5_attribute(hdf5_group *g, const char *key, char *out, size_t room, stria_error *err) {
    attribute a;
    kept k = {out, room};
    *out = 0;
    if (!attribute_open(g, key, &a)) return STRIA_OK;
    stria_status status = a.count == 1 ? attribute_each(&a, keep, &k, err) : STRIA_OK;
    attribute_close(&a);
    if (status != STRIA_OK) *out = 0;
    return status == STRIA_NO_MEMORY ? status : STRIA_OK;
}

bool hdf5_has_names(hdf5_group *g, const char *key) {
    char first[64];
    snprintf(first, sizeof first, "%s0", key);
    return libhdf5.H5Aexists((hid_t)g->id, key) > 0 || libhdf5.H5Aexists((hid_t)g->id, first) > 0;
}

stria_status hdf5_names(hdf5_group *g, const char *key, hdf5_each *each, void *context, stria_error *err) {
    attribute a;
    bool whole = attribute_open(g, key, &a), found = whole;
    stria_status status = whole ? attribute_each(&a, each, context, err) : STRIA_OK;
    if (whole) attribute_close(&a);
    for (int part = 0; !whole && status == STRIA_OK && part < NAMES_MAX; part++) {
        char name[64];
        snprintf(name, sizeof name, "%s%d", key, part);
        if (!attribute_open(g, name, &a)) break;
        found = true;
        status = attribute_each(&a, each, context, err);
        attribute_close(&a);
    }
    if (status == STRIA_OK && !found) FAIL(err, STRIA_BAD_FILE, "it has no attribute '%s'", key);
    return status;
}

/* ---- arrays ---- */

/* A little-endian type of two bytes with `exponent` bits of exponent after the sign, as IEEE 754 lays them out. */
static bool half_is(hid_t type, size_t exponent, size_t bias) {
    size_t sign, at, bits, fraction_at, fraction_bits;
    return libhdf5.H5Tget_order(type) == H5T_ORDER_LE &&
           libhdf5.H5Tget_fields(type, &sign, &at, &bits, &fraction_at, &fraction_bits) >= 0 && sign == 15 &&
           bits == exponent && at == 15 - exponent && fraction_at == 0 && fraction_bits == at &&
           libhdf5.H5Tget_ebias(type) == bias && libhdf5.H5Tget_norm(type) == H5T_NORM_IMPLIED &&
           libhdf5.H5Tget_precision(type) == 16;
}

/* What Keras writes of bfloat16: two bytes of which the library knows nothing, with an attribute that says it. */
static stria_status opaque_type(hid_t set, hid_t type, dtype *out, stria_error *err) {
    char said[16] = "";
    char *tag = libhdf5.H5Tget_tag(type);
    bool plain = tag && !*tag;
    if (tag) libhdf5.H5free_memory(tag);
    if (plain) TRY(hdf5_attribute(&(hdf5_group){.id = set}, "dtype", said, sizeof said, err));
    if (strcmp(said, "bfloat16") == 0) *out = STRIA_BFLOAT16;
    return STRIA_OK;
}

/* The type, and the one that the library converts it to; −1: as it lies there. 0: one that is not read. */
static dtype element_type(hid_t type, hid_t *memory) {
    size_t bytes = libhdf5.H5Tget_size(type);
    H5T_class_t kind = libhdf5.H5Tget_class(type);
    *memory = -1;
    if (kind == H5T_FLOAT && bytes == 4) return *memory = *libhdf5.H5T_NATIVE_FLOAT_g, STRIA_FLOAT32;
    if (kind == H5T_FLOAT && bytes == 8) return *memory = *libhdf5.H5T_NATIVE_DOUBLE_g, STRIA_FLOAT64;
    if (kind == H5T_FLOAT && bytes == 2 && half_is(type, 5, 15)) return STRIA_FLOAT16;
    if (kind == H5T_FLOAT && bytes == 2 && half_is(type, 8, 127)) return STRIA_BFLOAT16;
    if (kind == H5T_INTEGER && bytes <= 8) return *memory = *libhdf5.H5T_NATIVE_INT64_g, STRIA_INT64;
    return 0;
}

static stria_status space_shape(hid_t space, const char *name, shape *out, stria_error *err) {
    hsize_t dims[H5S_MAX_RANK];
    int rank = libhdf5.H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > RANK_MAX || libhdf5.H5Sget_simple_extent_dims(space, dims, NULL) < 0)
        FAIL(err, STRIA_UNSUPPORTED, "array '%s' has %d dimensions, at most %d are possible", name, rank, RANK_MAX);
    *out = (shape){.rank = rank};
    for (int d = 0; d < rank; d++) {
        if (dims[d] > INT64_MAX) FAIL(err, STRIA_BAD_FILE, "array '%s' has an impossible size", name);
        out->dim[d] = (int64_t)dims[d];
    }
    return STRIA_OK;
}

/* Arrays that lie in other files, or are put together of them, are not this file's. Asked before the extent, for which
 * the library may open the sources of a virtual array. */
static bool lies_inside(hid_t set, hid_t file) {
    hid_t made = libhdf5.H5Dget_create_plist(set);
    H5O_info_t here, there;
    bool inside = libhdf5.H5Oget_info(set, &here) >= 0 && libhdf5.H5Oget_info(file, &there) >= 0 &&
                  here.fileno == there.fileno && made >= 0 && libhdf5.H5Pget_external_count(made) == 0 &&
                  libhdf5.H5Pget_layout(made) != H5D_VIRTUAL;
    if (made >= 0) libhdf5.H5Pclose(made);
    return inside;
}

static stria_status set_read(weights *w, hid_t set, hid_t type, const char *name, tensor **out, stria_error *err) {
    shape s;
    hid_t memory, space;
    dtype t = element_type(type, &memory);
    if (libhdf5.H5Tget_class(type) == H5T_OPAQUE && libhdf5.H5Tget_size(type) == 2)
        TRY(opaque_type(set, type, &t, err));
    if (!t) FAIL(err, STRIA_UNSUPPORTED, "array '%s' is of a type that is not read", name);
    if ((space = libhdf5.H5Dget_space(set)) < 0) FAIL(err, STRIA_BAD_FILE, "array '%s' is damaged", name);
    stria_status status = space_shape(space, name, &s, err);
    libhdf5.H5Sclose(space);
    TRY(status);
    TRY(shape_check(&s, t, err, "array '%s'", name));
    TRY(weights_charge(w, (uint64_t)shape_bytes(&s, t), err));
    TRY(tensor_new(out, t, &s, name, err));
    if ((*out)->bytes == 0 ||
        libhdf5.H5Dread(set, memory >= 0 ? memory : type, H5S_ALL, H5S_ALL, H5P_DEFAULT, (*out)->data) >= 0)
        return STRIA_OK;
    tensor_release(*out);
    FAIL(err, STRIA_BAD_FILE, "array '%s' is damaged", name);
}

stria_status hdf5_tensor(weights *w, hdf5_group *g, const char *path, const char *name, tensor **out,
                         stria_error *err) {
    hid_t set = inside_open(g, path, H5O_TYPE_DATASET), type = -1;
    stria_status status = STRIA_OK;
    if (set < 0) FAIL(err, STRIA_BAD_FILE, "array '%s' is not in it, or damaged", name);
    if (!lies_inside(set, (hid_t)g->file))
        status = error_set(err, STRIA_BAD_FILE, "array '%s' lies in another file", name);
    else if ((type = libhdf5.H5Dget_type(set)) < 0)
        status = error_set(err, STRIA_BAD_FILE, "array '%s' is damaged", name);
    else status = set_read(w, set, type, name, out, err);
    if (type >= 0) libhdf5.H5Tclose(type);
    libhdf5.H5Oclose(set);
    return status;
}
#else
typedef int keras_hdf5_is_empty;
#endif
