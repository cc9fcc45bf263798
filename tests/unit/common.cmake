foreach(name base clock config log text sms smpp cmpp id status keys)
  cr_unit_test(${name} cr_common)
endforeach()
cr_unit_test(token cr_common PkgConfig::SODIUM)
