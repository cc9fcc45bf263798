# cr_redis_test(NAME LIBS...): tests/integration/test_NAME.c, with a private redis-server beside it.
function(cr_redis_test name)
  add_executable(test_${name} ${CMAKE_CURRENT_SOURCE_DIR}/test_${name}.c
    ${CMAKE_SOURCE_DIR}/tests/support/cr_test.c ${CMAKE_SOURCE_DIR}/tests/support/redis_server.c)
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
  target_compile_definitions(test_${name} PRIVATE CR_TEST_ROOT="${CMAKE_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE cr_flags PkgConfig::CUNIT ${ARGN})
  add_test(NAME integration.${name} COMMAND test_${name})
  set_tests_properties(integration.${name} PROPERTIES LABELS integration TIMEOUT 120)
endfunction()

cr_redis_test(ledger cr_daemon_core)
cr_redis_test(ledger_replies cr_daemon_core)
target_include_directories(test_ledger_replies PRIVATE ${CMAKE_SOURCE_DIR}/daemon/ledger)
target_include_directories(test_ledger PRIVATE ${CMAKE_SOURCE_DIR}/daemon/ledger)
