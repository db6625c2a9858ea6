#include "harness/base/name_parts.h"

#include <algorithm>

namespace pingperf {

std::vector<std::string> name_parts(const std::string& name) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    std::string part = name.substr(at, end - at);
    if (parts.empty() || part.find('=') != std::string::npos)
      parts.push_back(std::move(part));
    else
      parts.back() += "/" + part;
    at = end + 1;
  }
  return parts;
}

}  // namespace pingperf
