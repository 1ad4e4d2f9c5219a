#include "fuzz/run.c"

#include "fuzz_replay.h"

/* A small model may have tensors of ELEMENTS_MAX elements, whatever its size in the file. */
int main(void) {
    return fuzz_replay("run", 15, 1 << 15);
}
