/*
 * Pushes and pops an 802.1Q tag by moving the front of the packet.
 *
 * XDP has no helper for tags: a program asks for four bytes more (or fewer) in front with bpf_xdp_adjust_head and moves
 * the two MAC addresses itself. After that call every pointer into the packet is void, and the bounds are checked anew.
 *
 * Slot 0 of `vlan_config` holds the tag control information to push: VLAN number plus (priority << 13).
 */
#include "headers/parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} vlan_config SEC(".maps");

/* Where the two MAC addresses are kept while the front of the packet moves. */
struct mac_pair {
	__u8 byte[2 * ETH_ALEN];
};

SEC("xdp")
int xdp_vlan_push(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct mac_pair macs;
	struct vlan_tag *tag;
	__u32 slot = 0, *tci;

	if (!eth)
		return XDP_DROP;
	tci = bpf_map_lookup_elem(&vlan_config, &slot);
	if (!tci || (*tci & VLAN_VID_MASK) == 0)
		return XDP_PASS;

	__builtin_memcpy(&macs, eth, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*tag)))
		return XDP_ABORTED;

	c = xdp_cursor(ctx);
	eth = parse_eth(&c);
	if (!eth)
		return XDP_ABORTED;
	tag = c.pos;
	if ((void *)(tag + 1) > c.end)
		return XDP_ABORTED;
	/* The packet's own EtherType already stands where the tag keeps the EtherType of what follows. */
	__builtin_memcpy(eth, &macs, sizeof(macs));
	eth->h_proto = bpf_htons(ETH_P_8021Q);
	tag->tci = bpf_htons((__u16)*tci);
	return XDP_PASS;
}

SEC("xdp")
int xdp_vlan_pop(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct mac_pair macs;
	struct vlan_tag *tag;

	if (!eth)
		return XDP_DROP;
	if (!is_vlan(eth->h_proto))
		return XDP_PASS;
	tag = c.pos;
	if ((void *)(tag + 1) > c.end)
		return XDP_DROP;

	/* Only the addresses have to move: the EtherType that the tag carries is then the one behind them. */
	__builtin_memcpy(&macs, eth, sizeof(macs));
	if (bpf_xdp_adjust_head(ctx, sizeof(*tag)))
		return XDP_ABORTED;
	c = xdp_cursor(ctx);
	eth = parse_eth(&c);
	if (!eth)
		return XDP_ABORTED;
	__builtin_memcpy(eth, &macs, sizeof(macs));
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
