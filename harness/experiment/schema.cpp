#include "harness/experiment/schema.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/base/units.h"
#include "harness/engines/engines.h"
#include "harness/experiment/host_reader.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/old_names.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/pattern.h"
#include "sockets/core/cpu_set.h"
#include "sockets/core/size_mix.h"

namespace pingperf {
namespace {

using Schema = nlohmann::ordered_json;

Schema text_like(const std::string& pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

Schema one_of(std::span<const std::string_view> words) {
  return {{"enum", words}};
}

Schema any_of(std::vector<Schema> schemas) {
  return {{"anyOf", std::move(schemas)}};
}

// The keys in which cases can differ: parameters, and the axes that the readers add.
std::vector<std::string_view> axis_names() {
  std::vector<std::string_view> names = assignable_keys();
  names.insert(names.end(), {"load", "pair", "variant"});
  return names;
}

Schema reference(std::string_view definition) {
  return {{"$ref", "#/$defs/" + std::string(definition)}};
}

// An integer; a maximum of 9e18 or more is left out.
Schema integer(double minimum, double maximum) {
  Schema schema = {{"type", "integer"}, {"minimum", static_cast<std::int64_t>(minimum)}};
  if (maximum < 9e18) schema["maximum"] = static_cast<std::int64_t>(maximum);
  return schema;
}

// A name that becomes a file's name.
Schema plain_name() {
  return text_like(std::string(find_key("experiment", "name").pattern));
}

Schema not_both(const char* a, const char* b) {
  return {{"not", {{"required", {a, b}}}}};
}

// ---- Parameters

Schema schema_of(const Parameter& p) {
  switch (p.unit) {
    case Unit::count:
      return integer(p.minimum, p.maximum);
    case Unit::size:
      return any_of({integer(p.minimum, p.maximum), text_like(size_pattern())});
    case Unit::duration:
      return text_like(duration_pattern());
    case Unit::rate:
      return text_like(rate_pattern());
    case Unit::frequency:
      return any_of({{{"type", "number"}, {"minimum", p.minimum}, {"maximum", p.maximum}},
                     text_like(frequency_pattern())});
    case Unit::flag:
      return {{"type", "boolean"}};
    case Unit::text:
      if (!p.choices.empty()) return one_of(p.choices);
      return {{"type", "string"}, {"minLength", 1}, {"maxLength", 64}};
  }
  return {};
}

Schema known_engine() {
  Schema schema = one_of(engine_names());
  schema["enum"].push_back(nullptr);  // the old name of noop
  schema["enum"].push_back(kOldNoop);
  return schema;
}

// A built-in engine or a program of the experiment.
Schema engine_schema() {
  return any_of({known_engine(), plain_name()});
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

Schema pin_schema() {
  return any_of(
      {integer(0, kMaxCpu), text_like("^(node[0-9]+|[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)$")});
}

// Parameters that are written as a map: those whose names begin with "pin." are the keys of pin.
Schema map_schema(std::string_view map) {
  Schema schema = {{"type", "object"}, {"additionalProperties", false}};
  for (const std::string_view key : keys_of_map(map)) {
    const Parameter& p = *find_parameter(fmt::format("{}.{}", map, key));
    Schema& property = schema["properties"][std::string(key)];
    property = map == "pin" ? pin_schema() : schema_of(p);
    property["description"] = p.doc;
  }
  return schema;
}

// Sizes and their weights. Some YAML readers make numbers of keys, which a pattern does not
// restrict.
Schema size_mix_schema() {
  return {{"type", "object"},
          {"minProperties", 1},
          {"maxProperties", kMaxShares},
          {"propertyNames", any_of({{{"pattern", "^[0-9]+$"}}, {{"pattern", size_pattern()}}})},
          {"additionalProperties", integer(1, static_cast<double>(kMaxCycle))}};
}

struct Special {
  std::string_view key;
  std::string_view doc;  // empty: the parameter's
  Schema (*schema)();
};

// Keys that are not in the table of parameters, or have another form than their unit's.
const Special kSpecials[] = {
    {"kind", "what a trial measures", [] { return one_of(kind_names()); }},
    {"transport", "the protocol that carries the bytes; default: tcp",
     [] { return one_of(transport_names()); }},
    {"engine", "the code that is measured; `pingperf engines` lists all", engine_schema},
    {"pin", "the CPUs that the two ends run on", [] { return map_schema("pin"); }},
    {"on_off", "a sender sends for `on`, then pauses for `off`, and so on",
     [] { return map_schema("on_off"); }},
    {"frame", "isochronous traffic: frames of `bytes`, one due each `every`",
     [] { return map_schema("frame"); }},
    {"interface", "the network interfaces of the two ends", [] { return map_schema("interface"); }},
    {"dscp", "sets tos to four times this", [] { return integer(0, 63); }},
    {"ip", "",
     [] {
       return Schema{{"enum", {4, 6}}};
     }},
    {"iperf3_options", "",
     [] {
       return any_of({{{"type", "string"}, {"maxLength", 1000}},
                      {{"type", "array"}, {"items", text_like("^[^ ]+$")}}});
     }},
    {"libiperf", "", [] { return text_like("^/"); }},
    {"size_mix", "", size_mix_schema},
};

// One property of "parameters". Workloads and matrices refer to it.
Schema parameter_schema(std::string_view key) {
  const Parameter* const parameter = find_parameter(key);
  for (const Special& special : kSpecials)
    if (special.key == key) {
      Schema schema = special.schema();
      schema["description"] = special.doc.empty() ? parameter->doc : special.doc;
      return schema;
    }
  Schema schema = schema_of(*parameter);
  schema["description"] = parameter->doc;
  return schema;
}

// Only one limit can end a trial.
Schema one_limit() {
  Schema pairs = Schema::array();
  for (const auto& [a, b] :
       {std::pair{"duration", "bytes"}, {"duration", "messages"}, {"bytes", "messages"}})
    pairs.push_back(not_both(a, b));
  return {{"allOf", std::move(pairs)}};
}

Schema one_direction() {
  const Schema yes = {{"const", true}};
  return {{"not",
           {{"properties", {{"reverse", yes}, {"bidirectional", yes}}},
            {"required", {"reverse", "bidirectional"}}}}};
}

Schema parameters_schema() {
  Schema schema = {{"type", "object"}, {"additionalProperties", false}};
  for (const std::string_view key : assignable_keys())
    schema["properties"][std::string(key)] = parameter_schema(key);
  schema.update(one_limit());
  return schema;
}

Schema parameter_reference(std::string_view key) {
  return reference("parameters/properties/" + std::string(key));
}

// ---- Keys

// A list of values for each parameter.
Schema matrix_schema() {
  Schema schema = {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", false}};
  for (const std::string_view key : assignable_keys())
    schema["properties"][std::string(key)] = {
        {"type", "array"}, {"minItems", 1}, {"items", parameter_reference(key)}};
  return schema;
}

Schema form_of(const ExperimentKey& key) {
  switch (key.type) {
    case KeyType::text:
      return key.pattern.empty() ? Schema{{"type", "string"}} : text_like(std::string(key.pattern));
    case KeyType::count:
      return integer(static_cast<double>(key.minimum), static_cast<double>(key.maximum));
    case KeyType::duration:
      return text_like(duration_pattern());
    case KeyType::rate:
      return text_like(rate_pattern());
    case KeyType::duration_or_size:
      return any_of(
          {{{"type", "integer"}}, text_like(duration_pattern()), text_like(size_pattern())});
    case KeyType::percent:
      return text_like(percent_pattern());
    case KeyType::flag:
      return {{"type", "boolean"}};
    case KeyType::choice:
      return one_of(key.choices);
    case KeyType::section:
      return reference(key.section);
    case KeyType::list: {
      Schema schema = {{"type", "array"}, {"items", reference(key.section)}};
      if (key.maximum != UINT64_MAX) schema["maxItems"] = key.maximum;
      return schema;
    }
    case KeyType::map:
      return {{"type", "object"},
              {"minProperties", 1},
              {"propertyNames", reference("name")},
              {"additionalProperties", reference(key.section)}};
  }
  return {};
}

// ---- Rules between keys, where a schema can express them

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

// Matches if `key` is `word`.
Schema where(const char* key, std::string_view word) {
  return {{"properties", {{key, {{"const", word}}}}}, {"required", {key}}};
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

Schema section_schema(const ExperimentSection& section) {
  Schema schema = {
      {"description", section.doc}, {"type", "object"}, {"additionalProperties", false}};
  Schema& properties = schema["properties"] = Schema::object();
  if (section.name == "workload")
    for (const std::string_view key : assignable_keys())
      properties[std::string(key)] = parameter_reference(key);
  Schema required = Schema::array();
  for (const ExperimentKey& key : section.keys) {
    Schema form = form_of(key);
    form["description"] = key.doc;
    properties[std::string(key.name)] = std::move(form);
    if (key.required) required.push_back(key.name);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  for (const Rules& rules : kRules)
    if (rules.section == section.name) schema["allOf"] = {rules.schema()};
  return schema;
}

// A throughput workload that lasts as long as the workload that it loads.
Schema background_schema() {
  Schema schema = {{"allOf", {reference("parameters"), where("kind", name(Kind::throughput))}},
                   {"required", {"kind", "engine"}}};
  for (const char* const key : {"duration", "bytes", "messages"}) schema["properties"][key] = false;
  return schema;
}

// A ratio or percentage, or a value in a metric's unit.
Schema bound_schema() {
  Schema schemas = Schema::array({{{"type", "number"}, {"minimum", 0}}});
  for (const std::string& pattern :
       {duration_pattern(), size_pattern(), rate_pattern(), frequency_pattern(), percent_pattern()})
    schemas.push_back(text_like(pattern));
  return {{"anyOf", std::move(schemas)}};
}

// The arguments of a command.
Schema command_schema() {
  return {{"type", "array"},
          {"minItems", 1},
          {"prefixItems", {{{"type", "string"}, {"minLength", 1}}}},
          {"items", {{"type", {"string", "number"}}}}};
}

// The words of a program's command: texts, and words under the name of a parameter.
Schema words_schema() {
  const Schema word = {{"type", {"string", "number", "boolean", "null"}}};
  Schema schema = command_schema();
  schema["items"] =
      any_of({word,
              {{"type", "object"},
               {"minProperties", 1},
               {"maxProperties", 1},
               {"propertyNames", reference("parameter_name")},
               {"additionalProperties", {{"type", "array"}, {"minItems", 1}, {"items", word}}}}});
  return schema;
}

// Parameters, the variant, or the pair of chosen cases.
Schema conditions_schema() {
  Schema schema = parameters_schema();
  schema["patternProperties"]["^variant$"] = reference("name");
  schema["patternProperties"]["^pair$"] = {{"type", {"string", "number"}}};
  return schema;
}

// A value for both ends, or one for each place.
Schema placed(const Schema& value) {
  Schema places = {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", false}};
  for (const char* const place : {"client", "server", "router"})
    places["properties"][place] = value;
  return any_of({value, std::move(places)});
}

Schema sysctls_schema() {
  return {{"type", "object"},
          {"minProperties", 1},
          {"propertyNames", text_like("^[A-Za-z0-9_-]+([./][A-Za-z0-9_:@-]+)+$")},
          {"additionalProperties", {{"type", {"string", "number"}}}}};
}

// Returns the forms of the values of a variant.
Schema variant_definitions() {
  const ExperimentKey& mtu = find_key("lab", "mtu");
  return {
      {"sysctls", placed(sysctls_schema())},
      {"commands", placed({{"type", "array"}, {"items", reference("command")}})},
      {"mtu", placed(integer(static_cast<double>(mtu.minimum), static_cast<double>(mtu.maximum)))},
      {"offloads", placed({{"type", "boolean"}})},
      {"limits", placed(reference("cgroup"))},
      {"services", any_of({reference("service"),
                           {{"type", "array"}, {"minItems", 1}, {"items", reference("service")}}})},
      {"dial",
       any_of({integer(1, 65535), text_like("^(.+:)?(\\{service_port\\}|[1-9][0-9]{0,4})$")})},
      {"size", any_of({integer(1, 1e18), text_like(size_pattern())})},
  };
}

// A pattern of traffic, with the host at its center if it has one.
Schema pattern_schema() {
  Schema plain = Schema::array(), with_center = Schema::object();
  for (const std::string_view word : pattern_names()) {
    const bool is_incast = word == name(Pattern::incast);
    if (!is_incast && word != name(Pattern::broadcast)) {
      plain.push_back(word);
      continue;
    }
    const char* const key = is_incast ? "to" : "from";
    with_center[std::string(word)] = {{"type", "object"},
                                      {"properties", {{key, {{"type", {"string", "number"}}}}}},
                                      {"required", {key}},
                                      {"additionalProperties", false}};
  }
  return any_of({{{"enum", std::move(plain)}},
                 {{"type", "object"},
                  {"properties", std::move(with_center)},
                  {"minProperties", 1},
                  {"maxProperties", 1},
                  {"additionalProperties", false}}});
}

// Hosts: a text with ranges or "@FILE", or a list of texts.
Schema nodes_list_schema() {
  const Schema text = {{"type", {"string", "number"}}};
  return any_of({text, {{"type", "array"}, {"minItems", 1}, {"items", text}}});
}

// Returns the forms of values that are not sections.
Schema form_definitions(std::span<const std::string_view> metric_names) {
  return {
      {"parameters", parameters_schema()},
      {"conditions", conditions_schema()},
      {"exclusion", {{"allOf", {reference("conditions"), {{"minProperties", 1}}}}}},
      {"combination", {{"allOf", {reference("parameters"), {{"minProperties", 1}}}}}},
      {"matrix", matrix_schema()},
      {"background", background_schema()},
      {"metric", any_of({one_of(metric_names), text_like("^rtt_p[0-9]{2,6}_ns$")})},
      {"labels",
       {{"type", "object"},
        {"propertyNames", plain_name()},
        {"additionalProperties", {{"type", {"string", "number", "boolean", "null"}}}}}},
      {"percentile", {{"type", "number"}, {"exclusiveMinimum", 0}, {"exclusiveMaximum", 100}}},
      {"metrics",
       any_of({reference("metric"), {{"type", "array"}, {"items", reference("metric")}}})},
      {"bound", bound_schema()},
      {"axis", one_of(axis_names())},
      {"value", {{"type", {"string", "number", "boolean", "object", "array", "null"}}}},
      {"command", command_schema()},
      {"pattern", pattern_schema()},
      {"nodes_list", nodes_list_schema()},
      {"nodes_addresses", any_of({nodes_list_schema(),
                                  {{"type", "object"},
                                   {"properties", {{"interface", {{"type", "string"}}}}},
                                   {"required", {"interface"}},
                                   {"additionalProperties", false}}})},
      {"pods", any_of({nodes_list_schema(), reference("selector")})},
      {"words", words_schema()},
      {"results",
       {{"type", "object"},
        {"minProperties", 1},
        {"propertyNames", reference("metric")},
        {"additionalProperties", reference("result")}}},
      {"keep",
       {{"type", "object"},
        {"minProperties", 1},
        {"propertyNames", reference("metric")},
        {"additionalProperties", reference("bound")}}},
      {"readiness", any_of({{{"const", "port"}}, reference("ready")})},
      {"environment",
       {{"type", "object"}, {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}}},
      {"parameter_name", one_of(parameter_names())},
      {"exit_code", integer(0, 255)},
      {"number", {{"type", "number"}}},
      {"file", {{"type", "string"}, {"minLength", 1}}},
      {"name", plain_name()},
  };
}

}  // namespace

std::string experiment_schema(std::span<const std::string_view> metric_names) {
  const auto sections = experiment_sections();
  Schema schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                   {"title", "pingperf experiment"}};
  schema.update(section_schema(sections.front()));
  schema["patternProperties"]["^x-"] = Schema::object();  // for anchors
  Schema& definitions = schema["$defs"] = Schema::object();
  for (const ExperimentSection& section : sections.subspan(1))
    definitions[std::string(section.name)] = section_schema(section);
  definitions.update(form_definitions(metric_names));
  definitions.update(variant_definitions());
  return schema.dump(1) + "\n";
}

}  // namespace pingperf
