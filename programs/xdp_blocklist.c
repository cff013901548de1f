/*
 * Drops packets whose source address lies in a blocked network; the longest matching prefix counts the hit.
 *
 * A trie of prefixes (LPM) answers in one lookup what a list would answer in as many as it has entries. Its key is the
 * prefix length followed by the address in network order, the most significant bit first.
 *
 *   bpftool map update name blocked_v4 key hex 18 00 00 00 c0 00 02 00 value hex 00 00 00 00 00 00 00 00   (192.0.2.0/24)
 */
#include "headers/parse.h"

struct v4_prefix {
	__u32 prefixlen;
	__be32 addr;
};

struct v6_prefix {
	__u32 prefixlen;
	struct in6_addr addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* a trie cannot be allocated ahead */
	__type(key, struct v4_prefix);
	__type(value, __u64);
} blocked_v4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct v6_prefix);
	__type(value, __u64);
} blocked_v6 SEC(".maps");

static __always_inline int count_and_drop(__u64 *hits)
{
	if (!hits)
		return XDP_PASS;
	__sync_fetch_and_add(hits, 1);
	return XDP_DROP;
}

SEC("xdp")
int xdp_blocklist(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	__be16 proto;

	if (!eth)
		return XDP_PASS;
	proto = skip_vlans(&c, eth->h_proto);

	if (proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = parse_ipv4(&c);
		struct v4_prefix key = { .prefixlen = 32 };

		if (!ip)
			return XDP_PASS;
		key.addr = ip->saddr;
		return count_and_drop(bpf_map_lookup_elem(&blocked_v4, &key));
	}

	if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = parse_ipv6(&c);
		struct v6_prefix key = { .prefixlen = 128 };

		if (!ip6)
			return XDP_PASS;
		key.addr = ip6->saddr;
		return count_and_drop(bpf_map_lookup_elem(&blocked_v6, &key));
	}

	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
