/* SPDX-License-Identifier: MIT */
/* Socket lookups: the same steps in XDP and on tc's hooks. */

/* Copies what the socket says about itself. */
static __always_inline void note_sock(struct bpf_sock *sk, struct result *r)
{
	__u32 *w = (__u32 *)r->buf;

	w[0] = sk->bound_dev_if;
	w[1] = sk->family;
	w[2] = sk->type;
	w[3] = sk->protocol;
	w[4] = sk->mark;
	w[5] = sk->priority;
	w[6] = sk->src_ip4;
	w[7] = sk->src_ip6[0];
	w[8] = sk->src_ip6[1];
	w[9] = sk->src_ip6[2];
	w[10] = sk->src_ip6[3];
	w[11] = sk->src_port;
	w[12] = sk->dst_port;
	w[13] = sk->dst_ip4;
	w[14] = sk->dst_ip6[0];
	w[15] = sk->dst_ip6[1];
	w[16] = sk->dst_ip6[2];
	w[17] = sk->dst_ip6[3];
	w[18] = sk->state;
	w[19] = sk->rx_queue_mapping;
}

#define LOOKUP(ctx, s, r)                                                                                                      \
	struct bpf_sock *sk = 0;                                                                                               \
	__u32 len = LEN(s);                                                                                                    \
                                                                                                                               \
	if (!len)                                                                                                              \
		return 0;                                                                                                      \
	switch (s->op) {                                                                                                       \
	case 1: sk = bpf_sk_lookup_udp(ctx, (void *)s->buf, len, s->a, s->b); break;                                           \
	case 2: sk = bpf_sk_lookup_tcp(ctx, (void *)s->buf, len, s->a, s->b); break;                                           \
	case 3:                                                                                                                \
		sk = bpf_skc_lookup_tcp(ctx, (void *)s->buf, len, s->a, s->b);                                                 \
		r->ret = sk != 0;                                                                                              \
		if (sk)                                                                                                        \
			bpf_sk_release(sk);                                                                                    \
		return 1;                                                                                                      \
	default: return 0;                                                                                                     \
	}                                                                                                                      \
	r->ret = 0;                                                                                                            \
	if (sk) {                                                                                                              \
		r->ret = 1;                                                                                                    \
		note_sock(sk, r);                                                                                              \
		r->out = bpf_tcp_check_syncookie(sk, s->buf, 20, (void *)s->buf, 20);                                                \
		r->pad = bpf_tcp_gen_syncookie(sk, s->buf, 20, (void *)s->buf, 20);                                                  \
		bpf_sk_release(sk);                                                                                            \
	}
