/*
 * Returns whatever number stands in slot 0 of the map `action`, so that each verdict can be tried without another
 * program: 0 ABORTED, 1 DROP, 2 PASS, 3 TX, 4 REDIRECT (without a target, hence lost), and numbers that are none.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} action SEC(".maps");

SEC("xdp")
int xdp_actions(struct xdp_md *ctx)
{
	__u32 slot = 0;
	__u32 *code = bpf_map_lookup_elem(&action, &slot);

	/* An array's slot always exists; the verifier wants to see the question asked all the same. */
	return code ? *code : XDP_ABORTED;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
