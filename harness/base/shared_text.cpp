#include "harness/base/shared_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

namespace pingperf {
namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// A text without its free-standing numbers, and these. A number in a name or in an address, as in
// "streams=16" or "10.0.0.1", belongs to the text.
struct Template {
  std::vector<std::string> pieces;  // one more than numbers
  std::vector<std::string> numbers;
};

Template template_of(std::string_view text) {
  Template result{{""}, {}};
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    const bool stands_free =
        i == 0 || text[i - 1] == ' ' || text[i - 1] == '(' || text[i - 1] == ':';
    if (stands_free)
      while (end < text.size() && is_digit(text[end])) ++end;
    if (end > i && end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1]))
      for (++end; end < text.size() && is_digit(text[end]);) ++end;
    if (end > i) {
      result.numbers.emplace_back(text.substr(i, end - i));
      result.pieces.emplace_back();
      i = end;
    } else {
      result.pieces.back() += text[i++];
    }
  }
  return result;
}

// The texts of one template: for each number its least and largest value.
struct Group {
  std::vector<std::string> least, most;
  std::size_t count = 0;
  std::string subject;
};

bool is_less(const std::string& a, const std::string& b) {
  return std::stod(a) < std::stod(b);
}

void add(Group& group, const std::string& subject, const std::vector<std::string>& numbers) {
  if (group.count++ == 0) {
    group.subject = subject;
    group.least = group.most = numbers;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    group.least[i] = std::min(group.least[i], numbers[i], is_less);
    group.most[i] = std::max(group.most[i], numbers[i], is_less);
  }
}

std::string text_of(const std::vector<std::string>& pieces, const Group& group) {
  std::string text = pieces[0];
  for (std::size_t i = 0; i < group.least.size(); ++i) {
    text += group.least[i];
    if (group.most[i] != group.least[i]) text += " to " + group.most[i];
    text += pieces[i + 1];
  }
  return text;
}

}  // namespace

std::vector<SharedText> shared_texts(const SubjectTexts& texts) {
  std::map<std::vector<std::string>, std::size_t> places;  // of the templates in `groups`
  std::vector<std::pair<std::vector<std::string>, Group>> groups;
  for (const auto& [subject, text] : texts) {
    const Template parts = template_of(text);
    const auto [place, is_new] = places.emplace(parts.pieces, groups.size());
    if (is_new) groups.emplace_back(parts.pieces, Group());
    add(groups[place->second].second, subject, parts.numbers);
  }
  std::vector<SharedText> shared;
  for (const auto& [pieces, group] : groups)
    shared.push_back({text_of(pieces, group), group.count, group.subject});
  std::ranges::stable_sort(shared, std::greater(), &SharedText::count);
  return shared;
}

std::string shared_lines(const std::vector<SharedText>& shared, std::size_t of,
                         std::string_view what, std::size_t limit) {
  std::string text;
  for (std::size_t i = 0; i < std::min(limit, shared.size()); ++i) {
    const auto& [common, count, subject] = shared[i];
    const bool names_subject = common.starts_with(subject + " ");  // "ping is bimodal"
    text += count > 1       ? fmt::format("{} of {} {}: {}\n", count, of, what, common)
            : names_subject ? common + "\n"
                            : fmt::format("{}: {}\n", subject, common);
  }
  std::size_t others = 0;
  for (std::size_t i = limit; i < shared.size(); ++i) others += shared[i].count;
  return others == 0 ? text : text + fmt::format("and {} more\n", others);
}

}  // namespace pingperf
