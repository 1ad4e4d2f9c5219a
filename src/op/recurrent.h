/* LSTM, GRU and RNN: sequences through a cell whose state goes from step to step. Gates stand in ONNX's order: GRU
 * z r h, LSTM i o f c. */
#ifndef OP_RECURRENT_H
#define OP_RECURRENT_H

#include "op/op.h"

typedef struct recurrent_attributes {
    strings activations; /* for each direction: RNN f, GRU f g, LSTM f g h; none: Sigmoid for f, Tanh for the others
                            (RNN: Tanh) */
    floats activation_alpha, activation_beta; /* of the activations that have such a number, in their order */
    float clip;                               /* 0: none */
    const char *direction;                    /* forward, reverse, bidirectional */
    int64_t hidden_size;                      /* 0: as the weights say */
    int64_t input_forget;                     /* LSTM: f = 1 − i */
    int64_t layout;                           /* 0: [step, item, …], 1: [item, step, …] */
    int64_t linear_before_reset;              /* GRU: the reset gate acts after the product with R */
} recurrent_attributes;

typedef enum recurrent_kind { CELL_RNN, CELL_GRU, CELL_LSTM } recurrent_kind;

/* Inputs of all three (P and C are LSTM's); those of a gradient node are these and the gradients of Y, Y_h and Y_c. */
enum { RECURRENT_X, RECURRENT_W, RECURRENT_R, RECURRENT_B, RECURRENT_LENGTHS, RECURRENT_H, RECURRENT_C, RECURRENT_P };

typedef struct recurrent_function {
    int row; /* of the table in recurrent_cell.c */
    double alpha, beta;
} recurrent_function;

typedef struct recurrent_geometry {
    recurrent_kind kind;
    int gates, directions;
    bool reversed; /* the first direction begins at the end; the second always does */
    bool coupled, reset_after;
    int64_t steps, batch, inputs, hidden;
    double clip; /* infinite: none */
    recurrent_function function[2][3];
    int64_t x_step, x_item;              /* elements from one step, item of X to the next */
    int64_t y_step, y_direction, y_item; /* of Y */
    int64_t h_direction, h_item;         /* of states */
} recurrent_geometry;

/* Of a node of the three, or of its gradient; refuses shapes that do not fit, functions that there are not. */
stria_status recurrent_infer(const node *n, recurrent_geometry *g, stria_error *err);
/* The same of a node whose shapes are inferred. */
recurrent_geometry recurrent_geometry_of(const node *n);
/* All directions have ONNX's default functions, and there is no clip. */
bool recurrent_is_standard(const recurrent_geometry *g);
/* The step of sequence that step k of direction d works on. */
static inline int64_t recurrent_time(const recurrent_geometry *g, int d, int64_t k, int64_t length) {
    return (d ? true : g->reversed) ? length - 1 - k : k;
}

/* ---- the formula of one step, of one item (recurrent_cell.c) ---- */

/* Of one direction: W [gates·hidden × inputs], R [gates·hidden × hidden], the two halves of B, P [3·hidden]; NULL where
 * absent. */
typedef struct recurrent_weights {
    double *w, *r, *wb, *rb, *p;
} recurrent_weights;

typedef struct recurrent_step {
    const double *x, *h0, *c0; /* input and state before */
    double *h, *c;             /* state after it */
    double *a, *v;             /* [gates·hidden]: what the functions get, what they give */
    double *s;                 /* [hidden]: GRU: R·h + b of h (reset_after) or r·h; LSTM: h(c) */
} recurrent_step;

void recurrent_forward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s);
/* dh, dc: of the state after the step; become those of the state before it. dx and *dw: added to. scratch holds
 * 2·gates·hidden + hidden. */
void recurrent_backward(const recurrent_geometry *g, int d, const recurrent_weights *w, const recurrent_step *s,
                        double *dh, double *dc, double *dx, const recurrent_weights *dw, double *scratch);

/* Sets functions[count] from the attributes' names and numbers, of `directions` directions. */
stria_status recurrent_functions(const recurrent_attributes *a, recurrent_kind kind, int directions,
                                 recurrent_function out[2][3], stria_error *err);

#endif
