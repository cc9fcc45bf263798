# The API over real sockets, with a plan that answers by rules.
add_executable(test_api ${CMAKE_CURRENT_SOURCE_DIR}/test_api.c
  ${CMAKE_SOURCE_DIR}/tests/support/cr_test.c ${CMAKE_SOURCE_DIR}/tests/support/fake_plan.c)
target_include_directories(test_api PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
target_link_libraries(test_api PRIVATE cr_flags PkgConfig::CUNIT cr_api)
# A question names what it asks and leaves out the rest.
target_compile_options(test_api PRIVATE -Wno-missing-field-initializers)
add_test(NAME integration.api COMMAND test_api)
set_tests_properties(integration.api PROPERTIES LABELS integration TIMEOUT 120)
