// Work on several threads.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

namespace ctorch {

/// Calls `body(begin, end)` for runs of the numbers below `count` on libtorch's threads; what it computes with libtorch, it
/// computes on its own thread.
///
/// at::parallel_for is a header: without clang's own OpenMP, which libtorch does not come with, it runs everything on one
/// thread. A loop over a tensor's elements inside libtorch reaches libtorch's threads wherever they come from.
template <typename Body> void in_parallel(int64_t count, Body body) {
    if (count < 2 || at::get_num_threads() < 2 || at::in_parallel_region()) {
        body(int64_t{0}, count);
        return;
    }
    at::Tensor numbers = at::empty({count}, at::TensorOptions().dtype(at::kByte));
    const char *first = static_cast<const char *>(numbers.const_data_ptr());
    const auto run = [&](char **data, const int64_t *, int64_t n) {
        const int64_t begin = data[0] - first;
        body(begin, begin + n);
    };
    at::TensorIterator::nullary_op(numbers).for_each(run, /*grain_size=*/1);
}

} // namespace ctorch
