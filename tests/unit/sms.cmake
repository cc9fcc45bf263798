foreach(name sms_session sms_call sms_parts sms_registry)
  cr_unit_test(${name} cr_worker_sms)
endforeach()
