/* A program outside Stria's tree that trains a network and predicts with it: make && ./embed [DATA], for example
 * ./embed fashion-mnist, ./embed mnist:DIR. Exits with 0 if the network learned. */
#include <stria/stria.h>

#include <stdio.h>

static stria_dataset *images(const char *spec, stria_split split, int64_t limit, stria_error *error) {
    stria_dataset *data = NULL;
    stria_dataset_options options = stria_dataset_options_default();
    options.split = split;
    options.limit = limit;
    stria_dataset_open(&data, spec, &options, error);
    return data;
}

static bool report(const stria_event *event, void *context) {
    (void)context;
    if (event->kind == STRIA_EVENT_EPOCH) printf("epoch %d: loss %.4f\n", (int)event->epoch, event->loss);
    return true; /* false would stop, and save */
}

int main(int argc, char **argv) {
    const char *spec = argc > 1 ? argv[1] : "fashion-mnist";
    stria_error error = {0};
    stria_model *start = NULL, *model = NULL;
    stria_trainer *trainer = NULL;
    stria_predictor *predictor = NULL;
    stria_evaluation score = {.size = sizeof score};
    float p[10] = {0};
    stria_train_options options = stria_train_options_default();
    options.epochs = 2;
    stria_dataset *train = images(spec, STRIA_SPLIT_TRAIN, 6400, &error);
    stria_dataset *test = train ? images(spec, STRIA_SPLIT_TEST, 1000, &error) : NULL;
    bool done = test && stria_model_open(&start, "lenet", 1, &error) == STRIA_OK &&
                stria_trainer_new(&trainer, start, train, NULL, &options, &error) == STRIA_OK;
    if (done) stria_trainer_on_event(trainer, report, NULL);
    done = done && stria_trainer_run(trainer, &error) == STRIA_OK &&
           stria_trainer_model(&model, trainer, &error) == STRIA_OK &&
           stria_evaluate(model, test, NULL, &score, &error) == STRIA_OK &&
           stria_predictor_new(&predictor, model, NULL, &error) == STRIA_OK &&
           stria_predict_item(predictor, test, 0, p, &error) == STRIA_OK;
    if (done) printf("%.1f %% of %d test images are right\n", 100 * score.top1, (int)score.images);
    for (int i = 0; done && i < 10; i++)
        printf("%5.1f %%  %s\n", 100.0 * (double)p[i], stria_predictor_class_name(predictor, i));
    if (!done) fprintf(stderr, "embed: %s\n", error.text);
    bool learned = done && score.top1 > 0.6;
    stria_evaluation_release(&score);
    stria_predictor_free(predictor);
    stria_trainer_free(trainer);
    stria_model_free(model);
    stria_model_free(start);
    stria_dataset_free(train);
    stria_dataset_free(test);
    return learned ? 0 : 1;
}
