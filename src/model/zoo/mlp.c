/* A multi-layer perceptron, 784-256-256-256-10 unless hidden= says otherwise. 335,114 parameters. */
#include "model/zoo/zoo.h"

value *zoo_mlp(zoo *z, value *x) {
    const int64_t *hidden;
    int count = zoo_numbers(z, "hidden", &hidden);
    x = zoo_layer(z, x, "flatten", 0, NULL);
    for (int i = 0; i < count; i++) {
        x = zoo_layer(z, x, "dense", hidden[i], NULL);
        if (zoo_word(z, "bn")) x = zoo_layer(z, x, "batch_norm", 0, NULL);
        x = zoo_layer(z, x, zoo_text(z, "activation"), 0, NULL);
        x = zoo_dropout(z, x, NULL);
    }
    return zoo_layer(z, x, "dense", zoo_number(z, "classes"), "name=logits");
}
