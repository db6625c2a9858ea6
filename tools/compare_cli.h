// The command line of `pingperf compare`.
#pragma once

namespace CLI {
class App;
}

namespace pingperf {

// Adds the command. Calling it sets `result`.
void add_compare(CLI::App& app, int& result);

}  // namespace pingperf
