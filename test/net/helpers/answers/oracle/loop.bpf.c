// SPDX-License-Identifier: MIT
// Callbacks: bpf_loop and bpf_for_each_map_elem, how often they call and what they answer.
#include "../../../../bpf/kfuncs/oracle/oracle.h"

#define MAP(name, map_type, entries, flags)        \
	struct {                                   \
		__uint(type, map_type);            \
		__uint(max_entries, entries);      \
		__uint(map_flags, flags);          \
		__type(key, __u32);                \
		__type(value, __u64);              \
	} name SEC(".maps")

#define ZERO_SEED 64

MAP(array, BPF_MAP_TYPE_ARRAY, 5, 0);
MAP(percpu, BPF_MAP_TYPE_PERCPU_ARRAY, 3, 0);
MAP(hash, BPF_MAP_TYPE_HASH, 16, ZERO_SEED);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 8, ZERO_SEED);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, 8, ZERO_SEED);
MAP(empty, BPF_MAP_TYPE_HASH, 8, 0);

struct count {
	__u64 calls, keys, stop;
};

/* In memory of which the verifier knows nothing: it would walk through each number of calls. */
struct count c;

static int once(__u32 i, void *ctx)
{
	c.calls++;
	c.keys += i;
	return c.calls == c.stop;
}

static int each(void *map, __u32 *key, __u64 *value, void *ctx)
{
	c.calls++;
	c.keys = c.keys * 31 + *key;
	*value += 1;
	return c.calls == c.stop;
}

static int forget(void *map, __u32 *key, __u64 *value, void *ctx)
{
	c.calls++;
	bpf_map_delete_elem(map, key);
	return 0;
}


#define COUNTED(call)                            \
	c.calls = c.keys = 0;                    \
	c.stop = stop;                           \
	SAY(call);                               \
	SAY(c.calls);                            \
	SAY(c.keys)

SEC("tc")
int loops(struct __sk_buff *skb)
{
	__u64 stop = 0;
	ANSWERS();

	COUNTED(bpf_loop(0, once, 0, 0));
	COUNTED(bpf_loop(1, once, 0, 0));
	COUNTED(bpf_loop(1000, once, 0, 0));
	COUNTED(bpf_loop(3, once, 0, 1));
	COUNTED(bpf_loop(3, once, 0, 1ULL << 32));
	COUNTED(bpf_loop((1 << 23) + 1, once, 0, 0));
	COUNTED(bpf_loop((1 << 23) + 1, once, 0, 1));
	COUNTED(bpf_loop(-1, once, 0, 0));
	COUNTED(bpf_loop(1 << 17, once, 0, 0));
	stop = 7;
	COUNTED(bpf_loop(10, once, 0, 0));
	COUNTED(bpf_loop(7, once, 0, 0));
	COUNTED(bpf_loop((1 << 23), once, 0, 0));
	return 0;
}

#define WALK(map) COUNTED(bpf_for_each_map_elem(&map, each, 0, 0))

SEC("tc")
int walks(struct __sk_buff *skb)
{
	__u64 stop = 0, v = 5;
	__u32 k;
	ANSWERS();

	for (int i = 0; i < 6; i++) {
		k = i * 3 + 1;
		bpf_map_update_elem(&hash, &k, &v, BPF_ANY);
		bpf_map_update_elem(&percpu_hash, &k, &v, BPF_ANY);
		bpf_map_update_elem(&lru, &k, &v, BPF_ANY);
	}
	WALK(array);
	WALK(percpu);
	WALK(hash);
	WALK(percpu_hash);
	WALK(lru);
	WALK(empty);
	COUNTED(bpf_for_each_map_elem(&array, each, 0, 1));
	COUNTED(bpf_for_each_map_elem(&hash, each, 0, 1));
	COUNTED(bpf_for_each_map_elem(&hash, each, 0, 1ULL << 32));
	stop = 2;
	WALK(array);
	WALK(percpu);
	WALK(hash);
	WALK(empty);
	stop = 6;
	WALK(hash);
	return 0;
}

SEC("tc")
int changes(struct __sk_buff *skb)
{
	__u64 stop = 0, v = 5;
	__u32 k;
	ANSWERS();

	for (int i = 0; i < 6; i++) {
		k = i * 3 + 1;
		bpf_map_update_elem(&hash, &k, &v, BPF_ANY);
	}
	COUNTED(bpf_for_each_map_elem(&hash, forget, 0, 0));
	COUNTED(bpf_for_each_map_elem(&hash, forget, 0, 0));
	return 0;
}
