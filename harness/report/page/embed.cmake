# Makes a C++ source of a page: everything is inlined into PAGE.html, which is cut where the data go.
# Run by harness/CMakeLists.txt with FOLDER, PAGE, SCRIPTS, CHARTJS and OUTPUT.
cmake_minimum_required(VERSION 3.25)
file(READ "${FOLDER}/${PAGE}.html" page)
file(READ "${FOLDER}/report.css" css)
file(READ "${CHARTJS}" chartjs)
string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" chartjs "${chartjs}")  # a file of the package
set(scripts "")
string(REPLACE "," ";" SCRIPTS "${SCRIPTS}")
foreach(script ${SCRIPTS})
  file(READ "${FOLDER}/${script}.js" text)
  string(APPEND scripts "${text}")
endforeach()
foreach(part css chartjs scripts)
  if("${${part}}" MATCHES "</(script|style)")
    message(FATAL_ERROR "the ${part} of ${PAGE}.html would end its own element")
  endif()
endforeach()
string(REPLACE "/* @CSS@ */" "${css}" page "${page}")
string(REPLACE "/* @CHARTJS@ */" "${chartjs}" page "${page}")
string(REPLACE "/* @SCRIPTS@ */" "${scripts}" page "${page}")
string(FIND "${page}" "@DATA@" cut)
if(cut EQUAL -1)
  message(FATAL_ERROR "${PAGE}.html has no @DATA@")
endif()
string(SUBSTRING "${page}" 0 ${cut} before)
math(EXPR cut "${cut} + 6")
string(SUBSTRING "${page}" ${cut} -1 after)
file(WRITE "${OUTPUT}" "// Made of harness/report/ by embed.cmake.
#include \"harness/report/page/page.h\"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \"-Woverlength-strings\"

namespace pingperf {

std::string_view ${PAGE}_page_before_data() {
  return R\"pingperf-page(${before})pingperf-page\";
}

std::string_view ${PAGE}_page_after_data() {
  return R\"pingperf-page(${after})pingperf-page\";
}

}  // namespace pingperf

#pragma GCC diagnostic pop
")
