// Memory of tensors on the CPU: freed blocks are kept by size and given out again.
//
// A pass through a model makes and frees the same large tensors over and over. With the C library's allocator a sixth of
// the time of training went into its search for memory, or, where it gave memory back, as much into the kernel's
// clearing of new pages.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

namespace {

// In front of each block's data, so that the data is enough to free it.
constexpr size_t header = c10::gAlignment;

/// Eight sizes to each power of two.
size_t rounded(size_t bytes) {
    const size_t step = std::max<size_t>(c10::gAlignment, std::bit_floor(bytes) / 8);
    return (bytes + step - 1) / step * step;
}

/// What is in use and what is kept are together never more than was in use at once before.
class CachingAllocator final : public c10::Allocator {
    std::mutex mutex;
    std::map<size_t, std::vector<char *>> kept;
    size_t kept_bytes = 0, used_bytes = 0, peak_bytes = 0;

    char *take(size_t size) {
        std::vector<char *> surplus;
        {
            std::lock_guard lock(mutex);
            used_bytes += size;
            auto blocks = kept.find(size);
            if (blocks != kept.end() && !blocks->second.empty()) {
                char *block = blocks->second.back();
                blocks->second.pop_back();
                kept_bytes -= size;
                return block;
            }
            const size_t limit = std::max(peak_bytes, used_bytes);
            for (auto largest = kept.rbegin(); used_bytes + kept_bytes > limit && largest != kept.rend();) {
                if (largest->second.empty()) {
                    ++largest;
                    continue;
                }
                surplus.push_back(largest->second.back());
                largest->second.pop_back();
                kept_bytes -= largest->first;
            }
        }
        for (char *block : surplus) c10::free_cpu(block);
        try {
            char *block = static_cast<char *>(c10::alloc_cpu(size + header));
            std::memcpy(block, &size, sizeof size);
            std::lock_guard lock(mutex);
            peak_bytes = std::max(peak_bytes, used_bytes);
            return block;
        } catch (...) {
            std::lock_guard lock(mutex);
            used_bytes -= size;
            throw;
        }
    }

    void keep(char *block) {
        size_t size;
        std::memcpy(&size, block, sizeof size);
        std::lock_guard lock(mutex);
        used_bytes -= size;
        kept_bytes += size;
        kept[size].push_back(block);
    }

    static void release(void *data);

  public:
    c10::DataPtr allocate(size_t bytes) override {
        void *data = bytes == 0 ? nullptr : take(rounded(bytes)) + header;
        return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
    }
    c10::DeleterFnPtr raw_deleter() const override { return &release; }
    void copy_data(void *target, const void *source, size_t count) const override {
        default_copy_data(target, source, count);
    }
};

// Never destroyed: tensors may be freed when the process ends.
CachingAllocator &allocator = *new CachingAllocator;

void CachingAllocator::release(void *data) {
    if (data) allocator.keep(static_cast<char *>(data) - header);
}

// Ahead of libtorch's own, which has the priority 0.
[[maybe_unused]] const bool is_set = (c10::SetAllocator(c10::DeviceType::CPU, &allocator, 1), true);

} // namespace
