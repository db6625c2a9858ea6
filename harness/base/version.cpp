// CMakeLists.txt defines the values for this file only.
#include "harness/base/version.h"

namespace pingperf {

std::string_view version() {
  return PINGPERF_VERSION;
}
std::string_view git_commit() {
  return PINGPERF_GIT;
}
std::string_view compiler() {
  return PINGPERF_COMPILER;
}
std::string_view build_type() {
  return PINGPERF_BUILD_TYPE;
}

}  // namespace pingperf
