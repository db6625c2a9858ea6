# Makes a C++ source of the report's page: everything is inlined into report.html, which is cut where
# the data go. Run by harness/CMakeLists.txt with FOLDER, CHARTJS and OUTPUT.
cmake_minimum_required(VERSION 3.25)
file(READ "${FOLDER}/report.html" page)
file(READ "${FOLDER}/report.css" css)
file(READ "${CHARTJS}" chartjs)
string(REGEX REPLACE "//# sourceMappingURL=[^\n]*" "" chartjs "${chartjs}")  # a file of the package
set(scripts "")
foreach(script format charts tables figures searches links lines once report)
  file(READ "${FOLDER}/${script}.js" text)
  string(APPEND scripts "${text}")
endforeach()
foreach(part css chartjs scripts)
  if("${${part}}" MATCHES "</(script|style)")
    message(FATAL_ERROR "the report's ${part} would end its own element")
  endif()
endforeach()
string(REPLACE "/* @CSS@ */" "${css}" page "${page}")
string(REPLACE "/* @CHARTJS@ */" "${chartjs}" page "${page}")
string(REPLACE "/* @SCRIPTS@ */" "${scripts}" page "${page}")
string(FIND "${page}" "@DATA@" cut)
if(cut EQUAL -1)
  message(FATAL_ERROR "report.html has no @DATA@")
endif()
string(SUBSTRING "${page}" 0 ${cut} before)
math(EXPR cut "${cut} + 6")
string(SUBSTRING "${page}" ${cut} -1 after)
file(WRITE "${OUTPUT}" "// Made of harness/report/ by embed.cmake.
#include \"harness/report/page/page.h\"

namespace pingperf {

std::string_view page_before_data() {
  return R\"pingperf-page(${before})pingperf-page\";
}

std::string_view page_after_data() {
  return R\"pingperf-page(${after})pingperf-page\";
}

}  // namespace pingperf
")
