# pingperf-static: the objects of pingperf, linked with archives. One file for any Linux of the architecture.
if(PINGPERF_SANITIZE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU)  # sanitizers need the shared C library
  return()
endif()
if(PINGPERF_MISSING_ARCHIVES)
  message(STATUS "pingperf-static is not built, because these are missing: ${PINGPERF_MISSING_ARCHIVES}")
  return()
endif()

# The linker warns of getaddrinfo(3), which could load plug-ins: static_names.cpp prevents that. It warns of
# functions of libiperf, which pingperf does not call.
include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,--no-warnings linker_can_be_silent)  # binutils 2.40

add_executable(pingperf_static EXCLUDE_FROM_ALL
               pingperf.cpp static_crypto.cpp static_fmt.cpp static_names.cpp static_openssl.cpp
               $<TARGET_OBJECTS:libiperf_linked>)
set_target_properties(pingperf_static PROPERTIES OUTPUT_NAME pingperf-static UNITY_BUILD OFF)
# As files, because the targets would bring the shared libraries. The linker takes libiperf_linked.cpp and
# static_openssl.cpp instead of libiperf_loaded.cpp and openssl.cpp in these archives.
foreach(library pingperf_cli pingperf_harness pingperf_sockets)
  add_dependencies(pingperf_static ${library})
  target_link_libraries(pingperf_static PRIVATE $<TARGET_FILE:${library}>)
endforeach()
target_link_libraries(pingperf_static PRIVATE ${PINGPERF_ARCHIVES} m)
set_property(TARGET pingperf_static PROPERTY POSITION_INDEPENDENT_CODE)  # it would add -pie, which means shared
target_compile_options(pingperf_static PRIVATE -fPIE)
# A smaller file starts faster.
target_link_options(pingperf_static PRIVATE -static-pie LINKER:--gc-sections
                    $<$<BOOL:${linker_can_be_silent}>:LINKER:--no-warnings>)
# All functions of fmt, although they are inline in its header; the linker drops what is not used.
set_source_files_properties(static_fmt.cpp PROPERTIES COMPILE_OPTIONS
                            "-fkeep-inline-functions;-fno-inline;-ffunction-sections")
