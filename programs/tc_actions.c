/*
 * Returns whatever number stands in slot 0 of the map `tc_action`, and counts its runs, so that each verdict of the tc
 * hooks can be tried: -1 UNSPEC (tcx: NEXT), 0 OK, 1 RECLASSIFY, 2 SHOT, 3 PIPE, 4 STOLEN, 5 QUEUED, 6 REPEAT,
 * 7 REDIRECT (without a target, hence lost), 8 TRAP, and numbers that are none.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s32);
} tc_action SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} tc_runs SEC(".maps");

SEC("tc")
int tc_actions(struct __sk_buff *skb)
{
	__u32 slot = 0;
	__s32 *code = bpf_map_lookup_elem(&tc_action, &slot);
	__u64 *runs = bpf_map_lookup_elem(&tc_runs, &slot);

	if (!code || !runs)
		return -1;
	__sync_fetch_and_add(runs, 1);
	return *code;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
