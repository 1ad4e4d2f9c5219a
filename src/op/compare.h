/* Attributes of the questions about numbers, for rules and backends. */
#ifndef OP_COMPARE_H
#define OP_COMPARE_H

#include <stdint.h>

typedef struct isinf_attributes {
    int64_t detect_negative, detect_positive;
} isinf_attributes;

#endif
