/*
 * A switch without learning: `mac_table` says behind which port a MAC address lives, `switch_ports` holds the ports'
 * devices. Unknown addresses go to the kernel, group addresses (broadcast, multicast) out of every port but the one
 * they came by.
 *
 * A devmap's slot may name a second program, which runs on each frame just before it leaves by that device. Only there
 * is the leaving device known (egress_ifindex), and it may no more than pass or drop. The one here keeps a count per
 * device and holds back frames for devices that have been closed in `egress_closed`.
 */
#include "headers/parse.h"

#define PORTS 64

struct mac {
	__u8 byte[ETH_ALEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct mac);
	__type(value, __u32); /* slot of switch_ports */
} mac_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, PORTS);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val); /* ifindex and program */
} switch_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORTS);
	__type(key, __u32); /* ifindex */
	__type(value, __u32); /* anything */
} egress_closed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORTS);
	__type(key, __u32); /* ifindex */
	__type(value, __u64); /* frames let through */
} egress_count SEC(".maps");

SEC("xdp")
int xdp_l2_redirect(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct mac dest;
	__u32 *port;

	if (!eth)
		return XDP_DROP;
	if (eth->h_dest[0] & 1) /* the group bit: first on the wire, lowest of the first byte */
		return bpf_redirect_map(&switch_ports, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);

	__builtin_memcpy(dest.byte, eth->h_dest, ETH_ALEN);
	port = bpf_map_lookup_elem(&mac_table, &dest);
	if (!port)
		return XDP_PASS;
	/* The last argument is the verdict in case the slot is empty. */
	return bpf_redirect_map(&switch_ports, *port, XDP_DROP);
}

SEC("xdp/devmap")
int xdp_l2_egress(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->egress_ifindex;
	__u64 one = 1, *frames;

	if (bpf_map_lookup_elem(&egress_closed, &ifindex))
		return XDP_DROP;
	frames = bpf_map_lookup_elem(&egress_count, &ifindex);
	if (frames)
		__sync_fetch_and_add(frames, 1);
	else
		bpf_map_update_elem(&egress_count, &ifindex, &one, BPF_NOEXIST);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
