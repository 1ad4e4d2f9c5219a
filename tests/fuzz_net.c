#include "fuzz/net.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("net", 8, 16);
}
