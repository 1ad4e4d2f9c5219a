# tests/<area>_<what>.c and .sh are tests of that name; other .c files of tests/ are shared by all. bench/*.c and
# examples/*.c become programs. Exit code 77 skips. Tests see STRIA (the command), SOURCE and BUILD in the environment.
string(JOIN " " kernel_flags_text ${kernel_flags})
set(test_environment STRIA=$<TARGET_FILE:stria> SOURCE=${CMAKE_CURRENT_SOURCE_DIR} BUILD=${CMAKE_CURRENT_BINARY_DIR}
    "KERNEL_FLAGS=${kernel_flags_text}" "TREE_CC=${CMAKE_C_COMPILER}")

# Internal headers are visible to tests and benchmarks; examples see what users see. Tests keep their assert()s.
function(stria_program folder source)
    cmake_path(GET source STEM name)
    add_executable(${folder}_${name} ${source})
    set_target_properties(${folder}_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${folder})
    target_link_libraries(${folder}_${name} PRIVATE libstria_static stria_flags ${STRIA_LIBRARIES})
    if(NOT folder STREQUAL examples)
        target_include_directories(${folder}_${name} PRIVATE src tests)
        target_include_directories(${folder}_${name} SYSTEM PRIVATE ${generated} ${generated}/model/onnx)
        target_compile_definitions(${folder}_${name} PRIVATE STRIA_VERSION="${PROJECT_VERSION}" ${STRIA_HAVE})
    endif()
    if(folder STREQUAL tests)
        target_compile_options(${folder}_${name} PRIVATE -UNDEBUG)
        target_link_libraries(${folder}_${name} PRIVATE PkgConfig::CMOCKA)
        # Those that write such files themselves.
        if(name STREQUAL data_packed AND stria_libarchive_FOUND)
            target_link_libraries(${folder}_${name} PRIVATE PkgConfig::stria_libarchive)
        elseif(name STREQUAL data_webp_tiff AND stria_libtiff-4_FOUND)
            target_link_libraries(${folder}_${name} PRIVATE PkgConfig::stria_libtiff-4)
        endif()
    endif()
endfunction()

set(test_timeout 600)
if(STRIA_SANITIZE OR STRIA_COVERAGE)
    set(test_timeout 2400)
endif()

function(stria_test name)
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tests)
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${test_timeout} ENVIRONMENT "${test_environment}")
endfunction()

file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tests)
file(GLOB test_sources CONFIGURE_DEPENDS tests/*_*.c)
file(GLOB test_support CONFIGURE_DEPENDS tests/*.c)
list(REMOVE_ITEM test_support "" ${test_sources})
# Compiled once; each test links what it calls. What draws and the command are in the same archive, so that they stand before
# the library.
add_library(tests_support STATIC EXCLUDE_FROM_ALL ${test_support} $<TARGET_OBJECTS:report_static> $<TARGET_OBJECTS:cli_objects>)
target_link_libraries(tests_support PUBLIC libstria_static stria_flags ${STRIA_LIBRARIES} PkgConfig::stria_jansson PkgConfig::CMOCKA m)
target_include_directories(tests_support PUBLIC src tests)
target_include_directories(tests_support SYSTEM PUBLIC ${generated} ${generated}/model/onnx)
target_compile_options(tests_support PRIVATE -UNDEBUG)
foreach(source ${test_sources})
    cmake_path(GET source STEM name)
    stria_program(tests ${source})
    target_link_libraries(tests_${name} PRIVATE tests_support)
    add_dependencies(tests_${name} stria)
    stria_test(${name} $<TARGET_FILE:tests_${name}>)
endforeach()

# Calls of these functions pass by the test, those of the command and the library as well.
function(stria_wrap test)
    list(TRANSFORM ARGN PREPEND "-Wl,--wrap=" OUTPUT_VARIABLE options)
    target_link_options(tests_${test} PRIVATE ${options})
endfunction()
stria_wrap(torture_cli malloc calloc realloc posix_memalign strdup free json_loadb json_load_file)
stria_wrap(torture_hdf5 dlsym)
target_include_directories(tests_torture_hdf5 SYSTEM PRIVATE ${STRIA_LOADED_INCLUDES})
stria_wrap(torture_system read write pread pwrite fstat stat lstat fsync fchmod ftruncate mkdir rename unlink readlink flock
    opendir readdir pipe2 fork poll waitpid open fcntl close
    getrandom sched_getaffinity pthread_create)

add_executable(operator-docs tools/operator-docs.c)
target_link_libraries(operator-docs PRIVATE tests_support)

file(GLOB test_scripts CONFIGURE_DEPENDS tests/*_*.sh)
foreach(script ${test_scripts})
    cmake_path(GET script STEM name)
    file(STRINGS ${script} interpreter LIMIT_COUNT 1)
    string(REGEX MATCH "bash|sh$" interpreter "${interpreter}")
    stria_test(${name} ${interpreter} ${script})
endforeach()
set_target_properties(stria-shared PROPERTIES EXCLUDE_FROM_ALL FALSE)

foreach(folder bench examples)
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
    foreach(source ${sources})
        stria_program(${folder} ${source})
    endforeach()
endforeach()

# tests/fuzz/*.c: built by `fuzzers`, with -DSTRIA_SANITIZE=fuzzer-no-link,address,undefined and clang.
if(STRIA_SANITIZE MATCHES fuzzer)
    add_custom_target(fuzzers)
    file(GLOB sources CONFIGURE_DEPENDS tests/fuzz/*.c)
    foreach(source ${sources})
        stria_program(fuzz ${source})
        cmake_path(GET source STEM name)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        add_dependencies(fuzzers fuzz_${name})
    endforeach()
endif()
