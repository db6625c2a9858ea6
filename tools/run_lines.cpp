#include "tools/run_lines.h"

#include <fmt/core.h>
#include <poll.h>

#include <csignal>

#include "harness/base/io.h"
#include "harness/base/json.h"
#include "harness/base/measurement_json.h"
#include "harness/base/print_message.h"
#include "tools/run_json.h"

namespace pingperf {
namespace {

Json name_of(const Case& c, const Trial& trial) {
  return {{"case", c.name}, {"block", trial.block}, {"position", trial.position}};
}

}  // namespace

RunLines::RunLines(int fd) : fd_(fd) {
  ::signal(SIGPIPE, SIG_IGN);  // a closed pipe must not end the run
}

void RunLines::run_started(const Experiment& experiment, const RunDirectory& directory,
                           std::size_t trials) {
  write("run", {{"experiment", experiment.name},
                {"directory", directory.path().string()},
                {"cases", experiment.cases.size()},
                {"trials", trials}});
}

void RunLines::trial_started(const Case& c, const Trial& trial) {
  write("start", name_of(c, trial));
}

void RunLines::interval(const Case& c, const Trial& trial, End end, const Interval& interval) {
  live_.emplace(c.name, trial.block);
  if (!can_write()) return;
  Json fields = name_of(c, trial);
  fields["endpoint"] = name(end);
  fields.update(to_json(interval));
  write("interval", fields);
}

void RunLines::trial_ended(const TrialRecord& record, const OwnColumns& own) {
  const Case& c = *record.trial_case;
  if (!live_.contains({c.name, record.trial.block}))
    for (const auto& [end, measurement] :
         {std::pair(End::client, &record.client), std::pair(End::server, &record.server)})
      for (const Interval& one : measurement->intervals) interval(c, record.trial, end, one);
  live_.erase({c.name, record.trial.block});
  write("end", row_json(trials_header(own) + trial_row(record, own), own));
}

void RunLines::run_ended(const Json& result) {
  write("result", result);
}

// A pipe that can take a line of this size takes it whole (pipe(7), PIPE_BUF).
bool RunLines::can_write() const {
  pollfd p{fd_, POLLOUT, 0};
  return ::poll(&p, 1, 0) == 1;
}

void RunLines::write(std::string_view event, const Json& fields) {
  if (is_closed_) return;
  try {  // the event first, for people
    write_all(fd_, fmt::format("{{\"event\":\"{}\",{}\n", event, json_line(fields).substr(1)));
  } catch (const std::system_error& e) {
    is_closed_ = true;
    print_message("stdout: {}: the run goes on without --format jsonl\n", e.code().message());
  }
}

}  // namespace pingperf
