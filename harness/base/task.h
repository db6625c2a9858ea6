// Task: a coroutine that starts at once and that another coroutine may wait for.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace pingperf {

namespace detail {

// Resumes the waiting coroutine when a task has ended. It resumes it from within the task's own
// resume(), because GCC makes a tail call of a symmetric transfer only if it optimizes.
struct FinalAwaiter {
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    if (const std::coroutine_handle<> waiting = ended.promise().waiting) waiting.resume();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::suspend_never initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  void rethrow() const {
    if (error) std::rethrow_exception(error);
  }

  std::coroutine_handle<> waiting;
  std::exception_ptr error;
};

template <typename T>
struct Promise : PromiseBase {
  void return_value(T result) { value.emplace(std::move(result)); }
  T take() {
    rethrow();
    return std::move(*value);
  }

  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

}  // namespace detail

// Owns a coroutine. It runs until its first suspension when it is called. `co_await task` waits for
// its end and returns its result, or throws its exception. One coroutine may wait for it, once.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : detail::Promise<T> {
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
  };

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  bool is_done() const { return coroutine_.done(); }
  // Returns the result of a task that is done, or throws its exception.
  T result() { return coroutine_.promise().take(); }

  bool await_ready() const noexcept { return coroutine_.done(); }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    coroutine_.promise().waiting = waiting;
  }
  T await_resume() { return coroutine_.promise().take(); }

 private:
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace pingperf
