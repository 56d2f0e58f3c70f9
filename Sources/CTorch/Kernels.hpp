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

} // namespace ctorch
