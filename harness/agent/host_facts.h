// Facts about a host that matter to what is measured on it.
#pragma once

#include <string>

namespace pingperf {

// Returns a JSON object of facts about this host and this build. Facts that cannot be read are left
// out.
std::string host_facts();

// Returns the text `name` of `facts`, a JSON object. Returns "" if it is missing or not a text.
std::string text_fact(const std::string& facts, const char* name);

}  // namespace pingperf
