// Pages that are generated from the tables of the code: results/README.md and docs/parameters.md.
#pragma once

#include <string>

namespace pingperf {

// Returns results/README.md: the columns of every file of a run.
std::string data_dictionary();

// Returns docs/parameters.md: every parameter, and which engines have it.
std::string parameters_page();

}  // namespace pingperf
