// The static program has no OpenSSL, because libcrypto would delay the start of every process.
#include <stdexcept>

#include "sockets/transport/openssl.h"

namespace pingperf {

void* find_in_openssl(const char*) {
  throw std::runtime_error("the static build has no OpenSSL");
}

}  // namespace pingperf
