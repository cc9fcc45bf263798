foreach(name bars command)
  cr_unit_test(${name} cr_ctl)
endforeach()
