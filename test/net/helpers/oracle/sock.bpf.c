// SPDX-License-Identifier: MIT
// Socket lookups on tc's hooks, and what can be asked about what was found.
#include "program.h"
#include "sock.h"

#define KERNEL __attribute__((preserve_access_index))
struct sock_common {
	unsigned short skc_family;
	__u16 skc_num;
	__be16 skc_dport;
	volatile unsigned char skc_state;
} KERNEL;
struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} KERNEL;
struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
} KERNEL;
struct udp_sock {
	struct inet_sock inet;
} KERNEL;
struct udp6_sock {
	struct udp_sock udp;
} KERNEL;

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
				 (bpf_skc_to_unix_sock(own) != 0) << 4 | (bpf_skc_to_mptcp_sock(own) != 0) << 5 |
				 (bpf_skc_to_udp6_sock(own) != 0) << 6;
			bpf_sk_release(own);
		}
		return 1;
	}
	if (s->op == 7) {
		/* the one that IPv6's UDP sockets pass, and fields of what comes out */
		__u32 *w = (__u32 *)r->buf;
		struct udp6_sock *udp6;

		own = bpf_sk_lookup_udp(skb, (void *)s->buf, 36, s->a, 0);
		r->ret = -1;
		if (own) {
			udp6 = bpf_skc_to_udp6_sock(own);
			r->ret = udp6 != 0;
			if (udp6) {
				w[0] = udp6->udp.inet.sk.__sk_common.skc_family;
				w[1] = udp6->udp.inet.sk.__sk_common.skc_num;
				w[2] = udp6->udp.inet.sk.__sk_common.skc_dport;
				w[3] = udp6->udp.inet.sk.sk_protocol;
				w[4] = udp6->udp.inet.inet_sport;
				w[5] = udp6->udp.inet.sk.__sk_common.skc_state;
			}
			bpf_sk_release(own);
		}
		return 1;
	}
	LOOKUP(skb, s, r)
	return 1;
}

SKB_PROGRAM("tc", 0)
