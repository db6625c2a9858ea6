// The table of libiperf's functions in the normal build: dlopen(3) and dlsym(3).
#include <dlfcn.h>
#include <sys/stat.h>

#include <stdexcept>

#include "harness/engines/libiperf.h"

namespace pingperf {
namespace {

// Writes the address of the symbol to `target`, which keeps its value if the library lacks it.
template <typename Pointer>
void find(void* library, const char* symbol, Pointer& target) {
  if (void* const address = ::dlsym(library, symbol)) target = reinterpret_cast<Pointer>(address);
}

template <typename Pointer>
void require(void* library, const char* symbol, Pointer& target) {
  target = nullptr;
  find(library, symbol, target);
  if (target == nullptr) throw std::runtime_error(::dlerror());
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Libiperf load_libiperf(const std::string& where) {
  std::string file = where.empty() ? PINGPERF_LIBIPERF : where;
  if (is_folder(file)) file += "/" PINGPERF_LIBIPERF;
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(::dlerror());
  Libiperf t{};
  const auto get = [&](const char* symbol, auto& target) { require(library, symbol, target); };
  get("iperf_new_test", t.new_test);
  get("iperf_defaults", t.defaults);
  get("iperf_free_test", t.free_test);
  get("iperf_parse_arguments", t.parse_arguments);
  get("iperf_run_server", t.run_server);
  get("iperf_run_client", t.run_client);
  get("iperf_strerror", t.error_text);
  get("iperf_get_iperf_version", t.version);
  get("i_errno", t.error_number);
  get("iperf_get_test_json_output", t.get_json_output);
  get("iperf_get_test_json_output_string", t.get_json_output_string);
  get("iperf_set_test_role", t.set_role);
  get("iperf_set_test_one_off", t.set_one_off);
  get("iperf_set_test_bind_address", t.set_bind_address);
  get("iperf_set_test_server_hostname", t.set_server_hostname);
  get("iperf_set_test_server_port", t.set_server_port);
  get("iperf_set_control_socket", t.set_control_socket);
  get("iperf_set_test_json_output", t.set_json_output);
  get("iperf_set_test_get_server_output", t.set_get_server_output);
  get("iperf_set_test_stats_interval", t.set_stats_interval);
  get("iperf_set_test_reporter_interval", t.set_reporter_interval);
  get("iperf_set_test_omit", t.set_omit);
  get("iperf_set_test_duration", t.set_duration);
  get("iperf_set_test_bytes", t.set_bytes);
  get("iperf_set_test_blocks", t.set_blocks);
  get("iperf_set_test_blksize", t.set_blksize);
  get("iperf_set_test_num_streams", t.set_num_streams);
  get("iperf_set_test_rate", t.set_rate);
  get("iperf_set_test_burst", t.set_burst);
  get("iperf_set_test_pacing_timer", t.set_pacing_timer);
  get("iperf_set_test_repeating_payload", t.set_repeating_payload);
  get("iperf_set_dont_fragment", t.set_dont_fragment);
  get("iperf_set_test_socket_bufsize", t.set_socket_bufsize);
  get("iperf_set_test_tos", t.set_tos);
  get("iperf_set_test_zerocopy", t.set_zerocopy);
  get("iperf_set_test_no_delay", t.set_no_delay);
  get("iperf_set_test_mss", t.set_mss);
  get("iperf_set_test_congestion_control", t.set_congestion_control);
  find(library, "iperf_set_test_json_stream", t.set_json_stream);
  find(library, "iperf_set_test_json_callback", t.set_json_callback);
  find(library, "iperf_set_test_json_stream_full_output", t.set_json_stream_full_output);
  return t;
}

}  // namespace pingperf
