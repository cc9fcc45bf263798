# Dispatch's thread with real sockets and keys; the ledger and plan are played by the test.
foreach(name dispatch_wire dispatch_lies dispatch_order)
  add_executable(test_${name} ${CMAKE_CURRENT_SOURCE_DIR}/test_${name}.c
    ${CMAKE_CURRENT_SOURCE_DIR}/dispatch_world.c ${CMAKE_SOURCE_DIR}/tests/support/cr_test.c)
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
  target_link_libraries(test_${name} PRIVATE cr_flags cr_daemon_core PkgConfig::CUNIT)
  target_compile_definitions(test_${name} PRIVATE CR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  add_test(NAME integration.${name} COMMAND test_${name})
  set_tests_properties(integration.${name} PROPERTIES LABELS integration TIMEOUT 120)
endforeach()
