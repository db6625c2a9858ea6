#include "harness/experiment/old_names.h"

#include "harness/experiment/yaml.h"

namespace pingperf {
namespace {

// YAML reads the old name without quotes as null.
void rename_engine(Node& value) {
  for (Node& item : value.items) rename_engine(item);
  if (value.type != Node::Type::null && value.scalar != kOldNoop) return;
  value.type = Node::Type::scalar;
  value.scalar = kNoop;
}

void rename_engines(Node& node) {
  const Node* const axis = node.find("axis");
  const bool of_engines = axis && axis->scalar == "engine";
  for (Node::Entry& entry : node.entries) {
    const bool is_side = entry.key == "candidate" || entry.key == "baseline";
    if (entry.key == "engine" || (of_engines && is_side)) rename_engine(entry.value);
    rename_engines(entry.value);
  }
  for (Node& item : node.items) rename_engines(item);
}

}  // namespace

std::string with_current_names(std::string text) {
  constexpr std::string_view old = "engine=null";
  const auto is_end = [&](std::size_t at) {
    return at >= text.size() || text[at] == '/' || text[at] == ' ';
  };
  for (std::size_t at = text.find(old); at != std::string::npos; at = text.find(old, at + 1))
    if ((at == 0 || is_end(at - 1)) && is_end(at + old.size()))
      text.replace(at + old.size() - kOldNoop.size(), kOldNoop.size(), kNoop);
  return text;
}

void use_current_names(Node& experiment) {
  for (const std::string_view section : {"defaults", "workloads", "compare", "gates", "plan"})
    for (Node::Entry& entry : experiment.entries)
      if (entry.key == section) rename_engines(entry.value);
}

}  // namespace pingperf
