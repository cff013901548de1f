/*
 * Takes off the outer IPv4 header of IPIP packets, such as xdp_l4lb puts on, and hands the inner packet to the kernel.
 *
 * The outer header may carry options, so its length is read, not assumed. What is no IPIP passes untouched; what says
 * it is but has no IPv4 packet inside is dropped. `decap_stats` counts both, per CPU.
 */
#include "headers/parse.h"
#include "headers/rewrite.h"

enum { DECAPSULATED, MALFORMED, DECAP_OUTCOMES };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DECAP_OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} decap_stats SEC(".maps");

static __always_inline void count(__u32 outcome)
{
	__u64 *packets = bpf_map_lookup_elem(&decap_stats, &outcome);

	if (packets)
		(*packets)++;
}

SEC("xdp")
int xdp_decap(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct iphdr *outer, *inner;
	struct ethhdr saved;
	int outer_len;

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	outer = parse_ipv4(&c);
	if (!outer || outer->protocol != IPPROTO_IPIP || is_fragment(outer))
		return XDP_PASS;
	outer_len = outer->ihl * 4;
	inner = parse_ipv4(&c);
	if (!inner) {
		count(MALFORMED);
		return XDP_DROP;
	}

	saved = *eth;
	if (bpf_xdp_adjust_head(ctx, outer_len))
		return XDP_ABORTED;
	c = xdp_cursor(ctx);
	eth = parse_eth(&c);
	if (!eth)
		return XDP_ABORTED;
	*eth = saved;
	count(DECAPSULATED);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
