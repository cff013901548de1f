/*
 * Counts packets and bytes per IP protocol (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6 ...) and lets them pass.
 *
 * The counters are a per-CPU array: each CPU has values of its own, so that `+=` needs neither a lock nor an atomic
 * instruction, and user space adds them up when it reads. Packets that are not IP are counted in slot 256.
 */
#include "headers/parse.h"

#define NOT_IP 256

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NOT_IP + 1);
	__type(key, __u32);
	__type(value, struct counter);
} proto_count SEC(".maps");

static __always_inline __u32 protocol_of(struct cursor *c)
{
	struct ethhdr *eth = parse_eth(c);
	struct ipv6hdr *ip6;
	struct iphdr *ip;
	__be16 proto;

	if (!eth)
		return NOT_IP;
	proto = skip_vlans(c, eth->h_proto);
	if (proto == bpf_htons(ETH_P_IP)) {
		ip = parse_ipv4(c);
		return ip ? ip->protocol : NOT_IP;
	}
	if (proto == bpf_htons(ETH_P_IPV6)) {
		ip6 = parse_ipv6(c);
		if (ip6) {
			int last = skip_ipv6_extensions(c, ip6->nexthdr);

			return last < 0 ? NOT_IP : last;
		}
	}
	return NOT_IP;
}

SEC("xdp")
int xdp_proto_count(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	__u32 slot = protocol_of(&c);
	struct counter *count = bpf_map_lookup_elem(&proto_count, &slot);

	if (count) {
		count->packets++;
		count->bytes += ctx->data_end - ctx->data;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
