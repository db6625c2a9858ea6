// The command line of ping, pong and sink.
#pragma once

namespace CLI {
class App;
}

namespace pingperf {

// Adds the commands. A called one sets `result`.
void add_ping_commands(CLI::App& app, int& result);

}  // namespace pingperf
