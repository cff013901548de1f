/*
 * Marks packets on their way in and acts on the mark on their way out.
 *
 * Beside its bytes a packet in the kernel (an skb) has fields that never leave the host. `mark` is for whoever wants to
 * tell the rest of the host something; `priority` chooses the band of a qdisc such as prio or pfifo_fast; `tc_index` is
 * for classifiers that follow. A tc program may write all three.
 *
 * `mark_rules` gives the mark by IP protocol, `mark_actions` the priority and tc_index by mark.
 * `mark_count` counts by mark what passed either way.
 */
#include <linux/pkt_cls.h>

#include "headers/parse.h"

struct mark_action {
	__u32 priority;
	__u32 tc_index;
};

struct mark_counter {
	__u64 ingress;
	__u64 egress;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} mark_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct mark_action);
} mark_actions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct mark_counter);
} mark_count SEC(".maps");

static __always_inline struct mark_counter *counter_of(__u32 mark)
{
	struct mark_counter zero = {};
	struct mark_counter *counter = bpf_map_lookup_elem(&mark_count, &mark);

	if (counter)
		return counter;
	bpf_map_update_elem(&mark_count, &mark, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&mark_count, &mark);
}

SEC("tc/ingress")
int tc_mark_ingress(struct __sk_buff *skb)
{
	struct cursor c = skb_cursor(skb);
	struct ethhdr *eth = parse_eth(&c);
	struct mark_counter *counter;
	__u32 proto, *mark;

	if (!eth)
		return TC_ACT_OK;
	/* skb->protocol is the EtherType that the kernel itself goes by. */
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = parse_ipv4(&c);

		if (!ip)
			return TC_ACT_OK;
		proto = ip->protocol;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = parse_ipv6(&c);

		if (!ip6)
			return TC_ACT_OK;
		proto = ip6->nexthdr;
	} else {
		return TC_ACT_OK;
	}

	mark = bpf_map_lookup_elem(&mark_rules, &proto);
	if (!mark || *mark == 0)
		return TC_ACT_OK;
	skb->mark = *mark;
	counter = counter_of(*mark);
	if (counter)
		__sync_fetch_and_add(&counter->ingress, 1);
	return TC_ACT_OK;
}

SEC("tc/egress")
int tc_mark_egress(struct __sk_buff *skb)
{
	__u32 mark = skb->mark;
	struct mark_action *action = bpf_map_lookup_elem(&mark_actions, &mark);
	struct mark_counter *counter;

	if (!action)
		return TC_ACT_OK;
	skb->priority = action->priority;
	skb->tc_index = action->tc_index;
	counter = counter_of(mark);
	if (counter)
		__sync_fetch_and_add(&counter->egress, 1);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
