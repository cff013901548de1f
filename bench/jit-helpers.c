// Helpers of maps and of XDP packets that bench/jit.ts runs here and in the kernel, a few calls a program. Each leaves packet and maps
// as it found them.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct lpm_key {
	__u32 bits;
	__u32 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 256);
	__type(value, __u64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 256);
	__type(value, __u64);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__uint(value_size, 16);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__type(key, struct lpm_key);
	__type(value, __u32);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

SEC("xdp") int queue_push_pop(struct xdp_md *ctx)
{
	__u64 value = 5;
	bpf_map_push_elem(&queue, &value, BPF_ANY);
	return bpf_map_pop_elem(&queue, &value) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int stack_push_pop(struct xdp_md *ctx)
{
	__u64 value = 5;
	bpf_map_push_elem(&stack, &value, BPF_ANY);
	return bpf_map_pop_elem(&stack, &value) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int array_update(struct xdp_md *ctx)
{
	__u32 key = 7;
	__u64 value[2] = { 1, 2 };
	return bpf_map_update_elem(&array, &key, value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int lpm_update(struct xdp_md *ctx)
{
	struct lpm_key key = { 24, bpf_htonl(0x0a010200) };
	__u32 value = 3;
	return bpf_map_update_elem(&routes, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int lru_percpu(struct xdp_md *ctx)
{
	__u32 key = 7;
	__u64 value = 3;
	return bpf_map_update_elem(&counters, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int xdp_bytes(struct xdp_md *ctx)
{
	__u8 header[20];
	if (bpf_xdp_load_bytes(ctx, 14, header, sizeof header) || bpf_xdp_store_bytes(ctx, 14, header, sizeof header))
		return XDP_DROP;
	return XDP_PASS;
}

SEC("xdp") int adjust_meta(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_meta(ctx, -8) || bpf_xdp_adjust_meta(ctx, 8))
		return XDP_DROP;
	return XDP_PASS;
}

SEC("xdp") int random(struct xdp_md *ctx)
{
	return bpf_get_prandom_u32() == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int clock(struct xdp_md *ctx)
{
	return bpf_ktime_get_ns() == 1 ? XDP_DROP : XDP_PASS;
}
