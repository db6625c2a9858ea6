// pingperf with engines for calibration. `even` and `twin` are the engine blocking with other
// names. slowed_10 and slowed_25 waste 10 % and 25 % more time per message. PINGPERF_WASTE=0.25 in
// the environment slows every engine that sends by send(); libiperf does not. So an experiment can
// have a change of a known size. This program is not installed.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "harness/engines/engines.h"
#include "sockets/core/clock.h"
#include "tools/commands.h"

namespace {

using namespace pingperf;

double waste = 0;               // by this process's engine, as a share of a message's time
thread_local Nanoseconds last;  // end of the last waste on this thread

Nanoseconds cpu_time() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

// Wastes CPU time of this thread. With wall-clock time the other end could use the wasted time.
void waste_time() noexcept {
  const Nanoseconds passed = last == 0 ? 0 : now_ns() - last;
  const Nanoseconds until =
      cpu_time() + static_cast<Nanoseconds>(waste * static_cast<double>(passed));
  while (waste > 0 && cpu_time() < until) {
  }
  last = now_ns();
}

// Returns a copy of the engine with another name, whose sender wastes the share.
Engine slowed(const Engine& engine, std::string_view name, double share) {
  Engine copy = engine;
  copy.name = name;
  copy.summary = "blocking, for calibration";
  copy.connect = [original = engine.connect, share](const EndpointConfig& config) {
    waste = share;
    return original(config);
  };
  return copy;
}

std::vector<Engine> calibration_engines() {
  std::vector<Engine> engines;
  for (const auto& [name, share] :
       {std::pair{"even", 0.0}, {"twin", 0.0}, {"slowed_10", 0.10}, {"slowed_25", 0.25}})
    for (const Engine* engine : socket_engines())
      if (engine->name == "blocking") engines.push_back(slowed(*engine, name, share));
  return engines;
}

}  // namespace

// Replaces send() of the C library, which the engines call.
extern "C" ssize_t send(int fd, const void* data, size_t size, int flags) {
  waste_time();
  return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}

int main(int argc, char** argv) {
  if (const char* const share = std::getenv("PINGPERF_WASTE")) waste = std::atof(share);
  pingperf::add_engines(calibration_engines());
  return pingperf::pingperf_main(argc, argv);
}
