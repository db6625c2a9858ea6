// OpenSSL as a table of its functions. The library is loaded at the first use, so that processes
// without TLS do not load it. The static build has none, because it starts faster so.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace pingperf {

// Returns the address of a function of the library that the headers belong to. The library is
// loaded by the first call and stays loaded. Throws std::runtime_error with the reason, always in
// the static build (tools/static_openssl.cpp).
void* find_in_openssl(const char* name);

// A function of the library, which converts to a pointer of its type.
struct OpenSslFunction {
  const char* name;

  template <typename Pointer>
  operator Pointer() const {  // NOLINT(*-explicit-*): a member's type selects the type
    return reinterpret_cast<Pointer>(find_in_openssl(name));
  }
};

// The members have the names and types of the functions. libssl also finds those of libcrypto.
struct OpenSsl {
  decltype(&::OPENSSL_init_ssl) OPENSSL_init_ssl = OpenSslFunction{"OPENSSL_init_ssl"};
  decltype(&::TLS_client_method) TLS_client_method = OpenSslFunction{"TLS_client_method"};
  decltype(&::TLS_server_method) TLS_server_method = OpenSslFunction{"TLS_server_method"};

  decltype(&::SSL_CTX_new) SSL_CTX_new = OpenSslFunction{"SSL_CTX_new"};
  decltype(&::SSL_CTX_free) SSL_CTX_free = OpenSslFunction{"SSL_CTX_free"};
  decltype(&::SSL_CTX_ctrl) SSL_CTX_ctrl = OpenSslFunction{"SSL_CTX_ctrl"};
  decltype(&::SSL_CTX_set_options) SSL_CTX_set_options = OpenSslFunction{"SSL_CTX_set_options"};
  decltype(&::SSL_CTX_set_ciphersuites) SSL_CTX_set_ciphersuites =
      OpenSslFunction{"SSL_CTX_set_ciphersuites"};
  decltype(&::SSL_CTX_set_num_tickets) SSL_CTX_set_num_tickets =
      OpenSslFunction{"SSL_CTX_set_num_tickets"};
  decltype(&::SSL_CTX_use_certificate) SSL_CTX_use_certificate =
      OpenSslFunction{"SSL_CTX_use_certificate"};
  decltype(&::SSL_CTX_use_PrivateKey) SSL_CTX_use_PrivateKey =
      OpenSslFunction{"SSL_CTX_use_PrivateKey"};

  decltype(&::SSL_new) SSL_new = OpenSslFunction{"SSL_new"};
  decltype(&::SSL_free) SSL_free = OpenSslFunction{"SSL_free"};
  decltype(&::SSL_set_fd) SSL_set_fd = OpenSslFunction{"SSL_set_fd"};
  decltype(&::SSL_accept) SSL_accept = OpenSslFunction{"SSL_accept"};
  decltype(&::SSL_connect) SSL_connect = OpenSslFunction{"SSL_connect"};
  decltype(&::SSL_read) SSL_read = OpenSslFunction{"SSL_read"};
  decltype(&::SSL_write) SSL_write = OpenSslFunction{"SSL_write"};
  decltype(&::SSL_shutdown) SSL_shutdown = OpenSslFunction{"SSL_shutdown"};
  decltype(&::SSL_set_shutdown) SSL_set_shutdown = OpenSslFunction{"SSL_set_shutdown"};
  decltype(&::SSL_get_error) SSL_get_error = OpenSslFunction{"SSL_get_error"};
  decltype(&::SSL_get_wbio) SSL_get_wbio = OpenSslFunction{"SSL_get_wbio"};
  decltype(&::BIO_ctrl) BIO_ctrl = OpenSslFunction{"BIO_ctrl"};
  decltype(&::SSL_get_current_cipher) SSL_get_current_cipher =
      OpenSslFunction{"SSL_get_current_cipher"};
  decltype(&::SSL_CIPHER_get_name) SSL_CIPHER_get_name = OpenSslFunction{"SSL_CIPHER_get_name"};

  decltype(&::SSL_get1_session) SSL_get1_session = OpenSslFunction{"SSL_get1_session"};
  decltype(&::SSL_set_session) SSL_set_session = OpenSslFunction{"SSL_set_session"};
  decltype(&::SSL_session_reused) SSL_session_reused = OpenSslFunction{"SSL_session_reused"};
  decltype(&::SSL_SESSION_free) SSL_SESSION_free = OpenSslFunction{"SSL_SESSION_free"};
  decltype(&::SSL_SESSION_is_resumable) SSL_SESSION_is_resumable =
      OpenSslFunction{"SSL_SESSION_is_resumable"};

  decltype(&::EVP_PKEY_Q_keygen) EVP_PKEY_Q_keygen = OpenSslFunction{"EVP_PKEY_Q_keygen"};
  decltype(&::EVP_PKEY_free) EVP_PKEY_free = OpenSslFunction{"EVP_PKEY_free"};
  decltype(&::EVP_sha256) EVP_sha256 = OpenSslFunction{"EVP_sha256"};

  decltype(&::X509_new) X509_new = OpenSslFunction{"X509_new"};
  decltype(&::X509_free) X509_free = OpenSslFunction{"X509_free"};
  decltype(&::X509_set_version) X509_set_version = OpenSslFunction{"X509_set_version"};
  decltype(&::X509_set_pubkey) X509_set_pubkey = OpenSslFunction{"X509_set_pubkey"};
  decltype(&::X509_getm_notBefore) X509_getm_notBefore = OpenSslFunction{"X509_getm_notBefore"};
  decltype(&::X509_getm_notAfter) X509_getm_notAfter = OpenSslFunction{"X509_getm_notAfter"};
  decltype(&::X509_gmtime_adj) X509_gmtime_adj = OpenSslFunction{"X509_gmtime_adj"};
  decltype(&::X509_get_subject_name) X509_get_subject_name =
      OpenSslFunction{"X509_get_subject_name"};
  decltype(&::X509_NAME_add_entry_by_txt) X509_NAME_add_entry_by_txt =
      OpenSslFunction{"X509_NAME_add_entry_by_txt"};
  decltype(&::X509_set_issuer_name) X509_set_issuer_name = OpenSslFunction{"X509_set_issuer_name"};
  decltype(&::X509_sign) X509_sign = OpenSslFunction{"X509_sign"};

  decltype(&::ERR_clear_error) ERR_clear_error = OpenSslFunction{"ERR_clear_error"};
  decltype(&::ERR_peek_last_error) ERR_peek_last_error = OpenSslFunction{"ERR_peek_last_error"};
  decltype(&::ERR_reason_error_string) ERR_reason_error_string =
      OpenSslFunction{"ERR_reason_error_string"};
};

}  // namespace pingperf
