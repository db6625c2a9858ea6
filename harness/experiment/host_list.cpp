#include "harness/experiment/host_list.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>

#include "harness/base/parse_number.h"

namespace pingperf {
namespace {

constexpr std::string_view kListExample = "write e.g. node[01-16,20]";

// Splits at commas that stand outside of brackets.
std::vector<std::string_view> split_names(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '[') ++depth;
    if (i < text.size() && text[i] == ']') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

std::optional<std::uint64_t> number_of(std::string_view digits) {
  return digits.size() > 9 ? std::nullopt : parse_number<std::uint64_t>(digits);
}

bool is_letter(std::string_view text) {
  return text.size() == 1 && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
}

// Appends the members of "01-16", "a:f" or "20" to `members`.
void expand_range(std::string_view range, const Mark& mark, std::vector<std::string>& members) {
  const std::size_t dash = range.find_first_of("-:");
  const std::string_view first = range.substr(0, dash);
  const std::string_view last = dash == std::string_view::npos ? first : range.substr(dash + 1);
  const bool letters = is_letter(first) && is_letter(last);
  const auto low = letters ? static_cast<unsigned char>(first.front()) : number_of(first);
  const auto high = letters ? static_cast<unsigned char>(last.front()) : number_of(last);
  if (!low || !high)
    fail_at(mark, fmt::format("'[{}]' is no range of hosts: {}", range, kListExample));
  if (*low > *high)
    fail_at(mark, fmt::format("the range [{}] runs backwards: write [{}-{}]", range, last, first));
  if (*high - *low >= kMaxNodes)
    fail_at(mark, fmt::format("the range [{}] has more than {} hosts", range, kMaxNodes));
  for (std::uint64_t i = *low; i <= *high; ++i)
    members.push_back(letters ? std::string(1, static_cast<char>(i))
                              : fmt::format("{:0{}}", i, first.size()));
}

// Expands the first bracket of a name, and by recursion the others.
void expand_name(const std::string& name, const Mark& mark, std::vector<std::string>& names) {
  const std::size_t open = name.find('['), close = name.find(']');
  if (open == std::string::npos && close == std::string::npos) {
    if (name.empty() || name.front() == '-')
      fail_at(mark, fmt::format("'{}' is no name of a host", name));
    if (names.size() >= kMaxNodes) fail_at(mark, fmt::format("more than {} hosts", kMaxNodes));
    names.push_back(name);
    return;
  }
  if (open == std::string::npos || close == std::string::npos || close < open)
    fail_at(mark, fmt::format("'{}' has a bracket without the other: {}", name, kListExample));
  std::vector<std::string> members;
  for (const std::string_view range :
       split_names(std::string_view(name).substr(open + 1, close - open - 1)))
    expand_range(range, mark, members);
  for (const std::string& member : members)
    expand_name(name.substr(0, open) + member + name.substr(close + 1), mark, names);
}

}  // namespace

std::vector<std::string> expand_names(std::string_view text, const Mark& mark) {
  std::vector<std::string> names;
  for (const std::string_view part : split_names(text))
    expand_name(std::string(part.substr(std::min(part.find_first_not_of(' '), part.size()))), mark,
                names);
  return names;
}

std::vector<ListedHost> parse_host_file(std::string_view text, const std::string& source) {
  std::vector<ListedHost> hosts;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const Mark mark{source, ++number, 1};
    std::istringstream words(line.substr(0, line.find('#')));
    std::string name, address, more;
    if (!(words >> name)) continue;
    words >> address;
    if (words >> more)
      fail_at(mark, fmt::format("'{}' follows the host and its address: one host per line", more));
    const std::vector<std::string> names = expand_names(name, mark);
    if (!address.empty() && names.size() > 1)
      fail_at(mark, fmt::format("'{}' are several hosts with one address", name));
    for (const std::string& one : names) hosts.push_back({one, address, mark});
    if (hosts.size() > kMaxNodes) fail_at(mark, fmt::format("more than {} hosts", kMaxNodes));
  }
  return hosts;
}

}  // namespace pingperf
