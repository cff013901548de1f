/*
 * Reads what xdp_meta wrote in front of the packet and makes it the skb's mark, which routing rules, qdiscs and sockets
 * understand. `meta_seen` counts in slot 0 packets without metadata, in slot 1 those with.
 */
#include <linux/pkt_cls.h>

#include "headers/parse.h"
#include "headers/meta.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} meta_seen SEC(".maps");

static __always_inline void count(__u32 slot)
{
	__u64 *packets = bpf_map_lookup_elem(&meta_seen, &slot);

	if (packets)
		__sync_fetch_and_add(packets, 1);
}

SEC("tc/ingress")
int tc_meta(struct __sk_buff *skb)
{
	struct packet_meta *meta = (void *)(long)skb->data_meta;

	if ((void *)(meta + 1) > (void *)(long)skb->data || meta->magic != META_MAGIC) {
		count(0);
		return TC_ACT_OK;
	}
	skb->mark = meta->mark;
	count(1);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
