#include "sockets/transport/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/openssl.h"

namespace pingperf {
namespace {

// Returns the functions. Throws std::runtime_error if the library cannot be loaded.
const OpenSsl& openssl() {
  static const OpenSsl functions = [] {
    OpenSsl table;
    // Without openssl.cnf, which could change the protocol and the ciphers.
    table.OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    return table;
  }();
  return functions;
}

[[noreturn]] void fail_with(const char* call) {
  const char* const reason = openssl().ERR_reason_error_string(openssl().ERR_peek_last_error());
  throw std::runtime_error(std::string(call) + ": " + (reason ? reason : "unknown error"));
}

// Throws std::runtime_error with OpenSSL's reason unless `result` is true.
template <typename Result>
Result require(Result result, const char* call) {
  if (!result) fail_with(call);
  return result;
}

const char* suite_of(const Options& options) {
  const std::string cipher = options.tls_cipher.value_or("aes-256-gcm");
  if (cipher == "aes-128-gcm") return "TLS_AES_128_GCM_SHA256";
  if (cipher == "chacha20-poly1305") return "TLS_CHACHA20_POLY1305_SHA256";
  return "TLS_AES_256_GCM_SHA384";
}

template <auto OpenSsl::*function>
struct FreeBy {
  template <typename T>
  void operator()(T* object) const noexcept {
    (openssl().*function)(object);
  }
};

using Key = std::unique_ptr<EVP_PKEY, FreeBy<&OpenSsl::EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<&OpenSsl::X509_free>>;

// Returns a certificate for `key` that is signed with the key and valid for a day.
Certificate certify(EVP_PKEY* key) {
  constexpr long kDay = 86400;  // seconds
  const OpenSsl& ssl = openssl();
  Certificate certificate(require(ssl.X509_new(), "X509_new"));
  X509* const x = certificate.get();
  ssl.X509_set_version(x, X509_VERSION_3);
  ssl.X509_gmtime_adj(ssl.X509_getm_notBefore(x), -kDay);
  ssl.X509_gmtime_adj(ssl.X509_getm_notAfter(x), kDay);
  ssl.X509_set_pubkey(x, key);
  X509_NAME* const name = ssl.X509_get_subject_name(x);
  const auto* const text = reinterpret_cast<const unsigned char*>("pingperf");
  ssl.X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  ssl.X509_set_issuer_name(x, name);
  require(ssl.X509_sign(x, key, ssl.EVP_sha256()), "X509_sign");
  return certificate;
}

void make_identity(SSL_CTX* context) {
  const OpenSsl& ssl = openssl();
  const Key key(
      require(ssl.EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), "EVP_PKEY_Q_keygen"));
  const Certificate certificate = certify(key.get());
  require(ssl.SSL_CTX_use_certificate(context, certificate.get()), "SSL_CTX_use_certificate");
  require(ssl.SSL_CTX_use_PrivateKey(context, key.get()), "SSL_CTX_use_PrivateKey");
}

// Returns the keys that encrypt the tickets of all servers in this process.
const auto& ticket_keys() {
  static const auto keys = [] {
    std::array<unsigned char, 80> bytes;  // the size that OpenSSL requires
    check(static_cast<int>(::getrandom(bytes.data(), bytes.size(), 0)), "getrandom");
    return bytes;
  }();
  return keys;
}

void block_sigpipe() noexcept {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace

std::optional<std::string> tls_unavailable() {
  try {
    openssl();
    return std::nullopt;
  } catch (const std::exception& e) {
    return std::string("requires OpenSSL 3 (Debian: libssl3): ") + e.what();
  }
}

void require_ktls(const Options& options) {
  if (!options.ktls.value_or(false)) return;
  const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  constexpr char kUlp[] = "tls";
  // A kernel with kTLS reports ENOTCONN, because the socket is not connected.
  if (::setsockopt(probe.get(), IPPROTO_TCP, TCP_ULP, kUlp, sizeof kUlp - 1) != 0 &&
      errno != ENOTCONN)
    throw Unavailable(std::string("ktls is unavailable here: the kernel has no TLS (modprobe tls; "
                                  "CONFIG_TLS): ") +
                      std::strerror(errno));
}

TlsContext::TlsContext(const Options& options, TlsRole role) : role_(role) {
  block_sigpipe();
  const OpenSsl& ssl = openssl();
  const bool is_server = role == TlsRole::server;
  context_.reset(
      require(ssl.SSL_CTX_new(is_server ? ssl.TLS_server_method() : ssl.TLS_client_method()),
              "SSL_CTX_new"));
  SSL_CTX* const context = context_.get();
  require(ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, nullptr),
          "SSL_CTRL_SET_MIN_PROTO_VERSION");
  require(ssl.SSL_CTX_set_ciphersuites(context, suite_of(options)), "SSL_CTX_set_ciphersuites");
  if (options.ktls.value_or(false)) ssl.SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
  if (!is_server) return;
  make_identity(context);
  ssl.SSL_CTX_set_num_tickets(context, options.tls_resumption.value_or(false) ? 1 : 0);
  auto keys = ticket_keys();
  require(ssl.SSL_CTX_ctrl(context, SSL_CTRL_SET_TLSEXT_TICKET_KEYS, keys.size(), keys.data()),
          "SSL_CTRL_SET_TLSEXT_TICKET_KEYS");
}

TlsStream::TlsStream(const TlsContext& context, int fd, const TlsSession& session) noexcept
    : stream_(openssl().SSL_new(context.context_.get())), role_(context.role_) {
  if (stream_ && openssl().SSL_set_fd(stream_.get(), fd) != 1) stream_.reset();
  if (stream_ && session) openssl().SSL_set_session(stream_.get(), session.session_.get());
}

bool TlsStream::handshake() noexcept {
  if (!stream_) {
    errno = ENOMEM;
    return false;
  }
  const OpenSsl& ssl = openssl();
  const int result =
      role_ == TlsRole::server ? ssl.SSL_accept(stream_.get()) : ssl.SSL_connect(stream_.get());
  if (result == 1) return true;
  if (fail(result) == 0) errno = ECONNRESET;  // the peer refused
  return false;
}

void TlsStream::set_up(const Options& options) {
  while (!handshake())
    if (errno != EINTR) throw std::runtime_error("TLS handshake: " + reason());
  if (options.ktls.value_or(false) && !kernel_encrypts())
    throw std::runtime_error("ktls: OpenSSL did not use the kernel's TLS with cipher " +
                             std::string(cipher()));
}

ssize_t TlsStream::read(char* data, std::size_t size) noexcept {
  const int n = openssl().SSL_read(stream_.get(), data, static_cast<int>(size));
  return n > 0 ? n : fail(n);
}

ssize_t TlsStream::write(const char* data, std::size_t size) noexcept {
  const int n = openssl().SSL_write(stream_.get(), data, static_cast<int>(size));
  return n > 0 ? n : fail(n);
}

bool TlsStream::send_all(const char* data, std::size_t size) noexcept {
  while (write(data, size) < 0)
    if (errno != EINTR) return false;
  return true;
}

bool TlsStream::receive_all(char* data, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t n = read(data, size);
    if (n == 0) errno = 0;
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

void TlsStream::finish() noexcept {
  openssl().SSL_shutdown(stream_.get());
}

void TlsStream::abandon() noexcept {
  openssl().SSL_set_shutdown(stream_.get(), SSL_SENT_SHUTDOWN);
}

TlsSession TlsStream::session() const noexcept {
  TlsSession kept;
  kept.session_.reset(openssl().SSL_get1_session(stream_.get()));
  if (kept && openssl().SSL_SESSION_is_resumable(kept.session_.get()) != 1) kept.session_.reset();
  return kept;
}

bool TlsStream::resumed() const noexcept {
  return openssl().SSL_session_reused(stream_.get()) == 1;
}

std::string_view TlsStream::cipher() const noexcept {
  const OpenSsl& ssl = openssl();
  return ssl.SSL_CIPHER_get_name(ssl.SSL_get_current_cipher(stream_.get()));
}

std::string TlsStream::reason() const {
  return reason_ ? reason_ : std::strerror(errno);
}

bool TlsStream::kernel_encrypts() const noexcept {
  const OpenSsl& ssl = openssl();
  return ssl.BIO_ctrl(ssl.SSL_get_wbio(stream_.get()), BIO_CTRL_GET_KTLS_SEND, 0, nullptr) > 0;
}

ssize_t TlsStream::fail(int result) noexcept {
  const int error = errno;
  const OpenSsl& ssl = openssl();
  const int kind = ssl.SSL_get_error(stream_.get(), result);
  const unsigned long last = ssl.ERR_peek_last_error();
  reason_ = ssl.ERR_reason_error_string(last);
  ssl.ERR_clear_error();
  errno = error == 0 ? ECONNRESET : error;
  if (kind == SSL_ERROR_ZERO_RETURN) return 0;
  if (kind == SSL_ERROR_SSL)
    errno = ERR_GET_REASON(last) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? ECONNRESET : EPROTO;
  return -1;
}

void TlsContext::Free::operator()(ssl_ctx_st* context) const noexcept {
  openssl().SSL_CTX_free(context);
}

void TlsSession::Free::operator()(ssl_session_st* session) const noexcept {
  openssl().SSL_SESSION_free(session);
}

void TlsStream::Free::operator()(ssl_st* stream) const noexcept {
  openssl().SSL_free(stream);
}

}  // namespace pingperf
