# Plan with a real ledger and Redis, and a dispatch that is played by the test.
add_executable(test_plan ${CMAKE_CURRENT_SOURCE_DIR}/test_plan.c
  ${CMAKE_CURRENT_SOURCE_DIR}/plan_world.c ${CMAKE_SOURCE_DIR}/tests/support/cr_test.c)
target_include_directories(test_plan PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
target_link_libraries(test_plan PRIVATE cr_flags cr_daemon_core PkgConfig::CUNIT)
target_compile_definitions(test_plan PRIVATE CR_TEST_ROOT="${CMAKE_SOURCE_DIR}")
add_test(NAME integration.plan COMMAND test_plan)
set_tests_properties(integration.plan PROPERTIES LABELS integration TIMEOUT 120)
