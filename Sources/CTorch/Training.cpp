// The parts of a transformer that training goes through, with their gradients written out: they take far fewer passes
// over memory than when they are derived operation by operation.
#include "Handle.hpp"
#include "Kernels.hpp"
#include "Parallel.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

using namespace ctorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// The frozen weight [out, in] of a linear layer, whose outputs may be those of several modules below one another.
struct Frozen {
    /// In floats; undefined where there are 8-bit integers, of the weight and of its transpose.
    at::Tensor dense;
    Int8Weights int8, transposed;
    at::Tensor bias;

    /// x Wᵀ + bias, cut into the modules' outputs.
    std::vector<at::Tensor> product(const at::Tensor &x, const std::vector<int64_t> &widths) const {
        std::vector<at::Tensor> results;
        const auto cut = [](const at::Tensor &all, int64_t start, int64_t width, int64_t total) {
            const int64_t size = all.defined() ? all.size(0) / total : 0;
            return all.defined() ? all.narrow(0, start * size, width * size) : all;
        };
        const Int8Rows rows = dense.defined() ? Int8Rows{} : quantized_rows(x);
        int64_t start = 0;
        for (const int64_t width : widths) {
            if (dense.defined()) {
                results.push_back(at::linear(x, dense.narrow(0, start, width), cut(bias, start, width, dense.size(0))));
            } else {
                const int64_t total = int8.outputs;
                const Int8Weights part{cut(int8.packed, start, width, total), cut(int8.scales, start, width, total), width};
                results.push_back(int8_product_rows(rows, part, cut(bias, start, width, total), {}));
            }
            start += width;
        }
        return results;
    }

    /// dy W
    at::Tensor product_transposed(const at::Tensor &dy) const {
        if (dense.defined()) return dy.mm(dense);
        return int8_product_rows(quantized_rows(dy.contiguous()), transposed, {}, {});
    }
};

/// For modules that read the same input, each with an adapter: x Wᵀ + bias + scale · (z Aᵀ) Bᵀ, where z is x, or what is left
/// of it after dropout; gradients for x, z, and all A and B.
struct LoRALinear : torch::autograd::Function<LoRALinear> {
    static variable_list forward(AutogradContext *context, const at::Tensor &x, const std::optional<at::Tensor> &dropped,
                                 const Frozen &frozen, const at::TensorList &adapters, double scale) {
        const at::ScalarType type = x.scalar_type();
        const at::Tensor &z = dropped ? *dropped : x;
        std::vector<at::Tensor> a, b;
        std::vector<int64_t> widths;
        for (size_t i = 0; i < adapters.size(); i += 2) {
            a.push_back(adapters[i]);
            b.push_back(adapters[i + 1].to(type));
            widths.push_back(b.back().size(0));
        }
        const at::Tensor all_a = at::cat(a).to(type), inner = at::linear(z, all_a);
        variable_list results = frozen.product(x, widths);
        int64_t start = 0;
        for (size_t i = 0; i < b.size(); i++) {
            const int64_t rank = b[i].size(1);
            results[i].addmm_(inner.narrow(1, start, rank), b[i].t(), 1, scale);
            start += rank;
        }
        variable_list saved{x, z, inner, all_a, frozen.dense, frozen.transposed.packed, frozen.transposed.scales};
        saved.insert(saved.end(), b.begin(), b.end());
        context->save_for_backward(saved);
        context->saved_data["scale"] = scale;
        context->saved_data["drops"] = dropped.has_value();
        return results;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &z = saved[1], &inner = saved[2], &all_a = saved[3];
        const Frozen frozen{saved[4], {}, {saved[5], saved[6], x.size(1)}, {}};
        const double scale = context->saved_data["scale"].toDouble();
        const bool drops = context->saved_data["drops"].toBool();
        at::Tensor d_inner = at::empty_like(inner);
        std::vector<at::Tensor> d_b;
        int64_t start = 0;
        for (size_t i = 0; i < gradients.size(); i++) {
            const at::Tensor &b = saved[7 + i];
            at::Tensor part = d_inner.narrow(1, start, b.size(1));
            at::mm_out(part, gradients[i], b);
            d_b.push_back(gradients[i].t().mm(inner.narrow(1, start, b.size(1))).to(at::kFloat).mul_(scale));
            start += b.size(1);
        }
        d_inner.mul_(scale);
        const at::Tensor d_a = d_inner.t().mm(z).to(at::kFloat);
        at::Tensor dx, dz;
        if (context->needs_input_grad(0)) {
            dx = frozen.product_transposed(gradients.size() == 1 ? gradients[0] : at::cat(gradients, 1));
            if (drops) dz = d_inner.mm(all_a);
            else dx.addmm_(d_inner, all_a);
        }
        variable_list results{dx, dz, at::Tensor()};
        start = 0;
        for (size_t i = 0; i < gradients.size(); i++) {
            const int64_t rank = saved[7 + i].size(1);
            results.push_back(d_a.narrow(0, start, rank));
            results.push_back(d_b[i]);
            start += rank;
        }
        results.push_back(at::Tensor());
        return results;
    }
};

/// x / √(mean(x²) + ε) · weight over the last dimension, as `type`; a gradient for x, in 32-bit floats.
struct RMSNorm : torch::autograd::Function<RMSNorm> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, double epsilon,
                              at::ScalarType type) {
        at::Tensor factors, dense = x.contiguous();
        if (has_row_kernels(x, type)) {
            at::Tensor y = norm_rows(dense, weight.contiguous(), epsilon, type, factors);
            context->save_for_backward({dense, weight, factors});
            return y;
        }
        double width = static_cast<double>(x.size(-1));
        at::Tensor norm = at::linalg_vector_norm(x, 2, at::IntArrayRef({-1}), /*keepdim=*/true);
        factors = norm.square_().div_(width).add_(epsilon).rsqrt_();
        context->save_for_backward({dense, weight, factors});
        return (x * factors).mul_(weight).to(type);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &factors = saved[2];
        at::Tensor dx;
        if (has_row_kernels(x, gradients[0].scalar_type())) {
            dx = norm_gradient_rows(x, weight.contiguous(), factors, gradients[0].contiguous());
        } else {
            dx = gradients[0] * weight;
            at::Tensor dot = (dx * x).sum(-1, /*keepdim=*/true).div_(static_cast<double>(x.size(-1)));
            dot.mul_(factors).mul_(factors).mul_(factors);
            dx.mul_(factors).addcmul_(x, dot, -1);
        }
        return {dx, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

/// silu(gate) · up, or gelu(gate) · up by its approximation with tanh, on the CPU.
struct Gate : torch::autograd::Function<Gate> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &gate, const at::Tensor &up, bool is_gelu) {
        context->save_for_backward({gate, up});
        context->saved_data["gelu"] = is_gelu;
        return gate_rows(gate, up, is_gelu);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        auto saved = context->get_saved_variables();
        auto [d_gate, d_up] =
            gate_gradient_rows(saved[0], saved[1], gradients[0].contiguous(), context->saved_data["gelu"].toBool());
        return {d_gate, d_up, at::Tensor()};
    }
};

/// Rotary embeddings of [tokens, heads, width] in the half-split form; cosine and sine are [tokens, 1, width / 2].
struct Rotate : torch::autograd::Function<Rotate> {
    static at::Tensor turned(const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine, double direction) {
        at::Tensor result = at::empty(x.sizes(), x.options());
        int64_t half = x.size(-1) / 2;
        at::Tensor x1 = x.narrow(-1, 0, half), x2 = x.narrow(-1, half, half);
        at::Tensor y1 = result.narrow(-1, 0, half), y2 = result.narrow(-1, half, half);
        at::mul_out(y1, x1, cosine).addcmul_(x2, sine, -direction);
        at::mul_out(y2, x2, cosine).addcmul_(x1, sine, direction);
        return result;
    }

    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &cosine,
                              const at::Tensor &sine) {
        context->save_for_backward({cosine, sine});
        return turned(x, cosine, sine, 1);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        auto saved = context->get_saved_variables();
        return {turned(gradients[0], saved[0], saved[1], -1), at::Tensor(), at::Tensor()};
    }
};

/// A sequence of a pass: its tokens, and those of another that it begins with.
struct Part {
    int64_t start, count, shared, held;
};

/// Some queries of a sequence, and the keys that they can see.
struct Block {
    const Part &part;
    /// The first query in the pass.
    int64_t start;
    int64_t rows;
    /// Keys of the sequence.
    int64_t low, end;
    CausalRows causal;
};

/// Causal attention within each sequence of a pass, on the CPU. Queries go through in blocks, so that keys behind them cost
/// nothing and no matrix of all scores is held; scores are 32-bit floats.
struct PackedAttention : torch::autograd::Function<PackedAttention> {
    /// Queries of a block.
    static constexpr int64_t block_rows = 128;

    template <typename Body> static void for_blocks(const std::vector<Part> &parts, int64_t window, Body body) {
        for (const Part &part : parts)
            for (int64_t first = 0; first < part.count; first += block_rows) {
                const int64_t rows = std::min(block_rows, part.count - first), end = part.held + first + rows;
                const int64_t low = window > 0 ? std::max<int64_t>(0, part.held + first + 1 - window) : 0;
                body(Block{part, part.start + first, rows, low, end, {end - rows - low + 1, rows, window}});
            }
    }

    static std::vector<Part> parts_of(const std::vector<int64_t> &numbers) {
        std::vector<Part> parts;
        for (size_t i = 0; i < numbers.size(); i += 4)
            parts.push_back({numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]});
        return parts;
    }

    /// Of [tokens, heads, width] the block's rows as [key heads, heads per key head · rows, width], and back.
    static at::Tensor view(const at::Tensor &x, const Block &block, int64_t key_heads) {
        return x.narrow(0, block.start, block.rows)
            .view({block.rows, key_heads, x.size(1) / key_heads, x.size(2)})
            .permute({1, 2, 0, 3});
    }
    static at::Tensor taken(const at::Tensor &x, const Block &block, int64_t key_heads) {
        return view(x, block, key_heads).reshape({key_heads, x.size(1) / key_heads * block.rows, x.size(2)});
    }
    static void put(const at::Tensor &target, const Block &block, int64_t key_heads, const at::Tensor &value) {
        at::Tensor place = view(target, block, key_heads);
        place.copy_(value.view(place.sizes()));
    }

    /// Of [key heads, tokens, width] the keys that the block can see.
    static at::Tensor seen(const at::Tensor &x, const Block &block) {
        const Part &part = block.part;
        const int64_t own = std::max(block.low, part.held);
        at::Tensor mine = x.narrow(1, part.start + own - part.held, block.end - own);
        if (block.low >= part.held) return mine;
        return at::cat({x.narrow(1, part.shared + block.low, part.held - block.low), mine}, 1);
    }
    static void add_to_seen(const at::Tensor &x, const Block &block, const at::Tensor &value) {
        const Part &part = block.part;
        const int64_t own = std::max(block.low, part.held), before = own - block.low;
        x.narrow(1, part.start + own - part.held, block.end - own).add_(value.narrow(1, before, block.end - own));
        if (before > 0) x.narrow(1, part.shared + block.low, before).add_(value.narrow(1, 0, before));
    }

    static at::Tensor forward(AutogradContext *context, const at::Tensor &query, const at::Tensor &key,
                              const at::Tensor &value, std::vector<int64_t> numbers, int64_t window, double scale) {
        const at::Tensor q = query.contiguous(), k = key.transpose(0, 1).contiguous();
        const at::Tensor v = value.transpose(0, 1).contiguous();
        const at::Tensor exact_q = q.to(at::kFloat), exact_k = k.to(at::kFloat);
        const int64_t heads = q.size(1), key_heads = k.size(0);
        at::Tensor output = at::empty_like(q);
        at::Tensor norms = at::empty({heads * q.size(0)}, exact_q.options());
        for_blocks(parts_of(numbers), window, [&](const Block &block) {
            at::Tensor scores = taken(exact_q, block, key_heads).bmm(seen(exact_k, block).transpose(1, 2));
            at::Tensor norm = norms.narrow(0, block.start * heads, block.rows * heads);
            at::Tensor shares = softmax_rows(scores, block.causal, scale, q.scalar_type(), norm);
            put(output, block, key_heads, shares.bmm(seen(v, block)));
        });
        context->save_for_backward({q, k, v, output, norms});
        context->saved_data["parts"] = numbers;
        context->saved_data["window"] = window;
        context->saved_data["scale"] = scale;
        return output;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        auto saved = context->get_saved_variables();
        const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &output = saved[3], &norms = saved[4];
        const std::vector<Part> parts = parts_of(context->saved_data["parts"].toIntVector());
        const double scale = context->saved_data["scale"].toDouble();
        const int64_t heads = q.size(1), key_heads = k.size(0);
        const at::Tensor d_output = gradients[0].contiguous();
        const at::Tensor exact_q = q.to(at::kFloat), exact_k = k.to(at::kFloat);
        const at::Tensor dots = at::mul(d_output.to(at::kFloat), output).sum(-1, /*keepdim=*/true);
        at::Tensor dq = at::empty_like(q), dk = at::zeros_like(exact_k), dv = at::zeros_like(exact_k);
        for_blocks(parts, context->saved_data["window"].toInt(), [&](const Block &block) {
            at::Tensor queries = taken(q, block, key_heads), keys = seen(k, block);
            at::Tensor d_out = taken(d_output, block, key_heads);
            at::Tensor scores = taken(exact_q, block, key_heads).bmm(seen(exact_k, block).transpose(1, 2));
            at::Tensor d_scores = d_out.bmm(seen(v, block).transpose(1, 2));
            at::Tensor shares =
                softmax_gradient_rows(scores, block.causal, scale, norms.narrow(0, block.start * heads, block.rows * heads),
                                      taken(dots, block, key_heads), d_scores);
            put(dq, block, key_heads, d_scores.bmm(keys));
            add_to_seen(dk, block, d_scores.transpose(1, 2).bmm(queries));
            add_to_seen(dv, block, shares.transpose(1, 2).bmm(d_out));
        });
        return {dq, dk.transpose(0, 1).to(q.scalar_type()), dv.transpose(0, 1).to(q.scalar_type()),
                at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

} // namespace

extern "C" {

int ct_lora_linear(ct_tensor_t input, ct_tensor_t dropped, const ct_frozen *weight, const ct_tensor_t *adapters,
                   size_t count, double scale, ct_tensor_t *results) {
    return guarded([&] {
        const int64_t inputs = input->value.size(-1);
        const Frozen frozen{
            value_or_none(weight->dense),
            {value_or_none(weight->packed), value_or_none(weight->scales), weight->outputs},
            {value_or_none(weight->packed_transposed), value_or_none(weight->scales_transposed), inputs},
            value_or_none(weight->bias)};
        std::optional<at::Tensor> rest;
        if (dropped) rest = dropped->value;
        std::vector<at::Tensor> matrices;
        for (size_t i = 0; i < 2 * count; i++) matrices.push_back(adapters[i]->value);
        const variable_list made = LoRALinear::apply(input->value.contiguous(), rest, frozen, at::TensorList(matrices), scale);
        for (size_t i = 0; i < count; i++) results[i] = new ct_tensor{made[i]};
    });
}

int ct_rms_norm_as(ct_tensor_t input, ct_tensor_t weight, double epsilon, ct_dtype dtype, ct_tensor_t *result) {
    return make(result, [&] { return RMSNorm::apply(input->value, weight->value, epsilon, scalar_type(dtype)); });
}

int ct_rotate(ct_tensor_t input, ct_tensor_t cosine, ct_tensor_t sine, ct_tensor_t *result) {
    return make(result, [&] { return Rotate::apply(input->value, cosine->value, sine->value); });
}

int ct_gate(ct_tensor_t gate, ct_tensor_t up, bool gelu, ct_tensor_t *result) {
    return make(result, [&] { return Gate::apply(gate->value.contiguous(), up->value.contiguous(), gelu); });
}

int ct_packed_attention(ct_tensor_t query, ct_tensor_t key, ct_tensor_t value, const int64_t *parts, size_t part_count,
                        int64_t window, double scale, ct_tensor_t *result) {
    return make(result, [&] {
        return PackedAttention::apply(query->value, key->value, value->value,
                                      std::vector<int64_t>(parts, parts + 4 * part_count), window, scale);
    });
}

int ct_concurrently(size_t count, void (*body)(void *context, size_t index), void *context) {
    return guarded([&] {
        in_parallel(static_cast<int64_t>(count), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) body(context, static_cast<size_t>(i));
        });
    });
}

} // extern "C"
