// The keys of an experiment file, section by section, beside the parameters of sockets/options.h.
//
// The table drives what the readers accept, the JSON Schema and the manual page: a key is added
// here, and read where its section is.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pingperf {

// How a value is written.
enum class KeyType {
  text,
  name,      // letters, digits, '_' and '-'
  count,     // plain digits, within the key's range
  duration,  // 500ms
  rate,      // 100mbit
  room,      // a duration or a size
  share,     // 2%
  flag,      // true or false
  bound,     // in the unit of a metric, or a ratio
  metric,
  metrics,                // one, or a list of them
  choice,                 // one of the key's choices
  host,                   // a name that is no option
  words,                  // of a command
  axis,                   // a parameter's name
  value,                  // any value of a parameter; or a map {workload: NAME}
  section,                // a map with the keys of another section
  sections,               // a list of these
  named,                  // a map from names that the user gives to these
  lists,                  // a map from parameters to lists of their values
  parameters,             // a map of parameters and their values
  background,             // these of a transfer that has no end of its own
  choices_of_parameters,  // a list of these
};

struct ExperimentKey {
  std::string_view name;
  KeyType type;
  std::string_view doc;
  std::string_view section = {};  // of type section, sections and named
  std::vector<std::string_view> choices = {};
  std::uint64_t minimum = 0;  // of a count
  std::uint64_t maximum = UINT64_MAX;
  bool required = false;
};

struct ExperimentSection {
  std::string_view name;
  std::string_view doc;
  std::vector<ExperimentKey> keys;
};

// The first one is the file itself. Those of a workload are beside its parameters.
std::span<const ExperimentSection> experiment_sections();

// The names of a section's keys.
std::vector<std::string_view> keys_of(std::string_view section);

}  // namespace pingperf
