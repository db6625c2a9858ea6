// Shared<T>: a value that its copies share until one of them is changed.
#pragma once

#include <memory>
#include <utility>

namespace pingperf {

// Holds a T. A copy costs a pointer, whatever the size of the value. Several threads may read one
// value. Copying and edit() are not thread-safe.
template <typename T>
class Shared {
 public:
  Shared() : value_(standard()) {}
  Shared(T value) : value_(std::make_shared<T>(std::move(value))) {}  // NOLINT(*-explicit-*)

  const T& operator*() const noexcept { return *value_; }
  const T* operator->() const noexcept { return value_.get(); }

  // Returns the value to change it. Makes a copy first if others share the value: they keep it.
  T& edit() {
    if (value_.use_count() > 1) value_ = std::make_shared<T>(*value_);
    return *value_;
  }

 private:
  static const std::shared_ptr<T>& standard() {
    static const std::shared_ptr<T> value = std::make_shared<T>();
    return value;
  }

  std::shared_ptr<T> value_;
};

}  // namespace pingperf
