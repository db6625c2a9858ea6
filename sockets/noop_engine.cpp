// The engine `noop`: transfers nothing and waits for warmup and duration. Any further time of its
// trial is the overhead of the harness.
#include <condition_variable>
#include <mutex>

#include "sockets/engines.h"
#include "sockets/transport/availability.h"

namespace pingperf {
namespace {

class NoopEndpoint final : public Endpoint {
 public:
  explicit NoopEndpoint(const EndpointConfig& config)
      : length_(config.options.warmup.value_or(0) + config.options.duration.value_or(0)),
        window_s_(to_seconds(config.options.duration.value_or(0))),
        address_(config.address) {}

  Address address() const override { return address_; }

  Measurement run(const IntervalSink&) noexcept override {
    std::unique_lock lock(mutex_);
    Measurement m;
    if (changed_.wait_for(lock, std::chrono::nanoseconds(length_), [this] { return stopped_; }))
      m.error = "stopped";
    else
      m.window_s = window_s_;
    return m;
  }

  void stop() noexcept override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  const Nanoseconds length_;
  const double window_s_;
  const Address address_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;  // guarded by mutex_
};

std::unique_ptr<Endpoint> make_noop(const EndpointConfig& config) {
  return std::make_unique<NoopEndpoint>(config);
}

Engine make_engine(Kind kind, Transport transport) {
  return {
      .name = "noop",
      .summary = "transfers nothing: measures the overhead of the harness",
      .kind = kind,
      .transport = transport,
      .parameters = {"duration", "warmup", "pin.client", "pin.server"},
      .unavailable = always_available,
      .listen = make_noop,
      .connect = make_noop,
  };
}

}  // namespace

std::span<const Engine> noop_engines() {
  static const std::vector<Engine> engines = {
      make_engine(Kind::throughput, Transport::tcp), make_engine(Kind::throughput, Transport::udp),
      make_engine(Kind::latency, Transport::tcp), make_engine(Kind::latency, Transport::udp),
      make_engine(Kind::connect, Transport::tcp)};
  return engines;
}

}  // namespace pingperf
