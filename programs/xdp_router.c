/*
 * An IP router in XDP: asks the kernel's own routing and neighbour tables (bpf_fib_lookup) where a packet goes, writes
 * the MAC addresses, takes one hop off the TTL and sends the packet out of the other device.
 *
 * Everything out of the ordinary is left to the kernel by XDP_PASS: packets to the router itself, TTLs that end here
 * (the kernel answers with ICMP), neighbours not resolved yet (the kernel asks for them by ARP), packets too long for
 * the next link. The kernel must be allowed to forward (net.ipv4.ip_forward=1), or the lookup says so.
 *
 * `router_stats` counts per CPU by the lookup's result: 0 forwarded, otherwise BPF_FIB_LKUP_RET_*; slot 15 counts what
 * was not looked up at all.
 */
#include "headers/parse.h"
#include "headers/rewrite.h"

#define AF_INET 2
#define AF_INET6 10
#define NOT_LOOKED_UP 15
#define IPV6_FLOWINFO_MASK bpf_htonl(0x0fffffff)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} router_stats SEC(".maps");

static __always_inline void count(__u32 result)
{
	__u64 *packets = bpf_map_lookup_elem(&router_stats, &result);

	if (packets)
		(*packets)++;
}

SEC("xdp")
int xdp_router(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct bpf_fib_lookup fib = {};
	struct ipv6hdr *ip6 = NULL;
	struct iphdr *ip = NULL;
	long result;

	if (!eth)
		goto to_kernel;

	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		ip = parse_ipv4(&c);
		if (!ip || ip->ttl <= 1 || ip->ihl != 5) /* options are the kernel's business */
			goto to_kernel;
		fib.family = AF_INET;
		fib.tos = ip->tos;
		fib.l4_protocol = ip->protocol;
		fib.tot_len = bpf_ntohs(ip->tot_len);
		fib.ipv4_src = ip->saddr;
		fib.ipv4_dst = ip->daddr;
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		ip6 = parse_ipv6(&c);
		if (!ip6 || ip6->hop_limit <= 1)
			goto to_kernel;
		fib.family = AF_INET6;
		fib.flowinfo = *(__be32 *)ip6 & IPV6_FLOWINFO_MASK;
		fib.l4_protocol = ip6->nexthdr;
		fib.tot_len = bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
		__builtin_memcpy(fib.ipv6_src, &ip6->saddr, sizeof(ip6->saddr));
		__builtin_memcpy(fib.ipv6_dst, &ip6->daddr, sizeof(ip6->daddr));
	} else {
		goto to_kernel;
	}

	fib.ifindex = ctx->ingress_ifindex;
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (result < 0) /* an error of ours, not an answer */
		return XDP_ABORTED;
	count(result);

	switch (result) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		if (ip)
			ipv4_decrease_ttl(ip);
		else if (ip6)
			ip6->hop_limit--;
		copy_mac(eth->h_dest, fib.dmac);
		copy_mac(eth->h_source, fib.smac);
		return bpf_redirect(fib.ifindex, 0);
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}

to_kernel:
	count(NOT_LOOKED_UP);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
