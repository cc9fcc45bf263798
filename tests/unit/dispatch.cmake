foreach(name dispatch_bill dispatch_core dispatch_ends dispatch_found dispatch_gateways dispatch_held dispatch_lost dispatch_receipts
    dispatch_unknown dispatch_waits)
  cr_unit_test(${name} cr_daemon_core)
  target_sources(test_${name} PRIVATE
    ${CMAKE_SOURCE_DIR}/tests/support/core_rig.c
    ${CMAKE_SOURCE_DIR}/tests/support/core_rig_ledger.c
    ${CMAKE_SOURCE_DIR}/tests/support/core_world.c)
endforeach()

foreach(name dispatch_trail dispatch_cursor finds offenders prints quiet screen)
  cr_unit_test(${name} cr_daemon_core)
endforeach()

cr_unit_test(dispatch_memory cr_daemon_core)
target_link_options(test_dispatch_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
