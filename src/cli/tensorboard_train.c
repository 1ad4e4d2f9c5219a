/* TensorBoard's files while a training runs. */
#include "cli/tensorboard.h"

#include "cli/term.h"

static void board_check(board *b, stria_status status, const stria_error *error) {
    if (status == STRIA_OK) return;
    if (!b->failed) term_say("no TensorBoard files: %s", error->text);
    b->failed = true;
}

/* Settings and network once, the weights after each epoch: they are the checkpoint's. */
static void board_checkpoint(board *b, const stria_trainer *trainer) {
    stria_error error = {0};
    stria_model *model = NULL;
    if (b->begun && !b->epoch) return;
    stria_status status = stria_trainer_model(&model, trainer, &error);
    if (status == STRIA_OK && !b->begun) status = tensorboard_begin(b->files, model, &error);
    if (status == STRIA_OK) status = tensorboard_log(b->files, true, &error);
    if (status == STRIA_OK)
        status = tensorboard_weights(b->files, model, stria_trainer_train_data(trainer), b->threads, &error);
    if (status == STRIA_OK) status = tensorboard_log(b->files, true, &error);
    stria_model_free(model);
    board_check(b, status, &error);
    b->begun = true;
    b->epoch = false;
}

void board_event(board *b, const char *folder, const stria_trainer *trainer, const stria_event *event) {
    stria_error error = {0};
    if (event->kind == STRIA_EVENT_START) {
        b->threads = event->threads;
        bool wanted = b->wanted || tensorboard_exists(folder);
        if (wanted) b->files = tensorboard_new(folder, false, event->step);
        if (wanted && !b->files) term_lost();
    }
    if (!b->files || b->failed) return;
    if (event->kind == STRIA_EVENT_EPOCH) b->epoch = true;
    if (event->kind == STRIA_EVENT_CHECKPOINT) board_checkpoint(b, trainer);
    else if (event->kind == STRIA_EVENT_STEP && b->begun)
        board_check(b, tensorboard_log(b->files, false, &error), &error);
}

void board_end(board *b, bool complete, const stria_evaluation *score, const judge *j) {
    stria_error error = {0};
    if (b->files && b->begun && !b->failed) {
        if (score && j) tensorboard_score(b->files, score, j);
        board_check(b, tensorboard_end(b->files, complete, &error), &error);
    }
    tensorboard_free(b->files);
    b->files = NULL;
}
