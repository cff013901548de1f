// SPDX-License-Identifier: MIT
// Helpers that read, move and retype packets on tc's hooks.
#include "program.h"

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	__u32 len = s->len & 63;
	__s64 ret = 0;
	__u32 mtu;

	switch (s->op) {
	case 1: ret = bpf_skb_adjust_room(skb, (__s32)s->a, s->b, s->c); break;
	case 2: ret = bpf_skb_change_tail(skb, s->a, s->b); break;
	case 3: ret = bpf_skb_change_head(skb, s->a, s->b); break;
	case 4: ret = bpf_skb_change_proto(skb, s->a, s->b); break;
	case 5: ret = bpf_skb_vlan_push(skb, s->a, s->b); break;
	case 6: ret = bpf_skb_vlan_pop(skb); break;
	case 7: ret = bpf_l3_csum_replace(skb, s->a, s->b, s->c, s->d); break;
	case 8: ret = bpf_l4_csum_replace(skb, s->a, s->b, s->c, s->d); break;
	case 9: if (len) ret = bpf_skb_store_bytes(skb, s->a, s->buf, len, s->b); break;
	case 10: if (len) ret = bpf_skb_load_bytes(skb, s->a, r->buf, len); break;
	case 11: if (len) ret = bpf_skb_load_bytes_relative(skb, s->a, r->buf, len, s->b); break;
	case 12: ret = bpf_skb_pull_data(skb, s->a); break;
	case 13: ret = bpf_skb_change_type(skb, s->a); break;
	case 14: ret = bpf_skb_ecn_set_ce(skb); break;
	case 15: ret = bpf_csum_level(skb, s->a); break;
	case 16: ret = bpf_csum_update(skb, s->a); break;
	case 17: ret = bpf_redirect(s->a, s->b); break;
	case 18: ret = bpf_redirect_peer(s->a, s->b); break;
	case 19: ret = bpf_redirect_neigh(s->a, (void *)s->buf, len, s->b); break;
	case 20:
		mtu = s->b;
		ret = bpf_check_mtu(skb, s->a, &mtu, (__s32)s->c, s->d);
		r->out = mtu;
		break;
	case 21: ret = bpf_skb_set_tstamp(skb, s->a, s->b); break;
	case 22: ret = bpf_clone_redirect(skb, s->a, s->b); break;
	case 23: ret = bpf_set_hash(skb, s->a); break;
	case 24: r->out = bpf_get_hash_recalc(skb); break;
	case 25: bpf_set_hash_invalid(skb); break;
	case 26: r->out = skb->hash; break;
	default: return 0;
	}
	r->ret = ret;
	return 1;
}

SKB_PROGRAM("tc", 0)
