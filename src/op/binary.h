/* Attributes of arithmetic of two tensors, for rules and backends. */
#ifndef OP_BINARY_H
#define OP_BINARY_H

#include <stdint.h>

typedef struct mod_attributes {
    int64_t fmod; /* the remainder has the dividend's sign, as in C; else the divisor's, as in Python */
} mod_attributes;

#endif
