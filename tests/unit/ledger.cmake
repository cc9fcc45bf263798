cr_unit_test(redo cr_daemon_core)
