// The output of a program: the lines of pingperf's own format (docs/programs.md), and figures that
// its results name.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "harness/engines/program.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

class ProgramOutput {
 public:
  // Lines of stdout are kept up to this size; of more, the end.
  static constexpr std::size_t kKept = 1 << 20;

  explicit ProgramOutput(const ProgramEnd& end) : end_(end) {}

  // Calls `progress` with each interval that the program prints from now on.
  void report_to(IntervalSink progress) { progress_ = std::move(progress); }

  // Takes bytes of stdout.
  void add(std::string_view bytes);

  // Returns the figures. Throws std::runtime_error if one is missing or no number, or if a line of
  // pingperf's format was wrong.
  Measurement finish();

  // Returns the last line that is not blank and not of pingperf's format, printable.
  std::string last_line() const;

 private:
  void take_line(std::string_view line);
  void take_own_line(std::string_view line);
  void take_figures();

  const ProgramEnd& end_;
  IntervalSink progress_;
  std::string pending_;  // an incomplete line
  std::string text_;     // the lines that are not of pingperf's format
  bool is_cut_ = false;  // the beginning of text_ is gone
  Measurement measurement_;
};

}  // namespace pingperf
