// SPDX-License-Identifier: MIT
// Helpers of programs that work for a socket: a UDP socket that is being connected.
#include "program.h"

static __always_inline void one_step(struct bpf_sock_addr *ctx, __u32 i)
{
	struct step *s = bpf_map_lookup_elem(&steps, &i);
	struct result *r = bpf_map_lookup_elem(&results, &i);
	struct bpf_sock *sk;
	__u32 len;

	if (!s || !r)
		return;
	len = LEN(s);
	switch (s->op) {
	case 1: if (len) r->ret = bpf_setsockopt(ctx, s->a, s->b, s->buf, len); break;
	case 2: if (len) r->ret = bpf_getsockopt(ctx, s->a, s->b, r->buf, len); break;
	case 3: if (len) r->ret = bpf_bind(ctx, (void *)s->buf, len); break;
	case 4: r->ret = bpf_get_retval(); break;
	case 5: r->ret = bpf_set_retval((__s32)s->a); break;
	case 6:
		sk = bpf_sk_lookup_udp(ctx, (void *)s->buf, 12, BPF_F_CURRENT_NETNS, 0);
		r->ret = -1;
		if (sk) {
			r->ret = sk->src_port;
			bpf_sk_release(sk);
		}
		break;
	case 7: r->ret = (bpf_get_socket_cookie(ctx) != 0) | (bpf_get_netns_cookie(ctx) != 0) << 1; break;
	case 8:
		sk = ctx->sk;
		if (sk) {
			r->ret = 1;
			((__u32 *)r->buf)[0] = sk->bound_dev_if;
			((__u32 *)r->buf)[1] = sk->mark;
			((__u32 *)r->buf)[2] = sk->priority;
			((__u32 *)r->buf)[3] = sk->src_ip4;
			((__u32 *)r->buf)[4] = sk->state;
			((__u32 *)r->buf)[5] = sk->type;
		}
		break;
	}
}

SEC("cgroup/connect4") int run(struct bpf_sock_addr *ctx)
{
	one_step(ctx, 0);
	one_step(ctx, 1);
	one_step(ctx, 2);
	one_step(ctx, 3);
	return 1;
}

char _license[] SEC("license") = "GPL";
