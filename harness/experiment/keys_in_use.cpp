#include "harness/experiment/keys_in_use.h"

#include <algorithm>
#include <set>
#include <string>

#include "harness/engines/engines.h"
#include "harness/experiment/parameter_reader.h"

namespace pingperf {
namespace {

using Texts = std::set<std::string, std::less<>>;

// Adds the values of `key` in a map of single values or in a matrix.
void add_values(Texts& texts, const Node* map, std::string_view key) {
  const Node* const value = map ? map->find(key) : nullptr;
  if (!value) return;
  if (value->type == Node::Type::scalar) texts.insert(value->scalar);
  for (const Node& item : value->items) texts.insert(item.scalar);
}

// Returns the values of `key` that the workload names, or else those of `defaults`.
Texts values_of(std::string_view key, const Node& workload, const Node* defaults) {
  Texts texts;
  add_values(texts, &workload, key);
  add_values(texts, workload.find("matrix"), key);
  if (const Node* const include = workload.find("include"))
    for (const Node& entry : include->items) add_values(texts, &entry, key);
  if (texts.empty()) add_values(texts, defaults, key);
  return texts;
}

}  // namespace

std::vector<std::string_view> keys_in_use(
    const Node& workload, const Node* defaults,
    const std::vector<std::shared_ptr<const Program>>& programs) {
  const Texts kinds = values_of("kind", workload, defaults);
  const Texts transports = values_of("transport", workload, defaults);
  const Texts names = values_of("engine", workload, defaults);
  const auto has = [](const Texts& texts, std::string_view text) {
    return texts.empty() || texts.contains(text);
  };
  std::vector<const Engine*> engines(all_engines().begin(), all_engines().end());
  for (const auto& program : programs) engines.push_back(&program->engine);
  std::erase_if(engines, [&](const Engine* engine) {
    return !has(kinds, name(engine->kind)) || !has(transports, name(engine->transport)) ||
           !has(names, engine->name);
  });
  std::vector<std::string_view> keys = assignable_keys();
  if (engines.empty()) return keys;
  const auto is_used = [&](std::string_view key) {
    if (key == "kind" || key == "transport" || key == "engine") return true;
    if (key == "dscp") key = "tos";
    return std::ranges::any_of(engines, [&](const Engine* engine) {
      return std::ranges::any_of(engine->parameters, [&](std::string_view parameter) {
        return parameter.substr(0, parameter.find('.')) == key;
      });
    });
  };
  std::erase_if(keys, [&](std::string_view key) { return !is_used(key); });
  return keys;
}

}  // namespace pingperf
