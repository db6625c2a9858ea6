// PageBytes: a vector of bytes that starts at a page. The kernel copies several times faster into
// memory that is aligned to cache lines than into memory that is not, on CPUs where `rep movsb`
// depends on it (docs/measurements/performance.md).
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace pingperf {

inline constexpr std::size_t kPageSize = 4096;
inline constexpr std::size_t kCacheLine = 64;

// Allocates memory that starts at a page, as std::allocator.
template <typename T>
struct PageAllocator {
  using value_type = T;

  PageAllocator() noexcept = default;
  template <typename U>
  explicit PageAllocator(const PageAllocator<U>&) noexcept {}

  T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{kPageSize}));
  }
  void deallocate(T* memory, std::size_t) noexcept {
    ::operator delete (memory, std::align_val_t{kPageSize});
  }
  bool operator==(const PageAllocator&) const noexcept { return true; }
};

using PageBytes = std::vector<char, PageAllocator<char>>;

// Returns `size`, rounded up to whole cache lines: the distance between parts of aligned memory
// that are aligned, too.
constexpr std::size_t whole_lines(std::size_t size) noexcept {
  return (size + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace pingperf
