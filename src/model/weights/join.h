/* Shared by join.c, join_keras.c and join_order.c: the mapping of a file's tensors to a graph's states. */
#ifndef MODEL_WEIGHTS_JOIN_H
#define MODEL_WEIGHTS_JOIN_H

#include "model/weights/weights.h"

typedef struct joining {
    graph *g;
    const weights *w;
    value **states; /* parameters and statistics, in the graph's order */
    int *item;      /* of each: its tensor's index in w, −1: none */
    bool *used;     /* of each tensor */
    int count;      /* of states */
    text *report;
    char why[360]; /* why join_order guesses nothing; "": nothing to say */
} joining;

/* Finds states by names; returns how many have a tensor now. join_keras.c */
int join_keras_names(joining *j);
/* Kinds and shapes, one by one, when no name is the graph's; *fits is false, with nothing set but why, where they do
 * not all agree, or more than one order does. join_order.c */
stria_status join_order(joining *j, bool *fits, stria_error *err);

/* Gives state i the tensor, unless it has one. */
bool join_set(joining *j, const char *name, int item);
/* join_set of what NAME.ROLE may be called in the graph: normalisations have two sets of words. */
bool join_set_role(joining *j, const char *layer, size_t length, const char *role, int item);

/* A tensor of the file in the order of dimensions of the state, retained or new; STRIA_BAD_SHAPE, without a sentence,
 * where it does not fit. */
stria_status join_tensor(const joining *j, const value *state, const tensor *from, tensor **out, stria_error *err);
/* The same of one in Keras' order. join_keras.c */
stria_status keras_tensor(const graph *g, const value *state, const tensor *from, tensor **out, stria_error *err);
/* Why these weights of Keras Applications are another network's than the zoo's of this name; NULL: nothing known. */
const char *keras_other_network(const joining *j);

/* PyTorch's normalisation counts its batches: no contents of a network. */
bool join_is_counter(const char *name);

/* The node that uses a state, and as which input; NULL: none. */
const node *join_user(const graph *g, const value *state, int *input);

#endif
