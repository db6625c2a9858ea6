#include "harness/experiment/schema.h"

#include "harness/base/units.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/pattern.h"
#include "harness/experiment/schema_parts.h"

namespace pingperf::schema {
namespace {

// The keys in which cases can differ: parameters, and the axes that the readers add.
std::vector<std::string_view> axis_names() {
  std::vector<std::string_view> names = assignable_keys();
  names.insert(names.end(), {"load", "pair", "variant"});
  return names;
}

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
  if (Schema rules = rules_of(section.name); !rules.is_null())
    schema["allOf"] = Schema::array({std::move(rules)});
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
}  // namespace pingperf::schema

namespace pingperf {

std::string experiment_schema(std::span<const std::string_view> metric_names) {
  using namespace schema;
  const auto sections = experiment_sections();
  Schema document = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                     {"title", "pingperf experiment"}};
  document.update(section_schema(sections.front()));
  document["patternProperties"]["^x-"] = Schema::object();  // for anchors
  Schema& definitions = document["$defs"] = Schema::object();
  for (const ExperimentSection& section : sections.subspan(1))
    definitions[std::string(section.name)] = section_schema(section);
  definitions.update(form_definitions(metric_names));
  definitions.update(variant_definitions());
  return document.dump(1) + "\n";
}

}  // namespace pingperf
