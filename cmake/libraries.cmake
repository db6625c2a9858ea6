# How pingperf uses the libraries. The normal build links the shared ones, and loads libiperf at the first use.
# The static build links the archives of all, libiperf too.
if(PINGPERF_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  foreach(library iperf yaml-cpp sqlite3 sctp crypto elf z)
    string(MAKE_C_IDENTIFIER STATIC_${library} variable)
    find_library(${variable} ${library} REQUIRED)
  endforeach()
  set(PINGPERF_LIBIPERF ${STATIC_iperf} ${STATIC_sctp} ${STATIC_crypto})
  set(PINGPERF_LIBBPF_NEEDS ${STATIC_elf} ${STATIC_z})
  set(PINGPERF_YAML ${STATIC_yaml_cpp})
  set(PINGPERF_SQLITE ${STATIC_sqlite3} m)
  set(PINGPERF_FMT fmt::fmt-header-only)
  # The linker warns of getaddrinfo(3), which could load plug-ins: tools/static_names.cpp prevents that. It
  # warns of functions of libiperf, which pingperf does not call.
  include(CheckLinkerFlag)
  check_linker_flag(CXX -Wl,--no-warnings linker_can_be_silent)  # binutils 2.40
  set(PINGPERF_STATIC_LINKER_OPTIONS LINKER:--gc-sections)  # a smaller file starts faster
  if(linker_can_be_silent)
    list(APPEND PINGPERF_STATIC_LINKER_OPTIONS LINKER:--no-warnings)
  endif()
else()
  find_library(IPERF_LIBRARY iperf REQUIRED)
  execute_process(COMMAND ${CMAKE_READELF} --dynamic ${IPERF_LIBRARY} OUTPUT_VARIABLE dynamic ERROR_QUIET)
  string(REGEX MATCH "soname: \\[([^]]+)\\]" found "${dynamic}")
  set(IPERF_SONAME libiperf.so.0)
  if(found)
    set(IPERF_SONAME ${CMAKE_MATCH_1})
  endif()
  set(PINGPERF_YAML yaml-cpp)
  set(PINGPERF_SQLITE SQLite::SQLite3)
  set(PINGPERF_FMT fmt::fmt)
endif()
