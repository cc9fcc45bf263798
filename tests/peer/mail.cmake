cr_peer_test(mail)
cr_peer_test(postfix)
