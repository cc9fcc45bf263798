cr_unit_test(fill cr_common)
