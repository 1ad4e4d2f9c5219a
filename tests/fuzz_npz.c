#include "fuzz/npz.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("npz", 12, 3 * 1032); /* inflated, in an array, and once more where Fortran's order is turned */
}
