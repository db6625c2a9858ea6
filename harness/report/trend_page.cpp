// The page of a trend: its JSON inside the template.
#include <fmt/core.h>

#include "harness/base/json.h"
#include "harness/base/version.h"
#include "harness/report/page/json_for_html.h"
#include "harness/report/page/page.h"
#include "harness/report/trend_table.h"

namespace pingperf {

std::string trend_html(const Trend& trend) {
  Json json = trend_json(trend);
  json["generator"] = fmt::format("pingperf {} ({})", version(), git_commit());
  std::string html(trend_page_before_data());
  html += json_for_html(json);
  html += trend_page_after_data();
  return html;
}

}  // namespace pingperf
