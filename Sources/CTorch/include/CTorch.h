// A C interface to libtorch, as far as Chain-of-Edits needs it.
//
// Every function returns a status (ct_ok or ct_failed) and catches every C++ exception; after a failure
// ct_error_text() holds the reason for the calling thread. Tensors are opaque handles that the caller releases with
// ct_release. Results are returned through the last argument. Shapes are int64 arrays with their count.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor *ct_tensor_t;

enum { ct_ok = 0, ct_failed = 1 };

typedef enum {
    ct_uint8 = 0,
    ct_int8 = 1,
    ct_int32 = 2,
    ct_int64 = 3,
    ct_float16 = 4,
    ct_bfloat16 = 5,
    ct_float32 = 6,
    ct_float64 = 7,
    ct_bool = 8,
} ct_dtype;

// Devices: -1 is the CPU, 0 and above are CUDA devices, ct_mps is Apple's GPU.
enum { ct_cpu = -1, ct_mps = -2 };

/// The reason of the last failure in this thread; valid until the next call.
const char *ct_error_text(void);

// --- library
const char *ct_version(void);
int ct_cuda_device_count(void);
bool ct_mps_available(void);
int ct_set_thread_count(int count);
int ct_thread_count(void);

// --- processes that compute together (torch c10d with Gloo)
typedef struct ct_group *ct_group_t;
/// Waits until all `size` processes are there; the one that `serves` holds their address book at address:port.
int ct_group_join(const char *address, int port, int rank, int size, bool serves, int seconds, ct_group_t *result);
/// Replaces the tensor by the sum of those of all processes, which must call this in the same order.
int ct_group_sum(ct_group_t group, ct_tensor_t tensor);
void ct_group_release(ct_group_t group);

// --- creation
/// Copies `byte_count` bytes of row-major data.
int ct_from_bytes(const void *bytes, size_t byte_count, ct_dtype dtype, const int64_t *shape, size_t rank,
                  ct_tensor_t *result);
/// A view of memory that the caller keeps alive and unchanged for as long as the tensor or a view of it lives.
int ct_view_bytes(const void *bytes, size_t byte_count, ct_dtype dtype, const int64_t *shape, size_t rank,
                  ct_tensor_t *result);
int ct_full(const int64_t *shape, size_t rank, double value, ct_dtype dtype, int device, ct_tensor_t *result);
int ct_empty(const int64_t *shape, size_t rank, ct_dtype dtype, int device, ct_tensor_t *result);
int ct_range(int64_t start, int64_t end, ct_dtype dtype, int device, ct_tensor_t *result);
void ct_release(ct_tensor_t tensor);

// --- inspection
int ct_rank(ct_tensor_t tensor, size_t *result);
int ct_shape(ct_tensor_t tensor, int64_t *shape, size_t capacity);
int ct_dtype_of(ct_tensor_t tensor, ct_dtype *result);
int ct_device_of(ct_tensor_t tensor, int *result);
/// Copies the elements in row-major order; `byte_count` must be exact.
int ct_copy_bytes(ct_tensor_t tensor, void *bytes, size_t byte_count);

// --- shape
int ct_reshape(ct_tensor_t tensor, const int64_t *shape, size_t rank, ct_tensor_t *result);
int ct_transpose(ct_tensor_t tensor, int64_t first, int64_t second, ct_tensor_t *result);
int ct_narrow(ct_tensor_t tensor, int64_t dimension, int64_t start, int64_t length, ct_tensor_t *result);
int ct_cat(const ct_tensor_t *tensors, size_t count, int64_t dimension, ct_tensor_t *result);
int ct_index_select(ct_tensor_t tensor, int64_t dimension, ct_tensor_t index, ct_tensor_t *result);
int ct_gather(ct_tensor_t tensor, int64_t dimension, ct_tensor_t index, ct_tensor_t *result);
int ct_repeat(ct_tensor_t tensor, const int64_t *repeats, size_t rank, ct_tensor_t *result);
int ct_contiguous(ct_tensor_t tensor, ct_tensor_t *result);
int ct_to(ct_tensor_t tensor, ct_dtype dtype, int device, ct_tensor_t *result);
/// The same bytes read as another type; the last dimension must be dense.
int ct_bitcast(ct_tensor_t tensor, ct_dtype dtype, ct_tensor_t *result);

// --- arithmetic, with NumPy's broadcasting
typedef enum { ct_add, ct_subtract, ct_multiply, ct_divide, ct_bit_and, ct_bit_or, ct_shift_left, ct_shift_right,
               ct_less, ct_greater_equal, ct_equal } ct_binary_operation;
int ct_binary(ct_binary_operation operation, ct_tensor_t left, ct_tensor_t right, ct_tensor_t *result);
int ct_binary_scalar(ct_binary_operation operation, ct_tensor_t left, double right, ct_tensor_t *result);
typedef enum { ct_negate, ct_exp, ct_log, ct_silu, ct_gelu, ct_cos, ct_sin, ct_abs } ct_unary_operation;
int ct_unary(ct_unary_operation operation, ct_tensor_t tensor, ct_tensor_t *result);
int ct_where(ct_tensor_t condition, ct_tensor_t tensor, double otherwise, ct_tensor_t *result);

// --- reductions
int ct_softmax(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *result);
int ct_log_softmax(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *result);
int ct_cumulative_sum(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *result);
int ct_argmax(ct_tensor_t tensor, int64_t dimension, bool keep, ct_tensor_t *result);
int ct_maximum(ct_tensor_t tensor, int64_t dimension, bool keep, ct_tensor_t *result);
int ct_sum(ct_tensor_t tensor, int64_t dimension, bool keep, ct_tensor_t *result);
int ct_sort_descending(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *values, ct_tensor_t *indices);
int ct_search_sorted(ct_tensor_t sorted, ct_tensor_t values, ct_tensor_t *result);

// --- the parts of a transformer
int ct_matmul(ct_tensor_t left, ct_tensor_t right, ct_tensor_t *result);
/// input [..., in], weight [out, in], bias [out] or NULL.
int ct_linear(ct_tensor_t input, ct_tensor_t weight, ct_tensor_t bias, ct_tensor_t *result);
int ct_rms_norm(ct_tensor_t input, ct_tensor_t weight, double epsilon, ct_tensor_t *result);
/// query [batch, heads, queries, width], key and value [batch, heads, keys, width], mask broadcast over scores or NULL.
int ct_attention(ct_tensor_t query, ct_tensor_t key, ct_tensor_t value, ct_tensor_t mask, bool causal, double scale,
                 ct_tensor_t *result);

// --- in place
/// Copies `source` into `target` (of the same shape), which may be a view made by ct_narrow.
int ct_copy_into(ct_tensor_t target, ct_tensor_t source);
int ct_scale_in_place(ct_tensor_t target, double factor);
/// Fills with numbers drawn uniformly from [low, high), the same for the same seed.
int ct_random_uniform(ct_tensor_t target, double low, double high, uint64_t seed);

// --- gradients
/// Whether this thread's operations are recorded from now on, for ct_backward; returns what held before. Off at first.
bool ct_set_recording(bool recording);
/// The same elements, as a variable whose gradient ct_backward finds. It is added to `gradient`, if that is given.
int ct_leaf(ct_tensor_t tensor, ct_tensor_t gradient, ct_tensor_t *result);
/// Adds the gradients of `tensor` to those of the variables it was computed from; `gradient` is that of `tensor`
/// itself, or NULL for a scalar.
int ct_backward(ct_tensor_t tensor, ct_tensor_t gradient);
int ct_gradient(ct_tensor_t tensor, ct_tensor_t *result);
/// The weight [out, in] of a linear layer that is not trained: in floats, or, with `dense` NULL, packed by ct_int8_pack as it
/// is and transposed.
typedef struct {
    ct_tensor_t dense;
    ct_tensor_t packed, scales, packed_transposed, scales_transposed;
    int64_t outputs;
    /// [out] or NULL, in the type of the inputs, for packed weights in 32-bit floats.
    ct_tensor_t bias;
} ct_frozen;
/// For `count` modules that read the same input [tokens, in] and whose outputs stand below one another in the weight, each
/// with an adapter a [rank, in], b [its outputs, rank] in 32-bit floats: x Wᵀ + bias + scale · (z Aᵀ) Bᵀ, with z = dropped, or
/// x where that is NULL. `adapters` holds a, b, a, b, …; `results` gets `count` tensors. Gradients for input, dropped, all a
/// and b.
int ct_lora_linear(ct_tensor_t input, ct_tensor_t dropped, const ct_frozen *weight, const ct_tensor_t *adapters,
                   size_t count, double scale, ct_tensor_t *results);
/// As ct_rms_norm for 32-bit floats, with the result in another type. A gradient for input alone.
int ct_rms_norm_as(ct_tensor_t input, ct_tensor_t weight, double epsilon, ct_dtype dtype, ct_tensor_t *result);
/// Rotary embeddings of input [tokens, heads, width], whose component i turns with component i + width / 2; cosine and
/// sine are [tokens, 1, width / 2] in its type. A gradient for input alone.
int ct_rotate(ct_tensor_t input, ct_tensor_t cosine, ct_tensor_t sine, ct_tensor_t *result);
/// silu(gate) · up, or gelu(gate) · up by its approximation with tanh, on the CPU. Gradients for both.
int ct_gate(ct_tensor_t gate, ct_tensor_t up, bool gelu, ct_tensor_t *result);
/// Causal attention of query [tokens, heads, width] with key and value [tokens, key_heads, width] within each part, on the
/// CPU, in 32-bit floats or bfloat16. A part is four numbers: the first of its tokens and their count, and the first and the
/// count of tokens before these that it begins with. With `window` > 0 a token sees only the last so many. The result has
/// the shape of `query`. Gradients for all three.
int ct_packed_attention(ct_tensor_t query, ct_tensor_t key, ct_tensor_t value, const int64_t *parts, size_t part_count,
                        int64_t window, double scale, ct_tensor_t *result);
/// Calls `body` with the indices from 0 up to `count` on several threads at a time; what a call computes, it computes alone.
int ct_concurrently(size_t count, void (*body)(void *context, size_t index), void *context);
/// Zeroes elements with the given probability, the same ones for the same seed, and scales the others up.
int ct_dropout(ct_tensor_t tensor, double probability, uint64_t seed, ct_tensor_t *result);
/// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) in place; `step` counts from 1.
int ct_adamw(ct_tensor_t parameters, ct_tensor_t gradients, ct_tensor_t first_moment, ct_tensor_t second_moment,
             int64_t step, double learning_rate, double beta1, double beta2, double epsilon, double weight_decay);
/// The Euclidean norm of all elements.
int ct_norm(ct_tensor_t tensor, double *result);

// --- kernels for inference on a CPU: 32-bit floats, dense, without gradients
/// The instruction set that they use here.
const char *ct_kernel_instructions(void);
/// As ct_rms_norm.
int ct_fast_rms_norm(ct_tensor_t input, ct_tensor_t weight, double epsilon, ct_tensor_t *result);
/// For rows [gate | up]: silu(gate) · up, or gelu(gate) · up by its approximation with tanh.
int ct_gated(ct_tensor_t input, bool gelu, ct_tensor_t *result);
/// Inputs of an int8 product that share a scale.
#define CT_INT8_GROUP 64
/// Quantises rows of weights [rows, inputs] to int8, symmetric, with a scale for each row and group of inputs, and puts
/// them as rows `start` and on into `packed` (uint8, outputs rounded up to 16 times inputs rounded up to whole groups) and
/// `scales` (outputs rounded up to 16 times groups).
int ct_int8_pack(ct_tensor_t weight, ct_tensor_t packed, ct_tensor_t scales, int64_t start);
/// The named rows of packed weights, [count, inputs].
int ct_int8_rows(ct_tensor_t packed, ct_tensor_t scales, const int64_t *rows, size_t count, int64_t outputs,
                 int64_t inputs, ct_tensor_t *result);
/// x Wᵀ + bias + residual with packed weights for 32-bit floats or bfloat16, which the result and the residual are too; each
/// row of x is quantised group by group. Bias, in 32-bit floats, and residual may be NULL. A row's result does not depend on
/// the other rows.
int ct_int8_linear(ct_tensor_t input, ct_tensor_t packed, ct_tensor_t scales, int64_t outputs, ct_tensor_t bias,
                   ct_tensor_t residual, ct_tensor_t *result);
/// Attention of several conversations over pages of 64 tokens.
///
/// `qkv` [tokens, (heads + 2 key_heads) · width] holds the new tokens of all segments; queries and keys are normed where
/// norms [width] are given, turned by `cosine` and `sine` [tokens, width], and keys and values written into the pages.
/// Segment i has read held[i] tokens, has counts[i] new ones, and owns the pages from page_starts[i] up to
/// page_starts[i + 1]. A page is [layers, 2, key_heads, width · 64] in 32-bit or 16-bit floats: keys with the token, values
/// with the component as the fast index. A token sees itself and all before it, with `window` > 0 only the last so
/// many. The result is [tokens, heads · width]; a token's row does not depend on the other segments.
int ct_paged_attention(ct_tensor_t qkv, ct_tensor_t cosine, ct_tensor_t sine, ct_tensor_t query_norm,
                       ct_tensor_t key_norm, double epsilon, const ct_tensor_t *pages, const int64_t *page_starts,
                       const int64_t *held, const int64_t *counts, size_t segments, int64_t layer, int64_t heads,
                       int64_t key_heads, int64_t width, int64_t window, double scale, ct_tensor_t *result);

/// How a row of logits becomes a token.
typedef struct {
    /// The tokens that may be chosen, or NULL for all.
    const int64_t *allowed;
    size_t allowed_count;
    /// 0 takes the likeliest.
    double temperature;
    double top_p;
    double min_p;
    /// From 0 up to 1: decides which.
    double uniform;
} ct_choice;

/// Chooses a token for each row of logits [count, vocabulary]; its log-probability is that among the allowed tokens, at
/// the temperature (1 for greedy choices), before top_p and min_p.
int ct_choose(ct_tensor_t logits, const ct_choice *choices, size_t count, int64_t *tokens, float *log_probabilities);

#ifdef __cplusplus
}
#endif
#endif
