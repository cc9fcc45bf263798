# Flags, libraries and the two helpers every folder uses.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(CZMQ REQUIRED IMPORTED_TARGET libczmq>=4.2)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq>=4.3)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(CONFIG REQUIRED IMPORTED_TARGET libconfig>=1.5)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
pkg_check_modules(CUNIT REQUIRED IMPORTED_TARGET cunit)
find_library(ROARING_LIBRARY roaring REQUIRED)
find_library(CSV_LIBRARY csv REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)

add_library(cr_flags INTERFACE)
target_compile_definitions(cr_flags INTERFACE _GNU_SOURCE)
target_compile_options(cr_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wformat=2 -Wundef -Wvla
  $<$<BOOL:${CRIER_WERROR}>:-Werror>
  $<$<CONFIG:Release>:-O2 -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE>)
target_link_options(cr_flags INTERFACE
  $<$<CONFIG:Release>:-Wl,-z,relro,-z,now -pie>)
if(CRIER_SANITIZE)
  target_compile_options(cr_flags INTERFACE -fsanitize=${CRIER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(cr_flags INTERFACE -fsanitize=${CRIER_SANITIZE})
endif()

# cr_program(NAME SOURCES... LIBS...): one installed program.
function(cr_program name)
  cmake_parse_arguments(P "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_link_libraries(${name} PRIVATE cr_flags ${P_LIBS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endfunction()

# cr_unit_test(NAME LIBS...): tests/unit/test_NAME.c, label unit; needs no network, Redis or sleep.
function(cr_unit_test name)
  add_executable(test_${name} ${CMAKE_SOURCE_DIR}/tests/unit/test_${name}.c
    ${CMAKE_SOURCE_DIR}/tests/support/cr_test.c)
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
  target_link_libraries(test_${name} PRIVATE cr_flags PkgConfig::CUNIT ${ARGN})
  target_compile_definitions(test_${name} PRIVATE CR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
