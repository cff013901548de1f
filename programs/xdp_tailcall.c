/*
 * A parser in pieces. The entry looks at the EtherType and jumps to the program for it; that one looks at the protocol
 * and jumps again. A tail call replaces the running program and does not come back, unless the slot it names is empty:
 * then the line after it runs. So the pieces can be exchanged one by one while packets flow.
 *
 * Both tables of programs are filled by the loader from the initialisers below.
 */
#include "headers/parse.h"

enum { BY_IPV4, BY_IPV6, BY_ARP, ETHERTYPES };

enum { SEEN_TCP, SEEN_UDP, SEEN_ICMP, SEEN_ICMPV6, SEEN_ARP, SEEN_OTHER_IP, SEEN_OTHER, SEEN_KINDS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SEEN_KINDS);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void count(__u32 kind)
{
	__u64 *packets = bpf_map_lookup_elem(&seen, &kind);

	if (packets)
		(*packets)++;
}

int handle_ipv4(struct xdp_md *ctx);
int handle_ipv6(struct xdp_md *ctx);
int handle_arp(struct xdp_md *ctx);
int handle_tcp(struct xdp_md *ctx);
int handle_udp(struct xdp_md *ctx);
int handle_icmp(struct xdp_md *ctx);
int handle_icmpv6(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, ETHERTYPES);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} by_ethertype SEC(".maps") = {
	.values = {
		[BY_IPV4] = (void *)&handle_ipv4,
		[BY_IPV6] = (void *)&handle_ipv6,
		[BY_ARP] = (void *)&handle_arp,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 256);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} by_protocol SEC(".maps") = {
	.values = {
		[IPPROTO_ICMP] = (void *)&handle_icmp,
		[IPPROTO_TCP] = (void *)&handle_tcp,
		[IPPROTO_UDP] = (void *)&handle_udp,
		[IPPROTO_ICMPV6] = (void *)&handle_icmpv6,
	},
};

SEC("xdp")
int xdp_tailcall(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);

	if (!eth)
		return XDP_DROP;
	switch (bpf_ntohs(eth->h_proto)) {
	case ETH_P_IP:
		bpf_tail_call(ctx, &by_ethertype, BY_IPV4);
		break;
	case ETH_P_IPV6:
		bpf_tail_call(ctx, &by_ethertype, BY_IPV6);
		break;
	case ETH_P_ARP:
		bpf_tail_call(ctx, &by_ethertype, BY_ARP);
		break;
	}
	count(SEEN_OTHER);
	return XDP_DROP;
}

SEC("xdp")
int handle_ipv4(struct xdp_md *ctx)
{
	/* Nothing is handed over but the context: each piece finds its own way through the packet. */
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct iphdr *ip;

	if (!eth)
		return XDP_DROP;
	ip = parse_ipv4(&c);
	if (!ip)
		return XDP_DROP;
	bpf_tail_call(ctx, &by_protocol, ip->protocol);
	count(SEEN_OTHER_IP);
	return XDP_PASS;
}

SEC("xdp")
int handle_ipv6(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct ipv6hdr *ip6;
	int proto;

	if (!eth)
		return XDP_DROP;
	ip6 = parse_ipv6(&c);
	if (!ip6)
		return XDP_DROP;
	proto = skip_ipv6_extensions(&c, ip6->nexthdr);
	if (proto < 0)
		return XDP_DROP;
	bpf_tail_call(ctx, &by_protocol, proto);
	count(SEEN_OTHER_IP);
	return XDP_PASS;
}

SEC("xdp")
int handle_arp(struct xdp_md *ctx)
{
	count(SEEN_ARP);
	return XDP_PASS;
}

SEC("xdp")
int handle_tcp(struct xdp_md *ctx)
{
	count(SEEN_TCP);
	return XDP_PASS;
}

SEC("xdp")
int handle_udp(struct xdp_md *ctx)
{
	count(SEEN_UDP);
	return XDP_PASS;
}

SEC("xdp")
int handle_icmp(struct xdp_md *ctx)
{
	count(SEEN_ICMP);
	return XDP_PASS;
}

SEC("xdp")
int handle_icmpv6(struct xdp_md *ctx)
{
	count(SEEN_ICMPV6);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
