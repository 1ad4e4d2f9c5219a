#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/* Runs the command line and returns the exit code. Separate from main, so that a test can call it. */
int command(int argc, char **argv);

#endif
