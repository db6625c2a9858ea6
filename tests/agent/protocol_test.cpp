// The protocol's lines: an encoded message is decoded to the same message, and errors are named.
#include "harness/agent/protocol.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "harness/base/json.h"
#include "harness/base/version.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

// Returns the error of `decode` for `line`.
template <typename Decode>
std::string complaint(Decode decode, std::string_view line) {
  try {
    decode(line);
  } catch (const ProtocolError& e) {
    return e.what();
  }
  return "";
}

std::string request_complaint(std::string_view line) {
  return complaint(decode_request, line);
}
std::string event_complaint(std::string_view line) {
  return complaint(decode_event, line);
}

template <typename T>
T round_trip(const T& message) {
  if constexpr (std::is_constructible_v<Request, T>)
    return std::get<T>(decode_request(encode(Request(message))));
  else
    return std::get<T>(decode_event(encode(Event(message))));
}

OpenEndpoint full_request() {
  OpenEndpoint open{.role = Role::connect, .endpoint = 7};
  open.options.kind = Kind::latency;
  open.options.transport = Transport::unix_datagram;
  open.options.engine = "blocking";
  for (const Parameter& parameter : parameters())
    std::visit(
        [&](auto field) {
          using Value = typename std::remove_reference_t<decltype(open.options.*field)>::value_type;
          if constexpr (std::is_same_v<Value, std::string>)
            (open.options.*field).emplace(fmt::format("text of {}", parameter.name));
          else
            (open.options.*field).emplace(static_cast<Value>(parameter.minimum + 1));
        },
        parameter.field);
  open.token = mint_token();
  open.address = "[::1]:5201";
  open.timeout_s = 12.5;
  return open;
}

// Expects both to have the same parameters.
void expect_same(const Options& a, const Options& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.transport, b.transport);
  EXPECT_EQ(a.engine, b.engine);
  for (const Parameter& parameter : parameters())
    std::visit([&](auto field) { EXPECT_EQ(a.*field, b.*field) << parameter.name; },
               parameter.field);
}

TEST(ProtocolTest, AFullRequestToOpenAnEndpointSurvivesTheTrip) {
  const OpenEndpoint sent = full_request();
  const OpenEndpoint got = round_trip(sent);
  EXPECT_EQ(got.role, sent.role);
  EXPECT_EQ(got.endpoint, sent.endpoint);
  EXPECT_EQ(got.token, sent.token);
  EXPECT_EQ(got.address, sent.address);
  EXPECT_EQ(got.timeout_s, sent.timeout_s);
  expect_same(got.options, sent.options);
}

TEST(ProtocolTest, OptionsThatAreNotSetStayUnset) {
  OpenEndpoint sent{.endpoint = 1, .address = "127.0.0.1:0", .timeout_s = 1};
  sent.options.engine = "noop";
  expect_same(round_trip(sent).options, sent.options);
}

TEST(ProtocolTest, AddressesSurviveTheTrip) {
  const ResolveRequest request = round_trip(ResolveRequest{.name = "fe80::1", .is_own = true});
  EXPECT_EQ(request.name, "fe80::1");
  EXPECT_TRUE(request.is_own);
  EXPECT_EQ(round_trip(ResolveRequest{.device = "eth1"}).device, "eth1");
  const Resolved resolved = round_trip(Resolved{.v6 = "fe80::1%eth0", .error = "none"});
  EXPECT_EQ(resolved.v4, "");
  EXPECT_EQ(resolved.v6, "fe80::1%eth0");
  EXPECT_EQ(resolved.error, "none");
}

TEST(ProtocolTest, CountersSurviveTheTrip) {
  const CountersRequest request = round_trip(CountersRequest{.begins = true, .network = true});
  EXPECT_TRUE(request.begins);
  EXPECT_FALSE(request.kernel);
  EXPECT_TRUE(request.network);
  EXPECT_FALSE(request.all);

  EXPECT_TRUE(round_trip(CountersResult{}).changes.empty());
  const CountersResult result =
      round_trip(CountersResult{{{CounterSource::snmp, "Tcp.OutSegs", "", 5e9},
                                 {CounterSource::pressure, "cpu some", "", 0.25},
                                 {CounterSource::ethtool, "eth0 a\nb", "", -3}}});
  ASSERT_EQ(result.changes.size(), 3u);  // in the order of the sources' names
  EXPECT_EQ(result.changes[0].name, "eth0 a\\nb");
  EXPECT_EQ(result.changes[0].difference, -3);
  EXPECT_EQ(result.changes[1].source, CounterSource::pressure);
  EXPECT_EQ(result.changes[1].difference, 0.25);
  EXPECT_EQ(result.changes[2].source, CounterSource::snmp);
  EXPECT_EQ(result.changes[2].difference, 5e9);
}

TEST(ProtocolTest, WrongCountersAreErrorsThatNameThem) {
  EXPECT_THAT(request_complaint(R"({"type":"counters","begins":1})"), HasSubstr("'begins'"));
  EXPECT_THAT(event_complaint(R"({"type":"counters"})"), HasSubstr("'changes'"));
  EXPECT_THAT(event_complaint(R"({"type":"counters","changes":{"snmmp":{}}})"),
              HasSubstr("'snmmp'"));
  EXPECT_THAT(event_complaint(R"({"type":"counters","changes":{"snmp":7}})"), HasSubstr("'snmp'"));
  EXPECT_THAT(event_complaint(R"({"type":"counters","changes":{"snmp":{"A":"7"}}})"),
              HasSubstr("'changes'"));
}

TEST(ProtocolTest, AProgramSurvivesTheTrip) {
  OpenEndpoint sent{.endpoint = 1, .address = "127.0.0.1:0", .timeout_s = 1};
  sent.program =
      ProgramEnd{.program = "mine",
                 .arguments = {{"./c"}, {"{port}", "reverse"}},
                 .environment = {{"A", "{seed}"}},
                 .directory = "/opt",
                 .ready = {.when = ProgramReady::When::after, .regex = "", .after = kSecond},
                 .figures = {{.column = "lost", .json = "", .regex = "(x)", .scale = 1e-6}},
                 .stop_signal = 2,
                 .exit_codes = {0, 3},
                 .is_copied = true,
                 .seed = 18'446'744'073'709'551'615u};
  const ProgramEnd got = round_trip(sent).program.value();
  EXPECT_EQ(got.program, "mine");
  ASSERT_EQ(got.arguments.size(), 2u);
  EXPECT_EQ(got.arguments[1].text, "{port}");
  EXPECT_EQ(got.arguments[1].condition, "reverse");
  EXPECT_EQ(got.environment, sent.program->environment);
  EXPECT_EQ(got.directory, "/opt");
  EXPECT_EQ(got.ready.when, ProgramReady::When::after);
  EXPECT_EQ(got.ready.after, kSecond);
  ASSERT_EQ(got.figures.size(), 1u);
  EXPECT_EQ(got.figures[0].column, "lost");
  EXPECT_EQ(got.figures[0].regex, "(x)");
  EXPECT_EQ(got.figures[0].scale, 1e-6);
  EXPECT_EQ(got.stop_signal, 2);
  EXPECT_EQ(got.exit_codes, sent.program->exit_codes);
  EXPECT_TRUE(got.is_copied);
  EXPECT_EQ(got.seed, sent.program->seed);
}

TEST(ProtocolTest, FiguresOfAProgramSurviveTheTrip) {
  Result sent;
  sent.measurement.figures["rtt_p50_ns"] = 24.5;
  EXPECT_EQ(round_trip(sent).measurement.figures, sent.measurement.figures);
}

TEST(ProtocolTest, AProgramWithAWrongWordIsRefused) {
  OpenEndpoint sent{.endpoint = 1, .address = "127.0.0.1:0", .timeout_s = 1};
  sent.program = ProgramEnd{.program = "mine", .arguments = {{"./c"}, {"{prt}"}}};
  EXPECT_THROW(round_trip(sent), ProtocolError);
  sent.program->arguments = {{"./c", "no-parameter"}};
  EXPECT_THROW(round_trip(sent), ProtocolError);
  sent.program->arguments = {};
  EXPECT_THROW(round_trip(sent), ProtocolError);
}

TEST(ProtocolTest, TheOtherRequestsSurviveTheTrip) {
  const CopyFile file = round_trip(CopyFile{"a/b", 0750, true, "00ff"});
  EXPECT_EQ(file.path, "a/b");
  EXPECT_EQ(file.mode, 0750u);
  EXPECT_TRUE(file.appends);
  EXPECT_EQ(file.data, "00ff");
  EXPECT_EQ(round_trip(ControllerHello{"1.2.3"}).version, "1.2.3");
  EXPECT_EQ(round_trip(StartEndpoint{3}).endpoint, 3u);
  EXPECT_EQ(round_trip(StopEndpoint{4}).endpoint, 4u);
  round_trip(PrepareWorkers{7});
  EXPECT_EQ(round_trip(HostCheckRequest{0.5}).observe_s, 0.5);
  EXPECT_EQ(round_trip(HostCheckResult{R"({"load_ratio":0.25})"}).facts, R"({"load_ratio":0.25})");
}

TEST(ProtocolTest, EveryFigureOfAMeasurementSurvivesTheTrip) {
  Measurement m;
  m.window_s = 1.25;
  m.bytes_sent = 18'446'744'073'709'551'615u;
  m.bytes_received = 2;
  m.total_bytes_sent = 3;
  m.total_bytes_received = 4;
  m.datagrams_sent = 5;
  m.datagrams_received = 6;
  m.datagrams_lost = 0;  // measured
  m.total_datagrams_sent = 5;
  m.total_datagrams_expected = 4;
  m.out_of_order = 8;
  m.duplicates = 9;
  m.jitter_ns = 10.1;
  m.retransmits = 11;
  m.tcp_rtt_min_ns = 12.1;
  m.tcp_rtt_mean_ns = 13.1;
  m.cwnd_max_bytes = 14;
  m.fairness_index = 0.15;
  m.cpu_user_s = 16.1;
  m.cpu_system_s = 17.1;
  m.context_switches = 18;
  m.steal_ratio = 0.19;
  m.rejected_peers = 20;
  m.exchanges = 21;
  m.lost = 22;
  m.late = 23;
  const Measurement got = round_trip(Result{5, m}).measurement;
  EXPECT_EQ(got.window_s, m.window_s);
  EXPECT_EQ(got.bytes_sent, m.bytes_sent);
  EXPECT_EQ(got.bytes_received, m.bytes_received);
  EXPECT_EQ(got.total_bytes_sent, m.total_bytes_sent);
  EXPECT_EQ(got.total_bytes_received, m.total_bytes_received);
  EXPECT_EQ(got.datagrams_sent, m.datagrams_sent);
  EXPECT_EQ(got.datagrams_received, m.datagrams_received);
  EXPECT_EQ(got.datagrams_lost, m.datagrams_lost);
  EXPECT_EQ(got.total_datagrams_sent, m.total_datagrams_sent);
  EXPECT_EQ(got.total_datagrams_expected, m.total_datagrams_expected);
  EXPECT_EQ(got.out_of_order, m.out_of_order);
  EXPECT_EQ(got.duplicates, m.duplicates);
  EXPECT_EQ(got.jitter_ns, m.jitter_ns);
  EXPECT_EQ(got.retransmits, m.retransmits);
  EXPECT_EQ(got.tcp_rtt_min_ns, m.tcp_rtt_min_ns);
  EXPECT_EQ(got.tcp_rtt_mean_ns, m.tcp_rtt_mean_ns);
  EXPECT_EQ(got.cwnd_max_bytes, m.cwnd_max_bytes);
  EXPECT_EQ(got.fairness_index, m.fairness_index);
  EXPECT_EQ(got.cpu_user_s, m.cpu_user_s);
  EXPECT_EQ(got.cpu_system_s, m.cpu_system_s);
  EXPECT_EQ(got.context_switches, m.context_switches);
  EXPECT_EQ(got.steal_ratio, m.steal_ratio);
  EXPECT_EQ(got.rejected_peers, m.rejected_peers);
  EXPECT_EQ(got.exchanges, m.exchanges);
  EXPECT_EQ(got.lost, m.lost);
  EXPECT_EQ(got.late, m.late);
}

TEST(ProtocolTest, FiguresThatWereNotMeasuredStayEmpty) {
  Measurement m;
  m.jitter_ns = std::numeric_limits<double>::quiet_NaN();  // not a figure
  const Measurement got = round_trip(Result{5, m}).measurement;
  EXPECT_FALSE(got.window_s);
  EXPECT_FALSE(got.bytes_sent);
  EXPECT_FALSE(got.jitter_ns);
  EXPECT_FALSE(got.rtt);
  EXPECT_TRUE(got.intervals.empty());
}

TEST(ProtocolTest, HistogramsSurviveTheTrip) {
  Histogram rtt;
  for (Nanoseconds value : {0, 5, 5, 70'000, 123'456'789}) rtt.record(value);
  rtt.record(61 * kSecond);
  Measurement m;
  m.rtt = rtt;
  m.spans[Span::connect].record(42);
  const Measurement got = round_trip(Result{5, m}).measurement;
  EXPECT_EQ(got.rtt->buckets(), m.rtt->buckets());
  EXPECT_EQ(got.rtt->count(), 6u);
  EXPECT_EQ(got.rtt->overflow(), 1u);
  EXPECT_EQ(got.rtt->min(), 0);
  EXPECT_EQ(got.rtt->max(), 61 * kSecond);
  EXPECT_EQ(got.rtt->mean(), m.rtt->mean());
  EXPECT_EQ(got.spans.at(Span::connect).max(), 42);
}

TEST(ProtocolTest, IntervalsSurviveTheTrip) {
  const Interval full{.start_s = 0.1,
                      .end_s = 0.2,
                      .bytes_sent = 1,
                      .bytes_received = 2,
                      .messages = 3,
                      .retransmits = 4,
                      .rtt_ns = 5.5,
                      .cwnd_bytes = 6};
  const Interval got = round_trip(Progress{9, full}).interval;
  EXPECT_EQ(got.start_s, full.start_s);
  EXPECT_EQ(got.end_s, full.end_s);
  EXPECT_EQ(got.bytes_sent, full.bytes_sent);
  EXPECT_EQ(got.bytes_received, full.bytes_received);
  EXPECT_EQ(got.messages, full.messages);
  EXPECT_EQ(got.retransmits, full.retransmits);
  EXPECT_EQ(got.rtt_ns, full.rtt_ns);
  EXPECT_EQ(got.cwnd_bytes, full.cwnd_bytes);

  Measurement m;
  m.intervals = {full, Interval{.start_s = 0.2, .end_s = 0.3}};
  const Measurement both = round_trip(Result{9, m}).measurement;
  ASSERT_EQ(both.intervals.size(), 2u);
  EXPECT_EQ(both.intervals[0].rtt_ns, full.rtt_ns);
  EXPECT_FALSE(both.intervals[1].bytes_sent);
}

TEST(ProtocolTest, AClientsResultCarriesItsPeersOneLevelDeep) {
  Measurement innermost, peer, m;
  innermost.bytes_sent = 1;
  peer.bytes_received = 2;
  peer.peer = std::make_shared<Measurement>(innermost);
  m.bytes_sent = 3;
  m.peer = std::make_shared<Measurement>(peer);
  const Measurement got = round_trip(Result{9, m}).measurement;
  ASSERT_TRUE(got.peer);
  EXPECT_EQ(got.peer->bytes_received, 2u);
  EXPECT_FALSE(got.peer->peer);
  EXPECT_FALSE(round_trip(Result{9, peer}).measurement.peer->peer);
}

TEST(ProtocolTest, ChangesOfTheSystemSurviveTheTrip) {
  SystemChanges changes;
  changes.sysctls = {{"net.core.rmem_max", "1 2", "x.yaml:1:2"}};
  changes.setup = {{{"ip", "link"}, "x.yaml:3:4"}};
  changes.teardown = {{{"a"}, "x.yaml:5:6"}};
  changes.mtu = 1400;
  changes.offloads = false;
  changes.cpu_limit = 0.5;
  changes.location = "x.yaml:7:8";
  const SwitchVariant got = round_trip(SwitchVariant{.changes = changes,
                                                     .addresses = {"192.0.2.1"},
                                                     .environment = {{"A", "b"}},
                                                     .port_at = "192.0.2.1:0"});
  EXPECT_EQ(got.changes.sysctls.at(0).name, "net.core.rmem_max");
  EXPECT_EQ(got.changes.sysctls.at(0).value, "1 2");
  EXPECT_EQ(got.changes.sysctls.at(0).location, "x.yaml:1:2");
  EXPECT_THAT(got.changes.setup.at(0).arguments, testing::ElementsAre("ip", "link"));
  EXPECT_EQ(got.changes.teardown.at(0).location, "x.yaml:5:6");
  EXPECT_EQ(got.changes.mtu, 1400u);
  EXPECT_EQ(got.changes.offloads, false);
  EXPECT_EQ(got.changes.cpu_limit, 0.5);
  EXPECT_FALSE(got.changes.memory_limit);
  EXPECT_EQ(got.changes.location, "x.yaml:7:8");
  EXPECT_THAT(got.addresses, testing::ElementsAre("192.0.2.1"));
  EXPECT_THAT(got.environment, testing::ElementsAre(testing::Pair("A", "b")));
  EXPECT_EQ(got.port_at, "192.0.2.1:0");
  const CheckVariants check = round_trip(CheckVariants{{changes, {}}, true});
  EXPECT_EQ(check.changes.size(), 2u);
  EXPECT_TRUE(check.claims);
  const Switched switched = round_trip(Switched{"why", {"ip link (no)"}, 77});
  EXPECT_EQ(switched.error, "why");
  EXPECT_THAT(switched.not_undone, testing::ElementsAre("ip link (no)"));
  EXPECT_EQ(switched.port, 77);
  const Recovered recovered = round_trip(Recovered{{"a"}, {"b"}});
  EXPECT_THAT(recovered.undone, testing::ElementsAre("a"));
  EXPECT_THAT(recovered.not_undone, testing::ElementsAre("b"));
  EXPECT_THAT(round_trip(VariantsChecked{{"a", "b"}}).problems, testing::ElementsAre("a", "b"));
}

TEST(ProtocolTest, TheAgentsHelloSurvivesTheTrip) {
  AgentHello sent{.version = std::string(version())};
  sent.engines.push_back({"a", "does", Kind::connect, Transport::icmp, {"warmup"}, "no root"});
  sent.engines.push_back({"b", "does too", Kind::latency, Transport::raw, {}, std::nullopt});
  sent.host.json = R"({"cpus":2,"hostname":"h"})";
  sent.network_namespace = "17";
  const AgentHello got = round_trip(sent);
  ASSERT_EQ(got.engines.size(), 2u);
  EXPECT_EQ(got.engines[0].name, "a");
  EXPECT_EQ(got.engines[0].kind, Kind::connect);
  EXPECT_EQ(got.engines[0].transport, Transport::icmp);
  EXPECT_THAT(got.engines[0].parameters, testing::ElementsAre("warmup"));
  EXPECT_EQ(got.engines[0].unavailable, "no root");
  EXPECT_FALSE(got.engines[1].unavailable);
  EXPECT_EQ(got.host.json, sent.host.json);
  EXPECT_EQ(got.host.hostname, "h");
  EXPECT_EQ(got.host.boot_id, "");
  EXPECT_EQ(got.network_namespace, "17");
}

TEST(ProtocolTest, AHelloOfAnotherVersionIsReadForItsVersionOnly) {
  const Event event = decode_event(R"({"type":"hello","version":"9.9.9","engines":"many"})");
  EXPECT_EQ(std::get<AgentHello>(event).version, "9.9.9");
}

TEST(ProtocolTest, AFailureSurvivesTheTrip) {
  const Failure got = round_trip(
      Failure{.endpoint = 3, .what = "port busy", .error_number = 98, .status = Status::refused});
  EXPECT_EQ(got.endpoint, 3u);
  EXPECT_EQ(got.what, "port busy");
  EXPECT_EQ(got.error_number, 98);
  EXPECT_EQ(got.status, Status::refused);
  EXPECT_FALSE(round_trip(Failure{.what = "bye"}).endpoint);
}

TEST(ProtocolTest, AMessageIsOneLineWithAnyText) {
  const std::string line = encode(Event(Failure{.what = "two\nlines, \xff no UTF-8"}));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_THAT(std::get<Failure>(decode_event(line)).what, HasSubstr("two\\nlines"));
}

TEST(ProtocolTest, ALineThatIsNoObjectIsQuotedInTheError) {
  EXPECT_EQ(request_complaint("Welcome!"), "not a JSON object: 'Welcome!'");
  EXPECT_EQ(request_complaint("[1]"), "not a JSON object: '[1]'");
  EXPECT_EQ(request_complaint(""), "not a JSON object: ''");
  EXPECT_EQ(event_complaint("\x1b[1m\xff"), R"(not a JSON object: '\x1b[1m\xff')");
  EXPECT_LT(event_complaint(std::string(10'000, 'x')).size(), 200u);
}

TEST(ProtocolTest, AnUnknownTypeIsNamed) {
  EXPECT_EQ(request_complaint(R"({"type":"dance"})"), "unknown request 'dance'");
  EXPECT_EQ(event_complaint(R"({"type":"dance"})"), "unknown event 'dance'");
  EXPECT_EQ(request_complaint("{}"), "'type' is missing");
  EXPECT_EQ(request_complaint(R"({"type":5})"), "'type' is not a string");
}

TEST(ProtocolTest, AnEndpointIsAWholeNumber) {
  for (const char* wrong : {"-1", "1.5", "\"1\"", "null", "[]"})
    EXPECT_EQ(request_complaint(std::string(R"({"type":"start","endpoint":)") + wrong + "}"),
              "'endpoint' is not a whole number from 0 on")
        << wrong;
}

// Returns a good request to listen in which `key` is replaced by `value`.
std::string listen_with(const char* key, Json value) {
  Json object = Json::parse(encode(Request(full_request())));
  object[key] = std::move(value);
  return object.dump();
}

TEST(ProtocolTest, WrongPartsOfARequestToOpenAreNamed) {
  const Json options = Json::parse(encode(Request(full_request())))["options"];
  const auto options_with = [&](const char* key, Json value) {
    Json changed = options;
    changed[key] = std::move(value);
    return listen_with("options", changed);
  };
  EXPECT_EQ(request_complaint(listen_with("token", "abc")), "'token' cannot be 'abc'");
  EXPECT_THAT(request_complaint(listen_with("timeout_s", 0)), HasSubstr("'timeout_s'"));
  EXPECT_THAT(request_complaint(listen_with("timeout_s", 1e300)), HasSubstr("'timeout_s'"));
  EXPECT_EQ(request_complaint(listen_with("engine", 5)), "'engine' is not a string");
  EXPECT_EQ(request_complaint(listen_with("options", 5)), "'options' is not an object");
  EXPECT_EQ(request_complaint(options_with("kind", "size")), "'kind' cannot be 'size'");
  EXPECT_EQ(request_complaint(options_with("transport", "tin")), "'transport' cannot be 'tin'");
  EXPECT_EQ(request_complaint(options_with("colour", 5)), "unknown option 'colour'");
  EXPECT_EQ(request_complaint(options_with("streams", -5)),
            "'streams' is not a whole number from 0 on");
  EXPECT_EQ(request_complaint(options_with("nodelay", 1)), "'nodelay' is not true or false");
  EXPECT_EQ(request_complaint(options_with("duration", "1s")), "'duration' is not a whole number");
}

TEST(ProtocolTest, WrongPartsOfAResultAreNamed) {
  const auto result = [](const char* measurement) {
    return std::string(R"({"type":"result","endpoint":1,"measurement":)") + measurement + "}";
  };
  EXPECT_EQ(event_complaint(result("{}")), "'intervals' is missing");
  EXPECT_EQ(event_complaint(result(R"({"intervals":[],"lost":-1})")),
            "'lost' is not a whole number from 0 on");
  EXPECT_EQ(event_complaint(result(R"({"intervals":[5]})")), "'start_s' is missing");
  EXPECT_EQ(event_complaint(result(R"({"intervals":[],"rtt":{"buckets":[[1]]}})")),
            "a bucket is not a pair of index and count");
  EXPECT_THAT(event_complaint(result(R"({"intervals":[],"rtt":{"buckets":[[1000000000,1]],
                                         "min":0,"max":0,"sum":0,"overflow":0}})")),
              HasSubstr("'rtt'"));
}

TEST(ProtocolTest, AnEventKnowsItsEndpoint) {
  EXPECT_EQ(endpoint_of(Ready{3, ""}), 3u);
  EXPECT_EQ(endpoint_of(Failure{.endpoint = 4}), 4u);
  EXPECT_FALSE(endpoint_of(Failure{}));
  EXPECT_FALSE(endpoint_of(AgentHello{}));
}

}  // namespace
}  // namespace pingperf
