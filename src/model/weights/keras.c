/* Keras' weights, in HDF5: .weights.h5 of Keras 3 (layers/CLASS_COUNT/vars/INDEX, where the group's attribute `name`
 * says what the layer is called), the same in a .keras archive, and the older .h5 (attributes layer_names and
 * weight_names). A tensor is called LAYER/ROLE. Source: keras/src/saving/saving_lib.py,
 * legacy/saving/legacy_h5_format.py. */
#include "data/zip.h"
#include "model/weights/weights.h"

#include <string.h>

static const char signature[] = "\x89HDF\r\n\x1a\n";

static bool is_hdf5(const uint8_t *bytes, size_t size) {
    return size >= 8 && memcmp(bytes, signature, 8) == 0;
}

/* The member model.weights.h5 of an archive. */
static bool member_find(const uint8_t *bytes, size_t size, zip_archive *a, zip_entry *e) {
    static const char name[] = "model.weights.h5";
    if (size < 4 || memcmp(bytes, "PK\3\4", 4) != 0 || zip_open(a, bytes, size, NULL) != STRIA_OK) return false;
    while (a->left > 0 && zip_next(a, e, NULL) == STRIA_OK)
        if (e->name_length == sizeof name - 1 && memcmp(e->name, name, sizeof name - 1) == 0) return true;
    return false;
}

bool weights_is_keras(const uint8_t *bytes, size_t size) {
    zip_archive a;
    zip_entry e;
    return is_hdf5(bytes, size) || member_find(bytes, size, &a, &e);
}

#ifndef STRIA_HAVE_HDF5
stria_status weights_keras(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    FAIL(err, STRIA_UNSUPPORTED, "this build of Stria has no HDF5 library, so it reads no weights of Keras");
}
#else

#include "base/memory.h"
#include "model/weights/keras_child.h"
#include "model/weights/keras_hdf5.h"

#include <stdio.h>
#include <stdlib.h>

/* What the variables of a layer are, by its class; classes are the groups' names without their count. */
static const struct {
    const char *class, *roles[4];
} classes[] = {
    {"conv1d", {"kernel", "bias"}},
    {"conv2d", {"kernel", "bias"}},
    {"conv2d_transpose", {"kernel", "bias"}},
    {"depthwise_conv2d", {"kernel", "bias"}},
    {"dense", {"kernel", "bias"}},
    {"batch_normalization", {"gamma", "beta", "moving_mean", "moving_variance"}},
    {"embedding", {"embeddings"}},
};

/* A layer's class: its group's name without "_12". */
static size_t class_length(const char *group) {
    size_t n = strlen(group), end = n;
    while (end > 0 && group[end - 1] >= '0' && group[end - 1] <= '9') end--;
    return end > 0 && end < n && group[end - 1] == '_' ? end - 1 : n;
}

/* The role of variable `index` of `count`; the index itself where it is not known. A normalisation without scale or
 * centre has fewer, and does not say which are missing, unless both are. */
static void role_name(const char *group, int index, int count, char role[32]) {
    size_t length = class_length(group);
    snprintf(role, 32, "%d", index);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        bool norm = classes[i].roles[2] != NULL;
        int skip = norm && count == 2 ? 2 : 0;
        if (strlen(classes[i].class) != length || memcmp(classes[i].class, group, length) != 0) continue;
        if ((norm && count == 3) || index + skip > 3 || !classes[i].roles[index + skip]) return;
        snprintf(role, 32, "%s", classes[i].roles[index + skip]);
    }
}

static stria_status variable_add(weights *w, hdf5_group *vars, const char *index, const char *layer, const char *role,
                                 stria_error *err) {
    char name[600];
    tensor *t;
    snprintf(name, sizeof name, "%s/%s", layer, role);
    TRY(hdf5_tensor(w, vars, index, name, &t, err));
    return weights_add(w, name, strlen(name), t, err);
}

/* The variables of the layer whose group is `group`; `name`: what it is called if its attribute does not say it. */
static stria_status vars_add(weights *w, hdf5_group *vars, const char *group, const char *prefix, stria_error *err) {
    char own[256], layer[520], role[32], index[16];
    int count = hdf5_count(vars);
    TRY(hdf5_attribute(vars, "name", own, sizeof own, err));
    snprintf(layer, sizeof layer, "%s%s", prefix, *own ? own : group);
    for (int i = 0; i < count; i++) {
        snprintf(index, sizeof index, "%d", i);
        role_name(group, i, count, role);
        TRY(variable_add(w, vars, index, layer, role, err));
    }
    return STRIA_OK;
}

enum { DEPTH_MAX = 8 };

/* Every group below: "vars" are a layer's variables, others what it consists of. `group`: this one's name. */
static stria_status layer_add(weights *w, hdf5_group *g, const char *group, const char *prefix, int depth,
                              stria_error *err);

typedef struct member_name {
    char text[200];
} member_name;

/* conv2d, conv2d_1, conv2d_2, …, conv2d_10: the order in which layers of a class were made. */
static int member_compare(const void *a, const void *b) {
    const char *x = ((const member_name *)a)->text, *y = ((const member_name *)b)->text;
    size_t n = class_length(x), m = class_length(y);
    int order = memcmp(x, y, n < m ? n : m);
    if (order == 0) order = (n > m) - (n < m);
    if (order == 0) order = (strlen(x) > strlen(y)) - (strlen(x) < strlen(y));
    return order ? order : strcmp(x, y);
}

/* The groups in g but vars, in order. *out is mem_free's. */
static stria_status members_list(hdf5_group *g, member_name **out, int *count, stria_error *err) {
    int all = hdf5_count(g), n = 0;
    member_name *names;
    TRY(mem_new(&names, (size_t)all + 1, sizeof *names, "names of layers", err));
    for (int i = 0; i < all; i++)
        if (hdf5_member(g, i, names[n].text, sizeof names->text) && strcmp(names[n].text, "vars") != 0) n++;
    if (n) qsort(names, (size_t)n, sizeof *names, member_compare);
    *out = names;
    *count = n;
    return STRIA_OK;
}

static stria_status members_add(weights *w, hdf5_group *g, const char *prefix, int depth, stria_error *err) {
    stria_status status = STRIA_OK;
    member_name *names;
    int count;
    TRY(members_list(g, &names, &count, err));
    for (int i = 0; i < count && status == STRIA_OK; i++) {
        hdf5_group member;
        if (!hdf5_open(g, names[i].text, &member)) continue;
        status = layer_add(w, &member, names[i].text, prefix, depth + 1, err);
        hdf5_close(&member);
    }
    mem_free(names);
    return status;
}

static stria_status layer_add(weights *w, hdf5_group *g, const char *group, const char *prefix, int depth,
                              stria_error *err) {
    hdf5_group vars;
    char own[256] = "", inner[520];
    stria_status status = STRIA_OK;
    if (depth > DEPTH_MAX) FAIL(err, STRIA_BAD_FILE, "its groups are nested more than %d deep", (int)DEPTH_MAX);
    snprintf(inner, sizeof inner, "%s", prefix);
    if (hdf5_open(g, "vars", &vars)) {
        if (depth > 1) status = vars_add(w, &vars, group, prefix, err);
        /* What is inside a layer of the network has its name before it: "lstm/lstm_cell". */
        if (depth > 1 && status == STRIA_OK) status = hdf5_attribute(&vars, "name", own, sizeof own, err);
        if (*own) snprintf(inner, sizeof inner, "%.250s%.250s/", prefix, own);
        hdf5_close(&vars);
    }
    return status == STRIA_OK ? members_add(w, g, inner, depth, err) : status;
}

/* ---- the older .h5: attribute layer_names of the root or of model_weights, weight_names of each layer ---- */

typedef struct legacy {
    weights *w;
    hdf5_group *root, *layer;
    char name[256]; /* the layer's */
    int first;      /* its first array among w's */
} legacy;

/* Returns true if the layer already has an array of this role. */
static bool role_taken(const legacy *l, const char *role) {
    size_t n = strlen(l->name);
    for (int i = l->first; i < l->w->count; i++) {
        const char *name = l->w->items[i].name;
        if (strncmp(name, l->name, n) == 0 && name[n] == '/' && strcmp(name + n + 1, role) == 0) return true;
    }
    return false;
}

/* "conv1/kernel:0" or "conv1/conv1/kernel" of layer conv1: its last part without ":0". A layer that consists of others
 * has several of that name: all but the first have their whole path. */
static stria_status legacy_weight(void *context, const char *path, stria_error *err) {
    legacy *l = context;
    const char *last = strrchr(path, '/');
    char role[300];
    snprintf(role, sizeof role, "%s", last ? last + 1 : path);
    role[strcspn(role, ":")] = 0;
    if (role_taken(l, role)) {
        snprintf(role, sizeof role, "%s", path);
        role[strcspn(role, ":")] = 0;
    }
    return variable_add(l->w, l->layer, path, l->name, role, err);
}

static stria_status legacy_layer(void *context, const char *name, stria_error *err) {
    legacy *l = context;
    hdf5_group layer;
    if (!hdf5_open(l->root, name, &layer)) FAIL(err, STRIA_BAD_FILE, "layer '%s' is not in it", name);
    l->layer = &layer;
    l->first = l->w->count;
    snprintf(l->name, sizeof l->name, "%s", name);
    stria_status status = hdf5_names(&layer, "weight_names", legacy_weight, l, err);
    hdf5_close(&layer);
    return status;
}

static stria_status root_read(weights *w, hdf5_group *root, stria_error *err) {
    hdf5_group inner;
    legacy l = {.w = w, .root = root};
    if (hdf5_open(root, "model_weights", &inner)) {
        l.root = &inner;
        stria_status status = hdf5_names(&inner, "layer_names", legacy_layer, &l, err);
        hdf5_close(&inner);
        return status;
    }
    if (hdf5_has_names(root, "layer_names")) return hdf5_names(root, "layer_names", legacy_layer, &l, err);
    return layer_add(w, root, "", "", 0, err);
}

static stria_status hdf5_work(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    hdf5_group root;
    TRY(hdf5_open_image(bytes, size, &root, err));
    stria_status status = root_read(w, &root, err);
    hdf5_close_image(&root);
    return status;
}

static stria_status hdf5_read(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    TRY(hdf5_load(err));
    return child_run(w, bytes, size, child_seconds(size), hdf5_work, err);
}

stria_status weights_keras(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    zip_archive a;
    zip_entry e;
    const uint8_t *data;
    uint8_t *owned;
    w->keras = true;
    w->ordered = true;
    if (is_hdf5(bytes, size)) return hdf5_read(w, bytes, size, err);
    if (!member_find(bytes, size, &a, &e)) FAIL(err, STRIA_BAD_FILE, "the archive has no model.weights.h5");
    TRY(weights_charge(w, e.unpacked > e.packed ? e.unpacked : 0, err));
    TRY(zip_member(&a, &e, &data, &owned, err));
    stria_status status = is_hdf5(data, (size_t)e.unpacked)
                              ? hdf5_read(w, data, (size_t)e.unpacked, err)
                              : error_set(err, STRIA_BAD_FILE, "its model.weights.h5 is not an HDF5 file");
    mem_free(owned);
    return status;
}
#endif
