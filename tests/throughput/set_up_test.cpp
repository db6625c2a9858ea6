// Set-up of bulk transfers that fails part-way.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "sockets/engines.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

const Engine& blocking_tcp() {
  for (const Engine* engine : socket_engines())
    if (engine->name == "blocking" && engine->kind == Kind::throughput &&
        engine->transport == Transport::tcp)
      return *engine;
  std::abort();
}

TEST(SetUp, WithoutMemoryForTheBuffersTheErrorSaysWhichFlowOfHowMany) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer requires more address space than the test allows";
#endif
  const auto connect_with_little_memory = [] {
    EndpointConfig config;
    config.options.message_size = 1 << 30;
    config.options.streams = 3;
    config.external = true;
    config.deadline = now_ns() + 20 * kSecond;
    config.address = Address::resolve("127.0.0.1", 0);
    const Fd listener = listen_stream(config);
    config.address = Address::local_of(listener.get());
    const rlimit limit{400 << 20, 400 << 20};
    ::setrlimit(RLIMIT_AS, &limit);
    try {
      blocking_tcp().connect(config);
    } catch (const std::exception& e) {
      std::fputs(e.what(), stderr);
    }
    std::exit(0);
  };
  EXPECT_EXIT(connect_with_little_memory(), testing::ExitedWithCode(0),
              "flow 1 of 3: not enough memory for the buffers \\(ulimit -v: 409600, ");
}

}  // namespace
}  // namespace pingperf
