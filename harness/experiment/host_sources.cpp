#include "harness/experiment/host_sources.h"

#include <fmt/core.h>

#include <cstdlib>

#include "harness/base/command.h"
#include "harness/base/io.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kLookUpLimit = 10 * kSecond;
constexpr std::string_view kJob = "srun: job";

// A key is one line among the used files.
void check_line(const Node& node) {
  if (node.scalar.find('\n') != std::string::npos)
    fail_at(node.mark, "the name of a source of hosts has one line");
}

// Only running pods have an agent. Prints a pod's name and address per line.
HostSource selected_pods(const Node& value) {
  check_keys(value, "kubectl", keys_of("selector"));
  const Node* const selector = value.find("selector");
  if (!selector) fail_at(value.mark, "kubectl: add a selector, e.g. {selector: app=pingperf}");
  HostSource source{.key = "kubectl: " + read_text(*selector, "selector"),
                    .file = {},
                    .command = {"kubectl", "get", "pods", "--selector=" + selector->scalar},
                    .mark = value.mark};
  if (const Node* const space = value.find("namespace")) {
    source.command.push_back("--namespace=" + read_text(*space, "namespace"));
    source.key += " in " + space->scalar;
    check_line(*space);
  }
  check_line(*selector);
  source.command.insert(source.command.end(),
                        {"--field-selector=status.phase=Running", "--output",
                         R"(jsonpath={range .items[*]}{.metadata.name}{" "}{.status.podIP}{"\n"})"
                         "{end}"});
  return source;
}

}  // namespace

HostSource source_of(std::string_view launcher, const Node& value) {
  if (launcher == "kubectl" && value.type == Node::Type::map) return selected_pods(value);
  HostSource source;
  source.mark = value.mark;
  if (value.type != Node::Type::scalar) return source;
  if (value.scalar.starts_with('@')) check_line(value);
  if (launcher == "srun" && value.scalar == "job") source.key = kJob;
  if (value.scalar.starts_with('@')) {
    source.file = source.key = value.scalar.substr(1);
    if (source.file.empty()) fail_at(value.mark, "'@' has no file: write e.g. \"@hosts.txt\"");
  }
  return source;
}

std::vector<HostSource> host_sources(const Node& hosts) {
  std::vector<HostSource> sources;
  const auto add = [&](std::string_view launcher, const Node& value) {
    HostSource source = source_of(launcher, value);
    if (!source.key.empty()) sources.push_back(std::move(source));
  };
  if (const Node* const nodes = hosts.find("nodes"))
    for (const Node::Entry& entry : nodes->entries) add(entry.key, entry.value);
  if (const Node* const addresses = hosts.find("addresses")) add("addresses", *addresses);
  return sources;
}

std::string look_up(const HostSource& source, const std::filesystem::path& folder) {
  if (!source.command.empty()) {
    try {
      return run_command(source.command, -1, kLookUpLimit);
    } catch (const CommandError& e) {
      fail_at(source.mark, e.what());
    }
  }
  if (!source.file.empty()) {
    constexpr std::uintmax_t kMaxFile = 1 << 20;
    const std::filesystem::path file = folder / source.file;
    std::error_code error;
    const bool is_file = std::filesystem::is_regular_file(file, error);
    if (is_file && std::filesystem::file_size(file, error) > kMaxFile)
      fail_at(source.mark, fmt::format("{}: larger than 1 MiB", file.string()));
    const std::optional<std::string> text = is_file ? read_file(file) : std::nullopt;
    if (!text) fail_at(source.mark, fmt::format("{}: cannot read the hosts", file.string()));
    return *text;
  }
  const char* const nodes = std::getenv("SLURM_JOB_NODELIST");
  if (!nodes || !*nodes)
    fail_at(source.mark,
            "srun: job: SLURM_JOB_NODELIST is not set: run pingperf in a job of Slurm, or name the "
            "nodes");
  return nodes;
}

}  // namespace pingperf
