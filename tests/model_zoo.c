/* The zoo's networks, and models by what the user calls them. */
#include "model_support.h"

#include "model/model.h"
#include "model/net.h"
#include "model/zoo/zoo.h"

static int64_t parameter_count(const graph *g) {
    int64_t n = 0;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_PARAMETER) n += shape_count(&g->values[i]->shape);
    return n;
}

/* The .net text reads back to the same graph, and to the same text. Parameters become 0 first, which is faster than to
 * draw them again. */
static void text_check_of(graph *g) {
    graph *h;
    text first = {0}, second = {0};
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->kind == VALUE_STATE) memset(g->values[i]->data->data, 0, g->values[i]->data->bytes);
    assert_ok(net_write(g, &first, &err));
    assert_ok(net_read(&h, first.data, first.length, g->name, 1, &err));
    assert_same_graph(g, h, true);
    assert_ok(net_write(h, &second, &err));
    assert_string_equal(first.data, second.data);
    text_release(&first);
    text_release(&second);
    graph_free(h);
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        int64_t parameters, classes, channels;
    } cases[] = {
        {"lenet5", 61706, 10, 1},
        {"lenet", 431080, 10, 1},
        {"linear", 7850, 10, 1},
        {"mlp", 335114, 10, 1},
        {"linear:classes=7", 5495, 7, 1},
        {"mlp:hidden=128", 101770, 10, 1},
        {"mlp:hidden=32x8,classes=2", 25402, 2, 1},
        {"linear:size=3x32x32", 30730, 10, 3},
        {"resnet18", 11689512, 1000, 3},
        {"resnet34", 21797672, 1000, 3},
        {"resnet50", 25557032, 1000, 3},
        {"resnet50:classes=10,size=1x64x64", 23522250, 10, 1},
        {"resnet101", 44549160, 1000, 3},
        {"resnet152", 60192808, 1000, 3},
        {"resnet50:style=keras", 25583592, 1000, 3}, /* as Keras counts the trainable ones */
        {"resnet101:style=keras", 44601832, 1000, 3},
        {"resnet152:style=keras", 60268520, 1000, 3},
        {"resnet20", 269722, 10, 3},
        {"resnet20:shortcut=b", 272474, 10, 3},
        {"resnet32", 464154, 10, 3},
        {"resnet44", 658586, 10, 3},
        {"resnet56", 853018, 10, 3},
        {"resnet110", 1727962, 10, 3},
        {"resnet1202", 19421274, 10, 3},
        {"resnet20:plain=1", 269722, 10, 3},
        {"resnet50:plain=1", 22780456, 1000, 3},
        {"lenet5:activation=relu,pooling=max", 61706, 10, 1},
        {"keras-mnist", 2930, 10, 1},
        {"tf-mnist", 3274634, 10, 1},
        {"tf-cifar", 1068298, 10, 3},
        {"alexnet", 61100840, 1000, 3},
        {"alexnet:classes=17", 57073489, 17, 3},
        {"alexnet-2012", 60965224, 1000, 3},
        {"alexnet-2012:groups=1", 62378344, 1000, 3},
        {"alexnet-2012:groups=1,dense=2048", 28868968, 1000, 3},
        {"vgg16", 138357544, 1000, 3},
        {"vgg19", 143667240, 1000, 3},
        {"vgg11:dense=16", 9639176, 1000, 3},
        {"vgg13:dense=16", 9823688, 1000, 3},
        {"vgg16:dense=16", 15133384, 1000, 3},
        {"vgg19:dense=16", 20443080, 1000, 3},
        {"vgg11-bn:dense=16", 9644680, 1000, 3},
        {"vgg13-bn:dense=16", 9829576, 1000, 3},
        {"vgg16-bn:dense=16,classes=17", 15125121, 17, 3},
        {"vgg19-bn:dense=16", 20454088, 1000, 3},
        {"googlenet", 13378280, 1000, 3},
        {"googlenet:heads=0", 6998552, 1000, 3},
        {"googlenet-bn", 6624904, 1000, 3},
        {"squeezenet1.0", 1248424, 1000, 3},
        {"squeezenet1.1", 1235496, 1000, 3},
        {"squeezenet1.0:bypass=simple", 1248424, 1000, 3},
        {"squeezenet1.0:bypass=complex", 1589672, 1000, 3},
        {"mobilenet-v1", 4231976, 1000, 3},
        {"mobilenet-v1:width=0.25,size=3x128x128", 470072, 1000, 3},
        {"mobilenet-v1:width=0.5", 1331592, 1000, 3},
        {"mobilenet-v1:width=0.75", 2585560, 1000, 3},
        {"mobilenet-v2", 3504872, 1000, 3},
        {"mobilenet-v2:style=keras", 3504872, 1000, 3},
    };
    bool seen[100] = {false};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g;
        assert_ok(zoo_build(&g, cases[i].spec, 1, &err));
        assert_memory_equal(g->name, cases[i].spec, strcspn(cases[i].spec, ":"));
        for (int k = 0; zoo_names()[k]; k++) seen[k] |= strcmp(zoo_names()[k], g->name) == 0;
        assert_ok(graph_check(g, &err));
        assert_int_equal(parameter_count(g), cases[i].parameters);
        assert_int_equal(g->input_count, 1);
        assert_string_equal(g->inputs[0]->name, "image");
        assert_string_equal(g->inputs[0]->symbol[0], "batch");
        assert_int_equal(g->inputs[0]->shape.dim[1], cases[i].channels);
        assert_string_equal(g->output_names[0], "logits");
        assert_int_equal(g->outputs[0]->shape.rank, 2);
        assert_int_equal(g->outputs[0]->shape.dim[1], cases[i].classes);
        assert_string_equal(graph_metadata(g, "stria.output"), "logits");
        if (cases[i].parameters < 62000000) text_check_of(g);
        graph_free(g);
    }
    for (int k = 0; zoo_names()[k]; k++)
        if (zoo_classifies(zoo_names()[k]) && !seen[k]) fail_msg("%s has no case", zoo_names()[k]);
}

/* What gives pictures back: of any size, odd ones too, in the input's shape, without a word of classes. */
static void test_autoencoder(void **state) {
    static const struct {
        const char *spec;
        int64_t parameters, shape[4];
    } cases[] = {{"autoencoder", 28369, {1, 1, 28, 28}},
                 {"autoencoder:size=3x33x50", 29523, {1, 3, 33, 50}},
                 {"autoencoder:size=1x1x2", 28369, {1, 1, 1, 2}},
                 {"autoencoder:hidden=8,activation=tanh,size=3x64x64", 443, {1, 3, 64, 64}}};
    (void)state;
    assert_false(zoo_classifies("autoencoder:hidden=8"));
    assert_true(zoo_classifies("lenet5"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g;
        assert_ok(zoo_build(&g, cases[i].spec, 1, &err));
        assert_ok(graph_check(g, &err));
        assert_int_equal(parameter_count(g), cases[i].parameters);
        assert_memory_equal(g->inputs[0]->shape.dim, cases[i].shape, sizeof cases[i].shape);
        assert_memory_equal(g->outputs[0]->shape.dim, cases[i].shape, sizeof cases[i].shape);
        assert_string_equal(g->output_names[0], "reconstruction");
        assert_null(graph_metadata(g, "stria.output"));
        text_check_of(g);
        graph_free(g);
    }
    graph *g;
    text spec = {0};
    const zoo_data pictures = {.classes = 3, .channels = 3, .height = 33, .width = 20};
    assert_ok(zoo_fit("autoencoder", &pictures, true, &spec, &err));
    assert_string_equal(text_string(&spec), "autoencoder:size=3x33x20");
    text_release(&spec);
    assert_int_equal(zoo_build(&g, "autoencoder:classes=3", 1, NULL), STRIA_BAD_ARGUMENT);
}

static void test_seeds(void **state) {
    graph *a, *b, *c;
    (void)state;
    assert_ok(zoo_build(&a, "linear", 5, &err));
    assert_ok(zoo_build(&b, "linear", 5, &err));
    assert_ok(zoo_build(&c, "linear", 6, &err));
    const tensor *x = graph_find_value(a, "logits.weight")->data;
    assert_memory_equal(x->data, graph_find_value(b, "logits.weight")->data->data, x->bytes);
    assert_memory_not_equal(x->data, graph_find_value(c, "logits.weight")->data->data, x->bytes);
    graph_free(a);
    graph_free(b);
    graph_free(c);
}

static void test_wrong_specs(void **state) {
    (void)state;
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"lenet6", "did you mean 'lenet5'?"},
        {"lenet5:clases=3", "did you mean 'classes'?"},
        {"lenet5:hidden=3", "no option 'hidden'"},
        {"mlp:hidden=", "option hidden is ''"},
        {"mlp:hidden=3x", "option hidden is '3x'"},
        {"mlp:classes=0", "option classes is '0'"},
        {"mlp:classes=99999999999999999999", "option classes"},
        {"mlp:size=28x28", "option size is '28x28'"},
        {"resnet20:shortcut=c", "there is no shortcut 'c'; there are a and b"},
        {"resnet18:shortcut=b", "resnet18: there is no option 'shortcut'"},
        {"mlp:hidden=0", "option hidden is '0', expected numbers from 1 to 1048576, as in 256x256x256"},
        {"lenet5:size=28", "option size is '28', expected numbers from 1 to 1048576, as in 1x28x28"},
        {"mobilenet-v1:width=9", "option width is '9', expected a number from 0 to below 8"},
        {"vgg16:dropout=x", "option dropout is 'x'"},
        {"vgg16:bn=2", "there is no bn '2'; there are 0 and 1"},
        {"squeezenet1.2", "did you mean 'squeezenet1.0'?"},
        {"lenet5:activation=reul", "did you mean 'relu'?"},
        {"mlp:size", "not of the form key=value"},
        {"", "there is no network ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = NULL;
        assert_fails(graph_load(&g, cases[i].spec, 0, &err), STRIA_BAD_ARGUMENT, cases[i].words);
        assert_null(g);
    }
}

/* Which layer has too few pixels. */
static void test_small_pictures(void **state) {
    (void)state;
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"lenet:size=1x4x4", "lenet with pictures of 1x4x4: layer 'conv1'"},
        {"lenet5:size=1x8x8", "lenet5 with pictures of 1x8x8: layer 'conv2' (Conv): a window of 5"},
        {"vgg16:size=3x31x31", "layer 'features.30' (MaxPool)"},
        {"alexnet:size=3x40x40", "layer 'features.12' (MaxPool)"},
        {"googlenet:size=3x64x64", "layer 'aux1.average_pool1'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g = NULL;
        assert_fails(zoo_build(&g, cases[i].spec, 0, &err), STRIA_BAD_SHAPE, cases[i].words);
        assert_null(g);
    }
}

/* torchvision's names, so that published weights can be joined. */
static void test_resnet_names(void **state) {
    static const struct {
        const char *spec, *name, *shape;
    } cases[] = {
        {"resnet18", "conv1.weight", "[64, 3, 7, 7]"},
        {"resnet18", "bn1.weight", "[64]"},
        {"resnet18", "bn1.bias", "[64]"},
        {"resnet18", "bn1.running_mean", "[64]"},
        {"resnet18", "bn1.running_var", "[64]"},
        {"resnet18", "layer1.0.conv1.weight", "[64, 64, 3, 3]"},
        {"resnet18", "layer2.0.downsample.0.weight", "[128, 64, 1, 1]"},
        {"resnet18", "layer2.0.downsample.1.running_var", "[128]"},
        {"resnet18", "layer4.1.bn2.weight", "[512]"},
        {"resnet18", "fc.weight", "[1000, 512]"},
        {"resnet50", "layer1.0.downsample.0.weight", "[256, 64, 1, 1]"},
        {"resnet50", "layer1.0.conv3.weight", "[256, 64, 1, 1]"},
        {"resnet50", "layer3.5.conv2.weight", "[256, 256, 3, 3]"},
        {"resnet50", "fc.bias", "[1000]"},
        {"resnet50:style=keras", "conv3_block4.conv1.bias", "[128]"},
        {"mobilenet-v2:style=keras", "block_16.conv.1.0.weight", "[960, 1, 3, 3]"},
        {"resnet20", "layer3.2.conv2.weight", "[64, 64, 3, 3]"},
        {"resnet20:shortcut=b", "layer2.0.downsample.0.weight", "[32, 16, 1, 1]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g;
        char words[192];
        assert_ok(zoo_build(&g, cases[i].spec, 0, &err));
        const value *v = graph_find_value(g, cases[i].name);
        if (!v || v->kind != VALUE_STATE) fail_msg("%s has no '%s'", cases[i].spec, cases[i].name);
        assert_string_equal(shape_text(&v->shape, words), cases[i].shape);
        graph_free(g);
    }
}

/* Size on the way and multiply-adds of one picture, as published. */
static void test_sizes_on_the_way(void **state) {
    static const struct {
        const char *spec, *node, *shape;
        double multiply_adds;
    } cases[] = {{"resnet18", "layer4.1.relu2", "[1, 512, 7, 7]", 1.814e9},
                 {"resnet50", "layer4.2.relu3", "[1, 2048, 7, 7]", 4.089e9},
                 {"resnet20", "layer3.2.relu2", "[1, 64, 8, 8]", 40.6e6},
                 {"alexnet-2012", "pool5", "[1, 256, 6, 6]", 724e6},
                 {"vgg16", "features.30", "[1, 512, 7, 7]", 15.47e9},
                 {"googlenet:heads=0", "inception5b.concat", "[1, 1024, 7, 7]", 1.583e9},
                 {"squeezenet1.0", "features.12.concat", "[1, 512, 13, 13]", 819e6},
                 {"mobilenet-v1", "block13.pointwise_relu", "[1, 1024, 7, 7]", 569e6},
                 {"tf-cifar", "pool2", "[1, 64, 6, 6]", 18.47e6}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        graph *g;
        char words[192];
        double sum = 0;
        assert_ok(zoo_build(&g, cases[i].spec, 0, &err));
        const node *n = graph_find_node(g, cases[i].node);
        assert_non_null(n);
        assert_string_equal(shape_text(&n->out[0]->shape, words), cases[i].shape);
        for (int k = 0; k < g->node_count; k++)
            if (g->nodes[k]->op->cost) sum += (double)g->nodes[k]->op->cost(g->nodes[k]).multiply_adds;
        if (!(sum > 0.99 * cases[i].multiply_adds && sum < 1.01 * cases[i].multiply_adds))
            fail_msg("%s: %.0f multiply-adds", cases[i].spec, sum);
        graph_free(g);
    }
}

static void test_names(void **state) {
    (void)state;
    for (const char *const *name = zoo_names(); *name; name++) {
        assert_non_null(zoo_about(*name));
        assert_true(zoo_has(*name));
    }
    assert_null(zoo_about("nothing"));
    assert_false(zoo_has("lenet55"));
}

static void test_load_and_save(void **state) {
    graph *g, *h = NULL;
    (void)state;
    assert_ok(graph_load(&g, "mlp:hidden=9", 3, &err));
    assert_ok(folder_make(in_folder("run"), &err));
    assert_fails(graph_load(&h, in_folder("run"), 0, &err), STRIA_NO_FILE, "has no model.onnx");
    assert_ok(graph_save(g, in_folder("run/best.onnx"), &err));
    assert_ok(graph_load(&h, in_folder("run"), 0, &err));
    assert_same_graph(g, h, true);
    graph_free(h);
    assert_ok(graph_save(g, in_folder("m.net"), &err));
    assert_ok(graph_load(&h, in_folder("m.net"), 3, &err));
    assert_same_graph(g, h, true); /* the same seed and names, hence the same first weights */
    graph_free(h);
    h = NULL;
    graph *r;
    assert_ok(graph_load(&r, "resnet20", 3, &err)); /* constants, and names in scopes */
    for (int k = 0; k < 2; k++) {
        const char *path = in_folder(k ? "r.net" : "r.onnx");
        assert_ok(graph_save(r, path, &err));
        assert_ok(graph_load(&h, path, 3, &err));
        const tensor *w = graph_find_value(r, "layer3.2.conv2.weight")->data;
        if (k == 0) assert_memory_equal(w->data, graph_find_value(h, "layer3.2.conv2.weight")->data->data, w->bytes);
        assert_int_equal(parameter_count(h), 269722);
        assert_non_null(graph_find_value(h, "layer3.2.bn2.running_var"));
        graph_free(h);
        h = NULL;
    }
    graph_free(r);
    assert_fails(graph_save(g, in_folder("m.h5"), &err), STRIA_BAD_ARGUMENT, ".onnx, .net, .safetensors or .npz");
    assert_ok(file_write(in_folder("m.h5"), "x", 1, &err));
    assert_fails(graph_load(&h, in_folder("m.h5"), 0, &err), STRIA_BAD_ARGUMENT,
                 "expected .onnx, .net or a run folder");
    assert_fails(graph_load(&h, in_folder("no.onnx"), 0, &err), STRIA_NO_FILE, "no.onnx");
    assert_fails(graph_load(&h, in_folder("no"), 0, &err), STRIA_NO_FILE, "no such file");
    graph_free(g);
}

/* Auxiliary heads are outputs after the logits, which the recipe weighs. */
static void test_heads(void **state) {
    graph *g;
    (void)state;
    assert_ok(zoo_build(&g, "googlenet:classes=5", 1, &err));
    assert_int_equal(g->output_count, 3);
    assert_string_equal(g->output_names[0], "logits");
    assert_string_equal(g->output_names[1], "aux1");
    assert_string_equal(g->output_names[2], "aux2");
    assert_int_equal(g->outputs[2]->shape.dim[1], 5);
    assert_string_equal(graph_metadata(g, "stria.auxiliary"), "aux1,aux2");
    assert_non_null(strstr(graph_metadata(g, "stria.train"), " loss=cross_entropy+cross_entropy:output=aux1,weight=0.3+"
                                                             "cross_entropy:output=aux2,weight=0.3"));
    graph_free(g);
    assert_ok(zoo_build(&g, "googlenet:heads=0", 1, &err));
    assert_int_equal(g->output_count, 1);
    assert_null(graph_metadata(g, "stria.auxiliary"));
    graph_free(g);
}

static void test_no_memory(void **state) {
    (void)state;
    size_t before = mem_bytes_now();
    for (long n = 1;; n++) {
        graph *g = NULL;
        mem_fail_at(n);
        stria_status status = zoo_build(&g, "lenet5", 0, NULL);
        mem_fail_at(0);
        if (status == STRIA_OK) {
            graph_free(g);
            assert_true(n > 20);
            break;
        }
        assert_int_equal(status, STRIA_NO_MEMORY);
        assert_int_equal(mem_bytes_now(), before);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_autoencoder),
        cmocka_unit_test(test_seeds),        cmocka_unit_test(test_wrong_specs),
        cmocka_unit_test(test_resnet_names), cmocka_unit_test(test_sizes_on_the_way),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_load_and_save),
        cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_small_pictures),
        cmocka_unit_test(test_heads),
    };
    return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
