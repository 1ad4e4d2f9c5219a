/* A model over all rows of its inputs, in pieces. */
#include "cli/source.h"
#include "cli/tensors.h"
#include "cli/term.h"

#include <string.h>

/* The input's first dimension is open; one of size 0 only looks like it. */
static bool has_rows(const stria_port *port, const stria_array *array) {
    return port->rank > 0 && port->shape[0] == 0 && array->shape[0] > 0;
}

/* How many rows the open first dimensions of the inputs have; 0 where no input has one. */
static stria_status rows_find(const stria_model *model, const tensors *inputs, int64_t *rows, stria_error *error) {
    *rows = 0;
    for (int i = 0; i < stria_model_input_count(model); i++) {
        stria_port port = *stria_model_input(model, i);
        const tensor *t = tensors_find(inputs, port.name);
        if (!t)
            return source_refuse(error, STRIA_BAD_ARGUMENT, "input '%s' is missing: --input %s=FILE", port.name,
                                 port.name);
        if (!has_rows(&port, &t->array)) continue;
        int64_t found = t->array.shape[0];
        if (*rows && found != *rows)
            return source_refuse(error, STRIA_BAD_SHAPE, "input '%s' has %lld row%s, the inputs before have %lld",
                                 port.name, (long long)found, show_s(found), (long long)*rows);
        *rows = found;
    }
    return STRIA_OK;
}

/* Inputs that have a default and are given another value. */
static stria_status optional_set(stria_session *session, const stria_model *model, const tensors *inputs,
                                 stria_error *error) {
    for (int i = 0; i < stria_model_optional_input_count(model); i++) {
        stria_port port = *stria_model_optional_input(model, i);
        const tensor *t = tensors_find(inputs, port.name);
        if (!t) continue;
        stria_status status = stria_session_set(session, port.name, t->array.data, t->array.bytes, error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

/* Rows start … start + count of every input that has rows, the others whole. */
static stria_status rows_set(stria_session *session, const stria_model *model, const tensors *inputs, int64_t start,
                             int64_t count, stria_error *error) {
    for (int i = 0; i < stria_model_input_count(model); i++) {
        stria_port port = *stria_model_input(model, i);
        const stria_array *array = &tensors_find(inputs, port.name)->array;
        const char *data = array->data;
        size_t bytes = array->bytes;
        if (has_rows(&port, array)) {
            size_t row_bytes = array->bytes / (size_t)array->shape[0];
            data += (size_t)start * row_bytes;
            bytes = (size_t)count * row_bytes;
        }
        stria_status status = stria_session_set(session, port.name, data, bytes, error);
        if (status != STRIA_OK) return status;
    }
    return optional_set(session, model, inputs, error);
}

/* Makes the outputs as large as all rows need, from the shapes of a session of `count` rows. */
static stria_status outputs_new(tensors *outputs, const stria_session *session, const stria_model *model, int64_t count,
                                int64_t rows, stria_error *error) {
    for (int i = 0; i < stria_model_output_count(model); i++) {
        stria_port open = *stria_model_output(model, i), port = {.size = sizeof port};
        stria_status status = stria_session_port(session, open.name, &port, error);
        if (status != STRIA_OK) return status;
        tensor *t = tensors_add(outputs, open.name, error);
        if (!t) return STRIA_NO_MEMORY;
        t->array.type = port.type;
        t->array.rank = port.rank;
        memcpy(t->array.shape, port.shape, sizeof port.shape);
        if (count < rows) {
            if (port.rank == 0 || open.shape[0] != 0 || port.shape[0] != count)
                return source_refuse(error, STRIA_BAD_SHAPE,
                                     "output '%s' has no row for each of the input's, so --batch "
                                     "can't divide the work",
                                     open.name);
            t->array.shape[0] = rows;
        }
        status = tensor_allocate(t, error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

static stria_status rows_get(const stria_session *session, tensors *outputs, int64_t start, int64_t count, int64_t rows,
                             stria_error *error) {
    for (int i = 0; i < outputs->count; i++) {
        stria_array *array = &outputs->items[i].array;
        size_t row_bytes = array->bytes / (size_t)rows;
        char *data = (char *)array->data + (size_t)start * row_bytes;
        size_t bytes = count < rows ? (size_t)count * row_bytes : array->bytes;
        stria_status status = stria_session_get(session, outputs->items[i].name, data, bytes, error);
        if (status != STRIA_OK) return status;
    }
    return STRIA_OK;
}

/* An input is empty although this session, of one row, wants elements: there are no rows at all. */
static bool no_rows(const stria_session *session, const stria_model *model, const tensors *inputs) {
    for (int i = 0; i < stria_model_input_count(model); i++) {
        stria_port open = *stria_model_input(model, i), port = {.size = sizeof port};
        const stria_array *array = &tensors_find(inputs, open.name)->array;
        if (open.rank == 0 || open.shape[0] != 0 || array->bytes > 0 || array->shape[0] != 0) continue;
        if (stria_session_port(session, open.name, &port, NULL) == STRIA_OK && port.shape[0] == 1) return true;
    }
    return false;
}

/* Outputs without rows, where they have rows at all. */
static stria_status outputs_empty(tensors *outputs, const stria_session *session, const stria_model *model,
                                  stria_error *error) {
    stria_status status = outputs_new(outputs, session, model, 1, 1, error);
    for (int i = 0; status == STRIA_OK && i < outputs->count; i++) {
        stria_array *array = &outputs->items[i].array;
        stria_port port = *stria_model_output(model, i);
        if (port.rank == 0 || port.shape[0] != 0)
            return source_refuse(error, STRIA_BAD_SHAPE, "output '%s' has no value for inputs without rows", port.name);
        array->shape[0] = 0;
        array->bytes = 0;
    }
    return status;
}

tensors_way tensors_way_default(void) {
    return (tensors_way){.session = stria_session_options_default(),
                         .testing = {.size = sizeof(stria_testing_options)}};
}

stria_status tensors_run(const stria_model *model, const tensors_way *way, const tensors *inputs, int64_t at_once,
                         const tensors_look *look, tensors *outputs, stria_error *error) {
    int64_t rows, planned = 0;
    stria_session *session = NULL;
    tensors_way chosen = *way;
    stria_status status = rows_find(model, inputs, &rows, error);
    if (rows == 0) rows = 1;
    if (at_once <= 0 || at_once > rows) at_once = rows;
    for (int64_t start = 0; start < rows && status == STRIA_OK; start += at_once) {
        int64_t count = rows - start < at_once ? rows - start : at_once;
        if (count != planned) { /* the first, and a shorter last one */
            stria_session_free(session);
            session = NULL;
            chosen.session.batch = planned = count;
            status = stria_session_new_testing(&session, model, &chosen.session, &chosen.testing, error);
            if (status == STRIA_OK && look) look->see(session, look->context);
        }
        if (status == STRIA_OK && no_rows(session, model, inputs)) {
            status = outputs_empty(outputs, session, model, error);
            break;
        }
        if (status == STRIA_OK) status = rows_set(session, model, inputs, start, count, error);
        if (status == STRIA_OK) status = stria_session_run(session, error);
        if (status == STRIA_OK && start == 0) status = outputs_new(outputs, session, model, count, rows, error);
        if (status == STRIA_OK) status = rows_get(session, outputs, start, count, rows, error);
    }
    stria_session_free(session);
    return status;
}
