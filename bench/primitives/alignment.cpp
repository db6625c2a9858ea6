// The kernel's copy into a receive buffer that starts at an offset from a page. One thread sends
// 128 KiB over loopback and receives them.
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/core/page_bytes.h"

namespace pingperf {
namespace {

constexpr std::size_t kMessage = 128 * 1024;

// Returns the two ends of a TCP connection over loopback.
std::pair<Fd, Fd> connection() {
  const Fd listener(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  check(::bind(listener.get(), any, size), "bind");
  check(::listen(listener.get(), 1), "listen");
  check(::getsockname(listener.get(), any, &size), "getsockname");
  Fd sender(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
  check(::connect(sender.get(), any, size), "connect");
  return {std::move(sender), Fd(check(::accept(listener.get(), nullptr, nullptr), "accept"))};
}

void receive_into_offset(benchmark::State& state) {
  const auto offset = static_cast<std::size_t>(state.range(0));
  const auto [sender, receiver] = connection();
  const PageBytes message(kMessage);
  PageBytes buffer(kMessage + kPageSize);
  for (auto _ : state)
    for (std::size_t sent = 0; sent < kMessage;) {
      const ssize_t n = ::send(sender.get(), message.data() + sent, kMessage - sent, MSG_DONTWAIT);
      if (n > 0) sent += static_cast<std::size_t>(n);
      while (::recv(receiver.get(), buffer.data() + offset, kMessage, MSG_DONTWAIT) > 0) {
      }
    }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kMessage));
}
BENCHMARK(receive_into_offset)->Arg(0)->Arg(16)->Arg(32)->Arg(64);

}  // namespace
}  // namespace pingperf
