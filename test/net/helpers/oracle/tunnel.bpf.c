// SPDX-License-Identifier: MIT
// Tunnel keys and options.
#include "program.h"

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	__u32 len = LEN(s);
	__s64 ret = 0;

	if (!len)
		return 0;
	switch (s->op) {
	case 1: ret = bpf_skb_set_tunnel_key(skb, (void *)s->buf, len, s->a); break;
	case 2: ret = bpf_skb_get_tunnel_key(skb, (void *)r->buf, len, s->a); break;
	case 3: ret = bpf_skb_set_tunnel_opt(skb, s->buf, len); break;
	case 4: ret = bpf_skb_get_tunnel_opt(skb, r->buf, len); break;
	default: return 0;
	}
	r->ret = ret;
	return 1;
}

SKB_PROGRAM("tc", 0)
