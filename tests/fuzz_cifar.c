#include "fuzz/cifar.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("cifar", 4, 16);
}
