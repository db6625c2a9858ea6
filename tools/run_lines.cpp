#include "tools/run_lines.h"

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <system_error>

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

RunLines::RunLines(int fd, const Interrupt& interrupt) : fd_(fd), interrupt_(interrupt) {
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

// Waits for the reader, for less time after an interrupt. Returns false if it takes nothing.
bool RunLines::wait_until_writable() const {
  constexpr int kPatienceMs = 5000, kPatienceAfterInterruptMs = 1000;
  for (;;) {
    const bool raised = interrupt_.raised();
    pollfd fds[] = {{fd_, POLLOUT, 0}, {interrupt_.fd(), POLLIN, 0}};
    const int ready = ::poll(fds, raised ? 1 : 2, raised ? kPatienceAfterInterruptMs : kPatienceMs);
    if (ready == 0) return false;
    if (fds[0].revents != 0) return true;
  }
}

// Writes pieces that a pipe with room takes whole, because a blocking write would not end before
// the reader reads.
void RunLines::write_line(std::string_view line) {
  while (!line.empty()) {
    if (!wait_until_writable()) throw std::system_error(ETIMEDOUT, std::generic_category());
    const ssize_t written = ::write(fd_, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
    if (written < 0 && errno != EAGAIN && errno != EINTR)
      throw std::system_error(errno, std::generic_category());
    if (written > 0) line.remove_prefix(static_cast<std::size_t>(written));
  }
}

void RunLines::write(std::string_view event, const Json& fields) {
  if (is_closed_) return;
  try {  // the event first, for people
    write_line(fmt::format("{{\"event\":\"{}\",{}\n", event, json_line(fields).substr(1)));
  } catch (const std::system_error& e) {
    is_closed_ = true;
    print_message("stdout: {}: the run goes on without --format jsonl\n", e.code().message());
  }
}

}  // namespace pingperf
