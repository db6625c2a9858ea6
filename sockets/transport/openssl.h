// OpenSSL as a table of its functions. The library is loaded at the first use, so that processes
// without TLS do not load it. The static build has none, because it starts faster so.
#pragma once

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdexcept>
#include <string>

namespace pingperf {

// Loads the library that the headers belong to. It stays loaded. Throws std::runtime_error.
inline void* load_openssl() {
  if constexpr (PINGPERF_STATIC) {
    throw std::runtime_error("the static build has no OpenSSL");
  } else {
    const std::string name = "libssl.so." + std::to_string(OPENSSL_SHLIB_VERSION);
    void* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(::dlerror());
    return library;
  }
}

// A function of the library, which converts to a pointer of its type.
struct OpenSslFunction {
  void* address;

  template <typename Pointer>
  operator Pointer() const {  // NOLINT(*-explicit-*): a member's type selects the type
    return reinterpret_cast<Pointer>(address);
  }
};

// Throws std::runtime_error if the library lacks the function.
inline OpenSslFunction find_function(void* library, const char* name) {
  void* const address = ::dlsym(library, name);
  if (address == nullptr) throw std::runtime_error(::dlerror());
  return {address};
}

// The members have the names and types of the functions. libssl also finds those of libcrypto.
struct OpenSsl {
  void* library = load_openssl();

  decltype(&::OPENSSL_init_ssl) OPENSSL_init_ssl = find_function(library, "OPENSSL_init_ssl");
  decltype(&::TLS_client_method) TLS_client_method = find_function(library, "TLS_client_method");
  decltype(&::TLS_server_method) TLS_server_method = find_function(library, "TLS_server_method");

  decltype(&::SSL_CTX_new) SSL_CTX_new = find_function(library, "SSL_CTX_new");
  decltype(&::SSL_CTX_free) SSL_CTX_free = find_function(library, "SSL_CTX_free");
  decltype(&::SSL_CTX_ctrl) SSL_CTX_ctrl = find_function(library, "SSL_CTX_ctrl");
  decltype(&::SSL_CTX_set_options) SSL_CTX_set_options =
      find_function(library, "SSL_CTX_set_options");
  decltype(&::SSL_CTX_set_ciphersuites) SSL_CTX_set_ciphersuites =
      find_function(library, "SSL_CTX_set_ciphersuites");
  decltype(&::SSL_CTX_set_num_tickets) SSL_CTX_set_num_tickets =
      find_function(library, "SSL_CTX_set_num_tickets");
  decltype(&::SSL_CTX_use_certificate) SSL_CTX_use_certificate =
      find_function(library, "SSL_CTX_use_certificate");
  decltype(&::SSL_CTX_use_PrivateKey) SSL_CTX_use_PrivateKey =
      find_function(library, "SSL_CTX_use_PrivateKey");

  decltype(&::SSL_new) SSL_new = find_function(library, "SSL_new");
  decltype(&::SSL_free) SSL_free = find_function(library, "SSL_free");
  decltype(&::SSL_set_fd) SSL_set_fd = find_function(library, "SSL_set_fd");
  decltype(&::SSL_accept) SSL_accept = find_function(library, "SSL_accept");
  decltype(&::SSL_connect) SSL_connect = find_function(library, "SSL_connect");
  decltype(&::SSL_read) SSL_read = find_function(library, "SSL_read");
  decltype(&::SSL_write) SSL_write = find_function(library, "SSL_write");
  decltype(&::SSL_shutdown) SSL_shutdown = find_function(library, "SSL_shutdown");
  decltype(&::SSL_set_shutdown) SSL_set_shutdown = find_function(library, "SSL_set_shutdown");
  decltype(&::SSL_get_error) SSL_get_error = find_function(library, "SSL_get_error");
  decltype(&::SSL_get_wbio) SSL_get_wbio = find_function(library, "SSL_get_wbio");
  decltype(&::BIO_ctrl) BIO_ctrl = find_function(library, "BIO_ctrl");
  decltype(&::SSL_get_current_cipher) SSL_get_current_cipher =
      find_function(library, "SSL_get_current_cipher");
  decltype(&::SSL_CIPHER_get_name) SSL_CIPHER_get_name =
      find_function(library, "SSL_CIPHER_get_name");

  decltype(&::SSL_get1_session) SSL_get1_session = find_function(library, "SSL_get1_session");
  decltype(&::SSL_set_session) SSL_set_session = find_function(library, "SSL_set_session");
  decltype(&::SSL_session_reused) SSL_session_reused = find_function(library, "SSL_session_reused");
  decltype(&::SSL_SESSION_free) SSL_SESSION_free = find_function(library, "SSL_SESSION_free");
  decltype(&::SSL_SESSION_is_resumable) SSL_SESSION_is_resumable =
      find_function(library, "SSL_SESSION_is_resumable");

  decltype(&::EVP_PKEY_Q_keygen) EVP_PKEY_Q_keygen = find_function(library, "EVP_PKEY_Q_keygen");
  decltype(&::EVP_PKEY_free) EVP_PKEY_free = find_function(library, "EVP_PKEY_free");
  decltype(&::EVP_sha256) EVP_sha256 = find_function(library, "EVP_sha256");

  decltype(&::X509_new) X509_new = find_function(library, "X509_new");
  decltype(&::X509_free) X509_free = find_function(library, "X509_free");
  decltype(&::X509_set_version) X509_set_version = find_function(library, "X509_set_version");
  decltype(&::X509_set_pubkey) X509_set_pubkey = find_function(library, "X509_set_pubkey");
  decltype(&::X509_getm_notBefore) X509_getm_notBefore =
      find_function(library, "X509_getm_notBefore");
  decltype(&::X509_getm_notAfter) X509_getm_notAfter = find_function(library, "X509_getm_notAfter");
  decltype(&::X509_gmtime_adj) X509_gmtime_adj = find_function(library, "X509_gmtime_adj");
  decltype(&::X509_get_subject_name) X509_get_subject_name =
      find_function(library, "X509_get_subject_name");
  decltype(&::X509_NAME_add_entry_by_txt) X509_NAME_add_entry_by_txt =
      find_function(library, "X509_NAME_add_entry_by_txt");
  decltype(&::X509_set_issuer_name) X509_set_issuer_name =
      find_function(library, "X509_set_issuer_name");
  decltype(&::X509_sign) X509_sign = find_function(library, "X509_sign");

  decltype(&::ERR_clear_error) ERR_clear_error = find_function(library, "ERR_clear_error");
  decltype(&::ERR_peek_last_error) ERR_peek_last_error =
      find_function(library, "ERR_peek_last_error");
  decltype(&::ERR_reason_error_string) ERR_reason_error_string =
      find_function(library, "ERR_reason_error_string");
};

}  // namespace pingperf
