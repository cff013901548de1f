// SPDX-License-Identifier: MIT
// Calls network helpers as a list of steps says, and writes down what each answered and what the packet was like afterwards.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define STEPS 4

struct step {
	__u32 op;
	__u32 len;
	__u64 a, b, c, d;
	__u8 buf[64];
};

struct result {
	__s64 ret;
	__u32 len, protocol, vlan_present, vlan_tci, vlan_proto, pkt_type, linear, meta;
	__u32 out;
	__u32 pad;
	__u8 buf[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEPS);
	__type(key, __u32);
	__type(value, struct step);
} steps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEPS);
	__type(key, __u32);
	__type(value, struct result);
} results SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

static __always_inline void tc_step(struct __sk_buff *skb, __u32 i)
{
	struct step *s = bpf_map_lookup_elem(&steps, &i);
	struct result *r = bpf_map_lookup_elem(&results, &i);
	__s64 ret = 0;
	__u32 mtu, len;

	if (!s || !r)
		return;
	len = s->len & 63;
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
	case 22: ret = bpf_get_socket_uid(skb); break;
	case 23: ret = bpf_get_socket_cookie(skb); break;
	case 24: ret = bpf_get_cgroup_classid(skb); break;
	case 25: ret = bpf_get_route_realm(skb); break;
	case 26: ret = bpf_clone_redirect(skb, s->a, s->b); break;
	default: return;
	}
	r->ret = ret;
	r->len = skb->len;
	r->protocol = skb->protocol;
	r->vlan_present = skb->vlan_present;
	r->vlan_tci = skb->vlan_tci;
	r->vlan_proto = skb->vlan_proto;
	r->pkt_type = skb->pkt_type;
	r->linear = skb->data_end - skb->data;
	r->meta = skb->data - skb->data_meta;
}

SEC("tc")
int on_tc(struct __sk_buff *skb)
{
	tc_step(skb, 0);
	tc_step(skb, 1);
	tc_step(skb, 2);
	tc_step(skb, 3);
	return 0;
}

static __always_inline void xdp_step(struct xdp_md *ctx, __u32 i)
{
	struct step *s = bpf_map_lookup_elem(&steps, &i);
	struct result *r = bpf_map_lookup_elem(&results, &i);
	__s64 ret = 0;
	__u32 mtu, len;

	if (!s || !r)
		return;
	len = s->len & 63;
	switch (s->op) {
	case 1: ret = bpf_xdp_adjust_head(ctx, (__s32)s->a); break;
	case 2: ret = bpf_xdp_adjust_tail(ctx, (__s32)s->a); break;
	case 3: ret = bpf_xdp_adjust_meta(ctx, (__s32)s->a); break;
	case 4: if (len) ret = bpf_xdp_load_bytes(ctx, s->a, r->buf, len); break;
	case 5: if (len) ret = bpf_xdp_store_bytes(ctx, s->a, s->buf, len); break;
	case 6: ret = bpf_xdp_get_buff_len(ctx); break;
	case 7: ret = bpf_redirect(s->a, s->b); break;
	case 8: ret = bpf_redirect_map(&ports, s->a, s->b); break;
	case 9:
		mtu = s->b;
		ret = bpf_check_mtu(ctx, s->a, &mtu, (__s32)s->c, s->d);
		r->out = mtu;
		break;
	default: return;
	}
	r->ret = ret;
	r->len = ctx->data_end - ctx->data;
	r->meta = ctx->data - ctx->data_meta;
}

SEC("xdp")
int on_xdp(struct xdp_md *ctx)
{
	xdp_step(ctx, 0);
	xdp_step(ctx, 1);
	xdp_step(ctx, 2);
	xdp_step(ctx, 3);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
