#include "bench/local_pair.h"

#include <future>
#include <stdexcept>

#include "sockets/core/cpu_set.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kPatience = 30 * kSecond;

Address free_address(Transport transport) {
  if (transport == Transport::ethernet) return Address::ethernet({});
  return is_unix(transport) ? Address::unix_path("@pingperf-bench-" + to_hex(mint_token()))
                            : Address::resolve("127.0.0.1", 0);
}

// Pins this thread and the threads that it starts later.
void pin(const std::optional<std::string>& cpus) {
  if (cpus && !set_affinity(cpus_of_pin(*cpus))) check(-1, "sched_setaffinity");
}

std::uint64_t usual_size(const Engine& engine) {
  if (engine.kind != Kind::throughput) return 64;
  return is_stream(engine.transport) ? 131072 : 1400;
}

}  // namespace

Options options_of(const Engine& engine, std::uint64_t messages) {
  Options o;
  o.kind = engine.kind;
  o.transport = engine.transport;
  o.engine = engine.name;
  o.message_size = usual_size(engine);
  o.messages = messages;
  o.warmup = 0;
  o.streams = 1;
  if (engine.honours("threads")) o.threads = 1;
  if (engine.transport == Transport::ethernet) o.client_interface = o.server_interface = "lo";
  return o;
}

EndpointConfig local_config(const Engine& engine, const Options& options) {
  return {.options = options,
          .token = mint_token(),
          .address = free_address(engine.transport),
          .deadline = now_ns() + kPatience};
}

void expect_well(const Measurement& measurement, const char* end) {
  if (!measurement.error.empty()) throw std::runtime_error(end + (": " + measurement.error));
}

Ends run_pair(const Engine& engine, const Options& options) {
  EndpointConfig config = local_config(engine, options);
  std::unique_ptr<Endpoint> server;
  std::future<Measurement> served;
  if (engine.listen) {  // otherwise the kernel at the address answers
    server = engine.listen(config);
    config.address = server->address();
    served = std::async(std::launch::async, [&] {
      pin(options.server_cpu);
      server->accept();
      return server->run({});
    });
  }
  Ends ends;
  ends.client = std::async(std::launch::async, [&] {
                  pin(options.client_cpu);
                  return engine.connect(config)->run({});
                }).get();
  if (server) {
    if (served.wait_for(std::chrono::seconds(2)) != std::future_status::ready) server->stop();
    ends.server = served.get();
  }
  expect_well(ends.client, "client");
  expect_well(ends.server, "server");
  return ends;
}

}  // namespace pingperf
