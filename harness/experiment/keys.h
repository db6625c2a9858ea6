// The keys of an experiment file, section by section, beside the parameters of
// sockets/core/options.h.
//
// The readers take the names and the ranges of counts from the table. The JSON Schema is made from
// all of it. A new key needs an entry here, and code where its section is read.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pingperf {

// How a value is written.
enum class KeyType {
  text,              // that matches the key's pattern, if it has one
  count,             // plain digits
  duration,          // 500ms
  rate,              // 100mbit
  duration_or_size,  // 100ms, 256KiB
  percent,           // 2%
  flag,              // true or false
  choice,            // one of the key's choices
  section,           // has the form that `section` names
  list,              // a list of these
  map,               // a map from names that the user chooses to these
};

struct ExperimentKey {
  std::string_view name;
  KeyType type;
  std::string_view doc;
  std::string_view section = {};  // one of experiment_sections(), or a form that schema.cpp defines
  std::string_view pattern = {};  // of a text: ECMA-262
  std::vector<std::string_view> choices = {};
  std::uint64_t minimum = 0;           // of a count, duration (ns) or rate (bit/s)
  std::uint64_t maximum = UINT64_MAX;  // of these; of a list: items
  bool required = false;
};

struct ExperimentSection {
  std::string_view name;
  std::string_view doc;
  std::vector<ExperimentKey> keys;
};

// Returns every section. The first one is the file itself. A workload has the parameters too.
std::span<const ExperimentSection> experiment_sections();

// Returns the names of a section's keys.
std::vector<std::string_view> keys_of(std::string_view section);

// Returns a key of the table. Throws std::out_of_range if the section has no such key.
const ExperimentKey& find_key(std::string_view section, std::string_view name);

}  // namespace pingperf
