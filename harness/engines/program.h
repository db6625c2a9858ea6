// Program: commands of the user that are an engine of an experiment (docs/programs.md).
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sockets/core/clock.h"
#include "sockets/core/options.h"
#include "sockets/transport/engine.h"

namespace pingperf {

// An argument of a command. It may contain placeholders such as {port} (program_arguments.h).
struct ProgramArgument {
  std::string text;
  std::string condition = {};  // left out if this parameter has no value or is false
};

// A figure that a program prints: the last JSON value has it at `json`, or the last line that
// matches `regex` has it in the first group. One of both is empty.
struct ProgramFigure {
  std::string column;  // of trials.csv
  std::string json;    // RFC 6901 pointer
  std::string regex;   // ECMAScript
  double scale = 1;    // the column's unit per printed unit
};

// When the server of a program is ready for the client.
struct ProgramReady {
  enum class When { listens, line, after };

  When when = When::listens;
  std::string regex = {};  // line: of stdout or stderr
  Nanoseconds after = 0;
};

// One end of a program: the command, and how its end and its output are understood.
struct ProgramEnd {
  static constexpr int kEndsItself = 0;

  std::string program;                     // the name, for errors
  std::vector<ProgramArgument> arguments;  // empty: the program has no such end
  std::vector<std::pair<std::string, std::string>> environment = {};  // may have placeholders
  std::string directory = {};               // on its host; relative to where the agent runs
  ProgramReady ready = {};                  // of a server
  std::vector<ProgramFigure> figures = {};  // that this end prints
  int stop_signal = SIGTERM;                // or kEndsItself
  std::vector<int> exit_codes = {0};        // of success
  bool is_copied = false;                   // runs in the agent's folder of copied files
  std::uint64_t seed = 0;                   // {seed}, set for each trial
};

struct Program {
  std::string name;
  std::string location;  // in the file
  std::string folder;    // of the file, absolute: relative paths on this machine count from there
  ProgramEnd client;
  ProgramEnd server;
  std::vector<std::string> copy_files;  // relative paths
  // Of each figure: the column, and the location in the file.
  std::vector<std::pair<std::string, std::string>> figure_locations;
  Engine engine;  // its texts point to this program
};

// Returns the absolute directory in which the program runs on this machine.
std::string directory_here(const Program& program);

// Returns why this host cannot run an executable in a directory ("": the present one). Returns
// nothing if it can.
std::optional<std::string> unavailable(const std::string& executable, const std::string& directory);

// Returns why the end cannot run on this host: its executable is missing. Returns nothing if it
// can.
std::optional<std::string> unavailable(const ProgramEnd& end);

// Makes the endpoint of one end. The constructor of a server starts the command and returns when it
// is ready. run() of a client starts the command. Both run until the command ends, kill its
// descendants, and return the figures that it printed. Throws std::runtime_error, with the end of
// the output.
std::unique_ptr<Endpoint> make_program_endpoint(const ProgramEnd& end, const EndpointConfig& config,
                                                bool is_server);

// Sets `program.engine` from the ends. `parameters` are those that it honours.
void make_engine(Program& program, Kind kind, Transport transport,
                 std::vector<std::string_view> parameters);

}  // namespace pingperf
