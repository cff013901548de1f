// Packet helpers of tc programs that bench/jit.ts runs here and in the kernel, a few calls a program. Each leaves the packet as it found
// it.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/** Offsets in an Ethernet frame with UDP over IPv4. */
#define IP_CHECK 24
#define UDP_CHECK 40

SEC("tc") int skb_bytes(struct __sk_buff *skb)
{
	__u8 header[20];
	if (bpf_skb_load_bytes(skb, 14, header, sizeof header) || bpf_skb_store_bytes(skb, 14, header, sizeof header, 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("tc") int csum_replace(struct __sk_buff *skb)
{
	__u32 from = bpf_htonl(0x0a000001), to = bpf_htonl(0x0a000002);
	if (bpf_l3_csum_replace(skb, IP_CHECK, from, to, sizeof to) ||
	    bpf_l4_csum_replace(skb, UDP_CHECK, from, to, BPF_F_PSEUDO_HDR | sizeof to) ||
	    bpf_l4_csum_replace(skb, UDP_CHECK, to, from, BPF_F_PSEUDO_HDR | sizeof to) ||
	    bpf_l3_csum_replace(skb, IP_CHECK, to, from, sizeof to))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("tc") int pull_data(struct __sk_buff *skb)
{
	return bpf_skb_pull_data(skb, 34) ? TC_ACT_SHOT : TC_ACT_OK;
}
