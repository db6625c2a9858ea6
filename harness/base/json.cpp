#include "harness/base/json.h"

#include <algorithm>

namespace pingperf {
namespace {

constexpr std::size_t kMaxDepth = 64;

// Returns how deeply brackets are nested, outside strings.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0, deepest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '[':
      case '{':
        deepest = std::max(deepest, ++depth);
        break;
      case ']':
      case '}':
        if (depth > 0) --depth;
        break;
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i)
          if (text[i] == '\\') ++i;
        break;
      default:
        break;
    }
  }
  return deepest;
}

}  // namespace

Json parse_json(std::string_view text) {
  if (depth_of(text) > kMaxDepth) throw JsonError("nested too deeply");
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    throw JsonError(e.what());
  }
}

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pingperf
