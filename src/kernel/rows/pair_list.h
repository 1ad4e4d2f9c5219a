/* Losses of two tensors x and t, elementwise: PAIR(name, f, df/dx, df/dt), expressions of vectors; delta is a float.
 * K(zero_times)(a, b) is a·b, but 0 where a or b is 0. A row makes PAIR_LOSS_<name> (loss.h) and three kernels. */
/* clang-format off */
PAIR(squared, (x - t) * (x - t), 2 * (x - t), 2 * (t - x))
PAIR(absolute, K(v_abs)(x - t), K(v_sign)(x - t), K(v_sign)(t - x))
PAIR(huber, K(huber_of)(x - t, delta), K(v_clip)(x - t, vf_set(-delta), vf_set(delta)),
     K(v_clip)(t - x, vf_set(-delta), vf_set(delta)))
PAIR(binary, K(v_softplus)(-K(v_abs)(x)) + K(zero_times)(K(v_abs)(x), vf_select(x > 0, 1 - t, t)),
     K(v_sigmoid)(x) - t, -x)
PAIR(kl, K(zero_times)(t, K(v_log)(t) - x), -t, K(v_log)(t) + 1 - x)
PAIR(kl_log, K(zero_times)(K(v_exp)(t), t - x), -K(v_exp)(t), K(zero_times)(K(v_exp)(t), t - x + 1))
/* clang-format on */
