/* The words of `stria data`. */
#ifndef CLI_DATA_H
#define CLI_DATA_H

#include "cli/options.h"

int data_show(const options *given);
int data_stats(const options *given);
int data_check(const options *given);
int data_pack(const options *given);
int data_split(const options *given);
int data_augment(const options *given);

#endif
