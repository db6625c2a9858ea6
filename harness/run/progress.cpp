#include "harness/run/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "harness/base/print_message.h"
#include "harness/base/terminal.h"
#include "harness/base/text_table.h"
#include "harness/base/units.h"
#include "harness/experiment/search_reader.h"
#include "harness/results/columns.h"
#include "harness/results/metric_text.h"

namespace pingperf {
namespace {

bool is_terminal(std::FILE* out) {
  const char* const kind = std::getenv("TERM");
  return ::isatty(::fileno(out)) != 0 && kind && std::string_view(kind) != "dumb";
}

// Returns the rate of an interval at the receiving end, or the rate of pings at the client.
std::string rate_text(const Case& c, End end, const Interval& i) {
  const double seconds = i.end_s - i.start_s;
  if (seconds <= 0) return "";
  if (c.options->kind == Kind::throughput) {
    if (!i.bytes_received) return "";
    return human_rate(8 * static_cast<double>(*i.bytes_received) / seconds);
  }
  if (end != End::client || !i.messages) return "";
  return fmt::format("{:.0f} pings/s", static_cast<double>(*i.messages) / seconds);
}

std::string metric_text(const TrialRecord& record, std::string_view name) {
  const std::optional<Column> column = find_metric(name);
  const std::optional<double> value = column ? column->value(record) : std::nullopt;
  if (!value) return "-";
  return name.ends_with("_bps") ? human_rate(*value) : human_duration(*value);
}

// Returns the value that a search tries, as "94.3 Mbit/s: ".
std::string searched_text(const Case& c) {
  if (!c.search) return "";
  return human_metric(c.search->parameter->column, searched_value(*c.options, *c.search)) + ": ";
}

std::string result_text(const TrialRecord& record) {
  if (record.status != Status::ok) return fmt::format("{}: {}", name(record.status), record.error);
  if (record.trial_case->options->kind == Kind::throughput) {
    const bool is_counted = find_metric("throughput_bps")->value(record).has_value();
    return is_counted ? metric_text(record, "throughput_bps")
                      : "sent " + metric_text(record, "sent_bps");
  }
  return fmt::format("p50 {}, p99 {}", metric_text(record, "rtt_p50_ns"),
                     metric_text(record, "rtt_p99_ns"));
}

}  // namespace

ProgressView::ProgressView(std::FILE* out, bool quiet, std::size_t trials,
                           Nanoseconds expected_left)
    : out_(out),
      quiet_(quiet),
      live_(!quiet && is_terminal(out)),
      trials_(trials),
      expected_left_(expected_left) {}

ProgressView::~ProgressView() {
  clear();
}

std::string ProgressView::clock_text(Nanoseconds time) {
  const Nanoseconds seconds = std::max<Nanoseconds>(0, (time + kSecond / 2) / kSecond);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

void ProgressView::switch_started(const Variant& variant) {
  started_ = now_ns();
  if (live_) show(fmt::format("switching to variant {}", variant.name));
}

void ProgressView::switch_ended(const Variant& variant, const std::string& error) {
  expected_left_ -= expected_switch(variant);
  clear();
  if (!error.empty())
    print_message_to(out_, "{}\n", error);
  else if (!live_ && !quiet_)
    print_message_to(out_, "variant {}: made in {:.2f} s\n", variant.name,
                     to_seconds(now_ns() - started_));
  std::fflush(out_);
}

void ProgressView::round_started(const Experiment& experiment, std::span<const Trial> round) {
  trial_ = round.front();
  case_ = &experiment.cases[trial_.case_index];
  name_ = round.size() == 1 ? case_->name
                            : fmt::format("{} and {} more at once", case_->name, round.size() - 1);
  expected_ = expected_length(experiment, {round.begin(), round.end()});
  started_ = now_ns();
  now_.clear();
  tick();
}

void ProgressView::interval(End end, const Interval& interval) {
  if (std::string text = rate_text(*case_, end, interval); !text.empty()) now_ = std::move(text);
}

void ProgressView::tick() {
  if (!live_ || !case_) return;
  const Nanoseconds elapsed = now_ns() - started_;
  const double share = static_cast<double>(elapsed) / static_cast<double>(expected_);
  const auto left =
      static_cast<Nanoseconds>(stretch_ * static_cast<double>(expected_left_)) - elapsed;
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * 10);
  const std::string bar = fmt::format("{:#<{}}{:.<{}} ", "", filled, "", 10 - filled);
  const auto line = [&](const std::string& shown_bar, const std::string& case_name) {
    return fmt::format("[{}/{}] {}{} left  {}  {}", trial_.position, trials_, shown_bar,
                       clock_text(left), case_name, now_);
  };
  const std::size_t width = terminal_width(::fileno(out_)) - 1;
  std::string text = line(bar, name_);
  if (display_width(text) > width) text = line("", name_);
  const std::size_t others = display_width(text) - display_width(name_);
  if (display_width(text) > width && others < width)
    text = line("", shorten(name_, width - others));
  show(text);
}

void ProgressView::trial_ended(const TrialRecord& record) {
  const bool failed = record.status != Status::ok;
  if (live_ || (quiet_ && !failed)) return;  // on a terminal, a table at the end shows failures
  print_message_to(out_, "[{}/{}] {}  {}{}\n", record.trial.position, trials_,
                   record.trial_case->name, searched_text(*record.trial_case), result_text(record));
  std::fflush(out_);
}

void ProgressView::round_ended() {
  expected_left_ -= expected_;
  expected_done_ += expected_;
  real_done_ += now_ns() - started_;
  stretch_ = static_cast<double>(real_done_) / static_cast<double>(expected_done_);
  clear();
  case_ = nullptr;
}

void ProgressView::round_left_out(const Experiment& experiment, std::span<const Trial> round) {
  expected_left_ -= expected_length(experiment, {round.begin(), round.end()});
}

void ProgressView::show(const std::string& line) {
  print_message_to(out_, "\r\x1b[K{}", shorten(line, terminal_width(::fileno(out_)) - 1));
  std::fflush(out_);
}

void ProgressView::clear() {
  if (!live_) return;
  print_message_to(out_, "\r\x1b[K");
  std::fflush(out_);
}

}  // namespace pingperf
