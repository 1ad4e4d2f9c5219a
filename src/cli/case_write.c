/* ONNX's test cases, written. */
#include "cli/case.h"
#include "cli/source.h"

#include <unistd.h>

static stria_status file_name(char file[4096], const char *folder, const char *kind, int i, stria_error *error) {
    if (snprintf(file, 4096, "%s/test_data_set_0/%s_%d.pb", folder, kind, i) < 4096) return STRIA_OK;
    return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
}

/* A file after the last would be read as part of the case. */
static stria_status rest_check(const char *folder, const char *kind, int count, stria_error *error) {
    char file[4096];
    stria_status status = file_name(file, folder, kind, count, error);
    if (status != STRIA_OK || access(file, F_OK) != 0) return status;
    return source_refuse(error, STRIA_BAD_FILE, "'%s' is of another case, with more %ss; remove that first", file,
                         kind);
}

static stria_status list_write(const char *folder, const char *kind, const tensors *list, stria_error *error) {
    char file[4096];
    stria_status status = STRIA_OK;
    for (int i = 0; i < list->count && status == STRIA_OK; i++) {
        status = file_name(file, folder, kind, i, error);
        if (status == STRIA_OK) status = stria_tensor_write(file, list->items[i].name, &list->items[i].array, error);
    }
    return status;
}

stria_status case_check(const char *folder, stria_error *error) {
    char model[4096], set[4096];
    if (snprintf(model, sizeof model, "%s/model.onnx", folder) >= (int)sizeof model ||
        snprintf(set, sizeof set, "%s/test_data_set_0", folder) >= (int)sizeof set)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
    if (access(model, F_OK) == 0 && access(set, F_OK) != 0)
        return source_refuse(error, STRIA_BAD_FILE,
                             "--save-test-case: '%s' holds a model.onnx and no test case, so nothing is written",
                             folder);
    return source_make_folder(set, error);
}

stria_status case_write(const char *folder, const tensors *inputs, const tensors *outputs, stria_error *error) {
    char set[4096];
    if (snprintf(set, sizeof set, "%s/test_data_set_0", folder) >= (int)sizeof set)
        return source_refuse(error, STRIA_BAD_ARGUMENT, "the folder's name is too long");
    stria_status status = source_make_folder(set, error);
    if (status == STRIA_OK) status = rest_check(folder, "input", inputs->count, error);
    if (status == STRIA_OK) status = rest_check(folder, "output", outputs->count, error);
    if (status == STRIA_OK) status = list_write(folder, "input", inputs, error);
    return status == STRIA_OK ? list_write(folder, "output", outputs, error) : status;
}
