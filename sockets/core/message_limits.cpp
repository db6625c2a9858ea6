#include "sockets/core/message_limits.h"

#include <sys/socket.h>

#include <algorithm>

#include "sockets/core/fd.h"
#include "sockets/core/size_mix.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

constexpr std::uint64_t kOverhead = 32;     // of a message in the send buffer
constexpr std::uint64_t kMinBuffer = 8192;  // at least what the kernel gives (socket(7))

bool keeps_messages(Transport t) {
  return t == Transport::unix_datagram || t == Transport::unix_seqpacket;
}

std::optional<std::string> exceeds(const Options& o, std::uint64_t buffer) {
  const std::uint64_t longest = buffer - kOverhead;
  const char* parameter = nullptr;
  if (o.response_size.value_or(0) > longest) parameter = "response_size";
  if (max_message(o) > longest) parameter = o.size_mix ? "size_mix" : "message_size";
  if (!parameter) return std::nullopt;
  return std::string(parameter) + ": a message over " + std::string(name(o.transport)) +
         " must fit into the send buffer, which holds " + std::to_string(longest) +
         " bytes: lower " + parameter + ", or raise send_buffer";
}

}  // namespace

std::optional<std::string> validate_send_buffer(const Options& o) {
  if (!keeps_messages(o.transport) || !o.send_buffer) return std::nullopt;
  return exceeds(o, std::max(2 * *o.send_buffer, kMinBuffer));
}

std::optional<std::string> exceeds_send_buffer(int fd, const Options& o) {
  int buffer = 0;
  socklen_t size = sizeof buffer;
  if (!keeps_messages(o.transport) || ::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &size) != 0)
    return std::nullopt;
  return exceeds(o, static_cast<std::uint64_t>(buffer));
}

std::optional<std::string> exceeds_send_buffer_here(const Options& o) {
  if (!keeps_messages(o.transport)) return std::nullopt;
  const int type = o.transport == Transport::unix_datagram ? SOCK_DGRAM : SOCK_SEQPACKET;
  const Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!socket) return std::nullopt;
  Options buffer;
  buffer.transport = o.transport;
  buffer.send_buffer = o.send_buffer;
  apply_options(socket.get(), buffer, AF_UNIX);
  return exceeds_send_buffer(socket.get(), o);
}

}  // namespace pingperf
