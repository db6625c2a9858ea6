// libiperf as a table of its functions. The normal build loads the library at the first use
// (libiperf_loaded.cpp), so that processes that do not measure with it do not load it. The static
// build links it (libiperf_linked.cpp). The types are those of iperf_api.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct iperf_test;

namespace pingperf {

struct Libiperf {
  using Test = iperf_test*;

  Test (*new_test)();
  int (*defaults)(Test);
  void (*free_test)(Test);
  int (*parse_arguments)(Test, int, char**);
  int (*run_server)(Test);
  int (*run_client)(Test);
  char* (*error_text)(int);
  char* (*version)();
  int* error_number;  // i_errno

  int (*get_json_output)(Test);
  char* (*get_json_output_string)(Test);

  void (*set_role)(Test, char);
  void (*set_one_off)(Test, int);
  void (*set_bind_address)(Test, const char*);
  void (*set_server_hostname)(Test, const char*);
  void (*set_server_port)(Test, int);
  void (*set_control_socket)(Test, int);
  void (*set_json_output)(Test, int);
  void (*set_get_server_output)(Test, int);
  void (*set_stats_interval)(Test, double);
  void (*set_reporter_interval)(Test, double);
  void (*set_omit)(Test, int);
  void (*set_duration)(Test, int);
  void (*set_bytes)(Test, std::uint64_t);
  void (*set_blocks)(Test, std::uint64_t);
  void (*set_blksize)(Test, int);
  void (*set_num_streams)(Test, int);
  void (*set_rate)(Test, std::uint64_t);
  void (*set_burst)(Test, int);
  void (*set_pacing_timer)(Test, int);
  void (*set_repeating_payload)(Test, int);
  void (*set_dont_fragment)(Test, int);
  void (*set_socket_bufsize)(Test, int);
  void (*set_tos)(Test, int);
  void (*set_zerocopy)(Test, int);
  void (*set_no_delay)(Test, int);
  void (*set_mss)(Test, int);
  void (*set_congestion_control)(Test, char*);

  // Null if the library is too old, and in the static build.
  void (*set_json_stream)(Test, int) = nullptr;                      // since 3.17
  void (*set_json_callback)(Test, void (*)(Test, char*)) = nullptr;  // since 3.19
  void (*set_json_stream_full_output)(Test, int) = nullptr;          // since 3.20
};

// Returns the library of that file or folder; empty: the installed one, or the linked one. Throws
// std::runtime_error with the reason if it cannot be loaded. The library stays loaded. A process
// that loads a second one must not use the first one afterwards.
Libiperf load_libiperf(const std::string& where);

// Returns the installed or linked library, which is loaded by the first call. Throws like
// load_libiperf().
const Libiperf& libiperf();

// Returns why the installed library cannot be loaded; nullopt if it can.
std::optional<std::string> libiperf_unavailable();

// Returns the version of the installed library: "3.12"; empty if it cannot be loaded.
std::string libiperf_version();

// Returns true if `version` ("3.21+", "3.17.1") is 3.`minor` or later.
bool is_since(std::string_view version, int minor);

}  // namespace pingperf
