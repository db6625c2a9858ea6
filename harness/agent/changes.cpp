#include "harness/agent/changes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <set>
#include <sstream>

#include "harness/agent/worker_groups.h"
#include "harness/base/command.h"
#include "harness/base/io.h"
#include "harness/base/json.h"
#include "harness/base/lines.h"
#include "harness/engines/program_process.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kCommandLimit = 30 * kSecond;

// Returns the line of a command's output that says most: the last one that begins with "Error", or
// else the last one with a letter. nft(8) ends its errors with a line of carets.
std::string telling_line(const std::string& output) {
  std::istringstream lines(output);
  std::string last, error;
  for (std::string line; std::getline(lines, line);) {
    if (std::ranges::any_of(line, [](unsigned char c) { return std::isalpha(c) != 0; }))
      last = line;
    if (line.starts_with("Error") || line.starts_with("error")) error = line;
  }
  return printable(error.empty() ? last : error);
}

// Runs a command to its end. Returns why it failed, with a line of its output, or "".
std::string failure_of(const Arguments& arguments) {
  constexpr std::size_t kMaxOutput = 64 * 1024;
  std::string output, errors;
  const auto keep = [](std::string& text) {
    return [&text](std::string_view bytes) {
      if (text.size() < kMaxOutput) text += bytes;
    };
  };
  ProgramProcess process({}, arguments, {}, keep(output), keep(errors));
  const std::optional<int> status = process.pump(now_ns() + kCommandLimit, -1);
  process.end();
  if (status && *status == 0) return "";
  const std::string line = telling_line(errors.empty() ? output : errors);
  return fmt::format(
      "{}{}{}",
      status ? ending_of(*status) : fmt::format("did not end within {} s", kCommandLimit / kSecond),
      line.empty() ? "" : ": ", line);
}

// Throws std::runtime_error if the command fails.
void run_to_end(const Arguments& arguments) {
  const std::string failure = failure_of(arguments);
  if (!failure.empty())
    throw std::runtime_error(fmt::format("{}: {}", command_line(arguments), failure));
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

// Returns the words of a text without the blanks and tabs between them.
std::vector<std::string> words_in(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string read_setting(const std::string& file) {
  const auto content = read_file(file);
  if (!content) throw std::system_error(errno, std::generic_category(), "read " + file);
  return trimmed(*content);
}

// Writes a value in one write(2) and reads it back. Throws std::runtime_error.
void write_setting(const std::string& file, const std::string& value) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string line = value + "\n";  // an empty write would not reach the kernel
  if (!fd || ::write(fd.get(), line.data(), line.size()) < 0)
    throw std::runtime_error(
        fmt::format("the kernel does not accept '{}' for {}{}", value, file,
                    errno == EACCES || errno == EPERM ? ": requires more rights" : ""));
  const auto now = words_in(read_setting(file)), wanted = words_in(value);
  if (now == wanted) return;
  const bool is_part = now.size() > wanted.size();  // such as one of the sizes of tcp_rmem
  throw std::runtime_error(
      fmt::format("{} is '{}' after '{}' was written{}", file,
                  printable(fmt::format("{}", fmt::join(now, " "))), value,
                  is_part ? fmt::format(": it takes {} values", now.size()) : ""));
}

// Returns the interface that has the address, or else the one by which packets reach it.
std::string interface_of(const std::string& address) {
  const auto first = [](const std::vector<std::string>& command) {
    const Json list = parse_json(run_command(command));
    return list.is_array() && !list.empty() ? list.front() : Json::object();
  };
  const Json own = first({"ip", "-json", "address", "show", "to", address});
  if (own.contains("ifname")) return own["ifname"].get<std::string>();
  const Json route = first({"ip", "-json", "route", "get", address});
  if (!route.contains("dev")) throw std::runtime_error("no interface leads to " + address);
  return route["dev"].get<std::string>();
}

// Returns the command that sets the offloads of an interface as they are now. TSO is a group of
// features with states of their own, which are indented below it.
Arguments present_offloads(const std::string& interface) {
  Arguments arguments = {"ethtool", "-K", interface};
  std::istringstream lines(run_command({"ethtool", "-k", interface}));
  bool is_of_tso = false;
  for (std::string line; std::getline(lines, line);) {
    const std::string feature = line.substr(0, line.find(':'));
    const bool is_indented = feature.starts_with('\t');
    if (!is_indented) is_of_tso = feature == "tcp-segmentation-offload";
    const bool is_wanted = is_indented ? is_of_tso
                                       : feature == "generic-segmentation-offload" ||
                                             feature == "generic-receive-offload";
    if (!is_wanted || line.find("[fixed]") != std::string::npos) continue;
    const bool is_on =
        line.find(": on") != std::string::npos || line.find("[requested on]") != std::string::npos;
    arguments.insert(arguments.end(), {feature.substr(is_indented ? 1 : 0), is_on ? "on" : "off"});
  }
  return arguments;
}

UndoStep undo_by(Arguments command) {
  return {.file = {}, .content = {}, .command = std::move(command)};
}

// Undoes a step. Returns why this failed, or "".
std::string failure_of_undo(const UndoStep& step) try {
  if (is_group_removal(step.command)) return failure_of_group_removal(step.command);
  if (step.file.empty()) return failure_of(step.command);
  write_setting(step.file, step.content);
  return "";
} catch (const std::exception& e) {
  return e.what();
}

// Undoes the steps of a journal, the last one first. The journal keeps those that failed. A full
// disk only keeps the journal from being written.
Recovery undo_all(Journal& journal) {
  const auto note = [](const auto& write) {
    try {
      write();
    } catch (const std::system_error&) {
    }
  };
  std::vector<UndoStep> left = journal.steps(), kept;
  Recovery all;
  while (!left.empty()) {
    const UndoStep step = left.back();
    note([&] { journal.begin_undo(); });
    const std::string failure = failure_of_undo(step);
    if (failure.empty()) all.undone.push_back(command_of(step));
    if (!failure.empty() && step.is_certain) {
      all.not_undone.push_back(fmt::format("{} ({})", command_of(step), failure));
      kept.insert(kept.begin(), step);
    }
    left.pop_back();
    std::vector<UndoStep> rest = kept;
    rest.insert(rest.end(), left.begin(), left.end());
    note([&] { journal.replace(std::move(rest)); });
  }
  return all;
}

}  // namespace

std::string sysctl_file(std::string_view name) {
  std::string path(name);
  // The first separator tells which one it is, so that the other can be part of a name.
  if (const std::size_t first = path.find_first_of("./");
      first != std::string::npos && path[first] == '.')
    for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  return "/proc/sys/" + path;
}

Changes::~Changes() {
  if (journal_) undo();
}

Journal& Changes::journal() {
  if (!journal_) journal_.emplace(false);
  return *journal_;
}

void Changes::claim() {
  if (has_claimed_) return;
  journal_.emplace(true);
  has_claimed_ = true;
}

void Changes::make(const SystemChanges& changes, const std::vector<std::string>& addresses) {
  if (changes.change_the_system()) claim();
  try {
    for (const auto& sysctl : changes.sysctls) set_sysctl(sysctl);
    if (changes.mtu || changes.offloads) set_link(changes, addresses);
    if (!changes.setup.empty()) run_setup(changes);
    if (changes.cpu_limit || changes.memory_limit) make_groups(changes);
  } catch (const std::exception&) {
    undo();
    throw;
  }
}

std::vector<std::string> Changes::undo() {
  groups_.clear();
  return journal_ ? undo_all(*journal_).not_undone : std::vector<std::string>();
}

void Changes::set_sysctl(const SystemChanges::Sysctl& sysctl) {
  const std::string file = sysctl_file(sysctl.name);
  journal().begin({{.file = file, .content = read_setting(file), .command = {}}});
  write_setting(file, sysctl.value);
  journal().complete();
}

void Changes::set_link(const SystemChanges& changes, const std::vector<std::string>& addresses) {
  std::set<std::string> interfaces;
  for (const std::string& address : addresses) interfaces.insert(interface_of(address));
  if (interfaces.empty())
    throw std::runtime_error("mtu and offloads: no interface carries the data");
  const auto change = [&](Arguments former, const Arguments& arguments) {
    journal().begin({undo_by(std::move(former))});
    run_to_end(arguments);
    journal().complete();
  };
  for (const std::string& interface : interfaces) {
    const auto mtu_command = [&](const std::string& mtu) {
      return Arguments{"ip", "link", "set", "dev", interface, "mtu", mtu};
    };
    if (changes.mtu) {
      const Json link =
          parse_json(run_command({"ip", "-json", "link", "show", "dev", interface})).front();
      change(mtu_command(link.at("mtu").dump()), mtu_command(std::to_string(*changes.mtu)));
    }
    if (changes.offloads) {
      const char* const state = *changes.offloads ? "on" : "off";
      change(present_offloads(interface),
             {"ethtool", "-K", interface, "tso", state, "gso", state, "gro", state});
    }
  }
}

void Changes::run_setup(const SystemChanges& changes) {
  std::vector<UndoStep> steps;  // the last one is undone first
  for (const auto& command : changes.teardown)
    steps.insert(steps.begin(), undo_by(command.arguments));
  journal().begin(std::move(steps));
  for (const auto& command : changes.setup) run_to_end(command.arguments);
  journal().complete();
}

void Changes::make_groups(const SystemChanges& changes) {
  for (const WorkerGroup& group : worker_groups(changes.cpu_limit, changes.memory_limit)) {
    journal().begin({undo_by(group.removal)});
    check(::mkdir(group.folder.c_str(), 0755), "mkdir " + group.folder);
    groups_.push_back(group.folder);
    for (const auto& [file, value] : group.settings)
      write_setting(group.folder + "/" + file, value);
    journal().complete();
  }
}

Recovery undo_stale_changes(const std::vector<std::unique_ptr<Journal>>& journals) {
  Recovery all;
  for (const auto& journal : journals) {
    const Recovery one = undo_all(*journal);
    all.undone.insert(all.undone.end(), one.undone.begin(), one.undone.end());
    for (const std::string& failure : one.not_undone)
      all.not_undone.push_back(fmt::format("{}; kept in {}", failure, journal->path().string()));
  }
  return all;
}

}  // namespace pingperf
