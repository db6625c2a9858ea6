// Lab: a network of namespaces on this machine that exists for one run.
//
//   client ns          router ns           server ns
//   client0 ────────── toclient  toserver ────────── server0
//
// The bottleneck is on the router's egress, in both directions. With two namespaces and no router,
// TCP would keep most of its own queue out of the qdisc (TCP small queues), which hides
// bufferbloat.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

// Returns the arguments before a command that runs it in a new network namespace, as root of it.
std::vector<std::string> in_new_network();

// Throws UsageError with the lab's location in its file if this host cannot make the experiment's
// lab. Tries the queueing disciplines in a new namespace, and IPv6 if a case needs it. Does not
// require root if users may make namespaces.
void check_lab(const Experiment& experiment);

// Makes and owns the namespaces. Removes them and the processes in them at its end.
class Lab {
 public:
  // Throws CommandError and leaves nothing behind.
  explicit Lab(const LabOptions& options);
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  ~Lab();

  // Return the two ends as the hosts of an experiment.
  Host client() const;
  Host server() const;
  // Throws std::out_of_range if the lab has no router.
  Host router() const;

  // Returns the present links, addresses and queueing disciplines, for environment.json.
  Json facts() const;

 private:
  struct Namespace {
    std::string name;
    std::vector<std::string> devices;
  };

  void make(const LabOptions& options);
  void connect(const Namespace& a, const std::string& device_a, const Namespace& b,
               const std::string& device_b, int number, const LabOptions& options);
  void remove() noexcept;

  std::vector<Namespace> namespaces_;  // client, server, router
  bool has_ipv6_ = false;              // the kernel lets them have IPv6 addresses
};

// Returns the namespaces of labs whose owner has ended. Returns none if they cannot be listed.
std::vector<std::string> stale_labs();

// Removes the labs whose owner has ended (such as by kill -9) and the processes in them. Returns
// their names. Throws CommandError.
std::vector<std::string> remove_stale_labs();

// Restarts this program with its arguments by unshare(1), in namespaces in which a user who is not
// root can make a lab. Returns if that is not needed. Throws CommandError if the kernel does not
// let users make namespaces.
void enter_user_namespaces(const std::vector<std::string>& command_line);

}  // namespace pingperf
