cr_unit_test(faults cr_sandbox_core)
cr_unit_test(store cr_sandbox_core)
cr_unit_test(smtp cr_sandbox_core)
cr_unit_test(acs cr_sandbox_core)
