// TCP bulk transfer without a copy from user space: the sender maps its pages into a pipe
// (vmsplice(2)) and moves them to the socket (splice(2)). The receiver copies the data, lets the
// kernel drop it, or splices it to /dev/null.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include "sockets/core/error.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

constexpr int kPipeSize = 1 << 20;  // the default of /proc/sys/fs/pipe-max-size

struct PipeEnds {
  Fd read;
  Fd write;
};

// Opens a pipe and requests kPipeSize. A smaller pipe only takes more calls.
PipeEnds open_pipe() {
  int fds[2];
  check(::pipe2(fds, O_CLOEXEC), "pipe");
  PipeEnds pipe{Fd(fds[0]), Fd(fds[1])};
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeSize);
  return pipe;
}

// Moves `size` bytes from the pipe to the socket. Returns false with errno on an error.
bool drain(int pipe, Flow& flow, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = ::splice(pipe, nullptr, flow.fd.get(), nullptr, size,
                               SPLICE_F_MOVE | (size > kPipeSize ? SPLICE_F_MORE : 0));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    flow.sent.add(static_cast<std::uint64_t>(n));
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

void send_pages(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const PipeEnds pipe = open_pipe();
  group.await_others();
  meter.first_byte();
  while (!meter.window_closed() && !flow.sent.full()) {
    await_turn(flow, meter);
    const std::span<const char> bytes = next_bytes(flow);
    const iovec rest = {const_cast<char*>(bytes.data()), bytes.size()};
    const ssize_t lent = ::vmsplice(pipe.write.get(), &rest, 1, 0);
    if (lent < 0 && errno == EINTR) continue;
    if (lent <= 0 || !drain(pipe.read.get(), flow, static_cast<std::size_t>(lent))) {
      flow.fail(meter);
      break;
    }
  }
  finish_sending(flow, meter);
  group.copies = 0;
}

void receive_by_splice(FlowGroup& group, Meter& meter) {
  const int socket = group.flows.front()->fd.get();
  const PipeEnds pipe = open_pipe();
  const Fd null(check(::open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null"));
  group.copies = 0;
  receive_with(
      [&]() -> ssize_t {
        const ssize_t n =
            ::splice(socket, nullptr, pipe.write.get(), nullptr, kPipeSize, SPLICE_F_MOVE);
        for (ssize_t left = n; left > 0;) {
          const ssize_t gone = ::splice(pipe.read.get(), nullptr, null.get(), nullptr,
                                        static_cast<std::size_t>(left), SPLICE_F_MOVE);
          if (gone <= 0) return -1;
          left -= gone;
        }
        return n;
      },
      group, meter);
}

void receive(FlowGroup& group, Meter& meter) {
  group.options.receive == "splice" ? receive_by_splice(group, meter)
                                    : receive_stream(group, meter);
}

// A seccomp profile, such as the default of Docker and Podman, may refuse vmsplice.
std::optional<std::string> splice_unavailable() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
    return std::string("pipe: ") + std::strerror(errno);
  const Fd read(fds[0]), write(fds[1]);
  char byte = 0;
  const iovec one = {&byte, 1};
  if (::vmsplice(write.get(), &one, 1, SPLICE_F_NONBLOCK) == 1) return std::nullopt;
  return std::string("vmsplice is refused (a seccomp profile of a container?): ") +
         std::strerror(errno);
}

constexpr TransferOps kOps = {send_pages, receive, kStreams};

}  // namespace

const Engine& splice_throughput() {
  static const Engine engine = make_transfer_engine(
      {.name = "splice",
       .summary = "vmsplice and splice: sends without copying, one thread per stream",
       .transport = Transport::tcp,
       .ops = kOps,
       .parameters = {"receive", "on_off.on", "on_off.off"},
       .receives = {"copy", "discard", "splice"},
       .unavailable = splice_unavailable});
  return engine;
}

}  // namespace pingperf
