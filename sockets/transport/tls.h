// TLS 1.3 (RFC 8446) over connected streams, by OpenSSL.
//
// The server has authenticated the client by the trial's token before the handshake. The client
// does not check the server's certificate, which is made for the trial and unknown to it. Both ends
// have one cipher suite, and OpenSSL's default for the other choices: a key exchange by X25519, and
// no read-ahead.
//
// OpenSSL sends with write(2), which raises SIGPIPE if the peer has closed the connection. So the
// constructor of a context blocks that signal in the calling thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sockets/core/options.h"

// Of OpenSSL, whose headers programs with these engines do not need.
struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;

namespace pingperf {

// Returns why OpenSSL cannot be used, as Engine::unavailable.
std::optional<std::string> tls_unavailable();

// Throws Unavailable if the options require kTLS and the kernel lacks it.
void require_ktls(const Options& options);

enum class TlsRole { client, server };

// The settings of the connections of one thread. A server has a new key (ECDSA, P-256) and a
// self-signed certificate, which only exist in memory. All threads of a process accept the tickets
// of each other.
class TlsContext {
 public:
  // Throws std::runtime_error with OpenSSL's reason.
  TlsContext(const Options& options, TlsRole role);

 private:
  friend class TlsStream;
  struct Free {
    void operator()(ssl_ctx_st* context) const noexcept;
  };
  std::unique_ptr<ssl_ctx_st, Free> context_;
  const TlsRole role_;
};

// What a client keeps of a connection to resume its session in the next (RFC 8446 §2.2).
class TlsSession {
 public:
  explicit operator bool() const noexcept { return session_ != nullptr; }

 private:
  friend class TlsStream;
  struct Free {
    void operator()(ssl_session_st* session) const noexcept;
  };
  std::unique_ptr<ssl_session_st, Free> session_;
};

// The TLS connection over one socket. One thread at a time may use it.
class TlsStream {
 public:
  // `fd` is a connected, blocking stream and must stay open longer. A client resumes `session`, if
  // that is not empty.
  TlsStream(const TlsContext& context, int fd, const TlsSession& session = {}) noexcept;

  // Performs the handshake. Returns false with errno on an error, EAGAIN if SO_RCVTIMEO has passed:
  // the next call continues.
  bool handshake() noexcept;

  // Performs the handshake. Throws std::runtime_error, also if `options` require kTLS and OpenSSL
  // does not use it for the data that this end sends.
  void set_up(const Options& options);

  // Receives as recv(2): returns the number of bytes, 0 at the end of the peer's data, -1 with
  // errno on an error. An end of the connection without the peer's close_notify is ECONNRESET. An
  // error of TLS is EPROTO.
  ssize_t read(char* data, std::size_t size) noexcept;

  // Sends all bytes. Returns their number, or -1 with errno on an error. After EINTR the call must
  // be repeated with the same arguments.
  ssize_t write(const char* data, std::size_t size) noexcept;

  // As send_all() and receive_all() of a socket.
  bool send_all(const char* data, std::size_t size) noexcept;
  bool receive_all(char* data, std::size_t size) noexcept;

  // Sends close_notify: this end sends no more data.
  void finish() noexcept;
  // Sends nothing, before a reset of the connection. The session can be resumed all the same.
  void abandon() noexcept;

  // Returns the session, after data has been received. Empty if the server permits no resumption.
  TlsSession session() const noexcept;
  // Returns true if the handshake has resumed a session.
  bool resumed() const noexcept;
  // Returns the name of the cipher suite in RFC 8446, such as TLS_AES_128_GCM_SHA256.
  std::string_view cipher() const noexcept;
  // Returns OpenSSL's reason of the last error, or the text of errno.
  std::string reason() const;

 private:
  bool kernel_encrypts() const noexcept;
  // Sets errno after a call that returned `result`. Returns 0 at the end of the peer's data, else
  // -1.
  ssize_t fail(int result) noexcept;

  struct Free {
    void operator()(ssl_st* stream) const noexcept;
  };
  std::unique_ptr<ssl_st, Free> stream_;
  const TlsRole role_;
  const char* reason_ = nullptr;
};

}  // namespace pingperf
