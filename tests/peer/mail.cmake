cr_peer_test(mail)
