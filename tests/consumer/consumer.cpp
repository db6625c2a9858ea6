// An example of a program that uses the sockets of pingperf: measures round trips over loopback
// with each available engine and prints the medians.
#include <pingperf/sockets/transport/engine.h>

#include <cstdio>
#include <exception>
#include <future>
#include <stdexcept>
#include <string>

using namespace pingperf;

namespace {

EndpointConfig loopback_config(const Engine& engine) {
  EndpointConfig config;
  config.options.kind = engine.kind;
  config.options.transport = engine.transport;
  config.options.engine = engine.name;
  config.options.message_size = 64;
  config.options.streams = 1;
  config.options.duration = 100 * kMillisecond;
  config.options.warmup = 20 * kMillisecond;
  config.token = mint_token();
  config.address = Address::resolve("127.0.0.1", 0);  // any free port
  config.deadline = now_ns() + 5 * kSecond;
  return config;
}

// Runs both ends in this process, the server on its own thread.
Measurement ping(const Engine& engine) {
  EndpointConfig config = loopback_config(engine);
  const auto server = engine.listen(config);
  auto served = std::async(std::launch::async, [&] {
    server->accept();
    return server->run({});
  });
  config.address = server->address();
  const auto client = engine.connect(config);
  Measurement measured = client->run({});
  server->stop();
  served.get();
  return measured;
}

}  // namespace

int main() {
  int measured = 0;
  for (const Engine* engine : socket_engines()) {
    if (engine->kind != Kind::latency || engine->transport != Transport::tcp) continue;
    if (engine->name == "noop" || engine->unavailable()) continue;
    try {
      const Measurement m = ping(*engine);
      if (!m.error.empty()) throw std::runtime_error(m.error);
      std::printf("%-9s %8.1f us\n", std::string(engine->name).c_str(), m.rtt->quantile(0.5) / 1e3);
      ++measured;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s: %s\n", std::string(engine->name).c_str(), e.what());
      return 1;
    }
  }
  return measured > 0 ? 0 : 1;
}
