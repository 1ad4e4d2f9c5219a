#include "fuzz/picture.c"

#include "fuzz_replay.h"

/* What a picture may take depends on the sizes that it claims, not on its bytes: tests/data_image.c judges that. Here
 * nothing may be left over. */
int main(void) {
    return fuzz_replay("picture", 20, SIZE_MAX >> 16);
}
