// SPDX-License-Identifier: MIT
// Helpers on the way into a lightweight tunnel.
#include "program.h"

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	__u32 len = LEN(s);
	__s64 ret = 0;

	switch (s->op) {
	case 1: if (len) ret = bpf_lwt_push_encap(skb, s->a, s->buf, len); break;
	case 2: if (len) ret = bpf_skb_load_bytes(skb, s->a, r->buf, len); break;
	case 3: ret = bpf_skb_pull_data(skb, s->a); break;
	case 4: ret = bpf_get_route_realm(skb); break;
	default: return 0;
	}
	r->ret = ret;
	return 1;
}

SKB_PROGRAM("lwt_in", BPF_OK)
