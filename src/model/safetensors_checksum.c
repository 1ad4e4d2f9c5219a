/* A checksum of everything that a safetensors file says. Each item is hashed by itself and the hashes are added, so
 * that the order of a JSON object's members does not matter. One changed byte always changes it: for a fixed rest,
 * every step is a bijection of the 64 bits. */
#include "model/safetensors.h"

#include <string.h>

#define PRIME UINT64_C(0x100000001B3) /* FNV's */

static uint64_t word_add(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * PRIME;
    return hash ^ hash >> 29;
}

/* Eight bytes at a time, least significant first; the length tells "a" from "a\0". */
static uint64_t bytes_add(uint64_t hash, const void *data, size_t bytes) {
    const uint8_t *at = data;
    hash = word_add(hash, bytes);
    for (; bytes >= 8; at += 8, bytes -= 8) {
        uint64_t word = 0;
        for (int i = 7; i >= 0; i--) word = word << 8 | at[i];
        hash = word_add(hash, word);
    }
    for (; bytes; at++, bytes--) hash = word_add(hash, *at);
    return hash;
}

static uint64_t entry_hash(const safetensors_entry *e) {
    uint64_t hash = bytes_add(1, e->name, strlen(e->name));
    hash = bytes_add(hash, dtype_name(e->data->type), strlen(dtype_name(e->data->type)));
    for (int i = 0; i < e->data->shape.rank; i++) hash = word_add(hash, (uint64_t)e->data->shape.dim[i]);
    return bytes_add(hash, e->data->data, e->data->bytes);
}

uint64_t safetensors_checksum(const safetensors *file) {
    uint64_t sum = 0;
    for (int i = 0; i < file->entry_count; i++) sum += entry_hash(&file->entries[i]);
    for (int i = 0; i < file->metadata_count; i++) {
        const safetensors_pair *p = &file->metadata[i];
        if (strcmp(p->key, SAFETENSORS_CHECKSUM) == 0) continue;
        sum += bytes_add(bytes_add(2, p->key, strlen(p->key)), p->value, strlen(p->value));
    }
    return sum;
}
