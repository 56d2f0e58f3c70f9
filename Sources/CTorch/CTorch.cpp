#if !__has_include(<ATen/ATen.h>)
#error "libtorch is missing: run scripts/bootstrap, which puts it into .venv and links .torch to it"
#endif

#include "Handle.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

using namespace ctorch;

namespace {

ct_dtype dtype_of(at::ScalarType type) {
    switch (type) {
    case at::kByte: return ct_uint8;
    case at::kChar: return ct_int8;
    case at::kInt: return ct_int32;
    case at::kLong: return ct_int64;
    case at::kHalf: return ct_float16;
    case at::kBFloat16: return ct_bfloat16;
    case at::kFloat: return ct_float32;
    case at::kDouble: return ct_float64;
    case at::kBool: return ct_bool;
    default: throw std::invalid_argument("an element type outside this interface");
    }
}

at::Device device_of(int device) {
    if (device == ct_cpu) return at::kCPU;
    if (device == ct_mps) return at::kMPS;
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device));
}

at::TensorOptions options(ct_dtype dtype, int device) {
    return at::TensorOptions().dtype(scalar_type(dtype)).device(device_of(device));
}

at::IntArrayRef list(const int64_t *values, size_t count) { return at::IntArrayRef(values, count); }

void expect_bytes(size_t given, ct_dtype dtype, const int64_t *shape, size_t rank) {
    size_t needed = c10::elementSize(scalar_type(dtype));
    for (size_t i = 0; i < rank; i++) needed *= static_cast<size_t>(shape[i]);
    if (needed != given) throw std::invalid_argument("the number of bytes does not fit the shape");
}

template <typename Right> at::Tensor binary(ct_binary_operation operation, const at::Tensor &a, const Right &b) {
    switch (operation) {
    case ct_add: return a.add(b);
    case ct_subtract: return a.sub(b);
    case ct_multiply: return a.mul(b);
    case ct_divide: return a.div(b);
    case ct_bit_and: return a.bitwise_and(b);
    case ct_bit_or: return a.bitwise_or(b);
    case ct_shift_left: return a.bitwise_left_shift(b);
    case ct_shift_right: return a.bitwise_right_shift(b);
    case ct_less: return a.lt(b);
    case ct_greater_equal: return a.ge(b);
    case ct_equal: return a.eq(b);
    }
    throw std::invalid_argument("unknown binary operation");
}

} // namespace

extern "C" {

const char *ct_error_text(void) { return error_text.c_str(); }

const char *ct_version(void) { return TORCH_VERSION; }

int ct_cuda_device_count(void) {
    try {
        return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
    } catch (...) {
        return 0;
    }
}

bool ct_mps_available(void) {
    try {
        return at::hasMPS();
    } catch (...) {
        return false;
    }
}

int ct_set_thread_count(int count) {
    return guarded([&] { at::set_num_threads(count); });
}

int ct_thread_count(void) { return at::get_num_threads(); }

// --- creation

int ct_view_bytes(const void *bytes, size_t byte_count, ct_dtype dtype, const int64_t *shape, size_t rank,
                  ct_tensor_t *result) {
    return make(result, [&] {
        expect_bytes(byte_count, dtype, shape, rank);
        return at::from_blob(const_cast<void *>(bytes), list(shape, rank), options(dtype, ct_cpu));
    });
}

int ct_from_bytes(const void *bytes, size_t byte_count, ct_dtype dtype, const int64_t *shape, size_t rank,
                  ct_tensor_t *result) {
    return make(result, [&] {
        expect_bytes(byte_count, dtype, shape, rank);
        at::Tensor tensor = at::empty(list(shape, rank), options(dtype, ct_cpu));
        std::memcpy(tensor.data_ptr(), bytes, byte_count);
        return tensor;
    });
}

int ct_full(const int64_t *shape, size_t rank, double value, ct_dtype dtype, int device, ct_tensor_t *result) {
    return make(result, [&] { return at::full(list(shape, rank), value, options(dtype, device)); });
}

int ct_empty(const int64_t *shape, size_t rank, ct_dtype dtype, int device, ct_tensor_t *result) {
    return make(result, [&] { return at::empty(list(shape, rank), options(dtype, device)); });
}

int ct_range(int64_t start, int64_t end, ct_dtype dtype, int device, ct_tensor_t *result) {
    return make(result, [&] { return at::arange(start, end, options(dtype, device)); });
}

void ct_release(ct_tensor_t tensor) { delete tensor; }

// --- inspection

int ct_rank(ct_tensor_t tensor, size_t *result) {
    return guarded([&] { *result = static_cast<size_t>(tensor->value.dim()); });
}

int ct_shape(ct_tensor_t tensor, int64_t *shape, size_t capacity) {
    return guarded([&] {
        auto sizes = tensor->value.sizes();
        if (capacity < sizes.size()) throw std::invalid_argument("the buffer for the shape is too small");
        std::copy(sizes.begin(), sizes.end(), shape);
    });
}

int ct_dtype_of(ct_tensor_t tensor, ct_dtype *result) {
    return guarded([&] { *result = dtype_of(tensor->value.scalar_type()); });
}

int ct_device_of(ct_tensor_t tensor, int *result) {
    return guarded([&] {
        auto device = tensor->value.device();
        *result = device.is_cpu() ? ct_cpu : device.is_mps() ? ct_mps : device.index();
    });
}

int ct_copy_bytes(ct_tensor_t tensor, void *bytes, size_t byte_count) {
    return guarded([&] {
        at::Tensor dense = tensor->value.to(at::kCPU).contiguous();
        if (dense.nbytes() != byte_count) throw std::invalid_argument("the buffer does not fit the tensor");
        std::memcpy(bytes, dense.data_ptr(), byte_count);
    });
}

// --- shape

int ct_reshape(ct_tensor_t tensor, const int64_t *shape, size_t rank, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.reshape(list(shape, rank)); });
}

int ct_transpose(ct_tensor_t tensor, int64_t first, int64_t second, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.transpose(first, second); });
}

int ct_narrow(ct_tensor_t tensor, int64_t dimension, int64_t start, int64_t length, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.narrow(dimension, start, length); });
}

int ct_cat(const ct_tensor_t *tensors, size_t count, int64_t dimension, ct_tensor_t *result) {
    return make(result, [&] {
        std::vector<at::Tensor> values;
        values.reserve(count);
        for (size_t i = 0; i < count; i++) values.push_back(tensors[i]->value);
        return at::cat(values, dimension);
    });
}

int ct_index_select(ct_tensor_t tensor, int64_t dimension, ct_tensor_t index, ct_tensor_t *result) {
    return make(result, [&] {
        const at::Tensor &x = tensor->value;
        if (!x.is_cuda() || !is_recording || dimension != 0 || x.dim() < 2)
            return x.index_select(dimension, index->value);
        // The gradient of index_select adds by atomic operations, which wait for each other where rows repeat.
        std::vector<int64_t> shape = x.sizes().vec();
        shape[0] = index->value.numel();
        return at::embedding(x.reshape({x.size(0), -1}), index->value).view(shape);
    });
}

int ct_gather(ct_tensor_t tensor, int64_t dimension, ct_tensor_t index, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.gather(dimension, index->value); });
}

int ct_repeat(ct_tensor_t tensor, const int64_t *repeats, size_t rank, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.repeat(list(repeats, rank)); });
}

int ct_contiguous(ct_tensor_t tensor, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.contiguous(); });
}

int ct_to(ct_tensor_t tensor, ct_dtype dtype, int device, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.to(options(dtype, device)); });
}

int ct_bitcast(ct_tensor_t tensor, ct_dtype dtype, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.view(scalar_type(dtype)); });
}

// --- arithmetic

int ct_binary(ct_binary_operation operation, ct_tensor_t left, ct_tensor_t right, ct_tensor_t *result) {
    return make(result, [&] { return binary(operation, left->value, right->value); });
}

int ct_binary_scalar(ct_binary_operation operation, ct_tensor_t left, double right, ct_tensor_t *result) {
    return make(result, [&] {
        // An integer tensor stays one: a Python-like scalar of its own kind.
        at::Scalar scalar = left->value.is_floating_point() ? at::Scalar(right) : at::Scalar(static_cast<int64_t>(right));
        return binary(operation, left->value, scalar);
    });
}

int ct_unary(ct_unary_operation operation, ct_tensor_t tensor, ct_tensor_t *result) {
    return make(result, [&] {
        const at::Tensor &value = tensor->value;
        switch (operation) {
        case ct_negate: return value.neg();
        case ct_exp: return value.exp();
        case ct_log: return value.log();
        case ct_silu: return at::silu(value);
        case ct_gelu: return at::gelu(value, "tanh");
        case ct_cos: return value.cos();
        case ct_sin: return value.sin();
        case ct_abs: return value.abs();
        }
        throw std::invalid_argument("unknown unary operation");
    });
}

int ct_where(ct_tensor_t condition, ct_tensor_t tensor, double otherwise, ct_tensor_t *result) {
    return make(result, [&] { return at::where(condition->value, tensor->value, at::Scalar(otherwise)); });
}

// --- reductions

int ct_softmax(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.softmax(dimension); });
}

int ct_log_softmax(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.log_softmax(dimension); });
}

int ct_cumulative_sum(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.cumsum(dimension); });
}

int ct_argmax(ct_tensor_t tensor, int64_t dimension, bool keep, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.argmax(dimension, keep); });
}

int ct_maximum(ct_tensor_t tensor, int64_t dimension, bool keep, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.amax(dimension, keep); });
}

int ct_sum(ct_tensor_t tensor, int64_t dimension, bool keep, ct_tensor_t *result) {
    return make(result, [&] { return tensor->value.sum(dimension, keep); });
}

int ct_sort_descending(ct_tensor_t tensor, int64_t dimension, ct_tensor_t *values, ct_tensor_t *indices) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        // Stable, so that equal values keep their order on every machine.
        auto [sorted, order] = tensor->value.sort(/*stable=*/true, dimension, /*descending=*/true);
        *values = new ct_tensor{sorted};
        *indices = new ct_tensor{order};
    });
}

int ct_search_sorted(ct_tensor_t sorted, ct_tensor_t values, ct_tensor_t *result) {
    return make(result, [&] { return at::searchsorted(sorted->value, values->value, /*out_int32=*/false, /*right=*/true); });
}

// --- the parts of a transformer

int ct_matmul(ct_tensor_t left, ct_tensor_t right, ct_tensor_t *result) {
    return make(result, [&] { return at::matmul(left->value, right->value); });
}

int ct_linear(ct_tensor_t input, ct_tensor_t weight, ct_tensor_t bias, ct_tensor_t *result) {
    return make(result, [&] {
        return bias ? at::linear(input->value, weight->value, bias->value) : at::linear(input->value, weight->value);
    });
}

int ct_rms_norm(ct_tensor_t input, ct_tensor_t weight, double epsilon, ct_tensor_t *result) {
    return make(result, [&] {
        return at::rms_norm(input->value, {weight->value.size(0)}, weight->value, epsilon);
    });
}

int ct_attention(ct_tensor_t query, ct_tensor_t key, ct_tensor_t value, ct_tensor_t mask, bool causal, double scale,
                 ct_tensor_t *result) {
    return make(result, [&] {
        std::optional<at::Tensor> optional_mask;
        if (mask) optional_mask = mask->value;
        return at::scaled_dot_product_attention(query->value, key->value, value->value, optional_mask,
                                                /*dropout_p=*/0.0, causal, scale);
    });
}

// --- in place

int ct_copy_into(ct_tensor_t target, ct_tensor_t source) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        if (target->value.sizes() != source->value.sizes())
            throw std::invalid_argument("source and target have different shapes");
        target->value.copy_(source->value);
    });
}

// --- gradients

bool ct_set_recording(bool recording) {
    bool before = is_recording;
    is_recording = recording;
    return before;
}

int ct_leaf(ct_tensor_t tensor, ct_tensor_t gradient, ct_tensor_t *result) {
    return guarded([&] {
        at::Tensor leaf = tensor->value.detach();
        leaf.requires_grad_(true);
        if (gradient) leaf.mutable_grad() = gradient->value;
        *result = new ct_tensor{leaf};
    });
}

int ct_backward(ct_tensor_t tensor, ct_tensor_t gradient) {
    return guarded([&] {
        std::optional<at::Tensor> start;
        if (gradient) start = gradient->value;
        tensor->value._backward({}, start, /*retain_graph=*/false, /*create_graph=*/false);
    });
}

int ct_gradient(ct_tensor_t tensor, ct_tensor_t *result) {
    return guarded([&] {
        if (!tensor->value.grad().defined()) throw std::invalid_argument("the tensor has no gradient");
        *result = new ct_tensor{tensor->value.grad()};
    });
}

int ct_dropout(ct_tensor_t tensor, double probability, uint64_t seed, ct_tensor_t *result) {
    return make(result, [&] {
        auto device = tensor->value.device();
        at::Generator generator = device.is_cpu() ? at::detail::createCPUGenerator(seed)
                                                  : at::globalContext().defaultGenerator(device).clone();
        if (!device.is_cpu()) generator.set_current_seed(seed);
        at::Tensor kept = at::empty_like(tensor->value, at::MemoryFormat::Contiguous);
        {
            c10::NoGradGuard no_grad;
            kept.bernoulli_(1 - probability, generator).div_(1 - probability);
        }
        return tensor->value * kept;
    });
}

int ct_random_uniform(ct_tensor_t target, double low, double high, uint64_t seed) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        at::Generator generator = at::detail::createCPUGenerator(seed);
        at::Tensor values = at::empty(target->value.sizes(), at::TensorOptions().dtype(at::kFloat));
        values.uniform_(low, high, generator);
        target->value.copy_(values);
    });
}

int ct_adamw(ct_tensor_t parameters, ct_tensor_t gradients, ct_tensor_t first_moment, ct_tensor_t second_moment,
             int64_t step, double learning_rate, double beta1, double beta2, double epsilon, double weight_decay) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        at::Tensor &p = parameters->value, &g = gradients->value;
        at::Tensor &m = first_moment->value, &v = second_moment->value;
        double correction1 = 1 - std::pow(beta1, static_cast<double>(step));
        double correction2 = 1 - std::pow(beta2, static_cast<double>(step));
        p.mul_(1 - learning_rate * weight_decay);
        m.lerp_(g, 1 - beta1);
        v.mul_(beta2).addcmul_(g, g, 1 - beta2);
        p.addcdiv_(m, v.sqrt().div_(std::sqrt(correction2)).add_(epsilon), -learning_rate / correction1);
    });
}

int ct_scale_in_place(ct_tensor_t target, double factor) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        target->value.mul_(factor);
    });
}

int ct_norm(ct_tensor_t tensor, double *result) {
    return guarded([&] {
        c10::NoGradGuard no_grad;
        *result = tensor->value.to(at::kFloat).norm().item<double>();
    });
}

} // extern "C"
