/* Protocol buffers from strangers: checked against the schema before protobuf-c sees them, decoded within a memory
 * budget. */
#ifndef MODEL_ONNX_WIRE_H
#define MODEL_ONNX_WIRE_H

#include "base/text.h"

#include <protobuf-c/protobuf-c.h>

/* Checks that data[size] is well-formed for `message`: tags, lengths, no groups, and no singular sub-message twice
 * (protobuf-c would merge them, in quadratic time). Failures name the byte. */
stria_status wire_check(const ProtobufCMessageDescriptor *message, const uint8_t *data, size_t size, stria_error *err);

/* wire_check, then decoding. All memory comes from base/memory. Release with wire_free. */
stria_status wire_unpack(const ProtobufCMessageDescriptor *message, const uint8_t *data, size_t size, void *out,
                         stria_error *err);
/* The same within *left bytes, which become fewer: for messages that are decoded one after the other. wire_budget: what
 * a file of this size may take. */
stria_status wire_unpack_within(const ProtobufCMessageDescriptor *message, const uint8_t *data, size_t size,
                                size_t *left, void *out, stria_error *err);
size_t wire_budget(size_t size);
void wire_free(void *message); /* accepts NULL */

/* Appends the encoded message. STRIA_BAD_FILE, "WHAT N bytes, …", for 2 GiB and more. */
stria_status wire_pack(const ProtobufCMessage *message, const char *what, text *out, stria_error *err);

#endif
