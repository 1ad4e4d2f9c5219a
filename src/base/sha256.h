/* SHA-256 (FIPS 180-4), by which a downloaded file is known to be the one that was meant. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/error.h"

enum { SHA256_BYTES = 32, SHA256_TEXT = 65 /* hexadecimal digits and the end */ };

typedef struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} sha256;

void sha256_init(sha256 *s);
void sha256_add(sha256 *s, const void *data, size_t bytes);
/* The digest as 64 lower-case hexadecimal digits; s may be used again after sha256_init. */
void sha256_finish(sha256 *s, char text[SHA256_TEXT]);

/* The digest of a regular file, which is read in pieces. */
stria_status sha256_file(const char *path, char text[SHA256_TEXT], stria_error *err);
/* Returns true if text is a digest: 64 hexadecimal digits in either case. */
bool sha256_valid(const char *text);

#endif
