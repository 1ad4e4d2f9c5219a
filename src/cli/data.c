/* stria data: where images come from, what they are, what training makes of them. */
#include "cli/data.h"
#include "cli/fetch.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <string.h>

static int data_list(const options *given) {
    const char *const *names = stria_dataset_names();
    stria_catalog_entry e;
    if (option_given(given, "json")) {
        json_t *list = json_array();
        for (int i = 0; names[i]; i++) {
            json_t *row =
                json_pack("{s:o,s:o}", "name", json_text(names[i]), "about", json_text(stria_dataset_about(names[i])));
            if (row && fetch_named("data", names[i], &e)) fetch_facts(&e, row);
            json_array_append_new(list, row);
        }
        return json_finish(json_pack("{s:o}", "sources", list));
    }
    for (int i = 0; names[i]; i++) {
        printf("%-15s ", names[i]);
        text_wrap(stdout, stria_dataset_about(names[i]), 16, 80);
        if (fetch_named("data", names[i], &e)) fetch_show(&e, 16);
    }
    return EXIT_DONE;
}

static int data_steps(const options *given) {
    const char *name, *takes, *does;
    if (option_given(given, "json")) {
        json_t *list = json_array();
        for (int i = 0; stria_augmentation(i, &name, &takes, &does); i++)
            json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "name", name, "takes", takes, "does", does));
        return json_finish(json_pack("{s:o}", "steps", list));
    }
    for (int i = 0; stria_augmentation(i, &name, &takes, &does); i++)
        printf("%s%s%s\n    %s\n", name, *takes ? " " : "", takes, does);
    return EXIT_DONE;
}

static int data_fetch(const options *given) {
    return fetch_run(given, "data");
}

/* Options of what reads pictures. */
#define PARTS "val draw-seed max-pixels no-exif"

static const struct {
    const char *name;
    const char *taken; /* options */
    int data;          /* how many data sources it takes */
    const char *like;  /* one that it may take */
    int (*run)(const options *given);
} words[] = {{"list", "", 0, "", data_list},
             {"fetch", "output from", 1, "mnist", data_fetch},
             {"show", PARTS " split count size augment seed output", 1, "folder:DIR", data_show},
             {"stats", PARTS " split", 1, "folder:DIR", data_stats},
             {"check", PARTS, 1, "folder:DIR", data_check},
             {"pack", PARTS " split output shard", 1, "folder:DIR --output shards/train", data_pack},
             {"split", PARTS " output", 1, "folder:DIR --output FOLDER", data_split},
             {"augment", PARTS " split count size augment seed output", 1, "folder:DIR --output FOLDER", data_augment},
             {"steps", "", 0, "", data_steps}};
enum { WORDS = sizeof words / sizeof *words };

static int data_run(const options *given) {
    const char *what = given->operands[0], *names[WORDS];
    for (int i = 0; i < WORDS; i++) {
        names[i] = words[i].name;
        if (strcmp(what, names[i]) != 0) continue;
        if (options_surplus(given, what, words[i].taken)) return EXIT_USAGE;
        if (given->operand_count - 1 == words[i].data) return words[i].run(given);
        term_say(words[i].data ? "data %s: DATA is missing; 'stria data %s %s'" : "data %s takes no data", what, what,
                 words[i].like);
        return EXIT_USAGE;
    }
    const char *near = stria_nearest(what, names, WORDS);
    term_say("data: unknown word '%s'; %s%s%s", what,
             near ? "did you mean '" : "there are list, fetch, show, stats, check, pack, split, augment and steps",
             near ? near : "", near ? "'?" : "");
    return EXIT_USAGE;
}

static const option_row rows[] = {
    {"split", OPTION_CHOICE, "train|val|test", "train", "train|val|test", 0, 0, NULL,
     "the split to use (show, stats, pack, augment)"},
    OPTIONS_DIVISION(
        "X",
        "validation share of data without a validation split (default: a fifth for folders, a twelfth for others)"),
    OPTIONS_READING,
    {"count", OPTION_INTEGER, "N", "36", NULL, 1, 1024, NULL,
     "pictures on the sheet (show), or copies of each picture (augment) (default 36; augment: 1)"},
    {"size", OPTION_INTEGER, "N", "64", NULL, 1, 1024, NULL,
     "width and height of each picture, in pixels (default 64; augment: unchanged)"},
    {"augment", OPTION_TEXT, "STEPS", NULL, NULL, 0, 0, NULL, "the random changes of training (show, augment)"},
    {"seed", OPTION_INTEGER, "N", "0", NULL, 0, INT64_MAX, NULL,
     "seed of the choice of pictures and of their changes (show, augment)"},
    {"output", OPTION_TEXT, "FILE", NULL, NULL, 0, 0, NULL,
     "the sheet, .png, .ppm or .pgm (show); the folder (fetch, split, augment); the prefix in PREFIX-000000.tar … "
     "(pack)"},
    {"shard", OPTION_INTEGER, "N", "10000", NULL, 1, INT64_MAX, NULL, "maximum number of pictures per shard (pack)"},
    {"from", OPTION_TEXT, "ADDRESS", NULL, NULL, 0, 0, NULL,
     "address of a folder with the same files, http:// or https://, instead of the dataset's own (fetch)"},
    {0}};

const verb verb_data = {
    .name = "data",
    .usage = "list\nfetch NAME\nshow DATA --output FILE\nstats DATA\ncheck DATA\npack DATA --output PREFIX\nsplit DATA "
             "--output FOLDER\naugment DATA --output FOLDER "
             "--augment STEPS\nsteps",
    .about = "data sources: list, fetch, show, stats, check, pack, split, augment; steps",
    .text = "list: shows the names for --data, their licences and sizes, and where they are on this machine. fetch: "
            "downloads a dataset, which --data then finds by its name; checks sums and resumes a broken download. "
            "show: draws a sheet of pictures, with --augment as training sees them. stats: computes mean and standard "
            "deviation per channel. check: finds unreadable and repeated pictures, leaks between splits, and shows "
            "sizes and classes; exit code 1 if a picture is unreadable or in two splits. pack: writes WebDataset "
            "shards for wds:. split: writes train, val and test as training uses them, as folders of PNG. augment: "
            "writes augmented pictures as PNG. steps: lists the steps of --augment.",
    .examples =
        "# names for --data\nstria data list\n"
        "# get MNIST and train on it\nstria data fetch mnist\nstria train lenet5 --data mnist\n"
        "# what training will see\nstria data show folder:flowers --augment \"flip\" --output sheet.png\n"
        "# is the folder sound?\nstria data check folder:flowers\n"
        "# shards of at most 1,000 pictures\nstria data pack fashion-mnist --split test --shard 1000 --output shard\n"
        "# the names for a script\nstria data list --json | jq -r '.sources[].name'",
    .operands_min = 1,
    .operands_max = 2,
    .rows = rows,
    .run = data_run,
};
