/* Training options as text: ranges, names, recipes that a model brings. */
#include "model_support.h"

#include <math.h>

#include <stria/stria.h>

#include "train/optimizer.h"
#include "train/options.h"
#include "train/schedule.h"

static void rows_say_their_defaults(void **state) {
    stria_train_options o = stria_train_options_default();
    (void)state;
    assert_int_equal(o.size, sizeof o);
    for (int i = 0; stria_train_option(i); i++) {
        text said = {0};
        stria_train_options again = o;
        train_option_text(&o, i, &said);
        if (said.length)
            assert_ok(stria_train_option_set(&again, stria_train_option(i)->name, text_string(&said), &err));
        text now = {0};
        train_option_text(&again, i, &now);
        assert_string_equal(text_string(&now), text_string(&said));
        text_release(&now);
        text_release(&said);
    }
}

static void mistakes_are_refused(void **state) {
    static const char *const rows[][3] = {
        {"epochs", "0", "--epochs: 0 is out of range"},
        {"epochs", "2.5", "--epochs: '2.5' is not a whole number"},
        {"lr", "-1", "--lr: -1 is out of range"},
        {"lr", "nan", "--lr: "},
        {"batch", "", "--batch: '' is not a whole number"},
        {"optimizer", "adma", "--optimizer: there is no optimiser 'adma'"},
        {"optimizer", "sgd:momentum=1", "--optimizer: momentum is '1', expected a number from 0 to below 1"},
        {"optimizer", "sgd:momentum=nan", "momentum is 'nan'"},
        {"optimizer", "sgd:nesterov=2", "--optimizer: nesterov is '2', expected 0 or 1"},
        {"optimizer", "sgd:momentum", "'momentum' is not of the form key=value (at character 5 of 'sgd:momentum')"},
        {"optimizer", "sgd:nestrov=1", "there is no setting 'nestrov'; did you mean 'nesterov'?"},
        {"schedule", "cosine:warm=3", "--schedule: there is no setting 'warm'"},
        {"schedule", "cosine:warmup=-1", "warmup is '-1', expected a number from 0"},
        {"schedule", "step:every=0", "every is '0', expected a number from 1 to below 1e+09"},
        {"schedule", "multistep:at=5x", "at is '5x', expected up to 8 ascending steps joined by x"},
        {"schedule", "multistep:at=9x5", "at is '9x5'"},
        {"schedule", "multistep:at=", "at is ''"},
        {"schedule", "onecycle:start=1", "start is '1', expected a number from 0 to below 1"},
        {"optimizer", "adam:style=keras", "there is no setting 'style'"},
        {"optimizer", "sgd:style=caffe", "there is no style 'caffe'; there are torch and keras"},
        {"optimizer", "muon:steps=0", "steps is '0', expected a number from 1"},
        {"class-weights", "balance", "--class-weights: 'balance' is neither balanced nor numbers above 0"},
        {"class-weights", "1,0", "neither balanced nor numbers"},
        {"class-weights", ",1", "neither balanced nor numbers"},
        {"ema", "1", "--ema: 1 is out of range"},
        {"patience", "-1", "--patience: -1 is out of range"},
        {"schedule", "constant:floor=1", "there is no setting 'floor'; there is warmup"},
        {"ephocs", "3", "there is no training option 'ephocs'; did you mean 'epochs'?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stria_train_options o = stria_train_options_default(), before = o;
        assert_fails(stria_train_option_set(&o, rows[i][0], rows[i][1], &err), STRIA_BAD_ARGUMENT, rows[i][2]);
        assert_memory_equal(&o, &before, sizeof o);
    }
}

/* The help names every row of a table. */
static void help_names_the_rows(void **state) {
    (void)state;
    for (int i = 0; stria_train_option(i); i++) {
        const stria_option_row *row = stria_train_option(i);
        if (strcmp(row->name, "optimizer") == 0)
            for (int k = 0; optimizer_name(k); k++) assert_non_null(strstr(row->help, optimizer_name(k)));
        if (strcmp(row->name, "schedule") == 0)
            for (int k = 0; schedule_name(k); k++) assert_non_null(strstr(row->help, schedule_name(k)));
    }
}

static double rate(const char *spec, int64_t step, int64_t steps) {
    schedule s;
    assert_ok(schedule_parse(spec, &s, &err));
    return schedule_lr(&s, 0.5, step, steps);
}

/* Fields that a caller sets without the text. */
static void fields_are_checked(void **state) {
    (void)state;
    static char long_text[1025];
    memset(long_text, 'x', sizeof long_text - 1);
    stria_train_options good = stria_train_options_default(), o;
    assert_ok(train_options_check(&good, &err));
#define REFUSED(change, sentence)                                                                                      \
    do {                                                                                                               \
        o = good;                                                                                                      \
        change;                                                                                                        \
        assert_fails(train_options_check(&o, &err), STRIA_BAD_ARGUMENT, sentence);                                     \
    } while (0)
    REFUSED(o.epochs = 0, "--epochs: 0 is out of range 1…100000");
    REFUSED(o.batch = -3, "--batch: -3 is out of range");
    REFUSED(o.batch = INT64_MAX, "--batch: 9.22337203685478e+18 is out of range");
    REFUSED(o.lr = -0.5, "--lr: -0.5 is out of range");
    REFUSED(o.lr = NAN, "--lr: nan is out of range");
    REFUSED(o.clip_norm = -1, "--clip-norm: -1 is out of range");
    REFUSED(o.weight_decay = INFINITY, "--weight-decay: inf is out of range");
    REFUSED(o.threads = -1, "--threads: -1 is out of range");
    REFUSED(o.seed = UINT64_MAX, "--seed: 1.84467440737096e+19 is out of range");
    REFUSED(o.optimizer = "adma", "--optimizer: there is no optimiser 'adma'");
    REFUSED(o.schedule = "", "--schedule: there is no schedule ''; there are constant");
    REFUSED(o.out = long_text, "--out: more than 1023 characters");
#undef REFUSED
    o = good; /* a text that is not there is the default */
    o.optimizer = o.loss = o.schedule = o.augment = o.out = NULL;
    assert_ok(train_options_check(&o, &err));
    assert_string_equal(o.optimizer, good.optimizer);
    assert_string_equal(o.out, "");
}

static void rates_follow_the_schedule(void **state) {
    (void)state;
    assert_true(rate("constant", 7, 10) == 0.5);
    assert_true(rate("cosine", 0, 10) == 0.5);
    assert_true(fabs(rate("cosine", 5, 10) - 0.25) < 1e-15);
    assert_true(fabs(rate("cosine:floor=0.1", 10, 10) - 0.1) < 1e-15);
    assert_true(fabs(rate("cosine:warmup=4", 1, 10) - 0.2) < 1e-15); /* 2/5 of the rate */
    assert_true(rate("cosine:warmup=4", 4, 10) == 0.5);
    assert_true(fabs(rate("constant:warmup=1", 0, 10) - 0.25) < 1e-15);
    assert_true(rate("step:every=3", 2, 10) == 0.5);
    assert_true(fabs(rate("step:every=3", 3, 10) - 0.05) < 1e-15);
    assert_true(fabs(rate("step:every=3,gamma=0.5", 8, 10) - 0.125) < 1e-15);
    assert_true(fabs(rate("step:every=3,warmup=2", 5, 10) - 0.05) < 1e-15); /* counted after the warm-up */
    assert_true(rate("step:every=3,warmup=2", 4, 10) == 0.5);
    assert_true(rate("exponential:every=4", 0, 10) == 0.5);
    assert_true(fabs(rate("exponential:every=4", 2, 10) - 0.5 * sqrt(0.5)) < 1e-15);
    assert_true(fabs(rate("exponential:every=1,gamma=0.9", 3, 10) - 0.5 * 0.729) < 1e-15);
    assert_true(fabs(rate("exponential:every=4,warmup=3", 7, 10) - 0.25) < 1e-15);
}

/* Rates of torch.optim.lr_scheduler (PyTorch 2.15) from 0.5. */
static void rates_are_pytorchs(void **state) {
    static const struct {
        const char *schedule;
        int64_t step, steps;
        double want;
    } cases[] = {
        {"onecycle", 0, 20, 0.02},
        {"onecycle", 2, 20, 0.185835921},
        {"onecycle", 5, 20, 0.5},
        {"onecycle", 6, 20, 0.493732003},
        {"onecycle", 12, 20, 0.250001},
        {"onecycle", 18, 20, 0.00626999688},
        {"restarts:every=10,factor=2,floor=0.1", 0, 40, 0.5},
        {"restarts:every=10,factor=2,floor=0.1", 5, 40, 0.3},
        {"restarts:every=10,factor=2,floor=0.1", 9, 40, 0.109788697},
        {"restarts:every=10,factor=2,floor=0.1", 10, 40, 0.5},
        {"restarts:every=10,factor=2,floor=0.1", 29, 40, 0.102462332},
        {"restarts:every=10,factor=2,floor=0.1", 39, 40, 0.452081193},
        {"restarts:every=10,floor=0.1", 39, 40, 0.109788697},
        {"restarts:every=10,factor=2,floor=0.1", 30, 40, 0.5}, /* 10 · (2² − 1): the third one begins */
        {"polynomial:power=2", 5, 20, 0.28125},
        {"polynomial:power=2", 19, 20, 0.00125},
        {"polynomial:power=2,warmup=3", 8, 23, 0.28125},
        {"multistep:at=5x12,gamma=0.5", 4, 20, 0.5},
        {"multistep:at=5x12,gamma=0.5", 5, 20, 0.25},
        {"multistep:at=5x12,gamma=0.5", 12, 20, 0.125},
        {"multistep", 9, 20, 0.5},
        {"multistep", 10, 20, 0.05},
        {"multistep", 15, 20, 0.005},
        {"multistep:at=0.25x19", 5, 20, 0.05},
        {"plateau", 15, 20, 0.5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double found = rate(cases[i].schedule, cases[i].step, cases[i].steps);
        if (fabs(found - cases[i].want) > 1e-8)
            fail_msg("%s at %d: %.9g, not %.9g", cases[i].schedule, (int)cases[i].step, found, cases[i].want);
    }
}

/* The same of ReduceLROnPlateau(factor=0.1, patience=2, threshold=1e-3, min_lr=0.004). */
static void plateaus_reduce_the_rate(void **state) {
    static const double losses[] = {1, 0.9, 0.95, 0.9, 0.8999, 0.91, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6};
    static const double rates[] = {0.5, 0.5, 0.5, 0.5, 0.05, 0.05, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005, 0.004, 0.004};
    schedule s;
    plateau p = plateau_start();
    (void)state;
    assert_ok(schedule_parse("plateau:patience=2,threshold=0.001,floor=0.004", &s, &err));
    for (int i = 0; i < 14; i++) {
        schedule_plateau(&s, &p, 0.5, losses[i]);
        if (fabs(0.5 * p.factor - rates[i]) > 1e-12) fail_msg("epoch %d: %g, not %g", i, 0.5 * p.factor, rates[i]);
    }
    assert_ok(schedule_parse("constant", &s, &err));
    p = plateau_start();
    for (int i = 0; i < 14; i++) schedule_plateau(&s, &p, 0.5, 1);
    assert_true(p.factor == 1);
}

static void models_bring_recipes(void **state) {
    stria_model *m = NULL;
    stria_train_options o;
    (void)state;
    assert_ok(stria_model_open(&m, "lenet5", 0, &err));
    assert_string_equal(stria_model_metadata(m, "stria.train"), "lr=0.2");
    assert_ok(
        stria_model_set_metadata(m, "stria.train", " batch=7  schedule=cosine:warmup=5,floor=0.1 lr=3e-2 ", &err));
    assert_ok(stria_train_options_for(m, &o, &err));
    assert_int_equal(o.batch, 7);
    assert_string_equal(o.schedule, "cosine:warmup=5,floor=0.1");
    assert_true(o.lr == 0.03);
    assert_int_equal(o.epochs, stria_train_options_default().epochs);
    static const char *const bad[][2] = {{"out=/tmp/x", "'stria.train': a model may not set 'out=/tmp/x'"},
                                         {"lr=0", "'stria.train': --lr: 0 is out of range"},
                                         {"lr", "'stria.train': 'lr' is not of the form key=value"},
                                         {"threads=8", "may not set 'threads=8'"},
                                         {"lr=", "may not set 'lr='"},
                                         {"quux=1", "there is no training option 'quux'"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(stria_model_set_metadata(m, "stria.train", bad[i][0], &err));
        stria_error err = {0};
        assert_int_not_equal(stria_train_options_for(m, &o, &err), STRIA_OK);
        assert_true(o.batch == 7); /* untouched */
        if (!strstr(err.text, bad[i][1])) fail_msg("'%s': %s", bad[i][0], err.text);
    }
    stria_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_say_their_defaults), cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(fields_are_checked),      cmocka_unit_test(rates_follow_the_schedule),
        cmocka_unit_test(rates_are_pytorchs),      cmocka_unit_test(plateaus_reduce_the_rate),
        cmocka_unit_test(models_bring_recipes),    cmocka_unit_test(help_names_the_rows),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
