/*
 * Counts packets and bytes in an array whose definition is of the old kind: a struct in the section `maps`, which says
 * sizes but no types. libbpf has refused these since its version 1.0; many objects in the field still have them.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* The layout that loaders of old agree on. */
struct legacy_map_def {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
};

struct legacy_map_def SEC("maps") legacy_count = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = 2 * sizeof(__u64),
	.max_entries = 1,
};

SEC("xdp")
int xdp_legacy_count(struct xdp_md *ctx)
{
	__u32 slot = 0;
	__u64 *count = bpf_map_lookup_elem(&legacy_count, &slot);

	if (count) {
		/* An ordinary array is shared between the CPUs: two of them may be here at once, so the additions are atomic. */
		__sync_fetch_and_add(&count[0], 1);
		__sync_fetch_and_add(&count[1], ctx->data_end - ctx->data);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
