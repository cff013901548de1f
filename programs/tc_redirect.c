/*
 * The ways in which a tc program can send a packet elsewhere, chosen by `redirects` for the device it is at.
 *
 *   EGRESS   out of a device, as if it had been sent there: its egress hook, qdisc and taps see the packet
 *   INGRESS  into a device, as if it had been received there
 *   PEER     into the other end of a veth pair, in the other network namespace, with no queue in between; ingress only
 *   NEIGH    out of a device, with the MAC addresses filled in by the kernel: for the packet's own destination, or for
 *            the next hop given
 *
 * Each helper only notes the target and returns TC_ACT_REDIRECT; the kernel acts on it when the program has ended.
 */
#include <linux/pkt_cls.h>

#include "headers/parse.h"

#define AF_INET 2

enum { EGRESS, INGRESS, PEER, NEIGH };

struct target {
	__u32 mode;
	__u32 ifindex;
	__be32 next_hop; /* NEIGH: 0 for the packet's own destination */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32); /* skb->ifindex */
	__type(value, struct target);
} redirects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32); /* mode */
	__type(value, __u64);
} redirect_count SEC(".maps");

static __always_inline int redirect_neigh(const struct target *target)
{
	struct bpf_redir_neigh hop = { .nh_family = AF_INET };

	if (target->next_hop == 0)
		return bpf_redirect_neigh(target->ifindex, NULL, 0, 0);
	hop.ipv4_nh = target->next_hop;
	return bpf_redirect_neigh(target->ifindex, &hop, sizeof(hop), 0);
}

SEC("tc")
int tc_redirect(struct __sk_buff *skb)
{
	__u32 here = skb->ifindex;
	struct target *target = bpf_map_lookup_elem(&redirects, &here);
	__u64 *packets;
	__u32 mode;

	if (!target)
		return TC_ACT_OK;
	mode = target->mode;
	packets = bpf_map_lookup_elem(&redirect_count, &mode);
	if (!packets)
		return TC_ACT_SHOT; /* no such mode */
	__sync_fetch_and_add(packets, 1);

	switch (mode) {
	case EGRESS:
		return bpf_redirect(target->ifindex, 0);
	case INGRESS:
		return bpf_redirect(target->ifindex, BPF_F_INGRESS);
	case PEER:
		return bpf_redirect_peer(target->ifindex, 0);
	default:
		return redirect_neigh(target);
	}
}

char LICENSE[] SEC("license") = "GPL";
