cr_unit_test(directory cr_daemon_core)
cr_unit_test(duplicates cr_daemon_core)
cr_unit_test(intake cr_daemon_core)
cr_unit_test(selector cr_daemon_core)
