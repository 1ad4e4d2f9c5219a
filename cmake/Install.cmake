# Libraries, headers, command, man page, completion, pkg-config file and CMake package; all of it can be moved after installing.
install(TARGETS stria RUNTIME)
install(TARGETS libstria EXPORT StriaShared LIBRARY ARCHIVE)
install(TARGETS libstria_static EXPORT StriaStatic ARCHIVE)
install(DIRECTORY include/stria DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/stria.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/stria.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME stria OPTIONAL)

list(JOIN STRIA_REQUIRES " " requires)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Stria)
install(EXPORT StriaShared NAMESPACE Stria:: DESTINATION ${package_dir})
install(EXPORT StriaStatic NAMESPACE Stria:: DESTINATION ${package_dir})
configure_package_config_file(cmake/StriaConfig.cmake.in StriaConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(StriaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/StriaConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/StriaConfigVersion.cmake
        DESTINATION ${package_dir})

# libstria.a with the shared libraries of others: what these need themselves, dozens of libraries of libcurl, is theirs.
set(pc_requires "")
set(pc_libraries "")
foreach(module ${STRIA_REQUIRES})
    if(module MATCHES "libcurl|hdf5|libarchive|libtiff|libwebp")
        string(APPEND pc_libraries " ${stria_${module}_LDFLAGS}")
    else()
        string(APPEND pc_requires " ${module}")
    endif()
endforeach()
string(REPLACE ";" " " pc_libraries "${pc_libraries}")
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pc_prefix /prefix/${pc_dir} /prefix)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
configure_file(cmake/stria.pc.in stria.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/stria.pc DESTINATION ${pc_dir})
