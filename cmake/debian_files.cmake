# Run by cpack between staging and packaging: what Debian wants in every package beside its files.
# usr/share/doc/PACKAGE/copyright and changelog.Debian.gz; manual pages compressed. A component is
# staged in a folder of its own, which has the package's name.
function(compress file)  # without name and time, so that a package is the same when it is made again
  execute_process(COMMAND gzip -9 -n -f ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(ENV{LC_ALL} C)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # obeys SOURCE_DATE_EPOCH
foreach(package ${CPACK_COMPONENTS_ALL})
  set(root ${CPACK_TEMPORARY_DIRECTORY}/${package}${CPACK_PACKAGING_INSTALL_PREFIX})
  set(doc ${root}/share/doc/${package})
  file(MAKE_DIRECTORY ${doc})
  configure_file(${CPACK_PINGPERF_SOURCE_DIR}/LICENSE ${doc}/copyright COPYONLY)
  configure_file(${CPACK_PINGPERF_SOURCE_DIR}/CHANGELOG.md ${doc}/changelog COPYONLY)
  file(WRITE ${doc}/changelog.Debian "pingperf (${CPACK_PACKAGE_VERSION}-1) unstable; urgency=medium

  * Release ${CPACK_PACKAGE_VERSION}: see changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
  compress(${doc}/changelog)
  compress(${doc}/changelog.Debian)
  file(GLOB manuals ${root}/share/man/man*/*.[1-9])
  foreach(manual ${manuals})
    compress(${manual})
  endforeach()
endforeach()
