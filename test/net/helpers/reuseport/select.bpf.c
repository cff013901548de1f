// SPDX-License-Identifier: MIT
// Asks bpf_sk_select_reuseport for every slot of three maps of sockets.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SLOTS 8
#define SOCKETS(name, type_)                                                                                                   \
	struct {                                                                                                               \
		__uint(type, type_);                                                                                           \
		__uint(max_entries, SLOTS);                                                                                    \
		__type(key, __u32);                                                                                            \
		__type(value, __u64);                                                                                          \
	} name SEC(".maps")

SOCKETS(sockmap, BPF_MAP_TYPE_SOCKMAP);
SOCKETS(sockhash, BPF_MAP_TYPE_SOCKHASH);
SOCKETS(reuseport_sockarray, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3 * SLOTS);
	__type(key, __u32);
	__type(value, __s64);
} answers SEC(".maps");

#define ASK(map, first)                                                                                                        \
	for (__u32 i = 0; i < SLOTS; i++) {                                                                                    \
		__u32 key = i, at = (first) + i;                                                                               \
		__s64 answer = bpf_sk_select_reuseport(ctx, &map, &key, 0);                                                    \
		bpf_map_update_elem(&answers, &at, &answer, 0);                                                                \
	}

SEC("sk_reuseport") int run(struct sk_reuseport_md *ctx)
{
	ASK(sockmap, 0)
	ASK(sockhash, SLOTS)
	ASK(reuseport_sockarray, 2 * SLOTS)
	return SK_PASS;
}
char _license[] SEC("license") = "GPL";
