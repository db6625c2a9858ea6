// The parts of the JSON Schema of an experiment file (schema.h).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/experiment/keys.h"

namespace pingperf::schema {

using Schema = nlohmann::ordered_json;

inline Schema text_like(const std::string& pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

inline Schema one_of(std::span<const std::string_view> words) {
  return {{"enum", words}};
}

inline Schema any_of(std::vector<Schema> schemas) {
  return {{"anyOf", std::move(schemas)}};
}

inline Schema reference(std::string_view definition) {
  return {{"$ref", "#/$defs/" + std::string(definition)}};
}

// An integer; a maximum of 9e18 or more is left out.
inline Schema integer(double minimum, double maximum) {
  Schema schema = {{"type", "integer"}, {"minimum", static_cast<std::int64_t>(minimum)}};
  if (maximum < 9e18) schema["maximum"] = static_cast<std::int64_t>(maximum);
  return schema;
}

// A name that becomes a file's name.
inline Schema plain_name() {
  return text_like(std::string(find_key("experiment", "name").pattern));
}

inline Schema not_both(const char* a, const char* b) {
  return {{"not", {{"required", {a, b}}}}};
}

// Matches if `key` is `word`.
inline Schema where(const char* key, std::string_view word) {
  return {{"properties", {{key, {{"const", word}}}}}, {"required", {key}}};
}

// Returns the form of the parameters of a workload, which are the definition "parameters".
Schema parameters_schema();

// Returns a reference to the form of one parameter.
Schema parameter_reference(std::string_view key);

// Only one limit can end a trial.
Schema one_limit();

// Returns the names of the built-in engines, old names included.
Schema known_engine();

// Returns the rules between the keys of a section, or null if it has none that a schema can
// express.
Schema rules_of(std::string_view section);

}  // namespace pingperf::schema
