cr_unit_test(routes cr_api)
cr_unit_test(problem cr_api)
cr_unit_test(app_config cr_daemon_core)
target_compile_definitions(test_app_config PRIVATE CR_TEST_ROOT="${CMAKE_SOURCE_DIR}")
