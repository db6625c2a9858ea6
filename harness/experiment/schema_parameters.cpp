// The schema of parameters: the form of each, by its unit in the table of sockets/core/options.h.
#include <fmt/core.h>

#include "harness/base/units.h"
#include "harness/engines/engines.h"
#include "harness/experiment/old_names.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/schema_parts.h"
#include "sockets/core/cpu_set.h"
#include "sockets/core/size_mix.h"

namespace pingperf::schema {
namespace {

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
// A built-in engine or a program of the experiment.
Schema engine_schema() {
  return any_of({known_engine(), plain_name()});
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

}  // namespace

Schema known_engine() {
  Schema schema = one_of(engine_names());
  schema["enum"].push_back(nullptr);  // the old name of noop
  schema["enum"].push_back(kOldNoop);
  return schema;
}

Schema one_limit() {
  Schema pairs = Schema::array();
  for (const auto& [a, b] :
       {std::pair{"duration", "bytes"}, {"duration", "messages"}, {"bytes", "messages"}})
    pairs.push_back(not_both(a, b));
  return {{"allOf", std::move(pairs)}};
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

}  // namespace pingperf::schema
