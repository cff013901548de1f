/*
 * Adds up, per IP protocol, the lengths of the packets that leave by the device an AF_PACKET socket is bound to. Such a
 * socket sees both directions; skb->pkt_type tells them apart. The socket itself gets nothing: the filter returns 0,
 * and user space reads the map.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>

#include <bpf/bpf_helpers.h>

#include "headers/legacy_load.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32); /* IP protocol */
	__type(value, __u64); /* bytes, with the Ethernet header */
} proto_bytes SEC(".maps");

SEC("socket")
int sock_proto_bytes(struct __sk_buff *skb)
{
	__u32 proto;
	__u64 *bytes;

	if (skb->pkt_type != PACKET_OUTGOING)
		return 0;
	if (load_half(skb, offsetof(struct ethhdr, h_proto)) != ETH_P_IP)
		return 0;
	proto = load_byte(skb, ETH_HLEN + offsetof(struct iphdr, protocol));
	bytes = bpf_map_lookup_elem(&proto_bytes, &proto);
	if (bytes)
		__sync_fetch_and_add(bytes, skb->len);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
