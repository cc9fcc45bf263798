# What residents say: the frame, what it means, whose it is, how it is kept.
foreach(name holders)
  cr_unit_test(${name} cr_daemon_core)
endforeach()
