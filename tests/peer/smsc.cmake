cr_peer_test(smpp_peers)
