// Kernels on a CPU: what libtorch does in many small operations, or only for one row length a time. Those for inference
// read and write 32-bit floats (pages of keys and values also 16-bit ones); nothing here records gradients.
#include "Kernels.hpp"
#include "Handle.hpp"
#include "Parallel.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace ctorch;

// Vectors are passed between functions that are always inlined, so no calling convention is at stake.
#pragma GCC diagnostic ignored "-Wpsabi"

// The instruction sets of the functions up to ISA_END, for clang and gcc.
#define PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define ISA_BEGIN(names) PRAGMA(clang attribute push(__attribute__((target(names))), apply_to = function))
#define ISA_END _Pragma("clang attribute pop")
#else
#define ISA_BEGIN(names) _Pragma("GCC push_options") PRAGMA(GCC target(names))
#define ISA_END _Pragma("GCC pop_options")
#endif

// Inputs of an int8 product that share a scale.
constexpr int64_t int8_group = CT_INT8_GROUP;
// Blocks of 16 outputs that an int8 product works on together.
constexpr int64_t int8_blocks = 3;

// One instance for each instruction set; which one runs is decided once, at the first call.
#if defined(__x86_64__)
ISA_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")
namespace avx512 {
#define KERNELS_VNNI 1
#define KERNELS_HALF 1
#include "Kernels.inl"
#undef KERNELS_VNNI
#undef KERNELS_HALF
#undef INLINE
} // namespace avx512
ISA_END
ISA_BEGIN("avx2,fma,f16c")
namespace avx2 {
#define KERNELS_VNNI 0
#define KERNELS_AVX2 1
#define KERNELS_HALF 1
#include "Kernels.inl"
#undef KERNELS_VNNI
#undef KERNELS_AVX2
#undef KERNELS_HALF
#undef INLINE
} // namespace avx2
ISA_END
#endif
namespace portable {
#define KERNELS_VNNI 0
#if defined(__aarch64__)
#define KERNELS_HALF 1
#else
#define KERNELS_HALF 0
#endif
#include "Kernels.inl"
} // namespace portable

namespace {

enum class Instructions { portable, avx2, avx512 };

Instructions instructions() {
#if defined(__x86_64__)
    static const Instructions found =
        __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
            ? Instructions::avx512
        : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
            ? Instructions::avx2
            : Instructions::portable;
    return found;
#else
    return Instructions::portable;
#endif
}

#if defined(__x86_64__)
#define WITH_KERNELS(call)                                                                                             \
    switch (instructions()) {                                                                                          \
    case Instructions::avx512: { using namespace avx512; call; break; }                                                \
    case Instructions::avx2: { using namespace avx2; call; break; }                                                    \
    case Instructions::portable: { using namespace portable; call; break; }                                            \
    }
#else
#define WITH_KERNELS(call) { using namespace portable; call; }
#endif

void expect(bool condition, const char *what) {
    if (!condition) throw std::invalid_argument(what);
}

/// Dense 32-bit floats on the CPU.
const float *floats_of(ct_tensor_t tensor) {
    const at::Tensor &value = tensor->value;
    expect(value.is_cpu() && value.scalar_type() == at::kFloat && value.is_contiguous(),
           "a kernel needs dense 32-bit floats on the CPU");
    return value.const_data_ptr<float>();
}

/// The same, or null where no tensor is given.
const float *optional_floats(ct_tensor_t tensor) { return tensor ? floats_of(tensor) : nullptr; }

/// Runs `body` over a range in pieces, on several threads when its time on one pays for waking the others.
template <typename Body> void spread(int64_t count, double nanoseconds, Body body) {
    if (nanoseconds < 20e3) body(int64_t{0}, count);
    else in_parallel(count, body);
}

// What one thread does in a nanosecond, roughly: multiplications in 32-bit floats, those of int8 products, bytes that it
// reads from memory, and elements of a row that it goes through.
constexpr double float_rate = 30, int8_rate = 200, memory_rate = 20, row_rate = 2;

int64_t int8_groups(int64_t inputs) { return (inputs + int8_group - 1) / int8_group; }

/// Packed weights and their scales must have the size that the kernels read.
void check_packed(const Int8Weights &weights, int64_t groups) {
    const int64_t padded = (weights.outputs + 15) / 16 * 16 * groups;
    expect(weights.packed.numel() == padded * int8_group && weights.scales.numel() == padded,
           "the weights are of another size");
}

at::Tensor empty_floats(at::IntArrayRef shape) { return at::empty(shape, at::TensorOptions().dtype(at::kFloat)); }

// --- training

/// Calls `body` with a null pointer of the elements' type.
template <typename Body> void for_type(at::ScalarType type, Body body) {
    if (type == at::kFloat) body(static_cast<float *>(nullptr));
    else if (type == at::kBFloat16) body(static_cast<at::BFloat16 *>(nullptr));
    else throw std::invalid_argument("a kernel needs 32-bit floats or bfloat16");
}

template <typename Element> Element *dense(const at::Tensor &tensor) {
    expect(tensor.is_cpu() && tensor.is_contiguous(), "a kernel needs dense tensors on the CPU");
    return tensor.mutable_data_ptr<Element>();
}

} // namespace

namespace ctorch {

bool has_row_kernels(const at::Tensor &tensor, at::ScalarType type) {
    return tensor.is_cpu() && (type == at::kFloat || type == at::kBFloat16);
}

at::Tensor norm_rows(const at::Tensor &x, const at::Tensor &weight, double epsilon, at::ScalarType type,
                     at::Tensor &factors) {
    const int64_t n = x.size(-1), rows = x.numel() / n;
    at::Tensor y = at::empty(x.sizes(), x.options().dtype(type));
    factors = at::empty({rows}, x.options());
    const float *in = dense<float>(x), *w = dense<float>(weight);
    float *factor = dense<float>(factors);
    for_type(type, [&]<typename Element>(Element *) {
        Element *out = dense<Element>(y);
        spread(rows, rows * n / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++)
                WITH_KERNELS(factor[r] = norm_row(in + r * n, w, epsilon, n, out + r * n))
        });
    });
    return y;
}

at::Tensor norm_gradient_rows(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &factors,
                              const at::Tensor &dy) {
    const int64_t n = x.size(-1), rows = x.numel() / n;
    at::Tensor dx = at::empty_like(x);
    const float *in = dense<float>(x), *w = dense<float>(weight), *factor = dense<float>(factors);
    float *out = dense<float>(dx);
    for_type(dy.scalar_type(), [&]<typename Element>(Element *) {
        const Element *d = dense<Element>(dy);
        spread(rows, rows * n / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++)
                WITH_KERNELS(norm_gradient_row(in + r * n, w, factor[r], d + r * n, n, out + r * n))
        });
    });
    return dx;
}

at::Tensor gate_rows(const at::Tensor &gate, const at::Tensor &up, bool is_gelu) {
    const int64_t n = gate.size(-1), rows = gate.numel() / n;
    at::Tensor result = at::empty_like(gate);
    for_type(gate.scalar_type(), [&]<typename Element>(Element *) {
        const Element *g = dense<Element>(gate), *u = dense<Element>(up);
        Element *out = dense<Element>(result);
        spread(rows, 2 * rows * n / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++)
                WITH_KERNELS(gate_row(g + r * n, u + r * n, is_gelu, n, out + r * n))
        });
    });
    return result;
}

std::pair<at::Tensor, at::Tensor> gate_gradient_rows(const at::Tensor &gate, const at::Tensor &up,
                                                     const at::Tensor &d_out, bool is_gelu) {
    const int64_t n = gate.size(-1), rows = gate.numel() / n;
    at::Tensor d_gate = at::empty_like(gate), d_up = at::empty_like(gate);
    for_type(gate.scalar_type(), [&]<typename Element>(Element *) {
        const Element *g = dense<Element>(gate), *u = dense<Element>(up), *d = dense<Element>(d_out);
        Element *dg = dense<Element>(d_gate), *du = dense<Element>(d_up);
        spread(rows, 3 * rows * n / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++)
                WITH_KERNELS(gate_gradient_row(g + r * n, u + r * n, d + r * n, is_gelu, n, dg + r * n, du + r * n))
        });
    });
    return {d_gate, d_up};
}

at::Tensor softmax_rows(at::Tensor &scores, CausalRows causal, double scale, at::ScalarType type, at::Tensor norms) {
    const int64_t n = scores.size(-1), rows = scores.numel() / n;
    at::Tensor result = at::empty(scores.sizes(), scores.options().dtype(type));
    float *s = dense<float>(scores), *norm = dense<float>(norms);
    for_type(type, [&]<typename Element>(Element *) {
        Element *p = dense<Element>(result);
        spread(rows, 2 * rows * n / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++) {
                const auto [first, last] = causal.range(r);
                WITH_KERNELS(norm[r] = softmax_row(s + r * n, first, last, n, scale, p + r * n))
            }
        });
    });
    return result;
}

at::Tensor softmax_gradient_rows(const at::Tensor &scores, CausalRows causal, double scale, const at::Tensor &norms,
                                 const at::Tensor &dots, at::Tensor &dp) {
    const int64_t n = scores.size(-1), rows = scores.numel() / n;
    at::Tensor result = at::empty_like(dp);
    const float *s = dense<float>(scores), *norm = dense<float>(norms), *dot = dense<float>(dots);
    for_type(dp.scalar_type(), [&]<typename Element>(Element *) {
        Element *p = dense<Element>(result), *ds = dense<Element>(dp);
        spread(rows, 2 * rows * n / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++) {
                const auto [first, last] = causal.range(r);
                WITH_KERNELS(
                    softmax_gradient_row(s + r * n, first, last, n, scale, norm[r], dot[r], p + r * n, ds + r * n))
            }
        });
    });
    return result;
}

Int8Rows quantized_rows(const at::Tensor &x) {
    const int64_t inputs = x.size(-1), rows = x.numel() / inputs, groups = int8_groups(inputs);
    static thread_local std::vector<int8_t> values;
    static thread_local std::vector<float> scales;
    static thread_local std::vector<int32_t> sums;
    values.resize(rows * groups * int8_group);
    scales.resize(rows * groups);
    sums.resize(rows * groups);
    // The buffers belong to this thread; the workers get pointers.
    int8_t *q = values.data();
    float *scale = scales.data();
    int32_t *sum = sums.data();
    for_type(x.scalar_type(), [&]<typename Element>(Element *) {
        const Element *in = dense<Element>(x);
        spread(rows, rows * inputs / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; r++)
                WITH_KERNELS(quantize_row(in + r * inputs, inputs, q + r * groups * int8_group, scale + r * groups,
                                          sum + r * groups))
        });
    });
    return {q, scale, sum, rows, groups, x.scalar_type()};
}

at::Tensor int8_product_rows(const Int8Rows &x, const Int8Weights &weights, const at::Tensor &bias,
                             const at::Tensor &residual) {
    const int64_t outputs = weights.outputs, blocks = (outputs + 15) / 16;
    check_packed(weights, x.groups);
    expect(!residual.defined() || (residual.numel() == x.count * outputs && residual.scalar_type() == x.type),
           "the residual is of another size or type");
    expect(!bias.defined() || (bias.numel() == outputs && bias.scalar_type() == at::kFloat),
           "the bias is of another size or type");
    at::Tensor result = at::empty({x.count, outputs}, at::TensorOptions().dtype(x.type));
    const uint8_t *packed = dense<uint8_t>(weights.packed);
    const float *scales = dense<float>(weights.scales), *shift = bias.defined() ? dense<float>(bias) : nullptr;
    const int64_t pieces = (blocks + int8_blocks - 1) / int8_blocks, size = outputs * x.groups * int8_group;
    for_type(x.type, [&]<typename Element>(Element *) {
        const Element *more = residual.defined() ? dense<Element>(residual) : nullptr;
        Element *y = dense<Element>(result);
        spread(pieces, std::max(x.count / int8_rate, 1 / memory_rate) * size, [&](int64_t begin, int64_t end) {
            const int64_t last = std::min(end * int8_blocks, blocks);
#define CALL                                                                                                           \
    Int8Product<Element> product{packed,  scales,   shift,   more,  x.groups, outputs,                                 \
                                 x.values, x.scales, x.sums, y};                                                       \
    int8_product(product, x.count, begin * int8_blocks, last)
            WITH_KERNELS(CALL)
#undef CALL
        });
    });
    return result;
}

} // namespace ctorch

extern "C" {

const char *ct_kernel_instructions(void) {
    switch (instructions()) {
    case Instructions::avx512: return "AVX-512 VNNI";
    case Instructions::avx2: return "AVX2";
    case Instructions::portable: return "portable";
    }
    return "portable";
}

int ct_fast_rms_norm(ct_tensor_t input, ct_tensor_t weight, double epsilon, ct_tensor_t *result) {
    return guarded([&] {
        floats_of(input), floats_of(weight);
        at::Tensor factors;
        *result = new ct_tensor{norm_rows(input->value, weight->value, epsilon, at::kFloat, factors)};
    });
}

int ct_gated(ct_tensor_t input, bool gelu, ct_tensor_t *result) {
    return guarded([&] {
        const float *x = floats_of(input);
        const int64_t width = input->value.size(-1) / 2, rows = input->value.numel() / (2 * width);
        at::Tensor output = empty_floats({rows, width});
        float *y = output.mutable_data_ptr<float>();
        spread(rows, 2 * rows * width / row_rate, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++)
                WITH_KERNELS(gate_row(x + row * 2 * width, x + (row * 2 + 1) * width, gelu, width, y + row * width))
        });
        *result = new ct_tensor{output};
    });
}

int ct_int8_pack(ct_tensor_t weight, ct_tensor_t packed, ct_tensor_t scales, int64_t start) {
    return guarded([&] {
        const float *w = floats_of(weight);
        const int64_t rows = weight->value.size(0), inputs = weight->value.size(1), groups = int8_groups(inputs);
        const int64_t room = (start + rows + 15) / 16 * 16 * groups;
        expect(packed->value.scalar_type() == at::kByte && packed->value.is_contiguous() &&
                   packed->value.numel() >= room * int8_group && floats_of(scales) && scales->value.numel() >= room,
               "the packed weights have no room for the rows");
        uint8_t *target = packed->value.mutable_data_ptr<uint8_t>();
        float *scale = scales->value.mutable_data_ptr<float>();
        in_parallel(rows, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; row++) {
                const float *x = w + row * inputs;
                const int64_t output = start + row, lane = output % 16;
                uint8_t *block = target + output / 16 * groups * int8_group * 16 + lane * 4;
                for (int64_t group = 0; group < groups; group++) {
                    const int64_t first = group * int8_group, end = std::min(first + int8_group, inputs);
                    float top = 0;
                    for (int64_t i = first; i < end; i++) top = std::max(top, std::abs(x[i]));
                    scale[(output / 16 * groups + group) * 16 + lane] = top / 127;
                    const float factor = top > 0 ? 127 / top : 0;
                    for (int64_t i = first; i < end; i++)
                        block[i / 4 * 64 + i % 4] =
                            static_cast<uint8_t>(static_cast<int>(std::nearbyint(x[i] * factor)) + 128);
                }
            }
        });
    });
}

int ct_int8_rows(ct_tensor_t packed, ct_tensor_t scales, const int64_t *rows, size_t count, int64_t outputs,
                 int64_t inputs, ct_tensor_t *result) {
    return guarded([&] {
        const int64_t groups = int8_groups(inputs);
        check_packed({packed->value, scales->value, outputs}, groups);
        const uint8_t *weights = packed->value.const_data_ptr<uint8_t>();
        const float *scale = floats_of(scales);
        at::Tensor output = empty_floats({static_cast<int64_t>(count), inputs});
        float *y = output.mutable_data_ptr<float>();
        for (size_t i = 0; i < count; i++) {
            expect(rows[i] >= 0 && rows[i] < outputs, "a row that does not exist");
            const int64_t first = rows[i] / 16 * groups * 16, lane = rows[i] % 16;
            const uint8_t *block = weights + first * int8_group + lane * 4;
            for (int64_t k = 0; k < inputs; k++)
                y[i * inputs + k] =
                    (block[k / 4 * 64 + k % 4] - 128) * scale[first + k / int8_group * 16 + lane];
        }
        *result = new ct_tensor{output};
    });
}

int ct_int8_linear(ct_tensor_t input, ct_tensor_t packed, ct_tensor_t scales, int64_t outputs, ct_tensor_t bias,
                   ct_tensor_t residual, ct_tensor_t *result) {
    return guarded([&] {
        *result = new ct_tensor{int8_product_rows(quantized_rows(input->value), {packed->value, scales->value, outputs},
                                                  value_or_none(bias), value_or_none(residual))};
    });
}

int ct_paged_attention(ct_tensor_t qkv, ct_tensor_t cosine, ct_tensor_t sine, ct_tensor_t query_norm,
                       ct_tensor_t key_norm, double epsilon, const ct_tensor_t *pages, const int64_t *page_starts,
                       const int64_t *held, const int64_t *counts, size_t segments, int64_t layer, int64_t heads,
                       int64_t key_heads, int64_t width, int64_t window, double scale, ct_tensor_t *result) {
    return guarded([&] {
        const int64_t tokens = qkv->value.size(0), group = heads / key_heads;
        expect(width % 16 == 0 && width <= 256, "heads must be a multiple of 16 wide, and at most 256");
        expect(qkv->value.size(1) == (heads + 2 * key_heads) * width && cosine->value.numel() == tokens * width,
               "queries, keys and values are of another size");
        const float *source = floats_of(qkv), *c = floats_of(cosine), *s = floats_of(sine);
        const float *qn = optional_floats(query_norm), *kn = optional_floats(key_norm);
        at::Tensor output = empty_floats({tokens, heads * width});
        float *y = output.mutable_data_ptr<float>();

        struct Piece {
            int64_t segment, head, first, end;
        };
        std::vector<int64_t> bases(segments);
        std::vector<Piece> plan;
        int64_t base = 0;
        double work = 0;
        for (size_t i = 0; i < segments; i++) {
            bases[i] = base;
            base += counts[i];
            work += 2.0 * counts[i] * heads * width * (held[i] + counts[i]);
            for (int64_t head = 0; head < key_heads; head++)
                for (int64_t first = 0; first < counts[i] * group; first += 64)
                    plan.push_back({static_cast<int64_t>(i), head, first, std::min(first + 64, counts[i] * group)});
        }
        expect(base == tokens, "the segments have another number of tokens");
        const int64_t page_count = page_starts[segments];
        const auto type = page_count > 0 ? pages[0]->value.scalar_type() : at::kFloat;
        expect(type == at::kFloat || type == at::kHalf, "pages hold 32-bit or 16-bit floats");
        std::vector<void *> memory(page_count);
        for (int64_t i = 0; i < page_count; i++) memory[i] = pages[i]->value.mutable_data_ptr();

#define RUN(Element)                                                                                                   \
    Attention attention{source, c, s, qn, kn, static_cast<float>(epsilon), heads, key_heads, width, layer, window,     \
                        static_cast<float>(scale), y};                                                                 \
    spread(static_cast<int64_t>(segments), 2 * tokens * key_heads * width / row_rate,                                  \
           [&](int64_t begin, int64_t end) {                                                                           \
        for (int64_t i = begin; i < end; i++)                                                                          \
            for (int64_t t = 0; t < counts[i]; t++) {                                                                  \
                const int64_t place = held[i] + t;                                                                     \
                auto page = static_cast<Element *>(memory[page_starts[i] + place / page_tokens]);                      \
                write_token<Element>(attention, bases[i] + t, page, place % page_tokens);                              \
            }                                                                                                          \
    });                                                                                                                \
    spread(static_cast<int64_t>(plan.size()), work / float_rate, [&](int64_t begin, int64_t end) {                     \
        for (int64_t i = begin; i < end; i++) {                                                                        \
            const Piece &p = plan[i];                                                                                  \
            auto first = reinterpret_cast<const Element *const *>(memory.data() + page_starts[p.segment]);             \
            attend<Element>(attention, first, bases[p.segment], held[p.segment], p.head, p.first, p.end);              \
        }                                                                                                              \
    })
        if (type == at::kFloat) {
            WITH_KERNELS(RUN(float))
        } else {
            WITH_KERNELS(RUN(at::Half))
        }
#undef RUN
        *result = new ct_tensor{output};
    });
}

int ct_choose(ct_tensor_t logits, const ct_choice *choices, size_t count, int64_t *tokens, float *log_probabilities) {
    return guarded([&] {
        const float *values = floats_of(logits);
        const int64_t vocabulary = logits->value.size(-1);
        expect(logits->value.numel() == static_cast<int64_t>(count) * vocabulary, "one choice is needed for each row");
        spread(static_cast<int64_t>(count), count * vocabulary / row_rate, [&](int64_t begin, int64_t end) {
            std::vector<float> scores, weights;
            std::vector<int32_t> order;
            for (int64_t row = begin; row < end; row++) {
                const ct_choice &choice = choices[row];
                const float *x = values + row * vocabulary;
                int64_t n = vocabulary;
                const bool greedy = choice.temperature <= 0;
                bool is_number = true;
                for (int64_t i = 0; i < vocabulary; i++) is_number &= x[i] == x[i];
                if (!is_number) {
                    tokens[row] = 0;
                    log_probabilities[row] = std::numeric_limits<float>::quiet_NaN();
                    continue;
                }
                for (size_t i = 0; choice.allowed && i < choice.allowed_count; i++)
                    expect(choice.allowed[i] >= 0 && choice.allowed[i] < vocabulary, "an allowed token has no logit");
                if (choice.allowed || (!greedy && choice.temperature != 1)) {
                    const float factor = greedy ? 1 : static_cast<float>(1 / choice.temperature);
                    if (choice.allowed) n = static_cast<int64_t>(choice.allowed_count);
                    scores.resize(n);
                    for (int64_t i = 0; i < n; i++) scores[i] = x[choice.allowed ? choice.allowed[i] : i] * factor;
                    x = scores.data();
                }
                int64_t chosen = 0;
                double total = 0;
                float peak = 0;
#define PEAK                                                                                                           \
    chosen = index_of_largest(x, n);                                                                                   \
    peak = x[chosen];                                                                                                  \
    if (!greedy) weights.resize(n);                                                                                    \
    total = exponential_sum(x, n, peak, greedy ? nullptr : weights.data())
                WITH_KERNELS(PEAK)
#undef PEAK
                if (!greedy) {
                    if (choice.min_p > 0)
                        for (float &weight : weights)
                            if (weight < choice.min_p) weight = 0;
                    order.clear();
                    if (choice.top_p < 1) {
                        for (int32_t i = 0; i < n; i++)
                            if (weights[i] > 0) order.push_back(i);
                        std::stable_sort(order.begin(), order.end(),
                                         [&](int32_t a, int32_t b) { return weights[a] > weights[b]; });
                        double before = 0;
                        size_t kept = 0;
                        // A token stays when those before it have not reached top-p; the likeliest always stays.
                        while (kept < order.size() && (kept == 0 || before < choice.top_p * total))
                            before += weights[order[kept++]];
                        order.resize(kept);
                    }
                    const int64_t candidates = choice.top_p < 1 ? static_cast<int64_t>(order.size()) : n;
                    auto weight = [&](int64_t i) { return weights[choice.top_p < 1 ? order[i] : i]; };
                    double kept = 0;
                    for (int64_t i = 0; i < candidates; i++) kept += weight(i);
                    double target = kept * choice.uniform;
                    int64_t last = -1;
                    for (int64_t i = 0; i < candidates; i++) {
                        if (weight(i) <= 0) continue;
                        last = i;
                        target -= weight(i);
                        if (target < 0) break;
                    }
                    if (last >= 0) chosen = choice.top_p < 1 ? order[last] : last;
                }
                tokens[row] = choice.allowed ? choice.allowed[chosen] : chosen;
                log_probabilities[row] = static_cast<float>(x[chosen] - peak - std::log(total));
            }
        });
    });
}

} // extern "C"
