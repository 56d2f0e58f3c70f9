// The kernels of Kernels.cpp, written on vectors of 16 floats. The file is compiled once for each instruction set, in
// a namespace of its own; KERNELS_VNNI says whether the int8 dot product of AVX-512 may be used, KERNELS_AVX2 whether the
// 16-bit one of AVX2 may be, KERNELS_HALF whether the machine converts 16-bit floats.

// --- vectors

// 16 floats: one register of AVX-512, two of AVX2, four of SSE or NEON. Memory need not be aligned.
typedef float floats __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(64), aligned(4), may_alias));
typedef int8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE floats load(const float *p) { return *reinterpret_cast<const floats *>(p); }
INLINE void store(float *p, floats v) { *reinterpret_cast<floats *>(p) = v; }
INLINE floats all(float v) { return floats{} + v; }
INLINE floats larger(floats a, floats b) { return a > b ? a : b; }

#if KERNELS_HALF
typedef _Float16 halves __attribute__((vector_size(32), aligned(2), may_alias));
INLINE floats load(const at::Half *p) {
    return __builtin_convertvector(*reinterpret_cast<const halves *>(p), floats);
}
INLINE void store(at::Half *p, floats v) { *reinterpret_cast<halves *>(p) = __builtin_convertvector(v, halves); }
#else
INLINE floats load(const at::Half *p) {
    floats v;
    for (int i = 0; i < 16; i++) v[i] = p[i];
    return v;
}
INLINE void store(at::Half *p, floats v) {
    for (int i = 0; i < 16; i++) p[i] = v[i];
}
#endif

/// Asks for 64 numbers that will be read soon.
template <typename Element> INLINE void fetch_ahead(const Element *p) {
    for (int64_t i = 0; i < 64; i += 64 / static_cast<int64_t>(sizeof(Element))) __builtin_prefetch(p + i);
}

INLINE float sum(floats v) {
    float total = 0;
    for (int i = 0; i < 16; i++) total += v[i];
    return total;
}

INLINE float largest(floats v) {
#if __has_builtin(__builtin_reduce_max)
    return __builtin_reduce_max(v);
#else // gcc
    float top = v[0];
    for (int i = 1; i < 16; i++) top = v[i] > top ? v[i] : top;
    return top;
#endif
}

INLINE int32_t sum(ints v) {
#if __has_builtin(__builtin_reduce_add)
    return __builtin_reduce_add(v);
#else // gcc
    int32_t total = 0;
    for (int i = 0; i < 16; i++) total += v[i];
    return total;
#endif
}

/// The nearest whole numbers, of magnitudes below 2^22.
INLINE floats rounded(floats v) {
    const float shift = 12582912.0f; // 1.5 · 2^23: nothing behind the point is left
    return (v + shift) - shift;
}

/// e^x, to two units in the last place (the polynomial is that of Cephes, expf).
INLINE floats exponential(floats x) {
    x = x < -87.0f ? all(-87.0f) : x;
    x = x > 88.0f ? all(88.0f) : x;
    floats n = rounded(x * 1.44269504f);
    floats r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    floats p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    ints power = (__builtin_convertvector(n, ints) + 127) << 23;
    return p * reinterpret_cast<floats &>(power);
}

// --- rows, in 32-bit floats or bfloat16

typedef uint16_t shorts __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t words __attribute__((vector_size(64), aligned(4), may_alias));

INLINE floats load(const at::BFloat16 *p) {
    words bits = __builtin_convertvector(*reinterpret_cast<const shorts *>(p), words) << 16;
    return reinterpret_cast<floats &>(bits);
}
/// To the nearest, in doubt to the even one.
INLINE void store(at::BFloat16 *p, floats v) {
    words bits = reinterpret_cast<words &>(v);
    bits += 0x7FFF + ((bits >> 16) & 1);
    *reinterpret_cast<shorts *>(p) = __builtin_convertvector(bits >> 16, shorts);
}

/// The first `count` of 16 numbers, and zeros.
template <typename Element> INLINE floats load(const Element *p, int64_t count) {
    if (count >= 16) return load(p);
    Element values[16] = {};
    std::memcpy(values, p, count * sizeof(Element));
    return load(values);
}
template <typename Element> INLINE void store(Element *p, floats v, int64_t count) {
    if (count >= 16) return store(p, v);
    Element values[16];
    store(values, v);
    std::memcpy(p, values, count * sizeof(Element));
}

/// y = x · factor · weight with the factor 1 / √(mean(x²) + ε), which is returned.
template <typename Element>
static float norm_row(const float *x, const float *weight, float epsilon, int64_t n, Element *y) {
    floats squares{};
    for (int64_t i = 0; i < n; i += 16) {
        const floats v = load(x + i, n - i);
        squares += v * v;
    }
    const float factor = 1 / std::sqrt(sum(squares) / n + epsilon);
    for (int64_t i = 0; i < n; i += 16)
        store(y + i, load(x + i, n - i) * factor * load(weight + i, n - i), n - i);
    return factor;
}

/// The gradient of ``norm_row`` for x.
template <typename Element>
static void norm_gradient_row(const float *x, const float *weight, float factor, const Element *dy, int64_t n,
                              float *dx) {
    floats dots{};
    for (int64_t i = 0; i < n; i += 16)
        dots += load(x + i, n - i) * load(weight + i, n - i) * load(dy + i, n - i);
    const float shift = sum(dots) / n * factor * factor * factor;
    for (int64_t i = 0; i < n; i += 16)
        store(dx + i, load(weight + i, n - i) * load(dy + i, n - i) * factor - load(x + i, n - i) * shift, n - i);
}

/// σ(z) with z = x for silu, and for gelu(x) ≈ x · σ(2 √(2/π) (x + 0.044715 x³)), its approximation with tanh, since
/// (1 + tanh z) / 2 = σ(2 z); `slope` becomes dz/dx.
INLINE floats gate_share(floats x, bool is_gelu, floats *slope) {
    const floats z = is_gelu ? 1.5957691216f * (x + 0.044715f * x * x * x) : x;
    *slope = is_gelu ? 1.5957691216f * (1.0f + 0.134145f * x * x) : all(1);
    return 1.0f / (1.0f + exponential(-z));
}

/// out = gate · σ · up: silu(gate) · up, or gelu(gate) · up.
template <typename Element>
static void gate_row(const Element *gate, const Element *up, bool is_gelu, int64_t n, Element *out) {
    for (int64_t i = 0; i < n; i += 16) {
        const floats x = load(gate + i, n - i);
        floats slope;
        store(out + i, x * gate_share(x, is_gelu, &slope) * load(up + i, n - i), n - i);
    }
}

/// The gradients of ``gate_row``.
template <typename Element>
static void gate_gradient_row(const Element *gate, const Element *up, const Element *d_out, bool is_gelu, int64_t n,
                              Element *d_gate, Element *d_up) {
    for (int64_t i = 0; i < n; i += 16) {
        const floats x = load(gate + i, n - i), d = load(d_out + i, n - i);
        floats slope;
        const floats share = gate_share(x, is_gelu, &slope);
        store(d_up + i, d * x * share, n - i);
        store(d_gate + i, d * load(up + i, n - i) * share * (1.0f + x * (1.0f - share) * slope), n - i);
    }
}

/// p = softmax(scale · scores) over the scores from `first` to `last`, 0 for the others; returns log Σ e^(scale · score).
/// The scores are lost.
template <typename Element>
static float softmax_row(float *scores, int64_t first, int64_t last, int64_t n, float scale, Element *p) {
    floats tops = all(-INFINITY);
    int64_t i = first;
    for (; i + 16 <= last; i += 16) tops = larger(tops, load(scores + i));
    float top = largest(tops);
    for (; i < last; i++) top = std::max(top, scores[i]);
    floats sums{};
    for (i = first; i < last; i += 16) {
        floats e = exponential((load(scores + i, last - i) - top) * scale);
        store(scores + i, e, last - i);
        sums += load(scores + i, last - i);
    }
    const float total = sum(sums), factor = 1 / total;
    for (i = 0; i < first; i += 16) store(p + i, floats{}, first - i);
    for (i = first; i < last; i += 16) store(p + i, load(scores + i, last - i) * factor, last - i);
    for (i = last; i < n; i += 16) store(p + i, floats{}, n - i);
    return top * scale + std::log(total);
}

/// From scores, `norm` as ``softmax_row`` returned it, the gradient dp of its result and `dot` = Σ p · dp: p, and the
/// gradient ds of the scores, which takes the place of dp.
template <typename Element>
static void softmax_gradient_row(const float *scores, int64_t first, int64_t last, int64_t n, float scale, float norm,
                                 float dot, Element *p, Element *ds) {
    for (int64_t i = 0; i < first; i += 16) store(p + i, floats{}, first - i), store(ds + i, floats{}, first - i);
    for (int64_t i = first; i < last; i += 16) {
        const floats share = exponential(load(scores + i, last - i) * scale - norm);
        store(p + i, share, last - i);
        store(ds + i, share * (load(ds + i, last - i) - dot) * scale, last - i);
    }
    for (int64_t i = last; i < n; i += 16) store(p + i, floats{}, n - i), store(ds + i, floats{}, n - i);
}

// --- int8 products
//
// The inputs are cut into groups of 64, so that an outlier spoils its own group alone. Weights are kept as unsigned bytes
// q + 128 with a scale for each output and group; rows of activations as signed bytes with a scale for each group.
// Σ x (q + 128) = Σ x q + 128 Σ x, so Σ x of the group is all that is needed to undo the shift. The sums of a group are
// exact, and groups are added in their order, so a row's result does not depend on the rows beside it.
//
// Packed weights: [outputs / 16][inputs / 4][16][4] bytes: 16 outputs by 4 inputs fill a register.
// Their scales: [outputs / 16][groups][16].

/// One group.
template <typename Element> INLINE void quantize_group(const Element *x, int8_t *q, float *scale, int32_t *total) {
    floats v[int8_group / 16], peak{};
    for (int i = 0; i < int8_group / 16; i++) {
        v[i] = load(x + i * 16);
        peak = larger(peak, larger(v[i], -v[i]));
    }
    const float top = largest(peak);
    *scale = top / 127;
    const float factor = top > 0 ? 127 / top : 0;
    ints sums{};
    for (int i = 0; i < int8_group / 16; i++) {
        const ints whole = __builtin_convertvector(rounded(v[i] * factor), ints);
        sums += whole;
        *reinterpret_cast<bytes *>(q + i * 16) = __builtin_convertvector(whole, bytes);
    }
    *total = sum(sums);
}

/// A row of `n` numbers; zeros fill its last group.
template <typename Element>
static void quantize_row(const Element *x, int64_t n, int8_t *q, float *scales, int32_t *totals) {
    for (int64_t i = 0; i < n; i += int8_group) {
        if (i + int8_group <= n) quantize_group(x + i, q + i, scales++, totals++);
        else {
            Element rest[int8_group] = {};
            std::memcpy(rest, x + i, (n - i) * sizeof(Element));
            quantize_group(rest, q + i, scales++, totals++);
        }
    }
}

template <typename Element> struct Int8Product {
    const uint8_t *weights;
    const float *scales;
    const float *bias;
    const Element *residual;
    /// Of inputs.
    int64_t groups;
    int64_t outputs;
    const int8_t *rows;
    /// [rows, groups]
    const float *row_scales;
    const int32_t *row_sums;
    Element *result;
};

/// `Rows` rows by `Blocks` blocks of 16 outputs.
template <int Rows, int Blocks, typename Element>
INLINE void int8_tile(const Int8Product<Element> &p, int64_t row, int64_t block) {
    floats totals[Rows][Blocks] = {};
    const int64_t groups = p.groups, inputs = groups * int8_group, steps = inputs / 4;
    const uint8_t *weights = p.weights + block * steps * 64;
    const float *scales = p.scales + block * groups * 16;
    const int8_t *rows = p.rows + row * inputs;
    for (int64_t group = 0; group < groups; group++) {
        ints sums[Rows][Blocks];
        for (int r = 0; r < Rows; r++)
            for (int b = 0; b < Blocks; b++) sums[r][b] = ints{} - 128 * p.row_sums[(row + r) * groups + group];
#if KERNELS_AVX2
        // Weights as 16-bit numbers, inputs 0 and 2 of a step apart from 1 and 3, so that no product is rounded.
        __m256i halves[Rows][Blocks][2] = {};
        for (int64_t step = group * int8_group / 4; step < (group + 1) * int8_group / 4; step++) {
            __m256i even[Rows], odd[Rows];
            for (int r = 0; r < Rows; r++) {
                const int8_t *x = rows + r * inputs + step * 4;
                even[r] = _mm256_set1_epi32((int32_t(x[2]) << 16) | (int32_t(x[0]) & 0xFFFF));
                odd[r] = _mm256_set1_epi32((int32_t(x[3]) << 16) | (int32_t(x[1]) & 0xFFFF));
            }
            for (int b = 0; b < Blocks; b++) {
                for (int half = 0; half < 2; half++) {
                    const uint8_t *place = weights + (b * steps + step) * 64 + half * 32;
                    const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(place));
                    const __m256i low = _mm256_and_si256(w, _mm256_set1_epi16(0xFF)), high = _mm256_srli_epi16(w, 8);
                    for (int r = 0; r < Rows; r++) {
                        const __m256i pairs =
                            _mm256_add_epi32(_mm256_madd_epi16(low, even[r]), _mm256_madd_epi16(high, odd[r]));
                        halves[r][b][half] = _mm256_add_epi32(halves[r][b][half], pairs);
                    }
                }
            }
        }
        for (int r = 0; r < Rows; r++) {
            for (int b = 0; b < Blocks; b++) {
                ints all;
                std::memcpy(&all, halves[r][b], sizeof(all));
                sums[r][b] += all;
            }
        }
#else
        for (int64_t step = group * int8_group / 4; step < (group + 1) * int8_group / 4; step++) {
#if KERNELS_VNNI
            __m512i w[Blocks];
            for (int b = 0; b < Blocks; b++) w[b] = _mm512_loadu_si512(weights + (b * steps + step) * 64);
            for (int r = 0; r < Rows; r++) {
                int32_t four;
                std::memcpy(&four, rows + r * inputs + step * 4, 4);
                const __m512i x = _mm512_set1_epi32(four);
                for (int b = 0; b < Blocks; b++) {
                    sums[r][b] = (ints)_mm512_dpbusd_epi32((__m512i)sums[r][b], w[b], x);
                }
            }
#else
            for (int b = 0; b < Blocks; b++) {
                const uint8_t *w = weights + (b * steps + step) * 64;
                for (int r = 0; r < Rows; r++) {
                    const int8_t *x = rows + r * inputs + step * 4;
                    for (int lane = 0; lane < 16; lane++)
                        sums[r][b][lane] += x[0] * w[lane * 4] + x[1] * w[lane * 4 + 1] + x[2] * w[lane * 4 + 2] +
                                            x[3] * w[lane * 4 + 3];
                }
            }
#endif
        }
#endif
        for (int b = 0; b < Blocks; b++) {
            const floats scale = load(scales + (b * groups + group) * 16);
            for (int r = 0; r < Rows; r++)
                totals[r][b] += __builtin_convertvector(sums[r][b], floats) *
                                (scale * p.row_scales[(row + r) * groups + group]);
        }
    }
    for (int r = 0; r < Rows; r++) {
        for (int b = 0; b < Blocks; b++) {
            const int64_t output = (block + b) * 16;
            const int64_t place = (row + r) * p.outputs + output;
            const int64_t count = p.outputs - output;
            floats value = totals[r][b];
            if (p.bias) value += load(p.bias + output, count);
            if (p.residual) value += load(p.residual + place, count);
            store(p.result + place, value, count);
        }
    }
}

template <int Blocks, typename Element>
static void int8_rows(const Int8Product<Element> &p, int64_t row, int64_t count, int64_t block) {
    switch (count) {
    case 1: return int8_tile<1, Blocks>(p, row, block);
    case 2: return int8_tile<2, Blocks>(p, row, block);
    case 3: return int8_tile<3, Blocks>(p, row, block);
    case 4: return int8_tile<4, Blocks>(p, row, block);
    }
}

/// All rows by the blocks of outputs from `begin` up to `end`. Four rows by three blocks and their sums of a group fill 24
/// of 32 registers; with more of them the sums go through memory.
template <typename Element>
static void int8_product(const Int8Product<Element> &p, int64_t row_count, int64_t begin, int64_t end) {
    const int64_t parts = (row_count + 3) / 4;
    int64_t block = begin;
    // A single row waits for memory, which gives more to many streams at once.
    if (row_count == 1)
        for (; block + 12 <= end; block += 12) int8_tile<1, 12>(p, 0, block);
    for (; block < end; block += int8_blocks) {
        for (int64_t part = 0; part < parts; part++) {
            const int64_t row = row_count * part / parts, next = row_count * (part + 1) / parts;
            switch (end - block) {
            case 1: int8_rows<1>(p, row, next - row, block); break;
            case 2: int8_rows<2>(p, row, next - row, block); break;
            default: int8_rows<int8_blocks>(p, row, next - row, block);
            }
        }
    }
}

// --- attention over pages
//
// A page holds 64 tokens of one conversation in all layers: [layers][keys, values][heads][width · 64]; keys with the
// token as the fast index, values with the component, so that both products run along registers.

constexpr int64_t page_tokens = 64;
// Rows (queries) that go through the keys together.
constexpr int tile_rows = 6;
constexpr int64_t widest_head = 256;

struct Attention {
    const float *qkv;
    const float *cosine, *sine;
    const float *query_norm, *key_norm;
    float epsilon;
    int64_t heads, shared, width;
    int64_t layer, window;
    float scale;
    float *result;

    int64_t row_width() const { return (heads + 2 * shared) * width; }
};

/// A head of a query or key, normed where the model does so, and turned to its position.
static void turned(const Attention &a, const float *x, const float *norm, int64_t token, float *y) {
    const int64_t half = a.width / 2;
    float normed[widest_head];
    if (norm) {
        norm_row(x, norm, a.epsilon, a.width, normed);
        x = normed;
    }
    const float *cosine = a.cosine + token * a.width, *sine = a.sine + token * a.width;
    for (int64_t i = 0; i < half; i++) {
        y[i] = x[i] * cosine[i] - x[i + half] * sine[i];
        y[i + half] = x[i + half] * cosine[i] + x[i] * sine[i];
    }
}

/// Writes the keys and values of a token into its page; `place` is its place there.
template <typename Element>
static void write_token(const Attention &a, int64_t token, Element *page, int64_t place) {
    float key[widest_head];
    const int64_t block = a.width * page_tokens;
    for (int64_t head = 0; head < a.shared; head++) {
        const float *row = a.qkv + token * a.row_width() + (a.heads + head) * a.width;
        turned(a, row, a.key_norm, token, key);
        Element *keys = page + ((a.layer * 2) * a.shared + head) * block + place;
        for (int64_t i = 0; i < a.width; i++) keys[i * page_tokens] = key[i];
        const float *value = row + a.shared * a.width;
        Element *values = page + ((a.layer * 2 + 1) * a.shared + head) * block + place * a.width;
        for (int64_t i = 0; i < a.width; i += 16) store(values + i, load(value + i));
    }
}

/// `Rows` queries that share a key head: queries `first` and on, counted over the tokens of the segment and, within a
/// token, over the heads that share the key head. Softmax is kept up to date page by page.
template <typename Element, int Rows>
static void attend_rows(const Attention &a, const Element *const *pages, int64_t token_base, int64_t held,
                        int64_t head, int64_t first) {
    const int64_t group = a.heads / a.shared, width = a.width, block = width * page_tokens;
    float queries[Rows][widest_head], mixed[Rows][widest_head], weights[Rows][page_tokens];
    float peak[Rows], total[Rows];
    int64_t position[Rows];
    for (int r = 0; r < Rows; r++) {
        const int64_t token = (first + r) / group, query = head * group + (first + r) % group;
        turned(a, a.qkv + (token_base + token) * a.row_width() + query * width, a.query_norm, token_base + token,
               queries[r]);
        position[r] = held + token;
        peak[r] = -1e30f;
        total[r] = 0;
        for (int64_t i = 0; i < width; i++) queries[r][i] *= a.scale;
        std::memset(mixed[r], 0, width * sizeof(float));
    }
    const int64_t last = position[Rows - 1];
    const int64_t start = a.window > 0 ? std::max<int64_t>(0, position[0] - a.window + 1) : 0;
    for (int64_t page = start / page_tokens; page <= last / page_tokens; page++) {
        const Element *keys = pages[page] + (a.layer * 2 * a.shared + head) * block;
        const Element *values = keys + a.shared * block;
        // What is read next is asked for early: with many conversations most of it comes from memory.
        const bool more = page < last / page_tokens;
        const Element *next = more ? pages[page + 1] + (a.layer * 2 * a.shared + head) * block : keys;
        const int64_t base = page * page_tokens;
        floats scores[Rows][4] = {};
        for (int64_t i = 0; i < width; i++) {
            fetch_ahead(values + i * page_tokens);
            const floats k0 = load(keys + i * page_tokens), k1 = load(keys + i * page_tokens + 16);
            const floats k2 = load(keys + i * page_tokens + 32), k3 = load(keys + i * page_tokens + 48);
            for (int r = 0; r < Rows; r++) {
                const float q = queries[r][i];
                scores[r][0] += k0 * q;
                scores[r][1] += k1 * q;
                scores[r][2] += k2 * q;
                scores[r][3] += k3 * q;
            }
        }
        int64_t used = 0;
        for (int r = 0; r < Rows; r++) {
            // The places of this page that the query may look at; those outside get no weight.
            const int64_t from = a.window > 0 ? std::max<int64_t>(0, position[r] - a.window + 1 - base) : 0;
            const int64_t to = std::min(page_tokens, position[r] - base + 1);
            for (int part = 0; part < 4; part++) store(weights[r] + part * 16, scores[r][part]);
            for (int64_t i = 0; i < std::min(from, page_tokens); i++) weights[r][i] = -1e30f;
            for (int64_t i = std::max<int64_t>(0, to); i < page_tokens; i++) weights[r][i] = -1e30f;
            floats top = all(peak[r]);
            for (int part = 0; part < 4; part++) top = larger(top, load(weights[r] + part * 16));
            const float before = peak[r];
            peak[r] = largest(top);
            floats sums{};
            for (int part = 0; part < 4; part++) {
                const floats score = load(weights[r] + part * 16);
                const floats weight = score < -9e29f ? floats{} : exponential(score - peak[r]);
                store(weights[r] + part * 16, weight);
                sums += weight;
            }
            const float correction = before == peak[r] ? 1 : std::exp(before - peak[r]);
            total[r] = total[r] * correction + sum(sums);
            if (correction != 1)
                for (int64_t i = 0; i < width; i += 16) store(mixed[r] + i, load(mixed[r] + i) * correction);
            used = std::max(used, to);
        }
        for (int64_t part = 0; part < width; part += 64) {
            const int lanes = static_cast<int>(std::min<int64_t>(4, (width - part) / 16));
            if (lanes == 4) {
                floats sums[Rows][4];
                for (int r = 0; r < Rows; r++)
                    for (int lane = 0; lane < 4; lane++) sums[r][lane] = load(mixed[r] + part + lane * 16);
                for (int64_t i = 0; i < used; i++) {
                    const Element *value = values + i * width + part;
                    fetch_ahead(next + i * width + part);
                    const floats v0 = load(value), v1 = load(value + 16), v2 = load(value + 32), v3 = load(value + 48);
                    for (int r = 0; r < Rows; r++) {
                        const float weight = weights[r][i];
                        sums[r][0] += v0 * weight;
                        sums[r][1] += v1 * weight;
                        sums[r][2] += v2 * weight;
                        sums[r][3] += v3 * weight;
                    }
                }
                for (int r = 0; r < Rows; r++)
                    for (int lane = 0; lane < 4; lane++) store(mixed[r] + part + lane * 16, sums[r][lane]);
            } else {
                for (int64_t i = 0; i < used; i++)
                    for (int lane = 0; lane < lanes; lane++) {
                        const floats value = load(values + i * width + part + lane * 16);
                        for (int r = 0; r < Rows; r++) {
                            float *place = mixed[r] + part + lane * 16;
                            store(place, load(place) + value * weights[r][i]);
                        }
                    }
            }
        }
    }
    for (int r = 0; r < Rows; r++) {
        const int64_t token = (first + r) / group, query = head * group + (first + r) % group;
        float *target = a.result + ((token_base + token) * a.heads + query) * width;
        for (int64_t i = 0; i < width; i += 16) store(target + i, load(mixed[r] + i) / total[r]);
    }
}

/// The queries from `first` up to `end`, at most six, of one segment and key head.
template <typename Element>
static void attend_tile(const Attention &a, const Element *const *pages, int64_t token_base, int64_t held, int64_t head,
                   int64_t first, int64_t end) {
    switch (end - first) {
    case 1: return attend_rows<Element, 1>(a, pages, token_base, held, head, first);
    case 2: return attend_rows<Element, 2>(a, pages, token_base, held, head, first);
    case 3: return attend_rows<Element, 3>(a, pages, token_base, held, head, first);
    case 4: return attend_rows<Element, 4>(a, pages, token_base, held, head, first);
    case 5: return attend_rows<Element, 5>(a, pages, token_base, held, head, first);
    case 6: return attend_rows<Element, 6>(a, pages, token_base, held, head, first);
    }
}

/// Any queries of one segment and key head.
template <typename Element>
static void attend(const Attention &a, const Element *const *pages, int64_t token_base, int64_t held, int64_t head,
                   int64_t first, int64_t end) {
    const int64_t count = end - first, parts = (count + tile_rows - 1) / tile_rows;
    for (int64_t part = 0; part < parts; part++)
        attend_tile(a, pages, token_base, held, head, first + count * part / parts, first + count * (part + 1) / parts);
}

// --- the choice of a token

/// Σ e^(x - peak) of `n` numbers; with `weights` its terms too.
static double exponential_sum(const float *x, int64_t n, float peak, float *weights) {
    double total = 0;
    for (int64_t start = 0; start < n; start += 1024) {
        floats sums{};
        const int64_t end = std::min(n, start + 1024);
        for (int64_t i = start; i < end; i += 16) {
            floats v = all(-1e30f);
            if (i + 16 <= end) v = load(x + i);
            else std::memcpy(&v, x + i, (end - i) * sizeof(float));
            floats weight = v < -9e29f ? floats{} : exponential(v - peak);
            sums += weight;
            if (weights) std::memcpy(weights + i, &weight, std::min<int64_t>(16, end - i) * sizeof(float));
        }
        total += sum(sums);
    }
    return total;
}

static int64_t index_of_largest(const float *x, int64_t n) {
    float top = x[0];
    int64_t i = 0;
    floats tops = all(x[0]);
    for (; i + 16 <= n; i += 16) tops = larger(tops, load(x + i));
    top = largest(tops);
    for (; i < n; i++) top = std::max(top, x[i]);
    for (i = 0; i < n && x[i] != top; i++) {}
    return std::min(i, n - 1);
}
