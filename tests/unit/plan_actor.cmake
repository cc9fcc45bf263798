cr_unit_test(arguments cr_daemon_core)
cr_unit_test(broadcast cr_daemon_core)
