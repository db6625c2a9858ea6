// pingperf with engines for its calibration: `even` and `twin` are blocking under other names,
// slowed_10 and slowed_25 are blocking that wastes 10 % and 25 % more time on every message; and
// PINGPERF_WASTE=0.25 in the environment slows every engine of ours (libiperf writes otherwise).
// Not the product: only here can an experiment have a change of a known size.
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

double waste = 0;               // of this process's engine: share of a message's time
thread_local Nanoseconds last;  // when this thread's last waste ended

Nanoseconds cpu_time() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

// Of this thread's own CPU time: on the wall's clock the other end would use the wasted time.
void waste_time() noexcept {
  const Nanoseconds passed = last == 0 ? 0 : now_ns() - last;
  const Nanoseconds until =
      cpu_time() + static_cast<Nanoseconds>(waste * static_cast<double>(passed));
  while (waste > 0 && cpu_time() < until) {
  }
  last = now_ns();
}

// The engine under another name, whose sender wastes so much.
Engine slowed(const Engine& engine, std::string_view name, double share) {
  Engine copy = engine;
  copy.name = name;
  copy.summary = "blocking, for calibration";
  copy.connect = [original = engine.connect, share](const Session& session) {
    waste = share;
    return original(session);
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

// In the place of the C library's: what the engines call.
extern "C" ssize_t send(int fd, const void* data, size_t size, int flags) {
  waste_time();
  return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}

int main(int argc, char** argv) {
  if (const char* const share = std::getenv("PINGPERF_WASTE")) waste = std::atof(share);
  pingperf::add_engines(calibration_engines());
  return pingperf::pingperf_main(argc, argv);
}
