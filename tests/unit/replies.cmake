# What residents say: the frame, what it means, whose it is, how it is kept.
foreach(name dispatch_replies reply holders consent reply_record)
  cr_unit_test(${name} cr_daemon_core)
endforeach()
