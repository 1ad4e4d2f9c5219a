/* stria summary --memory-map: the planned workspace as a picture. */
#include "cli/summary.h"

#include "cli/json.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include "report/plot_memory.h"

static stria_status map_make(const stria_model *model, int64_t batch, bool *train, stria_memory_map *map,
                             stria_error *error) {
    stria_status status = stria_map_memory(model, batch, true, map, error);
    *train = status == STRIA_OK;
    if (status != STRIA_BAD_SHAPE && status != STRIA_UNSUPPORTED) return status;
    term_say("%s; the map is that of inference", error->text);
    return stria_map_memory(model, batch, false, map, error);
}

static stria_status map_write(const stria_model *model, int64_t batch, bool train, const stria_memory_map *map,
                              const char *file, stria_error *error) {
    char size[32];
    out o = {0}, title = {0};
    plot_memory_size(map->workspace_bytes, size);
    out_name(&title, stria_model_name(model));
    out_printf(&title, ": workspace of %s at batch %lld, %s", train ? "a training step" : "inference", (long long)batch,
               size);
    plot_memory(&o, title.data ? title.data : "", map);
    stria_status status = o.failed || title.failed
                              ? source_refuse(error, STRIA_NO_MEMORY, "not enough memory for '%s'", file)
                              : stria_file_write(file, o.data, o.length, error);
    out_release(&o);
    out_release(&title);
    return status;
}

static void map_print(const stria_memory_map *map, bool train, const char *file) {
    char workspace[32], peak[32];
    printf("%s: workspace of %s %s, peak %s in use at node %d of %d, %s\n", show_name(file),
           train ? "a training step" : "inference", show_bytes(map->workspace_bytes, workspace),
           show_bytes(map->peak_bytes, peak), map->peak + 1, map->node_count, show_name(map->nodes[map->peak]));
}

static json_t *map_json(const stria_memory_map *map, bool train, const char *file) {
    json_t *blocks = json_array();
    for (int i = 0; i < map->block_count; i++) {
        const stria_memory_block *b = map->blocks[i];
        json_array_append_new(blocks, json_pack("{s:o,s:s,s:I,s:I,s:i,s:i}", "name", json_text(b->name), "kind",
                                                b->kind, "offset", (json_int_t)b->offset, "bytes", (json_int_t)b->bytes,
                                                "first", b->first, "last", b->last));
    }
    return json_pack("{s:o,s:b,s:I,s:I,s:o,s:i,s:o}", "file", json_text(file), "training", train, "workspace_bytes",
                     (json_int_t)map->workspace_bytes, "peak_bytes", (json_int_t)map->peak_bytes, "peak_node",
                     map->node_count ? json_text(map->nodes[map->peak]) : json_null(), "nodes", map->node_count,
                     "blocks", blocks);
}

int summary_map(const options *given, const stria_model *model) {
    const char *file = option_text(given, "out");
    int64_t batch = option_integer(given, "batch");
    stria_memory_map map = {.size = sizeof map};
    stria_error error = {0};
    bool train = false;
    if (!file || !source_ends(file, ".svg")) {
        if (file) term_say("summary: '%s' does not end in .svg", file);
        else term_say("summary: --memory-map needs --out FILE.svg");
        return EXIT_USAGE;
    }
    stria_status status = map_make(model, batch, &train, &map, &error);
    if (status == STRIA_OK) status = map_write(model, batch, train, &map, file, &error);
    int code = EXIT_DONE;
    if (status != STRIA_OK) code = term_fail(&error);
    else if (option_given(given, "json")) code = json_finish(map_json(&map, train, file));
    else if (map.node_count) map_print(&map, train, file);
    stria_memory_map_release(&map);
    return code;
}
