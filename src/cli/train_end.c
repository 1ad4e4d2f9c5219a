/* What stria train says when it ends: the score, the files, the next command; or what went wrong. */
#include "cli/folder.h"
#include "cli/picture.h"
#include "cli/score.h"
#include "cli/settings.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/train.h"
#include "cli/verb.h"
#include "report/measure.h"

#include <math.h>
#include <stdio.h>

enum { PICTURES = 8 }; /* of the test, that are shown */

/* A score of the goal's measure, null where there is none: a share has few digits. */
static json_t *score_value(const char *measure, bool there, double value) {
    return !there || isnan(value) ? json_null() : measure_is_share(measure) ? json_share(value) : json_number(value);
}

json_t *training_json(const training *t) {
    const progress *p = &t->progress;
    char val[32], test[32];
    const char *measure = t->scored ? (t->score.classes ? "top1" : "psnr") : p->measure ? p->measure : "top1";
    bool shares = measure_is_share(measure);
    snprintf(val, sizeof val, "val_%s", measure);
    snprintf(test, sizeof test, "test_%s", measure);
    json_t *document =
        json_pack("{s:o,s:I,s:I,s:o,s:o,s:o,s:I,s:o,s:I,s:o}", "run", json_text(t->folder), "epochs",
                  (json_int_t)p->epochs, "steps", (json_int_t)p->steps, "train_loss",
                  p->trained ? json_number(p->loss) : json_null(), val, score_value(measure, p->trained, p->val_score),
                  test, t->tested ? json_number(shares ? t->score.top1 : t->score.psnr) : json_null(), "skipped",
                  (json_int_t)(p->skipped + (t->tested ? t->score.skipped : 0)), "seconds", json_number(p->seconds),
                  "peak_bytes", (json_int_t)p->peak_bytes, "wait_share", json_share(p->wait_share));
    if (document && !shares) json_object_set_new(document, "measure", json_string(measure));
    return document;
}

static stria_status pictures_show(const training *t, stria_error *error) {
    stria_predictor *predictor = NULL;
    stria_inference_options run = source_inference(t->given, "predicting");
    stria_status status = stria_predictor_new(&predictor, t->model, &run, error);
    if (status == STRIA_OK) status = pictures_predict(stdout, predictor, t->test, PICTURES, t->skip_bad, error);
    stria_predictor_free(predictor);
    return status;
}

/* What a command needs that reads the same pictures: a run does not know it. */
static const char *skip_word(const training *t) {
    return t->skip_bad ? " --skip-bad" : "";
}

stria_status training_print(const training *t, stria_error *error) {
    char folder[2048], data[8192];
    const char *skips = skip_word(t);
    stria_status status = STRIA_OK;
    show_word(t->folder, folder, sizeof folder);
    show_word(t->data, data, sizeof data);
    if (t->tested) {
        printf("\n%stest images of %s%s\n", term_begin(stdout, STYLE_BOLD), show_name(t->data), term_end(stdout));
        score_print(stdout, &t->score);
        putchar('\n');
        if (t->score.classes) status = pictures_show(t, error);
    }
    printf("%swritten%s\n", term_begin(stdout, STYLE_BOLD), term_end(stdout));
    folder_print(stdout, t->folder);
    printf("%stry next%s\n", term_begin(stdout, STYLE_BOLD), term_end(stdout));
    if (t->tested && t->score.classes)
        printf("  stria predict %s --data %s --split test --limit %d\n", folder, data, PICTURES);
    printf("  stria explain %s\n", folder);
    if (!t->tested && t->progress.val_images) printf("  stria eval %s --split val%s\n", folder, skips);
    if (!t->tested) printf("  stria summary %s\n", folder);
    return status;
}

int training_interrupted(const training *t, bool complete) {
    char word[2048];
    const progress *p = &t->progress;
    show_word(t->folder, word, sizeof word);
    if (complete)
        term_say("interrupted after the last of %lld step%s; the training is complete and saved, test it with: "
                 "stria eval %s%s",
                 (long long)p->steps, show_s(p->steps), word, skip_word(t));
    else
        term_say("interrupted %s step %lld of %lld; everything is saved, continue with: stria train --resume %s",
                 p->step == p->steps ? "in the validation after" : "after", (long long)p->step, (long long)p->steps,
                 word);
    return EXIT_FAILED;
}

int training_failed(training *t, const stria_error *error) {
    char word[8192];
    int code = term_fail(error);
    bool saved = folder_has_checkpoint(t->folder);
    if (error->status == STRIA_NOT_FINITE && t->progress.started && saved) {
        settings_retrain(t->trainer, t->data, word, sizeof word);
        term_say("to start again from there with a lower learning rate: %s", word);
        term_say("to continue the same run instead: stria train --resume %s --lr %.3g",
                 show_word(t->folder, word, sizeof word), stria_trainer_options(t->trainer)->lr / 10);
    } else if (t->progress.started && saved) {
        term_say("the training is saved up to the last checkpoint; once the cause is removed, continue with: stria "
                 "train --resume %s",
                 show_word(t->folder, word, sizeof word));
    }
    stria_trainer_free(t->trainer); /* and its lock */
    t->trainer = NULL;
    if (!t->resumed && !option_given(t->given, "out")) folder_give_up(t->folder);
    return code;
}
