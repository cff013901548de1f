/*
 * A socket filter: what it returns is how many bytes of the packet the socket may have, 0 being none at all. This one
 * lets an AF_PACKET socket see IP packets only, told by the EtherType behind the two MAC addresses.
 */
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "headers/legacy_load.h"

SEC("socket")
int sock_ip_only(struct __sk_buff *skb)
{
	__u32 ethertype = load_half(skb, offsetof(struct ethhdr, h_proto));

	if (ethertype == ETH_P_IP || ethertype == ETH_P_IPV6)
		return skb->len; /* all of it */
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
