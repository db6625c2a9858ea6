// The functions of libcrypto that libiperf uses to authenticate users, which pingperf does not
// offer (harness/engines/iperf3_arguments.cpp refuses the options). Without these, the static
// program would contain libcrypto, and start 0.5 ms later. They are weak: what another libiperf
// needs comes from libcrypto.
#include <cstdlib>

extern "C" {
void pingperf_no_crypto() noexcept {
  std::abort();
}

[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_ctrl() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_f_base64() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_free() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_free_all() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_new() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_new_file() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_new_mem_buf() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_push() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_read() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_s_mem() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_set_flags() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void BIO_write() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void CRYPTO_free() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void CRYPTO_malloc() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void ERR_error_string() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void ERR_get_error() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void EVP_PKEY_free() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void EVP_PKEY_get1_RSA() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void PEM_read_bio_PUBKEY() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void PEM_read_bio_PrivateKey() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void RSA_free() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void RSA_private_decrypt() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void RSA_public_encrypt() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void RSA_size() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void SHA256_Final() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void SHA256_Init() noexcept;
[[gnu::weak, gnu::alias("pingperf_no_crypto")]] void SHA256_Update() noexcept;
}  // extern "C"
