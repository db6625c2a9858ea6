// The static build resolves names by /etc/hosts and DNS, which are in the C library. Plug-ins that
// /etc/nsswitch.conf may name (mdns, myhostname, ldap) would need the C library that they were
// built for, so the C library is told not to read that line.
#include <nss.h>

namespace {

[[gnu::constructor]] void resolve_without_plugins() {
  __nss_configure_lookup("hosts", "files dns");
}

}  // namespace
