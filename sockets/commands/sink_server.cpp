#include "sockets/commands/sink_server.h"

#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "sockets/core/io.h"
#include "sockets/measure/sequence.h"
#include "sockets/transport/accept.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

constexpr int kMaxClients = 1000;
constexpr std::size_t kBuffer = 256 * 1024;

// Receives the bytes of one client until the end of its stream.
SinkReport drain(int connection, const Address& peer) noexcept {
  enable_keepalive(connection);
  char buffer[kBuffer];
  SinkReport report{.peer = peer};
  Nanoseconds first = 0, last = 0;
  for (;;) {
    const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    last = now_ns();
    if (first == 0) first = last;
    report.bytes += static_cast<std::uint64_t>(n);
  }
  report.duration = last - first;
  return report;
}

// State that the threads of the clients share. The threads can outlive sink_streams().
struct Clients {
  std::atomic<int> count{0};
  std::mutex mutex;
  SinkReporter report;
};

// Drains a client in a new thread. Closes the connection if no thread can be created.
void drain_in_a_thread(Fd connection, const std::shared_ptr<Clients>& clients) noexcept {
  ++clients->count;
  try {
    std::thread([clients, fd = std::move(connection)] {
      const SinkReport report = drain(fd.get(), Address::peer_of(fd.get()));
      const std::lock_guard lock(clients->mutex);
      clients->report(report);
      --clients->count;
    }).detach();
  } catch (const std::system_error&) {
    --clients->count;
  }
}

}  // namespace

void sink_streams(int listener, const SinkReporter& report) noexcept {
  const auto clients = std::make_shared<Clients>();
  clients->report = report;
  while (Fd connection = accept_next(listener))
    if (clients->count < kMaxClients) drain_in_a_thread(std::move(connection), clients);
}

void sink_datagrams(int socket, const SinkReporter& report) noexcept {
  std::vector<char> buffer(kBuffer);
  auto sequence = std::make_unique<SequenceTracker>();
  SinkReport current;
  Nanoseconds first = 0;
  for (;;) {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n = ::recvfrom(socket, buffer.data(), buffer.size(), 0, from, &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 || (n == 0 && size == 0)) return;  // no data and no sender: the socket was shut down
    if (n < static_cast<ssize_t>(kMinDatagram)) continue;
    const DatagramHeader header = header_of(buffer.data());
    const Nanoseconds now = now_ns();
    if (header.number == kHello) {
      if (n != sizeof(Hello)) continue;
      set_header(buffer.data(), {kWelcome, header.value});
      ::sendto(socket, buffer.data(), sizeof(Hello), MSG_DONTWAIT, from, size);
    } else if (header.number == kWelcome) {
      continue;  // from another sink, or echoed from this one
    } else if (header.number == kEnd) {
      if (current.datagrams == 0) continue;  // a repeated end
      sequence->expect(static_cast<std::uint64_t>(header.value));
      current.lost = sequence->lost();
      report(current);
      current = {};
      sequence = std::make_unique<SequenceTracker>();
    } else if (sequence->received(header.number, header.value, now)) {
      if (current.datagrams++ == 0) {
        first = now;
        current.peer = Address::from(from, size);
      }
      current.bytes += static_cast<std::uint64_t>(n);
      current.duration = now - first;
    }
  }
}

}  // namespace pingperf
