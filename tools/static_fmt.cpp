// The functions of libfmt for the static program, because Debian has no archive of libfmt.
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>
