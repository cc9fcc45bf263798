# Dispatch's thread with real sockets and keys; the ledger and plan are played by the test.
add_executable(test_dispatch_wire ${CMAKE_CURRENT_SOURCE_DIR}/test_dispatch_wire.c
  ${CMAKE_CURRENT_SOURCE_DIR}/dispatch_world.c ${CMAKE_SOURCE_DIR}/tests/support/cr_test.c)
target_include_directories(test_dispatch_wire PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
target_link_libraries(test_dispatch_wire PRIVATE cr_flags cr_daemon_core PkgConfig::CUNIT)
target_compile_definitions(test_dispatch_wire PRIVATE CR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
add_test(NAME integration.dispatch_wire COMMAND test_dispatch_wire)
set_tests_properties(integration.dispatch_wire PROPERTIES LABELS integration TIMEOUT 120)
