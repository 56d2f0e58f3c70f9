#define USE_C10D_GLOO

#include "Handle.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace ctorch;

struct ct_group {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> value;
};

int ct_group_join(const char *address, int port, int rank, int size, bool serves, int seconds, ct_group_t *result) {
    return guarded([&] {
        std::chrono::milliseconds timeout = std::chrono::seconds(seconds);
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = serves;
        options.timeout = timeout;
        options.waitWorkers = false;
        auto store = c10::make_intrusive<c10d::TCPStore>(std::string(address), options);
        // Other stores on this address keep their keys apart.
        auto own = c10::make_intrusive<c10d::PrefixStore>("coe", store);
        *result = new ct_group{c10::make_intrusive<c10d::ProcessGroupGloo>(
            own, rank, size, c10d::ProcessGroupGloo::Options::create_default(timeout))};
    });
}

int ct_group_sum(ct_group_t group, ct_tensor_t tensor) {
    return guarded([&] {
        c10::AutoGradMode mode(false);
        // A few megabytes: they go by way of the CPU from every device.
        std::vector<at::Tensor> tensors{tensor->value.to(at::kCPU).contiguous()};
        group->value->allreduce(tensors)->wait();
        if (!tensors[0].is_same(tensor->value)) tensor->value.copy_(tensors[0]);
    });
}

void ct_group_release(ct_group_t group) { delete group; }
