#include "harness/agent/protocol.h"

#include <fmt/core.h>

#include "harness/agent/protocol_values.h"
#include "harness/base/json_fields.h"
#include "harness/base/measurement_json.h"
#include "harness/base/version.h"

namespace pingperf {
namespace {

// ---- Requests

Json to_json(const ControllerHello& hello) {
  return {{"type", "hello"}, {"version", hello.version}};
}

Json to_json(const OpenEndpoint& open) {
  Json object = {{"type", open.role == Role::listen ? "listen" : "connect"},
                 {"endpoint", open.endpoint},
                 {"engine", open.options.engine},
                 {"options", to_json(open.options)},
                 {"token", to_hex(open.token)},
                 {"address", open.address},
                 {"external", open.external},
                 {"timeout_s", open.timeout_s}};
  if (open.program) object["program"] = to_json(*open.program);
  return object;
}

Json to_json(const StartEndpoint& start) {
  return {{"type", "start"}, {"endpoint", start.endpoint}};
}

Json to_json(const StopEndpoint& stop) {
  return {{"type", "stop"}, {"endpoint", stop.endpoint}};
}

Json to_json(const PrepareWorkers& prepare) {
  return {{"type", "prepare"}, {"count", prepare.count}};
}

Json to_json(const HostCheckRequest& request) {
  return {{"type", "check_host"}, {"observe_s", request.observe_s}};
}

Json to_json(const CopyFile& file) {
  return {{"type", "copy"},
          {"path", file.path},
          {"mode", file.mode},
          {"appends", file.appends},
          {"data", file.data}};
}

Json to_json(const CountersRequest& request) {
  return {{"type", "counters"},
          {"begins", request.begins},
          {"kernel", request.kernel},
          {"network", request.network},
          {"all", request.all}};
}

CountersRequest counters_request_from(const Json& object) {
  return {.begins = take<bool>(object, "begins"),
          .kernel = take<bool>(object, "kernel"),
          .network = take<bool>(object, "network"),
          .all = take<bool>(object, "all")};
}

Json to_json(const ResolveRequest& request) {
  return {{"type", "resolve"},
          {"name", request.name},
          {"device", request.device},
          {"is_own", request.is_own}};
}

ResolveRequest resolve_request_from(const Json& object) {
  return {.name = take<std::string>(object, "name"),
          .device = take<std::string>(object, "device"),
          .is_own = take<bool>(object, "is_own")};
}

CopyFile file_from(const Json& object) {
  return {.path = take<std::string>(object, "path"),
          .mode = take<unsigned>(object, "mode"),
          .appends = take<bool>(object, "appends"),
          .data = take<std::string>(object, "data")};
}

OpenEndpoint open_from(const Json& object, Role role) {
  constexpr double kMaxLength = 1e7;  // seconds: four months
  OpenEndpoint open;
  open.role = role;
  open.endpoint = take<std::uint64_t>(object, "endpoint");
  open.options = options_from(take<Json>(object, "options"));
  open.options.engine = take<std::string>(object, "engine");
  open.token = take_name<Token>(object, "token", token_from_hex);
  open.address = take<std::string>(object, "address");
  open.external = take<bool>(object, "external");
  open.timeout_s = take<double>(object, "timeout_s");
  if (const auto program = take_optional<Json>(object, "program"))
    open.program = program_from(*program);
  if (!(open.timeout_s > 0 && open.timeout_s <= kMaxLength))
    throw ProtocolError(fmt::format("'timeout_s' is not in 0 … {}", kMaxLength));
  return open;
}

Json to_json(const CheckVariants& request) {
  Json changes = Json::array();
  for (const SystemChanges& one : request.changes) changes.push_back(to_json(one));
  return {{"type", "check_variants"}, {"changes", std::move(changes)}, {"claims", request.claims}};
}

CheckVariants check_from(const Json& object) {
  CheckVariants request{.claims = take<bool>(object, "claims")};
  for (const Json& changes : take_array(object, "changes"))
    request.changes.push_back(changes_from(as<Json>(changes, "changes")));
  return request;
}

Json to_json(const SwitchVariant& request) {
  return {{"type", "switch"},
          {"changes", to_json(request.changes)},
          {"addresses", request.addresses},
          {"environment", pairs_of(request.environment)},
          {"port_at", request.port_at}};
}

SwitchVariant switch_from(const Json& object) {
  return {.changes = changes_from(take<Json>(object, "changes")),
          .addresses = take_texts(object, "addresses"),
          .environment = take_pairs(object, "environment"),
          .port_at = take<std::string>(object, "port_at")};
}

// ---- Events

Json to_json(const EngineInfo& engine) {
  Json object = {{"name", engine.name},
                 {"summary", engine.summary},
                 {"kind", name(engine.kind)},
                 {"transport", name(engine.transport)},
                 {"parameters", engine.parameters}};
  if (engine.unavailable) object["unavailable"] = *engine.unavailable;
  return object;
}

EngineInfo engine_from(const Json& object) {
  EngineInfo engine;
  engine.name = take<std::string>(object, "name");
  engine.summary = take<std::string>(object, "summary");
  engine.kind = take_name<Kind>(object, "kind", kind_from);
  engine.transport = take_name<Transport>(object, "transport", transport_from);
  engine.parameters = take_texts(object, "parameters");
  engine.unavailable = take_optional<std::string>(object, "unavailable");
  return engine;
}

Json to_json(const AgentHello& hello) {
  Json engines = Json::array();
  for (const EngineInfo& engine : hello.engines) engines.push_back(to_json(engine));
  return {{"type", "hello"},
          {"version", hello.version},
          {"engines", std::move(engines)},
          {"host", parse_json(hello.host.json)},
          {"network_namespace", hello.network_namespace},
          {"recovers", hello.recovers}};
}

// Reads only the version if it differs, because another version may have another form.
AgentHello hello_from(const Json& object) {
  AgentHello hello;
  hello.version = take<std::string>(object, "version");
  if (hello.version != version()) return hello;
  for (const Json& engine : take_array(object, "engines"))
    hello.engines.push_back(engine_from(engine));
  const Json host = take<Json>(object, "host");
  hello.host = {json_line(host), take_optional<std::string>(host, "hostname").value_or(""),
                take_optional<std::string>(host, "boot_id").value_or("")};
  hello.network_namespace = take<std::string>(object, "network_namespace");
  hello.recovers = take<bool>(object, "recovers");
  return hello;
}

Json to_json(const Ready& ready) {
  return {{"type", "ready"}, {"endpoint", ready.endpoint}, {"address", ready.address}};
}

Json to_json(const Progress& progress) {
  return {{"type", "progress"},
          {"endpoint", progress.endpoint},
          {"interval", to_json(progress.interval)}};
}

Json to_json(const HostCheckResult& result) {
  return {{"type", "host_checked"}, {"facts", parse_json(result.facts)}};
}

// The changes of a source are an object: {"snmp": {"Tcp.OutSegs": 17}}.
Json to_json(const CountersResult& result) {
  Json sources = Json::object();
  for (const CounterChange& change : result.changes)
    sources[std::string(name(change.source))][change.name] = change.difference;
  return {{"type", "counters"}, {"changes", std::move(sources)}};
}

CountersResult counters_from(const Json& object) {
  CountersResult result;
  const Json sources = take<Json>(object, "changes");
  for (const auto& [key, changes] : sources.items()) {
    const auto source = counter_source_from(key);
    if (!source) throw ProtocolError("unknown source of counters " + excerpt(key));
    if (!changes.is_object()) throw ProtocolError("'changes' has no object of " + excerpt(key));
    for (const auto& [counter, change] : changes.items())
      result.changes.push_back({.source = *source,
                                .name = printable(counter),
                                .difference = as<double>(change, "changes")});
  }
  return result;
}

Json to_json(const Resolved& resolved) {
  return {
      {"type", "resolved"}, {"v4", resolved.v4}, {"v6", resolved.v6}, {"error", resolved.error}};
}

Resolved resolved_from(const Json& object) {
  return {.v4 = take<std::string>(object, "v4"),
          .v6 = take<std::string>(object, "v6"),
          .error = take<std::string>(object, "error")};
}

Json to_json(const Recovered& recovered) {
  return {
      {"type", "recovered"}, {"undone", recovered.undone}, {"not_undone", recovered.not_undone}};
}

Json to_json(const VariantsChecked& checked) {
  return {{"type", "variants_checked"}, {"problems", checked.problems}};
}

Json to_json(const Switched& switched) {
  return {{"type", "switched"},
          {"error", switched.error},
          {"not_undone", switched.not_undone},
          {"port", switched.port}};
}

Json to_json(const Result& result) {
  return {{"type", "result"},
          {"endpoint", result.endpoint},
          {"measurement", to_json(result.measurement)}};
}

Json to_json(const Failure& failure) {
  Json object = {{"type", "error"}, {"what", failure.what}, {"status", name(failure.status)}};
  if (failure.endpoint) object["endpoint"] = *failure.endpoint;
  if (failure.error_number) object["errno"] = *failure.error_number;
  return object;
}

std::optional<Status> failure_status_from(std::string_view text) {
  for (const Status status : {Status::failed, Status::timeout, Status::refused})
    if (name(status) == text) return status;
  return std::nullopt;
}

Failure failure_from(const Json& object) {
  Failure failure;
  failure.endpoint = take_optional<std::uint64_t>(object, "endpoint");
  failure.what = take<std::string>(object, "what");
  failure.error_number = take_optional<int>(object, "errno");
  failure.status = take_name<Status>(object, "status", failure_status_from);
  return failure;
}

// ---- Lines

template <typename Message>
std::string line_of(const Message& message) {
  return json_line(std::visit([](const auto& m) { return to_json(m); }, message));
}

Json object_in(std::string_view line) {
  try {
    Json object = parse_json(line);
    if (object.is_object()) return object;
  } catch (const JsonError&) {  // the error below quotes the line, which is more helpful
  }
  throw ProtocolError("not a JSON object: " + excerpt(line));
}

// Escapes control characters, because texts of other hosts are printed to tables and terminals.
void make_printable(Json& json) {
  if (json.is_string()) json = printable(json.get_ref<const std::string&>());
  if (json.is_structured())
    for (Json& part : json) make_printable(part);
}

}  // namespace

std::string encode(const Request& request) {
  return line_of(request);
}

std::string encode(const Event& event) {
  return line_of(event);
}

Request decode_request(std::string_view line) {
  const Json object = object_in(line);
  const auto type = take<std::string>(object, "type");
  if (type == "hello") return ControllerHello{take<std::string>(object, "version")};
  if (type == "listen") return open_from(object, Role::listen);
  if (type == "connect") return open_from(object, Role::connect);
  if (type == "start") return StartEndpoint{take<std::uint64_t>(object, "endpoint")};
  if (type == "stop") return StopEndpoint{take<std::uint64_t>(object, "endpoint")};
  if (type == "prepare") return PrepareWorkers{take<std::uint64_t>(object, "count")};
  if (type == "check_host") return HostCheckRequest{take<double>(object, "observe_s")};
  if (type == "copy") return file_from(object);
  if (type == "counters") return counters_request_from(object);
  if (type == "resolve") return resolve_request_from(object);
  if (type == "check_variants") return check_from(object);
  if (type == "switch") return switch_from(object);
  throw ProtocolError("unknown request " + excerpt(type));
}

Event decode_event(std::string_view line) {
  Json object = object_in(line);
  make_printable(object);
  const auto type = take<std::string>(object, "type");
  const auto endpoint = [&] { return take<std::uint64_t>(object, "endpoint"); };
  if (type == "hello") return hello_from(object);
  if (type == "recovered")
    return Recovered{take_texts(object, "undone"), take_texts(object, "not_undone")};
  if (type == "ready") return Ready{endpoint(), take<std::string>(object, "address")};
  if (type == "progress")
    return Progress{endpoint(), interval_from(take<Json>(object, "interval"))};
  if (type == "result")
    return Result{endpoint(), measurement_from(take<Json>(object, "measurement"))};
  if (type == "error") return failure_from(object);
  if (type == "host_checked") return HostCheckResult{json_line(take<Json>(object, "facts"))};
  if (type == "counters") return counters_from(object);
  if (type == "resolved") return resolved_from(object);
  if (type == "variants_checked") return VariantsChecked{take_texts(object, "problems")};
  if (type == "switched")
    return Switched{take<std::string>(object, "error"), take_texts(object, "not_undone"),
                    take<std::uint16_t>(object, "port")};
  throw ProtocolError("unknown event " + excerpt(type));
}

std::optional<std::uint64_t> endpoint_of(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::optional<std::uint64_t> {
        if constexpr (requires { e.endpoint; })
          return e.endpoint;
        else
          return std::nullopt;
      },
      event);
}

}  // namespace pingperf
