#include "harness/engines/iperf3_arguments.h"

#include <fmt/core.h>

#include <algorithm>
#include <initializer_list>
#include <sstream>

#include "harness/engines/libiperf.h"

namespace pingperf {
namespace {

// An option of iperf3 that would disturb the harness, or that a parameter sets.
struct RefusedOption {
  std::string_view name;
  char letter;  // 0: none
  std::string_view instead;
};

constexpr std::string_view kOutput = "the harness reads libiperf's output itself";
constexpr std::string_view kServer = "the harness says which server, and runs its own";
constexpr std::string_view kLogin = "authentication is not available";
constexpr std::string_view kFile = "it would send, or with reverse overwrite, a file of yours";
constexpr std::string_view kSctp = "this engine serves tcp and udp";

constexpr RefusedOption kRefused[] = {
    {"server", 's', kServer},
    {"client", 'c', kServer},
    {"daemon", 'D', kServer},
    {"one-off", '1', kServer},
    {"pidfile", 'I', kServer},
    {"json", 'J', kOutput},
    {"json-stream", 0, kOutput},
    {"json-stream-full-output", 0, kOutput},
    {"logfile", 0, kOutput},
    {"forceflush", 0, kOutput},
    {"get-server-output", 0, kOutput},
    {"interval", 'i', kOutput},
    {"format", 'f', kOutput},
    {"title", 'T', kOutput},
    {"verbose", 'V', kOutput},
    {"debug", 'd', kOutput},
    {"version", 'v', kOutput},
    {"help", 'h', kOutput},
    {"file", 'F', kFile},
    {"username", 0, kLogin},
    {"rsa-public-key-path", 0, kLogin},
    {"use-pkcs1-padding", 0, kLogin},
    {"sctp", 0, kSctp},
    {"nstreams", 0, kSctp},
    {"xbind", 'X', kSctp},
    {"port", 'p', "set port"},
    {"udp", 'u', "set transport: udp"},
    {"version4", '4', "set ip: 4"},
    {"version6", '6', "set ip: 6"},
    {"affinity", 'A', "set pin"},
    {"bind-dev", 0, "set bind_device"},
    {"time", 't', "set duration"},
    {"timestamps", 0, kOutput},  // after time, because "time" is an abbreviation of it
    {"omit", 'O', "set warmup"},
    {"bytes", 'n', "set bytes"},
    {"blockcount", 'k', "set messages"},
    {"length", 'l', "set message_size"},
    {"parallel", 'P', "set streams"},
    {"bitrate", 'b', "set rate, and burst"},
    {"bandwidth", 0, "set rate, and burst"},
    {"pacing-timer", 0, "set pacing_timer"},
    {"fq-rate", 0, "set fq_rate"},
    {"reverse", 'R', "set reverse"},
    {"bidir", 0, "set bidirectional"},
    {"window", 'w', "set send_buffer or receive_buffer"},
    {"set-mss", 'M', "set mss"},
    {"no-delay", 'N', "set nodelay"},
    {"congestion", 'C', "set congestion_control"},
    {"linux-congestion", 0, "set congestion_control"},
    {"tos", 'S', "set tos"},
    {"dscp", 0, "set dscp"},
    {"flowlabel", 'L', "set flow_label"},
    {"zerocopy", 'Z', "set zero_copy"},
    {"repeating-payload", 0, "set repeating_payload"},
    {"dont-fragment", 0, "set dont_fragment"},
    {"mptcp", 'm', "set transport: mptcp"},
};

// A parameter that is an argument of later versions only.
struct LaterArgument {
  std::string_view parameter;
  bool (*wanted)(const Options&);
  std::string_view argument;
  int minor;  // the first version that has it: 3.minor
};

constexpr LaterArgument kLater[] = {
    {"transport: mptcp", [](const Options& o) { return o.transport == Transport::mptcp; },
     "--mptcp", 19},
    {"receive: discard", [](const Options& o) { return o.receive == "discard"; }, "--skip-rx-copy",
     19},
    {"gso: true", [](const Options& o) { return o.gso.value_or(false); }, "--gsro", 21},
};

// Accepts abbreviations, as getopt_long(3) does.
const RefusedOption* find_refused(std::string_view name) {
  if (name == "bind") return nullptr;  // an option, not an abbreviation of bind-dev
  for (const RefusedOption& option : kRefused)
    if (option.name.starts_with(name)) return &option;
  return nullptr;
}

// Reads combined letters up to one that takes a value: "-Ri1".
const RefusedOption* find_refused_letter(std::string_view letters) {
  constexpr std::string_view kTakeValues = "B";  // allowed letters that take values
  for (const char letter : letters) {
    for (const RefusedOption& option : kRefused)
      if (option.letter == letter) return &option;
    if (kTakeValues.find(letter) != std::string_view::npos) break;
  }
  return nullptr;
}

}  // namespace

std::optional<std::string> validate_iperf3_argument(std::string_view word) {
  if (word == "--") return "'--' is no option";
  if (word.size() < 2 || word.front() != '-') return std::nullopt;  // a value
  const RefusedOption* const refused = word[1] == '-'
                                           ? find_refused(word.substr(2, word.find('=') - 2))
                                           : find_refused_letter(word.substr(1));
  if (refused == nullptr) return std::nullopt;
  return fmt::format("'{}' cannot stand here: {}", word, refused->instead);
}

std::optional<std::string> validate_iperf3_version(const Options& options,
                                                   std::string_view version) {
  for (const LaterArgument& later : kLater)
    if (later.wanted(options) && !is_since(version, later.minor))
      return fmt::format("{} requires libiperf 3.{} or later (iperf3 {}), and this one is {}",
                         later.parameter, later.minor, later.argument, version);
  return std::nullopt;
}

bool needs_iperf3_parser(const Options& options) {
  return !options.iperf3_options.value_or("").empty() ||
         std::ranges::any_of(kLater, [&](const auto& later) { return later.wanted(options); });
}

Iperf3Copies iperf3_copies(const Options& options) {
  constexpr std::string_view kSkip = "--skip-rx-copy", kShortest = "--sk";  // getopt_long(3)
  bool skips = options.receive == "discard";
  std::istringstream own(options.iperf3_options.value_or(""));
  for (std::string word; own >> word;)
    skips = skips || (word.starts_with(kShortest) && kSkip.starts_with(word));
  return {.sending = options.zero_copy.value_or(false) ? 0u : 1u, .receiving = skips ? 0u : 1u};
}

std::vector<std::string> iperf3_arguments(const Options& o) {
  std::vector<std::string> words{"iperf3", "-c", "set-later"};
  const auto add_when = [&](bool wanted, std::initializer_list<std::string> more) {
    if (wanted) words.insert(words.end(), more);
  };
  add_when(o.transport == Transport::udp, {"-u"});
  add_when(o.reverse.value_or(false), {"-R"});
  add_when(o.bidirectional.value_or(false), {"--bidir"});
  add_when(o.fq_rate_bps.has_value(), {"--fq-rate", std::to_string(o.fq_rate_bps.value_or(0))});
  add_when(o.flow_label.has_value(), {"-L", std::to_string(o.flow_label.value_or(0))});
  add_when(o.bind_device.has_value(), {"--bind-dev", o.bind_device.value_or("")});
  for (const LaterArgument& later : kLater)
    add_when(later.wanted(o), {std::string(later.argument)});
  std::istringstream own(o.iperf3_options.value_or(""));
  for (std::string word; own >> word;) words.push_back(word);
  words.emplace_back("-J");
  return words;
}

}  // namespace pingperf
