// The rules between keys of an experiment file, where a schema can express them.
#include <algorithm>
#include <initializer_list>
#include <set>

#include "harness/engines/engines.h"
#include "harness/experiment/host_reader.h"
#include "harness/experiment/schema_parts.h"

namespace pingperf::schema {
namespace {

Schema needs(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  Schema dependent = Schema::object();
  for (const auto& [key, other] : pairs) dependent[key] = {other};
  return {{"dependentRequired", std::move(dependent)}};
}

Schema at_least_one(std::initializer_list<const char*> keys) {
  Schema choices = Schema::array();
  for (const char* const key : keys) choices.push_back({{"required", {key}}});
  return {{"anyOf", std::move(choices)}};
}

// Returns a schema for each way to reach a host.
Schema required_ways() {
  Schema ways = Schema::array();
  for (const std::string_view way : ways_to_reach()) ways.push_back({{"required", {way}}});
  return ways;
}

// Only an external server has a port, and it has no other key. A host has at most one way to reach
// it. `copy` requires one.
Schema host_rules() {
  Schema one_way = Schema::object();
  for (const std::string_view way : ways_to_reach()) {
    Schema others = Schema::array();
    for (const std::string_view other : ways_to_reach())
      if (other != way) others.push_back(other);
    one_way[std::string(way)] = {{"propertyNames", {{"not", {{"enum", std::move(others)}}}}}};
  }
  one_way["copy"] = {{"anyOf", required_ways()}};
  Schema rules = needs({{"namespace", "kubectl"}, {"bind", "address"}});
  rules["dependentSchemas"] = std::move(one_way);
  rules["if"] = {{"required", {"external"}}};
  rules["then"] = {{"propertyNames", {{"enum", {"external", "port", "name"}}}}};
  rules["else"] = {{"not", {{"required", {"port"}}}}};
  return rules;
}

bool serves(std::string_view engine, Kind kind) {
  const auto engines = all_engines();
  return std::any_of(engines.begin(), engines.end(),
                     [&](const Engine* e) { return e->name == engine && e->kind == kind; });
}

// If a workload names this engine and this kind: allows the transports that the engine serves, and
// the parameters that it has over at least one of them.
Schema rule_of(std::string_view engine, Kind kind) {
  std::set<std::string_view> transports, keys = {"kind", "transport", "engine"};
  for (const Engine* e : all_engines()) {
    if (e->name != engine || e->kind != kind) continue;
    transports.insert(name(e->transport));
    for (const std::string_view parameter : e->parameters) {
      keys.insert(parameter.substr(0, parameter.find('.')));  // pin.client belongs to pin
      if (parameter == "tos") keys.insert("dscp");
    }
  }
  for (const std::string_view key : keys_of("workload")) keys.insert(key);
  Schema rule = {{"if", {{"allOf", {where("engine", engine), where("kind", name(kind))}}}}};
  rule["then"] = {{"properties", {{"transport", {{"enum", transports}}}}},
                  {"propertyNames", {{"enum", keys}}}};
  return rule;
}

Schema one_direction() {
  const Schema yes = {{"const", true}};
  return {{"not",
           {{"properties", {{"reverse", yes}, {"bidirectional", yes}}},
            {"required", {"reverse", "bidirectional"}}}}};
}

// An experiment without programs has only built-in engines.
Schema engine_rule() {
  const Schema engine = {{"engine", known_engine()}};
  const Schema engines = {{"engine", {{"items", known_engine()}}}};
  Schema workload = {{"properties", engine}};
  workload["properties"]["matrix"]["properties"] = engines;
  Schema rule;
  rule["if"]["not"]["anyOf"] = {{{"required", {"programs"}}}, {{"required", {"use"}}}};
  rule["then"]["properties"]["defaults"]["properties"] = engine;
  rule["then"]["properties"]["workloads"]["additionalProperties"] = std::move(workload);
  return rule;
}

Schema workload_rules() {
  Schema all = {one_limit(), one_direction()};
  for (const std::string_view engine : engine_names()) {
    Schema kinds = Schema::array();
    for (const std::string_view text : kind_names()) {
      if (!serves(engine, *kind_from(text))) continue;
      kinds.push_back(text);
      all.push_back(rule_of(engine, *kind_from(text)));
    }
    Schema rule = {{"if", where("engine", engine)}};
    rule["then"]["properties"]["kind"]["enum"] = std::move(kinds);
    all.push_back(std::move(rule));
  }
  return {{"allOf", std::move(all)}};
}

// Only the server can be external.
Schema pair_rules() {
  return {{"properties", {{"client", {{"not", {{"required", {"external"}}}}}}}}};
}

// A list of hosts is reached in one way. `names` belongs to `launch`.
Schema nodes_rules() {
  Schema rules = needs({{"namespace", "kubectl"}, {"names", "launch"}, {"launch", "names"}});
  rules["oneOf"] = required_ways();
  return rules;
}

struct Rules {
  std::string_view section;
  Schema (*schema)();
};

const Rules kRules[] = {
    {"experiment",
     [] {
       Schema rules = engine_rule();
       rules.update(not_both("hosts", "lab"));
       return rules;
     }},
    {"hosts",
     [] {
       Schema rules = pair_rules();
       rules.update(needs({{"addresses", "nodes"}, {"pattern", "nodes"}, {"nodes", "pattern"}}));
       for (const char* const key : {"at_once", "minimum"})
         rules["dependentSchemas"][key] = at_least_one({"nodes", "pairs"});
       rules["allOf"] = Schema::array();
       for (const char* const list : {"nodes", "pairs"})
         for (const char* const other : {"client", "server", "nodes", "pairs"})
           if (std::string_view(list) != other) rules["allOf"].push_back(not_both(list, other));
       rules["properties"]["pairs"]["minItems"] = 1;
       return rules;
     }},
    {"pair", pair_rules},
    {"host", host_rules},
    {"nodes", nodes_rules},
    {"lab",
     [] {
       return needs({{"buffer", "rate"}, {"jitter", "delay"}, {"reorder", "delay"}});
     }},
    {"until",
     [] {
       return needs({{"metric", "relative_ci"}, {"relative_ci", "metric"}});
     }},
    {"workload", workload_rules},
    {"variant",
     [] {
       return needs({{"teardown", "setup"}, {"setup", "teardown"}, {"dial", "service"}});
     }},
    {"cgroup",
     [] {
       return Schema{{"minProperties", 1}};
     }},
    {"result",
     [] {
       Schema rules = at_least_one({"json", "regex"});
       rules.update(not_both("json", "regex"));
       return rules;
     }},
    {"ready",
     [] {
       return Schema{{"minProperties", 1}, {"maxProperties", 1}};
     }},
    {"compare",
     [] {
       return at_least_one({"axis", "workload"});
     }},
    {"gate",
     [] {
       Schema rules = at_least_one({"at_least", "at_most"});
       rules.update(needs({{"relative_to", "against"},
                           {"missing", "against"},
                           {"candidate", "axis"},
                           {"axis", "baseline"}}));
       rules.update(not_both("against", "baseline"));
       return rules;
     }},
};

}  // namespace

Schema rules_of(std::string_view section) {
  for (const Rules& rules : kRules)
    if (rules.section == section) return rules.schema();
  return nullptr;
}

}  // namespace pingperf::schema
