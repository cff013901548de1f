/*
 * Tells the tc hook something about a packet without touching the packet: bpf_xdp_adjust_meta opens a few bytes in
 * front of it, which travel along with it (not onto the wire) as far as the tc ingress hook. tc_meta reads them there.
 *
 * What it tells is a mark: `meta_marks` by the last byte of the IPv4 source address.
 */
#include "headers/parse.h"
#include "headers/meta.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} meta_marks SEC(".maps");

SEC("xdp")
int xdp_meta(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct packet_meta *meta;
	struct iphdr *ip;
	__u32 last, *mark;

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = parse_ipv4(&c);
	if (!ip)
		return XDP_PASS;
	last = bpf_ntohl(ip->saddr) & 0xff;
	mark = bpf_map_lookup_elem(&meta_marks, &last);
	if (!mark || *mark == 0)
		return XDP_PASS;

	/* A driver that knows no metadata refuses; then there is nothing to tell, and the packet passes. */
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return XDP_PASS;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	meta->magic = META_MAGIC;
	meta->mark = *mark;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
