// SPDX-License-Identifier: MIT
// Socket lookups on tc's hooks, and what can be asked about what was found.
#include "program.h"
#include "sock.h"

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	struct bpf_sock *own, *full;

	if (s->op == 4) {
		/* the packet's own socket */
		own = skb->sk;
		r->ret = own != 0;
		if (own && (full = bpf_sk_fullsock(own))) {
			r->ret = 2;
			note_sock(full, r);
			if (bpf_tcp_sock(full))
				r->ret |= 4;
			if (bpf_get_listener_sock(full))
				r->ret |= 8;
		}
		return 1;
	}
	if (s->op == 5) {
		/* hands the packet to what was found, from a hook that is not tc's ingress */
		own = bpf_sk_lookup_udp(skb, (void *)s->buf, 12, s->a, 0);
		r->ret = 1;
		if (own) {
			r->ret = bpf_sk_assign(skb, own, s->b);
			bpf_sk_release(own);
		}
		return 1;
	}
	if (s->op == 6) {
		/* the casts to kernel structures that the socket is none of */
		own = bpf_sk_lookup_udp(skb, (void *)s->buf, 12, s->a, 0);
		r->ret = -1;
		if (own) {
			r->ret = (bpf_skc_to_tcp6_sock(own) != 0) | (bpf_skc_to_tcp_sock(own) != 0) << 1 |
				 (bpf_skc_to_tcp_timewait_sock(own) != 0) << 2 | (bpf_skc_to_tcp_request_sock(own) != 0) << 3 |
				 (bpf_skc_to_unix_sock(own) != 0) << 4 | (bpf_skc_to_mptcp_sock(own) != 0) << 5;
			bpf_sk_release(own);
		}
		return 1;
	}
	LOOKUP(skb, s, r)
	return 1;
}

SKB_PROGRAM("tc", 0)
