// A library that the fault suite preloads into pingperf. It stops a process at points that are not
// visible from outside, until the suite answers. It steps the wall clock. It ends a worker by
// exit(), as libiperf can. Under valgrind it replaces calls that valgrind does not support.
//
// PINGPERF_FAULT_SOCKET is the socket of the suite. The process sends a line with the point and
// waits for a line. With PINGPERF_FAULT_CLOCKS=DIR the suite writes seconds to DIR/<pid>, which are
// added to the wall clock of the process. With PINGPERF_FAULT_REQUESTS the requests of the
// controller are points too, for runs without a launcher that reports them.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

namespace {

constexpr int kWorkerEvents = 3;

std::string_view role;  // run, agent or worker; empty: another program
bool requests_are_points = false;
const volatile std::int64_t* step_s = nullptr;  // seconds to add to the wall clock; null: none

// Returns true if PINGPERF_FAULT_MEMCHECK is set.
bool is_under_valgrind() {
  static const bool is = std::getenv("PINGPERF_FAULT_MEMCHECK") != nullptr;
  return is;
}

// Returns the function of the C library that this library replaces.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Reports the point to the suite and waits for the answer.
void stop_at(const char* point) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, std::getenv("PINGPERF_FAULT_SOCKET"), sizeof address.sun_path - 1);
  const int suite = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(suite, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    char line[100];
    const int size =
        std::snprintf(line, sizeof line, "{\"point\": \"%s\", \"pid\": %d}\n", point, ::getpid());
    if (::send(suite, line, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size)
      while (::recv(suite, line, sizeof line, 0) < 0 && errno == EINTR) {
      }
  }
  ::close(suite);
}

std::string path_of(int fd) {
  char path[4096];
  const ssize_t size =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return {path, size > 0 ? static_cast<std::size_t>(size) : 0};
}

// Returns the point that the process reaches when half of a write to `fd` is done, or null.
const char* file_point(int fd) {
  if (role != "run" && role != "agent") return nullptr;
  const std::string path = path_of(fd);
  if (role == "agent") return path.starts_with("/run/pingperf/") ? "journal" : nullptr;
  return path.ends_with("/trials.csv")        ? "record"
         : path.ends_with("/summary.csv.tmp") ? "summarise"
                                              : nullptr;
}

// Returns the point before a message is written to `fd`, or null.
const char* line_point(int fd, std::string_view text) {
  const auto has_type = [&](const std::string& type) {
    return text.find("\"type\":\"" + type + "\"") != text.npos;
  };
  if (role == "worker") return fd == kWorkerEvents && has_type("result") ? "result" : nullptr;
  if (role != "run" || !requests_are_points) return nullptr;
  for (const char* request : {"hello", "listen", "connect", "start"})
    if (has_type(request)) return request;
  return nullptr;
}

// Maps the file with the step of this process's clock.
void map_clock(const std::string& folder) {
  const int fd = ::open((folder + "/" + std::to_string(::getpid())).c_str(),
                        O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof *step_s) != 0) return;
  void* const page = ::mmap(nullptr, sizeof *step_s, PROT_READ, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) step_s = static_cast<std::int64_t*>(page);
  ::close(fd);
}

__attribute__((constructor)) void prepare(int argc, char** argv, char**) {
  if (argc < 2 || std::getenv("PINGPERF_FAULT_SOCKET") == nullptr) return;
  for (const char* known : {"run", "agent", "worker"})
    if (std::strcmp(argv[1], known) == 0) role = known;
  if (role.empty()) return;
  requests_are_points = std::getenv("PINGPERF_FAULT_REQUESTS") != nullptr;
  if (role == "worker") std::signal(SIGUSR1, [](int) { std::exit(0); });
  if (const char* const clocks = std::getenv("PINGPERF_FAULT_CLOCKS")) map_clock(clocks);
}

}  // namespace

extern "C" {

// Under valgrind, gives a child that is ending up to 10 s for the leak search.
int kill(pid_t pid, int signal) {
  static auto* const real = next<int(pid_t, int)>("kill");
  siginfo_t ended = {};
  for (int tenths = 0; is_under_valgrind() && ended.si_pid == 0 && tenths < 100; ++tenths) {
    if (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT | WNOHANG) != 0) break;
    const timespec pause = {0, 100'000'000};
    if (ended.si_pid == 0) ::nanosleep(&pause, nullptr);
  }
  return real(pid, signal);
}

// Under valgrind /proc/self/exe is valgrind, but valgrind's readlink() returns the real program.
int execvpe(const char* file, char* const argv[], char* const environment[]) {
  static auto* const real = next<int(const char*, char* const[], char* const[])>("execvpe");
  char program[4096] = "";
  const bool is_self = std::string_view(file) == "/proc/self/exe";
  if (is_self && ::readlink(file, program, sizeof program - 1) > 0) file = program;
  return real(file, argv, environment);
}

// Replaces the call because valgrind 3.19 does not know it.
int epoll_pwait2(int epoll, epoll_event* events, int most, const timespec* timeout,
                 const sigset_t* mask) {
  using Wait = int(int, epoll_event*, int, const timespec*, const sigset_t*);
  static auto* const real = next<Wait>("epoll_pwait2");
  if (!is_under_valgrind()) return real(epoll, events, most, timeout, mask);
  const long ms = timeout ? timeout->tv_sec * 1000 + (timeout->tv_nsec + 999'999) / 1'000'000 : -1;
  return ::epoll_pwait(epoll, events, most, static_cast<int>(ms), mask);
}

ssize_t write(int fd, const void* data, size_t size) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  static thread_local bool is_second_half = false;
  if (is_second_half) {
    is_second_half = false;
  } else if (const char* const point = file_point(fd)) {
    const ssize_t done = real(fd, data, (size + 1) / 2);
    is_second_half = done > 0 && static_cast<size_t>(done) < size;
    if (is_second_half) stop_at(point);
    return done;
  } else if (const char* const line = line_point(fd, {static_cast<const char*>(data), size})) {
    stop_at(line);
  }
  return real(fd, data, size);
}

int clock_gettime(clockid_t clock, timespec* time) {
  static auto* const real = next<int(clockid_t, timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME && step_s != nullptr) time->tv_sec += *step_s;
  return result;
}

time_t time(time_t* out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* __restrict out, void* __restrict) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

}  // extern "C"
