#include "cli/predict_back.h"

#include "cli/json.h"
#include "cli/names.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct giving {
    pairs_maker *maker;
    const char *folder;
    int64_t written, failed;
} giving;

enum { PATH_ROOM = 4400 };

/* FOLDER/STEM.png, or FOLDER/STEM-2.png and so on where that is there already. */
static void path_choose(const char *folder, const char *file, char path[PATH_ROOM]) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *dot = strrchr(name, '.');
    int stem = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    if (stem > 200) stem = 200;
    snprintf(path, PATH_ROOM, "%s/%.*s.png", folder, stem, name);
    for (int n = 2; access(path, F_OK) == 0; n++) snprintf(path, PATH_ROOM, "%s/%.*s-%d.png", folder, stem, name, n);
}

static stria_status one_give(giving *g, const stria_array *picture, const char *name, stria_error *error) {
    char path[PATH_ROOM];
    stria_array back = {0};
    stria_status status = pairs_maker_run(g->maker, picture, NULL, &back, error);
    path_choose(g->folder, strcmp(name, "-") == 0 ? "picture" : name, path);
    if (status == STRIA_OK) status = stria_picture_write(path, &back, error);
    g->written += status == STRIA_OK;
    free(back.data);
    return status;
}

/* A picture that cannot be read is said, and the others are still given back. */
static stria_status files_give(giving *g, const options *given, stria_error *error) {
    names n = {0};
    stria_status status = STRIA_OK;
    for (int i = 1; i < given->operand_count && status == STRIA_OK; i++)
        status = names_add(&n, given->operands[i], option_given(given, "recursive"), error);
    for (int64_t i = 0; i < n.count && status == STRIA_OK; i++) {
        stria_array picture = {0};
        if (term_stopped()) status = source_refuse(error, STRIA_INTERRUPTED, "interrupted");
        if (status == STRIA_OK && stria_picture_read(n.list[i], &picture, error) != STRIA_OK) {
            if (error->status == STRIA_NO_MEMORY) status = error->status;
            else term_say("%s", error->text), g->failed++;
        } else if (status == STRIA_OK) status = one_give(g, &picture, n.list[i], error);
        stria_array_release(&picture);
    }
    names_release(&n);
    return status;
}

static stria_status data_give(giving *g, const options *given, stria_error *error) {
    char source[4096], name[32];
    stria_dataset *data = NULL;
    stria_view_options as_it_is = stria_view_options_default();
    stria_status status = source_spec(given, given->operands[0], source, sizeof source, error);
    if (status == STRIA_OK)
        status = source_data(given, source, source_split(given), option_integer(given, "limit"), &data, error);
    int64_t count = status == STRIA_OK ? stria_dataset_count(data) : 0;
    for (int64_t i = 0; i < count && status == STRIA_OK; i++) {
        stria_array picture = {0};
        const char *file = stria_dataset_file(data, i);
        snprintf(name, sizeof name, "%06lld.png", (long long)i);
        if (term_stopped()) status = source_refuse(error, STRIA_INTERRUPTED, "interrupted");
        if (status == STRIA_OK) status = stria_dataset_view(data, i, &as_it_is, &picture, error);
        if (status == STRIA_OK) status = one_give(g, &picture, file ? file : name, error);
        stria_array_release(&picture);
    }
    stria_dataset_free(data);
    return status;
}

int predict_back(const options *given, pairs_maker *maker) {
    giving g = {.maker = maker, .folder = option_text(given, "out")};
    stria_error error = {0};
    char many[64];
    bool files = given->operand_count > 1;
    if (options_surplus(given, "a network that gives pictures back",
                        files ? "out recursive weights" : "out weights data split limit layout val draw-seed"))
        return EXIT_USAGE;
    if (!g.folder) {
        term_say("predict: the network gives pictures back; --out FOLDER says where to write them");
        return EXIT_USAGE;
    }
    stria_status status =
        access(g.folder, F_OK) == 0
            ? source_refuse(&error, STRIA_BAD_ARGUMENT, "'%s' is there already: give a folder that is not", g.folder)
            : source_make_folder(g.folder, &error);
    if (status == STRIA_OK) status = files ? files_give(&g, given, &error) : data_give(&g, given, &error);
    if (status != STRIA_OK) return term_fail(&error);
    if (option_given(given, "json"))
        json_finish(json_pack("{s:I,s:o}", "images", (json_int_t)g.written, "folder", json_text(g.folder)));
    else printf("%s in %s\n", show_many(g.written, "picture", many), show_name(g.folder));
    return g.failed ? EXIT_FAILED : EXIT_DONE;
}
