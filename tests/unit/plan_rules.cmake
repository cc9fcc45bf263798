cr_unit_test(lifecycle cr_daemon_core)
cr_unit_test(users cr_daemon_core PkgConfig::SODIUM)
cr_unit_test(template cr_daemon_core)
target_compile_definitions(test_template
  PRIVATE CRIER_TEMPLATES="${CMAKE_SOURCE_DIR}/config/templates")
