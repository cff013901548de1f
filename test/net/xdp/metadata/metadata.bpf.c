// SPDX-License-Identifier: MIT
// What a device says of its frames to programs bound to it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct frame {
	__u64 said[9];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct frame);
} frames SEC(".maps");

enum xdp_rss_hash_type { XDP_RSS_NONE };

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *ns) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash, enum xdp_rss_hash_type *type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *proto, __u16 *tci) __ksym;

__u32 seen = 0;

SEC("xdp")
int bound(struct xdp_md *ctx)
{
	__u32 key = seen++;
	struct frame *f = bpf_map_lookup_elem(&frames, &key);
	enum xdp_rss_hash_type type = 7;
	__u32 hash = 0;
	__u64 ns = 7;
	__be16 proto = 7;
	__u16 tci = 7;

	if (!f)
		return XDP_DROP;
	f->said[0] = ctx->data_end - ctx->data;
	f->said[1] = bpf_xdp_metadata_rx_timestamp(ctx, &ns);
	f->said[2] = ns;
	f->said[3] = bpf_xdp_metadata_rx_hash(ctx, &hash, &type);
	f->said[4] = hash != 0;
	f->said[5] = type;
	f->said[6] = bpf_xdp_metadata_rx_vlan_tag(ctx, &proto, &tci);
	f->said[7] = proto;
	f->said[8] = tci;
	return XDP_DROP;
}

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp/devmap")
int in_devmap(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("tc")
int tag(struct __sk_buff *skb)
{
	bpf_skb_vlan_push(skb, __builtin_bswap16(0x88a8), 0x2005);
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} progs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} devs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} cpus SEC(".maps");

SEC("xdp")
int with_maps(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &progs, 0);
	return bpf_redirect_map(&devs, 0, 0) + bpf_redirect_map(&cpus, 0, 0);
}

SEC("xdp/cpumap")
int in_cpumap(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
