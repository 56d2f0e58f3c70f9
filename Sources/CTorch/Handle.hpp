// What the files behind CTorch.h share: the handle, and how a C++ exception becomes a status.
#pragma once

#include "CTorch.h"

#include <ATen/core/Tensor.h>
#include <c10/core/AutogradState.h>
#include <c10/core/GradMode.h>
#include <c10/core/ScalarType.h>

#include <stdexcept>
#include <string>

// A handle is an at::Tensor on the heap.
struct ct_tensor {
    at::Tensor value;
};

/// The tensor, or an undefined one for NULL.
inline at::Tensor value_or_none(ct_tensor_t tensor) { return tensor ? tensor->value : at::Tensor(); }

namespace ctorch {

inline thread_local std::string error_text;

inline int fail(const char *what) {
    error_text = what;
    // libtorch appends a C++ backtrace after the sentence; people need the sentence.
    if (auto end = error_text.find("\nException raised from"); end != std::string::npos) error_text.resize(end);
    return ct_failed;
}

template <typename Body> int guarded(Body body) {
    try {
        body();
        return ct_ok;
    } catch (const c10::Error &error) {
        return fail(error.what_without_backtrace());
    } catch (const std::exception &error) {
        return fail(error.what());
    } catch (...) {
        return fail("libtorch threw something that is not an exception");
    }
}

inline at::ScalarType scalar_type(ct_dtype dtype) {
    switch (dtype) {
    case ct_uint8: return at::kByte;
    case ct_int8: return at::kChar;
    case ct_int32: return at::kInt;
    case ct_int64: return at::kLong;
    case ct_float16: return at::kHalf;
    case ct_bfloat16: return at::kBFloat16;
    case ct_float32: return at::kFloat;
    case ct_float64: return at::kDouble;
    case ct_bool: return at::kBool;
    }
    throw std::invalid_argument("unknown element type");
}

/// Whether this thread's operations are recorded for ct_backward.
inline thread_local bool is_recording = false;

/// Runs `body`, recorded or without autograd's bookkeeping, and hands its tensor to the caller.
template <typename Body> int make(ct_tensor_t *result, Body body) {
    return guarded([&] {
        c10::AutoGradMode mode(is_recording);
        *result = new ct_tensor{body()};
    });
}

} // namespace ctorch
