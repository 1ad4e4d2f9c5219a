/* stria graph: a model as boxes and arrows. */
#include "cli/json.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/verb.h"

#include "report/net.h"

#include <string.h>

typedef void net_writer(out *o, const net *n);

static void svg_write(out *o, const net *n) {
    net_svg(o, n, true);
}

static const struct {
    const char *name, *ending;
    net_writer *write;
} formats[] = {{"svg", ".svg", svg_write}, {"dot", ".dot", net_dot}, {"mermaid", ".mmd", net_mermaid}};

/* --format, or what the file's name ends in; NULL: neither says. */
static net_writer *format_of(const options *given, const char *file) {
    const char *format = option_text(given, "format");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (format ? strcmp(format, formats[i].name) == 0 : source_ends(file, formats[i].ending))
            return formats[i].write;
    return NULL;
}

static net_fold fold_of(const options *given) {
    static const char *const names[] = {
        [NET_AUTO] = "auto", [NET_ALL] = "no", [NET_CHAINS] = "chains", [NET_SCOPES] = "scopes"};
    for (int i = 0; i < 4; i++)
        if (strcmp(option_text(given, "fold"), names[i]) == 0) return (net_fold)i;
    return NET_AUTO;
}

enum { PARAMETERS_MAX = 4096 };

/* The model with the gradients of its first output, which are drawn as nodes after its own. */
static stria_status backward_add(stria_model **model, stria_error *error) {
    static stria_value *x[PARAMETERS_MAX], *dx[PARAMETERS_MAX];
    stria_graph *g = NULL;
    stria_model *with = NULL;
    int count = 0;
    stria_status status = stria_graph_from_model(&g, *model, 1, error);
    while (status == STRIA_OK && count < PARAMETERS_MAX && (x[count] = stria_graph_parameter(g, count))) count++;
    if (status == STRIA_OK) stria_gradients(g, stria_find(g, stria_model_output(*model, 0)->name), x, count, dx);
    for (int i = 0; status == STRIA_OK && i < count; i++) {
        char name[300];
        snprintf(name, sizeof name, "d.%s", stria_value_name(x[i]));
        stria_output(g, dx[i], name);
    }
    if (status == STRIA_OK) status = stria_model_from_graph(&with, g, error);
    if (status != STRIA_OK) {
        stria_graph_free(g);
        return status;
    }
    stria_model_free(*model);
    *model = with;
    return STRIA_OK;
}

static int graph_print(const options *given, const net *n, const char *file) {
    if (option_given(given, "json"))
        return json_finish(json_pack("{s:o,s:i,s:i,s:f,s:f}", "file", json_text(file), "boxes", n->boxes, "arrows",
                                     n->arrows, "width", n->width, "height", n->height));
    printf("%s: %d boxes, %d arrows\n", show_name(file), n->boxes, n->arrows);
    return EXIT_DONE;
}

static int graph_run(const options *given) {
    const char *file = option_text(given, "out");
    stria_model *model = NULL;
    stria_error error = {0};
    net n = {0};
    out o = {0};
    net_writer *write = file ? format_of(given, file) : NULL;
    if (!write) {
        if (!file) term_say("graph: --out FILE is missing; it ends in .svg, .dot or .mmd");
        else term_say("graph: '%s' does not end in .svg, .dot or .mmd; --format names the format", file);
        return EXIT_USAGE;
    }
    stria_status status = source_model(given, given->operands[0], &model, &error);
    if (status == STRIA_OK && option_given(given, "backward")) status = backward_add(&model, &error);
    if (status == STRIA_OK) status = net_make(&n, model, fold_of(given), 0, &error);
    if (status == STRIA_OK) {
        write(&o, &n);
        if (o.failed) status = source_refuse(&error, STRIA_NO_MEMORY, "not enough memory to write the graph");
        else status = stria_file_write(file, o.data, o.length, &error);
    }
    int code = status == STRIA_OK ? graph_print(given, &n, file) : term_fail(&error);
    out_release(&o);
    net_release(&n);
    stria_model_free(model);
    return code;
}

static const option_row graph_rows[] = {
    {.name = "out",
     .kind = OPTION_TEXT,
     .type = "FILE",
     .help = "the file to write: .svg, .dot (Graphviz), .mmd (Mermaid)"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .type = "FORMAT",
     .choices = "svg|dot|mermaid",
     .help = "format of the file, if its name does not show it"},
    {.name = "fold",
     .kind = OPTION_CHOICE,
     .type = "HOW",
     .standard = "auto",
     .choices = "auto|no|chains|scopes",
     .help = "which nodes share a box; auto: chains, and scopes in large networks"},
    {.name = "backward",
     .kind = OPTION_FLAG,
     .help = "also draws the nodes that compute the gradients of the parameters"},
    {0},
};

const verb verb_graph = {
    .name = "graph",
    .usage = "MODEL --out FILE [options]",
    .about = "draws a model as boxes and arrows: SVG, Graphviz or Mermaid",
    .text = "A box shows its operators, the name of its first node, the shape of its result for one image, and its "
            "parameters. Chains are folded: a node that only follows a product, such as an activation, shares its box. "
            "Scopes are common prefixes of names: layer1.0 in layer1.0.conv1.",
    .examples = "# a picture that browsers open\n"
                "stria graph resnet18 --out resnet18.svg\n"
                "# every node by itself, for Graphviz\n"
                "stria graph model.onnx --fold no --out model.dot",
    .operands_min = 1,
    .operands_max = 1,
    .rows = graph_rows,
    .run = graph_run,
};
