#include "sockets/throughput/mapped_receive.h"

#include <linux/tcp.h>  // glibc's netinet/tcp.h has an older tcp_zerocopy_receive
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>

#include "sockets/core/error.h"
#include "sockets/throughput/stream_transfer.h"

namespace pingperf {
namespace {

constexpr std::size_t kWindow = 1 << 20;  // bytes that one call can map

// The address range into which the kernel maps the pages of a socket.
class Window {
 public:
  explicit Window(int fd) : fd_(fd) {
    address_ = ::mmap(nullptr, kWindow, PROT_READ, MAP_SHARED, fd, 0);
    if (address_ == MAP_FAILED) check(-1, "receive: map (mmap of a TCP socket)");
  }
  ~Window() { ::munmap(address_, kWindow); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  // Maps the pages that have arrived, in place of those of the last call. Returns the number of
  // mapped bytes, or -1 with errno. Sets `rest` to the number of bytes after them that must be
  // copied.
  ssize_t map(std::size_t& rest) noexcept {
    tcp_zerocopy_receive request{};
    request.address = reinterpret_cast<std::uintptr_t>(address_);
    request.length = kWindow;
    socklen_t size = sizeof request;
    if (::getsockopt(fd_, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request, &size) != 0) return -1;
    rest = request.recv_skip_hint;
    return request.length;
  }

 private:
  const int fd_;
  void* address_;
};

}  // namespace

void receive_mapped(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const int fd = flow.fd.get();
  Window window(fd);
  std::uint64_t all = 0, mapped = 0;
  int error = 0;  // of a copy that followed mapped bytes
  receive_with(
      [&]() -> ssize_t {
        if (error != 0) {
          errno = error;
          return -1;
        }
        pollfd p{fd, POLLIN, 0};
        ::poll(&p, 1, -1);
        std::size_t rest = 0;
        ssize_t n = window.map(rest);
        if (n < 0) return errno == EIO ? 0 : -1;  // EIO: the end of the stream
        mapped += static_cast<std::uint64_t>(n);
        if (n == 0 || rest > 0) {  // also reads the end of the stream
          const std::size_t most = flow.incoming.size();
          const ssize_t copied =
              ::recv(fd, flow.incoming.data(), rest > 0 ? std::min(rest, most) : most, 0);
          if (copied <= 0 && n == 0) return copied;
          if (copied < 0 && errno != EINTR) error = errno;
          n += std::max<ssize_t>(0, copied);
        }
        all += static_cast<std::uint64_t>(n);
        return n;
      },
      group, meter);
  group.copies = 2 * mapped >= all ? 0 : 1;
  group.mapped_bytes = mapped;
}

}  // namespace pingperf
