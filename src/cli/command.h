#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/* What main does with its words; returns the exit code. Apart from it, so that a test can call it. */
int command(int argc, char **argv);

#endif
