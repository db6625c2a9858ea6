# What `cmake --install` lays down, as two components that are two Debian packages:
#   pingperf          the command, its experiments as examples, its documentation
#   libpingperf-dev   find_package(pingperf): the engines of sockets/, for programs of others
# cpack -G DEB --config build/release/CPackConfig.cmake makes both.
include(CMakePackageConfigHelpers)

set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# The documentation has the layout of the repository, so that its relative links work.
install(DIRECTORY configs docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(linked_file CONTRIBUTING.md Containerfile LICENSE SECURITY.md bench/instructions/ceilings.csv results/README.md
                    sockets/latency/blocking_connect.cpp sockets/latency/blocking_latency.cpp
                    sockets/noop_engine.cpp tools/ci/gitlab.yml tools/ci/measure CHANGELOG.md)
  cmake_path(GET linked_file PARENT_PATH linked_folder)
  install(FILES ${linked_file} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${linked_folder})
endforeach()
install(DIRECTORY tests/consumer DESTINATION ${CMAKE_INSTALL_DOCDIR}/tests)

# Consumers write <pingperf/sockets/transport/engine.h>; the headers include each other as "sockets/…".
# uring.h, xdp_socket.h and openssl.h stay here: no other header of ours includes them.
set(development COMPONENT libpingperf-dev)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/pingperf)
install(TARGETS pingperf_sockets EXPORT pingperf ARCHIVE ${development})
install(DIRECTORY sockets DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pingperf ${development}
        FILES_MATCHING PATTERN *.h PATTERN uring.h EXCLUDE PATTERN xdp_socket.h EXCLUDE
        PATTERN openssl.h EXCLUDE)
install(EXPORT pingperf NAMESPACE pingperf:: FILE pingperf-targets.cmake
        DESTINATION ${config_folder} ${development})
configure_package_config_file(cmake/pingperf-config.cmake.in pingperf-config.cmake
                              INSTALL_DESTINATION ${config_folder})
write_basic_package_version_file(pingperf-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/pingperf-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/pingperf-config-version.cmake
        DESTINATION ${config_folder} ${development})

# Whoever builds a package answers for it, by the variables that Debian's own tools obey.
if(DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
else()
  set(CPACK_PACKAGE_CONTACT "The pingperf authors <pingperf@localhost>")
endif()
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL pingperf libpingperf-dev)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/debian_files.cmake)
set(CPACK_PINGPERF_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR})

set(CPACK_GENERATOR DEB)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")  # each package has its own below
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_COMPONENT_PINGPERF_DESCRIPTION "benchmark harness for networks
One YAML experiment goes in, trustworthy CSV comes out: bandwidth by libiperf,
round trips and bulk transfer by socket engines of its own, in one interleaved,
shuffled, repeated plan.")
set(CPACK_DEBIAN_PINGPERF_PACKAGE_NAME pingperf)
set(CPACK_DEBIAN_PINGPERF_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PINGPERF_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PINGPERF_PACKAGE_DEPENDS "libiperf0, libssl3")  # loaded, not linked: dpkg-shlibdeps does not see them
set(CPACK_DEBIAN_PINGPERF_PACKAGE_RECOMMENDS "iproute2, ethtool")  # labs
set(CPACK_DEBIAN_PINGPERF_PACKAGE_SUGGESTS "openssh-client, iperf3")
set(CPACK_COMPONENT_LIBPINGPERF-DEV_DESCRIPTION "socket engines of pingperf (development files)
The ping-pongs and bulk transfers that the network benchmark pingperf measures,
as a static library with its headers and a CMake package file.")
set(CPACK_DEBIAN_LIBPINGPERF-DEV_PACKAGE_NAME libpingperf-dev)
set(CPACK_DEBIAN_LIBPINGPERF-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBPINGPERF-DEV_PACKAGE_DEPENDS "liburing-dev, libxdp-dev, libbpf-dev, pkg-config")
include(CPack)
