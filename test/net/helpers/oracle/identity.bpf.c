// SPDX-License-Identifier: MIT
// Helpers that say whose a packet is, on tc's hooks; and bpf_skb_get_xfrm_state, for want of a better place.
#include "program.h"

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	__u32 len = LEN(s);
	__s64 ret = 0;

	switch (s->op) {
	case 1: ret = bpf_get_socket_uid(skb); break;
	case 2: ret = bpf_get_socket_cookie(skb) != 0; break;
	case 3: ret = bpf_get_cgroup_classid(skb); break;
	case 4: ret = bpf_get_route_realm(skb); break;
	case 5: ret = bpf_skb_cgroup_classid(skb); break;
	case 6: ret = bpf_skb_ancestor_cgroup_id(skb, s->a); break;
	case 7: ret = bpf_get_netns_cookie(skb) != 0; break;
	case 8: ret = bpf_get_netns_cookie(0) != 0; break;
	case 9: if (len) ret = bpf_skb_get_xfrm_state(skb, s->a, (void *)r->buf, len, s->b); break;
	case 10: ret = bpf_skb_cgroup_id(skb) != 0; break;
	case 11: ret = bpf_get_socket_cookie(skb) == bpf_get_socket_cookie(skb); break;
	default: return 0;
	}
	r->ret = ret;
	return 1;
}

SKB_PROGRAM("tc", 0)
