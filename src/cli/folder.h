/* Run folders as the command chooses, finds and lists them. */
#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include <stria/stria.h>

#include <stdio.h>

/* Makes runs/NAME-N with the first N that is free, so that no other training takes it; NAME from the model's word
 * ("lenet5:…", "dir/net.onnx"). folder_give_up removes it if it stayed empty. */
stria_status folder_claim(const char *model, char *path, size_t size, stria_error *error);
void folder_give_up(const char *path);
/* Returns true if a training that stopped in it can go on. */
bool folder_has_checkpoint(const char *path);
/* Returns true if it is that of a sweep, which holds the runs. */
bool folder_has_sweep(const char *path);
/* A folder that a training may begin in: not there, or empty (but for a lock). Makes those above it. */
stria_status folder_prepare(const char *path, stria_error *error);
/* The run in runs/ whose checkpoint was written last. */
stria_status folder_newest(char *path, size_t size, stria_error *error);
/* "  PATH  SIZE" for every file in it, in order of names. */
void folder_print(FILE *stream, const char *path);

#endif
