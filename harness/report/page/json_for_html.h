// JSON inside a page.
#pragma once

#include <string>

#include "harness/base/json_fwd.h"

namespace pingperf {

// Returns JSON that is safe in a <script> element. Escapes <, > and &, which could begin an end tag
// or a comment, and all characters beyond ASCII, some of which end a line in JavaScript.
std::string json_for_html(const Json& json);

}  // namespace pingperf
