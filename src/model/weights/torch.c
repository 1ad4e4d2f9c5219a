/* PyTorch's state dictionaries: torch.save's zip archives, and the plain pickles that it wrote before version 1.6. Both
 * hold a pickle in which a tensor is a call of _rebuild_tensor_v2(storage, offset, size, stride, …), and the storages'
 * memory after it. Source: torch/serialization.py and torch/_utils.py. */
#include "data/zip.h"
#include "model/weights/pickle.h"
#include "model/weights/torch_storage.h"
#include "model/weights/weights.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* Calls that mean data; those after the parameters only make values that are passed over. */
enum { TENSOR_V2, TENSOR_V3, TENSOR, TENSORS, PARAMETER = TENSORS, PARAMETER_STATE, PARAMETERS };
static const char *const harmless[] = {[TENSOR_V2] = "torch._utils._rebuild_tensor_v2",
                                       [TENSOR_V3] = "torch._utils._rebuild_tensor_v3",
                                       [TENSOR] = "torch._utils._rebuild_tensor",
                                       [PARAMETER] = "torch._utils._rebuild_parameter",
                                       [PARAMETER_STATE] = "torch._utils._rebuild_parameter_with_state",
                                       [PARAMETERS] = "collections.OrderedDict",
                                       "collections.defaultdict",
                                       "torch.Size",
                                       "torch.device",
                                       "numpy.dtype",
                                       "numpy.core.multiarray.scalar",
                                       "numpy._core.multiarray.scalar",
                                       "_codecs.encode",
                                       "__builtin__.set",
                                       "builtins.set",
                                       NULL};
enum { NESTED_MAX = 4, PICKLE_MAX = 64 << 20 };

/* The first pickle of an old file: the number 0x1950a86a20f9469cfc6c. */
static const uint8_t magic[] = {0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

/* Where the storages come from. */
typedef struct source {
    weights *w;
    torch_storages storages;
    zip_archive archive; /* of an old file: zeroed */
    zip_entry *entries;
} source;

/* ---- tensors ---- */

static stria_status storage_ready(source *s, torch_storage *storage, stria_error *err) {
    if (storage->ready) return STRIA_OK;
    const zip_entry *e = &s->entries[storage->entry];
    TRY(weights_charge(s->w, e->unpacked > e->packed ? e->unpacked : 0, err));
    stria_status status = zip_member(&s->archive, e, &storage->data, &storage->owned, err);
    if (status != STRIA_OK) {
        error_prefix(err, "record '%.*s': ", (int)(e->name_length < 80 ? e->name_length : 80), e->name);
        return status;
    }
    storage->bytes = e->unpacked;
    storage->ready = true;
    return STRIA_OK;
}

/* The persistent id ('storage', class, key, location, elements[, view]). */
static stria_status storage_find(source *s, const pickle_value *id, const char *name, torch_storage **out, dtype *type,
                                 stria_error *err) {
    const pickle_value *tuple = pickle_item(id, 0), *of = pickle_item(tuple, 1), *key = pickle_item(tuple, 2);
    if (!id || id->kind != PICKLE_PERSISTENT || !pickle_is(pickle_item(tuple, 0), PICKLE_TEXT, "storage") || !of ||
        of->kind != PICKLE_GLOBAL || !key || key->kind != PICKLE_TEXT)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s' names no storage", name);
    *type = torch_type(of);
    if (!*type && !pickle_is(of, PICKLE_GLOBAL, "torch.storage.UntypedStorage"))
        FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' is of a type that is not read: %.*s", name, of->count, of->text);
    *out = torch_storages_find(&s->storages, key->text, (size_t)key->count);
    if (!*out)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s' lies in storage '%.*s', which is not in the file", name,
             key->count < 80 ? key->count : 80, key->text);
    return storage_ready(s, *out, err);
}

static bool calls(const pickle_value *f, int from, int to) {
    for (int i = from; i < to; i++)
        if (pickle_is(f, PICKLE_GLOBAL, harmless[i])) return true;
    return false;
}

/* The call that makes a tensor: v itself, or what a parameter is made of. NULL: it makes none. */
static const pickle_value *tensor_call(const pickle_value *v) {
    for (int depth = 0; v && v->kind == PICKLE_CALL && depth <= NESTED_MAX; depth++) {
        const pickle_value *f = pickle_item(v, 0);
        if (calls(f, TENSOR_V2, TENSORS)) return v;
        if (!calls(f, PARAMETER, PARAMETERS)) return NULL;
        v = pickle_item(pickle_item(v, 1), 0);
    }
    return NULL;
}

static stria_status tensor_build(source *s, const pickle_value *call, const char *name, tensor **out,
                                 stria_error *err) {
    const pickle_value *f = pickle_item(call, 0), *given = pickle_item(call, 1), *offset = pickle_item(given, 1);
    torch_storage *storage;
    dtype type;
    TRY(storage_find(s, pickle_item(given, 0), name, &storage, &type, err));
    if (calls(f, TENSOR_V3, TENSOR_V3 + 1)) type = torch_type(pickle_item(given, 6));
    if (!type) FAIL(err, STRIA_UNSUPPORTED, "tensor '%s' is of a type that is not read", name);
    const pickle_value *size = pickle_item(given, 2), *stride = pickle_item(given, 3);
    if (size && size->kind == PICKLE_CALL) size = pickle_item(pickle_item(size, 1), 0); /* torch.Size((…)) */
    if (!offset || offset->kind != PICKLE_INT || !size || size->kind != PICKLE_TUPLE || !stride ||
        stride->kind != PICKLE_TUPLE)
        FAIL(err, STRIA_BAD_FILE, "tensor '%s' has no size or stride", name);
    return torch_view(s->w, storage, type, offset->integer, size, stride, name, out, err);
}

/* ---- the dictionary ---- */

static bool has_tensors(const pickle_value *dict) {
    for (int i = 0; dict && dict->kind == PICKLE_DICT && i + 1 < dict->count; i += 2)
        if (tensor_call(dict->items[i + 1])) return true;
    return false;
}

/* The state dictionary itself, or the one in a checkpoint of a training. */
static stria_status dictionary_find(const pickle_value *root, const pickle_value **out, stria_error *err) {
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "net",
                                       "network",    "weights",          "params"};
    *out = root;
    if (has_tensors(root)) return STRIA_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (has_tensors(*out = pickle_find(root, keys[i]))) return STRIA_OK;
    if (root->kind != PICKLE_DICT) FAIL(err, STRIA_BAD_FILE, "it holds no dictionary of tensors");
    text names = {0};
    for (int i = 0; i + 1 < root->count && i < 16; i += 2)
        if (root->items[i]->kind == PICKLE_TEXT)
            text_printf(&names, "%s'%.*s'", names.length ? ", " : "",
                        root->items[i]->count < 40 ? root->items[i]->count : 40, root->items[i]->text);
    stria_status status =
        error_set(err, STRIA_BAD_FILE, "it holds a dictionary without tensors in it: %s", text_string(&names));
    text_release(&names);
    return status;
}

static stria_status dictionary_add(source *s, const pickle_value *dict, stria_error *err) {
    for (int i = 0; i + 1 < dict->count; i += 2) {
        const pickle_value *key = dict->items[i], *call = tensor_call(dict->items[i + 1]);
        char name[256] = "";
        tensor *t;
        if (key->kind != PICKLE_TEXT || !call) continue; /* settings beside the tensors */
        if (key->count >= (int)sizeof name || memchr(key->text, 0, (size_t)key->count))
            FAIL(err, STRIA_BAD_FILE, "a tensor's name has %d bytes or a zero in it", key->count);
        memcpy(name, key->text, (size_t)key->count);
        TRY(tensor_build(s, call, name, &t, err));
        TRY(weights_add(s->w, name, strlen(name), t, err));
    }
    return STRIA_OK;
}

static stria_status root_add(source *s, const pickle_value *root, stria_error *err) {
    const pickle_value *dict;
    TRY(dictionary_find(root, &dict, err));
    return dictionary_add(s, dict, err);
}

/* ---- zip archives: FOLDER/data.pkl, FOLDER/data/KEY, FOLDER/byteorder ---- */

/* The name after the first folder's. */
static const uint8_t *record_name(const zip_entry *e, size_t *length) {
    const uint8_t *slash = e->name_length ? memchr(e->name, '/', e->name_length) : NULL;
    if (!slash) return *length = 0, e->name;
    *length = e->name_length - (size_t)(slash + 1 - e->name);
    return slash + 1;
}

static bool record_is(const zip_entry *e, const char *name) {
    size_t length;
    const uint8_t *at = record_name(e, &length);
    return length == strlen(name) && memcmp(at, name, length) == 0;
}

static stria_status entries_read(source *s, stria_error *err) {
    TRY(mem_new(&s->entries, s->archive.members + 1, sizeof *s->entries, "an archive", err));
    TRY(mem_new(&s->storages.items, s->archive.members + 1, sizeof *s->storages.items, "an archive", err));
    for (size_t i = 0; s->archive.left > 0; i++) {
        zip_entry *e = &s->entries[i];
        size_t length;
        TRY(zip_next(&s->archive, e, err));
        const uint8_t *name = record_name(e, &length);
        if (length > 5 && memcmp(name, "data/", 5) == 0)
            s->storages.items[s->storages.count++] =
                (torch_storage){.key = name + 5, .key_length = length - 5, .entry = i};
    }
    torch_storages_sort(&s->storages);
    return STRIA_OK;
}

/* The contents of the record of this name; data NULL: there is none. */
static stria_status record_read(source *s, const char *name, const uint8_t **data, size_t *size, uint8_t **owned,
                                stria_error *err) {
    *data = NULL;
    *owned = NULL;
    for (uint64_t i = 0; i < s->archive.members; i++) {
        const zip_entry *e = &s->entries[i];
        if (!record_is(e, name)) continue;
        if (e->unpacked > PICKLE_MAX)
            FAIL(err, STRIA_BAD_FILE, "record '%s' has %llu bytes", name, (unsigned long long)e->unpacked);
        *size = (size_t)e->unpacked;
        TRY(weights_charge(s->w, e->unpacked > e->packed ? e->unpacked : 0, err));
        return zip_member(&s->archive, e, data, owned, err);
    }
    return STRIA_OK;
}

static stria_status archive_add(source *s, stria_error *err) {
    pickle p = {0};
    const uint8_t *data;
    uint8_t *owned;
    size_t size = 0;
    TRY(entries_read(s, err));
    TRY(record_read(s, "byteorder", &data, &size, &owned, err));
    bool big = data && size == 3 && memcmp(data, "big", 3) == 0;
    mem_free(owned);
    if (big) FAIL(err, STRIA_UNSUPPORTED, "its numbers are big-endian");
    TRY(record_read(s, "data.pkl", &data, &size, &owned, err));
    if (!data) FAIL(err, STRIA_UNSUPPORTED, "the archive has no record data.pkl; TorchScript's are not read");
    stria_status status = pickle_read(&p, data, size, harmless, &s->w->room, NULL, err);
    if (status == STRIA_OK) status = root_add(s, p.root, err);
    pickle_release(&p);
    mem_free(owned);
    return status;
}

/* ---- old files: pickles of magic, version, system, object, keys; then each storage: elements (8 bytes), memory ----
 */

/* The types of the storages: they stand where the object names them. */
static stria_status types_note(source *s, const pickle_value *ids, dtype *types, stria_error *err) {
    for (int i = 0; ids && i < ids->count; i++) {
        const pickle_value *id = pickle_item(ids->items[i], 0), *key = pickle_item(id, 2), *view = pickle_item(id, 5);
        if (!key || key->kind != PICKLE_TEXT) continue;
        if (view && view->kind != PICKLE_NONE)
            FAIL(err, STRIA_UNSUPPORTED, "its storages are views of others, as PyTorch before 0.4 wrote them");
        torch_storage *of = torch_storages_find(&s->storages, key->text, (size_t)key->count);
        if (of) types[of - s->storages.items] = torch_type(pickle_item(id, 1));
    }
    return STRIA_OK;
}

static stria_status keys_take(source *s, const pickle_value *keys, stria_error *err) {
    if (keys->kind != PICKLE_LIST) FAIL(err, STRIA_BAD_FILE, "it does not list its storages");
    TRY(mem_new(&s->storages.items, (size_t)keys->count + 1, sizeof *s->storages.items, "storages", err));
    for (int i = 0; i < keys->count; i++) {
        const pickle_value *key = keys->items[i];
        if (key->kind != PICKLE_TEXT) FAIL(err, STRIA_BAD_FILE, "it does not list its storages");
        s->storages.items[s->storages.count++] =
            (torch_storage){.key = (const uint8_t *)key->text, .key_length = (size_t)key->count, .entry = (size_t)i};
    }
    torch_storages_sort(&s->storages);
    return STRIA_OK;
}

/* Storages follow in the order of the keys. What follows one of an unknown type cannot be found. */
static stria_status memory_find(source *s, const pickle_value *keys, const dtype *types, const uint8_t *bytes,
                                size_t size, stria_error *err) {
    size_t at = 0;
    for (int i = 0; i < keys->count; i++) {
        torch_storage *of = torch_storages_find(&s->storages, keys->items[i]->text, (size_t)keys->items[i]->count);
        uint64_t elements = 0, each = dtype_bytes(types[of - s->storages.items]);
        if (!each)
            FAIL(err, STRIA_UNSUPPORTED, "storage '%.*s' is of a type that is not read",
                 keys->items[i]->count < 80 ? keys->items[i]->count : 80, keys->items[i]->text);
        if (size - at < 8) FAIL(err, STRIA_BAD_FILE, "it is truncated: storage %d is missing", i);
        for (int b = 7; b >= 0; b--) elements = elements << 8 | bytes[at + (size_t)b];
        at += 8;
        if (elements > (size - at) / each)
            FAIL(err, STRIA_BAD_FILE, "it is truncated: storage %d has %llu elements", i, (unsigned long long)elements);
        of->data = bytes + at;
        of->bytes = elements * each;
        of->ready = true;
        at += (size_t)of->bytes;
    }
    return STRIA_OK;
}

static stria_status plain_add(source *s, const pickle *object, const pickle_value *keys, const uint8_t *bytes,
                              size_t size, stria_error *err) {
    const pickle_value *dict;
    dtype *types;
    TRY(dictionary_find(object->root, &dict, err));
    TRY(keys_take(s, keys, err));
    TRY(mem_new(&types, (size_t)keys->count + 1, sizeof *types, "storages", err));
    stria_status status = types_note(s, object->outside, types, err);
    if (status == STRIA_OK) status = memory_find(s, keys, types, bytes, size, err);
    if (status == STRIA_OK) status = dictionary_add(s, dict, err);
    mem_free(types);
    return status;
}

static stria_status plain_read(source *s, const uint8_t *bytes, size_t size, stria_error *err) {
    enum { PICKLES = 5, OBJECT = 3, KEYS = 4 };
    pickle p[PICKLES] = {0};
    size_t at = 0, used = 0;
    stria_status status = STRIA_OK;
    for (int i = 0; i < PICKLES && status == STRIA_OK; i++) {
        status = pickle_read(&p[i], bytes + at, size - at, harmless, &s->w->room, &used, err);
        if (status == STRIA_OK) at += used;
    }
    if (status == STRIA_OK) status = plain_add(s, &p[OBJECT], p[KEYS].root, bytes + at, size - at, err);
    for (int i = 0; i < PICKLES; i++) pickle_release(&p[i]);
    return status;
}

/* An archive with a record data.pkl, or one that begins like an old file. */
bool weights_is_torch(const uint8_t *bytes, size_t size) {
    zip_archive a;
    zip_entry e;
    if (size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0) return true;
    if (size < 4 || memcmp(bytes, "PK\3\4", 4) != 0 || zip_open(&a, bytes, size, NULL) != STRIA_OK) return false;
    while (a.left > 0 && zip_next(&a, &e, NULL) == STRIA_OK)
        if (record_is(&e, "data.pkl") || record_is(&e, "constants.pkl")) return true;
    return false;
}

stria_status weights_torch(weights *w, const uint8_t *bytes, size_t size, stria_error *err) {
    source s = {.w = w};
    stria_status status = STRIA_OK;
    w->ordered = true;
    if (memcmp(bytes, "PK", 2) != 0) status = plain_read(&s, bytes, size, err);
    else {
        status = zip_open(&s.archive, bytes, size, err);
        if (status == STRIA_OK) status = archive_add(&s, err);
    }
    torch_storages_release(&s.storages);
    mem_free(s.entries);
    return status;
}
