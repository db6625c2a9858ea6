#include "sockets/transport/openssl.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace pingperf {
namespace {

void* load_openssl() {
  const std::string name = "libssl.so." + std::to_string(OPENSSL_SHLIB_VERSION);
  void* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(::dlerror());
  return library;
}

}  // namespace

void* find_in_openssl(const char* name) {
  static void* const library = load_openssl();
  void* const address = ::dlsym(library, name);
  if (address == nullptr) throw std::runtime_error(::dlerror());
  return address;
}

}  // namespace pingperf
