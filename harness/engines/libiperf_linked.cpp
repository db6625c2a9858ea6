// The table of libiperf's functions in the static build. Only this file includes libiperf's header.
// The normal build compiles it too and does not link it: the compiler compares the types with the
// header's.
// iperf_api.h needs <cstdint> and does not include it.
#include <cstdint>
//
#include <iperf_api.h>

#include <stdexcept>

#include "harness/engines/libiperf.h"

namespace pingperf {

Libiperf load_libiperf(const std::string& where) {
  if (!where.empty())
    throw std::runtime_error("this pingperf is linked statically and cannot load " + where);
  return {
      .new_test = &iperf_new_test,
      .defaults = &iperf_defaults,
      .free_test = &iperf_free_test,
      .parse_arguments = &iperf_parse_arguments,
      .run_server = &iperf_run_server,
      .run_client = &iperf_run_client,
      .error_text = &iperf_strerror,
      .version = &iperf_get_iperf_version,
      .error_number = &i_errno,
      .get_json_output = &iperf_get_test_json_output,
      .get_json_output_string = &iperf_get_test_json_output_string,
      .set_role = &iperf_set_test_role,
      .set_one_off = &iperf_set_test_one_off,
      .set_bind_address = &iperf_set_test_bind_address,
      .set_server_hostname = &iperf_set_test_server_hostname,
      .set_server_port = &iperf_set_test_server_port,
      .set_control_socket = &iperf_set_control_socket,
      .set_json_output = &iperf_set_test_json_output,
      .set_get_server_output = &iperf_set_test_get_server_output,
      .set_stats_interval = &iperf_set_test_stats_interval,
      .set_reporter_interval = &iperf_set_test_reporter_interval,
      .set_omit = &iperf_set_test_omit,
      .set_duration = &iperf_set_test_duration,
      .set_bytes = &iperf_set_test_bytes,
      .set_blocks = &iperf_set_test_blocks,
      .set_blksize = &iperf_set_test_blksize,
      .set_num_streams = &iperf_set_test_num_streams,
      .set_rate = &iperf_set_test_rate,
      .set_burst = &iperf_set_test_burst,
      .set_pacing_timer = &iperf_set_test_pacing_timer,
      .set_repeating_payload = &iperf_set_test_repeating_payload,
      .set_dont_fragment = &iperf_set_dont_fragment,
      .set_socket_bufsize = &iperf_set_test_socket_bufsize,
      .set_tos = &iperf_set_test_tos,
      .set_zerocopy = &iperf_set_test_zerocopy,
      .set_no_delay = &iperf_set_test_no_delay,
      .set_mss = &iperf_set_test_mss,
      .set_congestion_control = &iperf_set_test_congestion_control,
  };
}

}  // namespace pingperf
