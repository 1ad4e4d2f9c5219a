#include "model/onnx/wire.h"

#include "base/memory.h"
#include "model/onnx/onnx.h"

/* Decoded messages are larger than the file's bytes: at worst an empty sub-message of 2 bytes becomes a struct of 200.
 * The budget lets small files do that and holds large ones near the size of their weights. */
#define BUDGET_FACTOR 4
#define BUDGET_EXTRA  ((size_t)64 << 20)

typedef struct reader {
    const uint8_t *data;
    size_t size;
    stria_error *err;
} reader;

static stria_status truncated(const reader *r, size_t at, stria_error *err) {
    FAIL(err, STRIA_BAD_FILE, "truncated or corrupt at byte %zu of %zu", at, r->size);
}

static stria_status varint(const reader *r, size_t *at, size_t end, uint64_t *value) {
    uint64_t x = 0;
    for (size_t i = 0; i < 10 && *at + i < end; i++) {
        uint8_t byte = r->data[*at + i];
        x |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *at += i + 1;
            *value = x;
            return STRIA_OK;
        }
    }
    return truncated(r, *at, r->err);
}

/* Moves past one field's payload; for length-delimited ones *length is what it holds and *at stands after it. */
static stria_status payload(const reader *r, size_t *at, size_t end, uint64_t wire_type, uint64_t *length) {
    *length = 0;
    if (wire_type == 0) return varint(r, at, end, &(uint64_t){0});
    if (wire_type == 1) *length = 8;
    else if (wire_type == 5) *length = 4;
    else if (wire_type == 2) TRY(varint(r, at, end, length));
    else FAIL(r->err, STRIA_BAD_FILE, "corrupt at byte %zu of %zu: field of an unknown kind", *at, r->size);
    if (*length > end - *at) return truncated(r, *at, r->err);
    *at += (size_t)*length;
    return STRIA_OK;
}

/* The depth is the schema's: no message of ours contains itself. */
static stria_status message_check(const reader *r, const ProtobufCMessageDescriptor *message, size_t at, size_t end) {
    uint64_t seen = 0, tag, length;
    while (at < end) {
        size_t start = at;
        TRY(varint(r, &at, end, &tag));
        if (tag >> 3 == 0 || tag >> 32)
            FAIL(r->err, STRIA_BAD_FILE, "corrupt at byte %zu of %zu: field number %llu", start, r->size,
                 (unsigned long long)(tag >> 3));
        TRY(payload(r, &at, end, tag & 7, &length));
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3));
        if (!field || field->type != PROTOBUF_C_TYPE_MESSAGE) continue;
        uint64_t bit = (uint64_t)1 << (field - message->fields);
        if ((tag & 7) != 2 || (field->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit)))
            FAIL(r->err, STRIA_BAD_FILE, "corrupt at byte %zu of %zu: field '%s' of %s", start, r->size, field->name,
                 message->short_name);
        seen |= bit;
        TRY(message_check(r, field->descriptor, at - (size_t)length, at));
    }
    return STRIA_OK;
}

stria_status wire_check(const ProtobufCMessageDescriptor *message, const uint8_t *data, size_t size, stria_error *err) {
    reader r = {data, size, err};
    return message_check(&r, message, 0, size);
}

typedef struct budget {
    size_t *left;
    bool no_memory, exceeded;
} budget;

static void *budget_alloc(void *data, size_t bytes) {
    budget *b = data;
    b->exceeded = b->exceeded || bytes > *b->left;
    if (b->exceeded) return NULL;
    *b->left -= bytes;
    void *p = mem_alloc(bytes);
    b->no_memory = b->no_memory || !p;
    return p;
}

static void budget_free(void *data, void *p) {
    mem_free(p);
}

size_t wire_budget(size_t size) {
    return size > (SIZE_MAX - BUDGET_EXTRA) / BUDGET_FACTOR ? SIZE_MAX : size * BUDGET_FACTOR + BUDGET_EXTRA;
}

stria_status wire_unpack(const ProtobufCMessageDescriptor *message, const uint8_t *data, size_t size, void *out,
                         stria_error *err) {
    size_t left = wire_budget(size);
    return wire_unpack_within(message, data, size, &left, out, err);
}

stria_status wire_unpack_within(const ProtobufCMessageDescriptor *message, const uint8_t *data, size_t size,
                                size_t *left, void *out, stria_error *err) {
    TRY(wire_check(message, data, size, err));
    budget b = {.left = left};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
    ProtobufCMessage *m = protobuf_c_message_unpack(message, &allocator, size, data);
    if (b.no_memory) FAIL(err, STRIA_NO_MEMORY, "not enough memory to decode a file of %zu bytes", size);
    if (b.exceeded) FAIL(err, STRIA_BAD_FILE, "its %zu bytes would need too much memory to decode", size);
    if (!m) FAIL(err, STRIA_BAD_FILE, "a field has a value of the wrong kind");
    *(ProtobufCMessage **)out = m;
    return STRIA_OK;
}

void wire_free(void *message) {
    ProtobufCAllocator allocator = {budget_alloc, budget_free, NULL};
    if (message) protobuf_c_message_free_unpacked(message, &allocator);
}

typedef struct sink {
    ProtobufCBuffer base;
    text *out;
} sink;

static void sink_append(ProtobufCBuffer *buffer, size_t length, const uint8_t *data) {
    text_append(((sink *)(void *)buffer)->out, (const char *)data, length);
}

stria_status wire_pack(const ProtobufCMessage *message, const char *what, text *out, stria_error *err) {
    sink s = {{sink_append}, out};
    TRY(onnx_bytes_check(protobuf_c_message_get_packed_size(message), what, "", err));
    protobuf_c_message_pack_to_buffer(message, &s.base);
    return text_check(out, err);
}
