cr_unit_test(wire cr_common)
