#include "fuzz/onnx.c"

#include "fuzz_replay.h"

int main(void) {
    return fuzz_replay("onnx", 8, 16);
}
