// Set-up of latency workloads that fails part-way.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "sockets/engines.h"
#include "sockets/transport/engine.h"

namespace pingperf {
namespace {

const Engine& blocking_latency_of_tcp() {
  for (const Engine* engine : socket_engines())
    if (engine->name == "blocking" && engine->kind == Kind::latency &&
        engine->transport == Transport::tcp)
      return *engine;
  std::abort();
}

TEST(LatencySetUp, WithoutMemoryForTheBuffersTheErrorSaysWhichThreadOfHowMany) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer requires more address space than the test allows";
#endif
  const auto listen_with_little_memory = [] {
    EndpointConfig config;
    config.options.message_size = 1 << 30;
    config.options.streams = 3;
    config.address = Address::resolve("127.0.0.1", 0);
    const rlimit limit{400 << 20, 400 << 20};
    ::setrlimit(RLIMIT_AS, &limit);
    try {
      blocking_latency_of_tcp().listen(config);
    } catch (const std::exception& e) {
      std::fputs(e.what(), stderr);
    }
    std::exit(0);
  };
  EXPECT_EXIT(listen_with_little_memory(), testing::ExitedWithCode(0),
              "^thread 1 of 3: not enough memory for the buffers \\(ulimit -v: 409600, ");
}

}  // namespace
}  // namespace pingperf
