/* SPDX-License-Identifier: MIT */
/* What the programs of this folder have in common: two maps, and how a list of steps is worked off. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "steps.h"

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

/* Bytes of the step's buffer that are in use, with a bound that the verifier sees. */
#define LEN(s) ((s)->len <= BUF ? (s)->len : 0)

/* skb programs: STEP(skb, step, result) does one step and says whether there was one. */
#define SKB_PROGRAM(section, verdict)                                                                                          \
	static __always_inline void skb_step(struct __sk_buff *skb, __u32 i)                                                   \
	{                                                                                                                      \
		struct step *s = bpf_map_lookup_elem(&steps, &i);                                                              \
		struct result *r = bpf_map_lookup_elem(&results, &i);                                                          \
                                                                                                                               \
		if (!s || !r || !one_step(skb, s, r))                                                                          \
			return;                                                                                                \
		r->len = skb->len;                                                                                             \
		r->protocol = skb->protocol;                                                                                   \
		r->vlan_present = skb->vlan_present;                                                                           \
		r->vlan_tci = skb->vlan_tci;                                                                                   \
		r->vlan_proto = skb->vlan_proto;                                                                               \
		r->pkt_type = skb->pkt_type;                                                                                   \
		r->linear = skb->data_end - skb->data;                                                                         \
	}                                                                                                                      \
                                                                                                                               \
	SEC(section) int run(struct __sk_buff *skb)                                                                            \
	{                                                                                                                      \
		skb_step(skb, 0);                                                                                              \
		skb_step(skb, 1);                                                                                              \
		skb_step(skb, 2);                                                                                              \
		skb_step(skb, 3);                                                                                              \
		return verdict;                                                                                                \
	}                                                                                                                      \
	char _license[] SEC("license") = "GPL";

#define XDP_PROGRAM()                                                                                                          \
	static __always_inline void xdp_step(struct xdp_md *ctx, __u32 i)                                                      \
	{                                                                                                                      \
		struct step *s = bpf_map_lookup_elem(&steps, &i);                                                              \
		struct result *r = bpf_map_lookup_elem(&results, &i);                                                          \
                                                                                                                               \
		if (!s || !r || !one_step(ctx, s, r))                                                                          \
			return;                                                                                                \
		r->len = ctx->data_end - ctx->data;                                                                            \
		r->meta = ctx->data - ctx->data_meta;                                                                          \
	}                                                                                                                      \
                                                                                                                               \
	SEC("xdp") int run(struct xdp_md *ctx)                                                                                 \
	{                                                                                                                      \
		xdp_step(ctx, 0);                                                                                              \
		xdp_step(ctx, 1);                                                                                              \
		xdp_step(ctx, 2);                                                                                              \
		xdp_step(ctx, 3);                                                                                              \
		return XDP_PASS;                                                                                               \
	}                                                                                                                      \
	char _license[] SEC("license") = "GPL";
