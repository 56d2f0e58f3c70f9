// Rows of training that Kernels.cpp computes on vectors, for tensors on the CPU. Elements are 32-bit floats or bfloat16
// where nothing else is said, and dense.
#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace ctorch {

/// Whether the functions below take these elements.
bool has_row_kernels(const at::Tensor &tensor, at::ScalarType type);

/// x / √(mean(x²) + ε) · weight of rows of 32-bit floats, as `type`; the factors of the rows go into `factors`.
at::Tensor norm_rows(const at::Tensor &x, const at::Tensor &weight, double epsilon, at::ScalarType type,
                     at::Tensor &factors);
/// Its gradient for x.
at::Tensor norm_gradient_rows(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &factors,
                              const at::Tensor &dy);

/// silu(gate) · up, or gelu(gate) · up by its approximation with tanh.
at::Tensor gate_rows(const at::Tensor &gate, const at::Tensor &up, bool is_gelu);
/// Its gradients for both.
std::pair<at::Tensor, at::Tensor> gate_gradient_rows(const at::Tensor &gate, const at::Tensor &up,
                                                     const at::Tensor &d_out, bool is_gelu);

/// Which scores of a row count: those before `last` + row % `period`, with `window` > 0 only the last so many.
struct CausalRows {
    int64_t last, period, window;

    /// The first score of a row that counts, and the one behind the last.
    std::pair<int64_t, int64_t> range(int64_t row) const {
        const int64_t end = last + row % period;
        return {window > 0 && end > window ? end - window : 0, end};
    }
};

/// softmax(scale · scores) of rows [..., n] of 32-bit floats, which are lost, as `type`; the logarithm of each row's sum goes
/// into `norms`.
at::Tensor softmax_rows(at::Tensor &scores, CausalRows rows, double scale, at::ScalarType type, at::Tensor norms);
/// Again the softmax, and in place of its gradient `dp` that of the scores; `dots` holds Σ p · dp of each row.
at::Tensor softmax_gradient_rows(const at::Tensor &scores, CausalRows rows, double scale, const at::Tensor &norms,
                                 const at::Tensor &dots, at::Tensor &dp);

/// Weights in 8-bit integers as ct_int8_pack makes them.
struct Int8Weights {
    at::Tensor packed, scales;
    int64_t outputs;
};

/// Rows in 8-bit integers, [count, groups · CT_INT8_GROUP], with a scale and a sum for each group; in buffers of this
/// thread, until it makes the next ones.
struct Int8Rows {
    const int8_t *values;
    const float *scales;
    const int32_t *sums;
    int64_t count, groups;
    /// That they were made of.
    at::ScalarType type;
};
Int8Rows quantized_rows(const at::Tensor &x);
/// x Wᵀ + bias + residual in the type that x had; bias, in 32-bit floats, and residual may be undefined. A row's result does
/// not depend on the other rows.
at::Tensor int8_product_rows(const Int8Rows &x, const Int8Weights &weights, const at::Tensor &bias,
                             const at::Tensor &residual);

} // namespace ctorch
