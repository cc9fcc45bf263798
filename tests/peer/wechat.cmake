cr_peer_test(wechat)
