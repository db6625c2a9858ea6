#include "harness/experiment/matrix.h"

#include <fmt/core.h>

#include <algorithm>

namespace pingperf {
namespace {

constexpr std::size_t kMaxMatches = 10'000'000;  // entries of a list times combinations

// A combination, and the number of its assignments that come from the matrix. These are the first.
struct Draft {
  Combination values;
  std::size_t original = 0;
};

Assignment* find(Combination& combination, const std::string& key) {
  for (Assignment& a : combination)
    if (a.key == key) return &a;
  return nullptr;
}

void require(const Node& node, Node::Type type, std::string_view what) {
  if (node.type != type)
    fail_at(node.mark,
            fmt::format("{} must be {}, not {}", what, describe(type), describe(node.type)));
}

std::vector<Draft> product(const Node& matrix) {
  require(matrix, Node::Type::map, "matrix");
  if (matrix.entries.empty()) fail_at(matrix.mark, "matrix is empty: give it a key with a list");
  std::size_t size = 1;
  for (const Node::Entry& axis : matrix.entries) {
    require(axis.value, Node::Type::sequence, fmt::format("matrix key '{}'", axis.key));
    if (axis.value.items.empty())
      fail_at(axis.value.mark,
              fmt::format("matrix key '{}' has an empty list: nothing would run", axis.key));
    size *= axis.value.items.size();
    if (size > kMaxCases)
      fail_at(axis.mark, fmt::format("the matrix has more than {} cases", kMaxCases));
  }
  std::vector<Draft> drafts(1);
  for (const Node::Entry& axis : matrix.entries) {
    std::vector<Draft> longer;
    for (const Draft& draft : drafts)
      for (const Node& value : axis.value.items) {
        longer.push_back(draft);
        longer.back().values.push_back({axis.key, value.mark, value});
        ++longer.back().original;
      }
    drafts = std::move(longer);
  }
  return drafts;
}

bool matches(Draft& draft, const Node& entry) {
  return std::all_of(entry.entries.begin(), entry.entries.end(), [&](const Node::Entry& wanted) {
    const Assignment* const own = find(draft.values, wanted.key);
    return own && value_text(own->value) == value_text(wanted.value);
  });
}

void remove_excluded(std::vector<Draft>& drafts, const Node& exclude) {
  require(exclude, Node::Type::sequence, "exclude");
  check_effort(exclude, "exclude", drafts.size());
  for (const Node& entry : exclude.items) {
    require(entry, Node::Type::map, "an exclude entry");
    if (names_outer_axis(entry)) continue;
    if (entry.entries.empty())
      fail_at(entry.mark, "an exclude entry without keys would remove everything");
    if (std::erase_if(drafts, [&](Draft& draft) { return matches(draft, entry); }) == 0)
      fail_at(entry.mark, fmt::format("this exclude matches no combination of the matrix: {}",
                                      value_text(entry)));
  }
}

bool contradicts(const Draft& draft, const Node& entry) {
  for (std::size_t i = 0; i < draft.original; ++i)
    if (const Node* const other = entry.find(draft.values[i].key);
        other && value_text(*other) != value_text(draft.values[i].value))
      return true;
  return false;
}

void merge(Draft& draft, const Node& entry) {
  for (const Node::Entry& added : entry.entries) {
    Assignment* const own = find(draft.values, added.key);
    if (own)
      *own = {added.key, added.value.mark, added.value};
    else
      draft.values.push_back({added.key, added.value.mark, added.value});
  }
}

// Merges entries only into combinations of the matrix. An entry that was added as a new combination
// has no values of the matrix, so later entries are not merged into it.
void add_included(std::vector<Draft>& drafts, const Node& include) {
  require(include, Node::Type::sequence, "include");
  check_effort(include, "include", drafts.size());
  const std::size_t originals = drafts.size();
  for (const Node& entry : include.items) {
    require(entry, Node::Type::map, "an include entry");
    if (entry.entries.empty()) fail_at(entry.mark, "an include entry without keys adds nothing");
    bool merged = false;
    for (std::size_t i = 0; i < originals; ++i) {
      if (contradicts(drafts[i], entry)) continue;
      merge(drafts[i], entry);
      merged = true;
    }
    if (merged) continue;
    drafts.emplace_back();
    merge(drafts.back(), entry);
  }
}

}  // namespace

void check_effort(const Node& list, std::string_view what, std::size_t combinations) {
  if (list.items.size() * std::max<std::size_t>(combinations, 1) > kMaxMatches)
    fail_at(list.mark, fmt::format("{} has too many entries for {} combinations: {}", what,
                                   combinations, list.items.size()));
}

bool names_outer_axis(const Node& entry) {
  return entry.find_entry("pair") != nullptr || entry.find_entry("variant") != nullptr;
}

std::string value_text(const Node& value) {
  std::string text;
  const auto append = [&](const std::string& part) { text += (text.empty() ? "" : "+") + part; };
  switch (value.type) {
    case Node::Type::scalar:
      return value.scalar;
    case Node::Type::sequence:
      for (const Node& item : value.items) append(value_text(item));
      return text;
    case Node::Type::map:
      for (const Node::Entry& entry : value.entries)
        append(entry.key + ":" + value_text(entry.value));
      return text;
    default:
      return "null";
  }
}

std::vector<Combination> expand_matrix(const Node* matrix, const Node* exclude,
                                       const Node* include) {
  std::vector<Draft> drafts;
  if (matrix) drafts = product(*matrix);
  if (exclude && !matrix && !std::ranges::all_of(exclude->items, names_outer_axis))
    fail_at(exclude->mark, "exclude needs a matrix to take from");
  if (exclude) remove_excluded(drafts, *exclude);
  if (include) add_included(drafts, *include);
  if (!matrix && drafts.empty()) drafts.emplace_back();
  std::vector<Combination> combinations;
  for (Draft& draft : drafts) combinations.push_back(std::move(draft.values));
  return combinations;
}

}  // namespace pingperf
