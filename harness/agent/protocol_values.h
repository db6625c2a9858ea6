// The JSON of values that messages of the protocol contain. Those that read throw ProtocolError.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/engines/program.h"
#include "harness/experiment/variant.h"
#include "sockets/core/options.h"

namespace pingperf {

// All options except the name of the engine.
Json to_json(const Options& options);
Options options_from(const Json& object);

Json to_json(const ProgramEnd& end);
ProgramEnd program_from(const Json& object);

Json to_json(const SystemChanges& changes);
SystemChanges changes_from(const Json& object);

// A list of texts, and a list of pairs of texts.
std::vector<std::string> take_texts(const Json& object, std::string_view key);
Json pairs_of(const std::vector<std::pair<std::string, std::string>>& pairs);
std::vector<std::pair<std::string, std::string>> take_pairs(const Json& object,
                                                            std::string_view key);

}  // namespace pingperf
