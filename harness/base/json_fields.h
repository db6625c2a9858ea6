// Reads fields of JSON objects strictly: texts are not converted to numbers, nor fractions to
// counts. Each function throws ProtocolError that names the key.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "harness/base/json.h"
#include "harness/base/lines.h"

namespace pingperf {

template <typename T>
T as(const Json& value, std::string_view key) {
  const auto [fits, type] = [&]() -> std::pair<bool, const char*> {
    if constexpr (std::is_same_v<T, bool>) return {value.is_boolean(), "true or false"};
    if constexpr (std::is_same_v<T, std::string>) return {value.is_string(), "a string"};
    if constexpr (std::is_same_v<T, Json>) return {value.is_object(), "an object"};
    if constexpr (std::is_floating_point_v<T>) return {value.is_number(), "a number"};
    if constexpr (std::is_unsigned_v<T>)
      return {value.is_number_unsigned(), "a whole number from 0 on"};
    return {value.is_number_integer(), "a whole number"};
  }();
  if (!fits) throw ProtocolError(fmt::format("'{}' is not {}", key, type));
  return value.get<T>();
}

inline const Json& member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) throw ProtocolError(fmt::format("'{}' is missing", key));
  return *found;
}

template <typename T>
T take(const Json& object, std::string_view key) {
  return as<T>(member(object, key), key);
}

template <typename T>
std::optional<T> take_optional(const Json& object, std::string_view key) {
  if (!object.contains(key)) return std::nullopt;
  return take<T>(object, key);
}

inline const Json& take_array(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_array()) throw ProtocolError(fmt::format("'{}' is not an array", key));
  return value;
}

template <typename Enum>
Enum take_name(const Json& object, std::string_view key,
               std::optional<Enum> (*from)(std::string_view)) {
  const auto text = take<std::string>(object, key);
  if (const auto value = from(text)) return *value;
  throw ProtocolError(fmt::format("'{}' cannot be {}", key, excerpt(text)));
}

}  // namespace pingperf
