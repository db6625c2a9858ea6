# What an optimised build is hardened by; tests/hardening reads it back from the program. The C library's checks of
# buffer sizes need optimisation, and the sanitizers bring checks of their own.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)  # with CMAKE_POSITION_INDEPENDENT_CODE: executables are linked so, too

if(NOT PINGPERF_SANITIZE)
  set(optimised $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
  add_compile_options($<${optimised}:-fstack-protector-strong>)
  # Not 3: sizes that are only known at run time would be checked in the loops that are measured.
  # -U: some distributions' compilers define it already.
  add_compile_options($<${optimised}:-U_FORTIFY_SOURCE> $<${optimised}:-D_FORTIFY_SOURCE=2>)
  add_link_options($<${optimised}:LINKER:-z,relro,-z,now>)
endif()
