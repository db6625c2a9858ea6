// The functions of libcrypto that libiperf uses to authenticate users, which pingperf does not
// offer (harness/engines/iperf3_arguments.cpp refuses the options). Without these, the static
// program would contain libcrypto, and start 0.5 ms later. They are weak: what another libiperf
// needs comes from libcrypto.
#include <cstdlib>

namespace {

[[noreturn]] void refuse() {
  std::abort();
}

}  // namespace

extern "C" {
[[gnu::weak]] void BIO_ctrl() {
  refuse();
}
[[gnu::weak]] void BIO_f_base64() {
  refuse();
}
[[gnu::weak]] void BIO_free() {
  refuse();
}
[[gnu::weak]] void BIO_free_all() {
  refuse();
}
[[gnu::weak]] void BIO_new() {
  refuse();
}
[[gnu::weak]] void BIO_new_file() {
  refuse();
}
[[gnu::weak]] void BIO_new_mem_buf() {
  refuse();
}
[[gnu::weak]] void BIO_push() {
  refuse();
}
[[gnu::weak]] void BIO_read() {
  refuse();
}
[[gnu::weak]] void BIO_s_mem() {
  refuse();
}
[[gnu::weak]] void BIO_set_flags() {
  refuse();
}
[[gnu::weak]] void BIO_write() {
  refuse();
}
[[gnu::weak]] void CRYPTO_free() {
  refuse();
}
[[gnu::weak]] void CRYPTO_malloc() {
  refuse();
}
[[gnu::weak]] void ERR_error_string() {
  refuse();
}
[[gnu::weak]] void ERR_get_error() {
  refuse();
}
[[gnu::weak]] void EVP_PKEY_free() {
  refuse();
}
[[gnu::weak]] void EVP_PKEY_get1_RSA() {
  refuse();
}
[[gnu::weak]] void PEM_read_bio_PUBKEY() {
  refuse();
}
[[gnu::weak]] void PEM_read_bio_PrivateKey() {
  refuse();
}
[[gnu::weak]] void RSA_free() {
  refuse();
}
[[gnu::weak]] void RSA_private_decrypt() {
  refuse();
}
[[gnu::weak]] void RSA_public_encrypt() {
  refuse();
}
[[gnu::weak]] void RSA_size() {
  refuse();
}
[[gnu::weak]] void SHA256_Final() {
  refuse();
}
[[gnu::weak]] void SHA256_Init() {
  refuse();
}
[[gnu::weak]] void SHA256_Update() {
  refuse();
}
}  // extern "C"
