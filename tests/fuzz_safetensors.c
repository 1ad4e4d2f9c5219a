#include "fuzz/safetensors.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("safetensors", 8, 16);
}
