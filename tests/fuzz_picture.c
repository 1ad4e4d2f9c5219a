#include "fuzz/picture.c"

#include "fuzz_replay.h"

/* The target itself judges what a picture takes: it depends on the size that it claims more than on its bytes. */
int main(void) {
    return fuzz_replay("picture", 20, SIZE_MAX >> 16);
}
