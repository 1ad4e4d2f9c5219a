#include "cli/command.h"

int main(int argc, char **argv) {
    return command(argc, argv);
}
