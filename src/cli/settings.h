/* A training's options as people read them, and as a command that can be typed. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include "cli/options.h"

/* "batch 64, sgd:momentum=0.9, lr 0.05, cosine, seed 0", and every other option that is given or not the library's
 * default: ", weight-decay 0.0005, loss hinge". The run folder and the threads stand elsewhere. */
void settings_text(const stria_train_options *of, const options *given, char *text, size_t size);

/* "stria train RUN --data DATA … --lr X", with the data as they are called: a new training that begins with the weights
 * of this one's last checkpoint, with its options but a tenth of its learning rate. */
void settings_retrain(const stria_trainer *trainer, const char *data, char *text, size_t size);

#endif
