// Programs that bench/jit.ts runs here and in the kernel: one thing each, and a few that do what load balancers do. Each leaves the
// packet as it found it, as neither side restores it between runs.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct tuple {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u32 proto;
};

struct lpm_key {
	__u32 bits;
	__u32 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple);
	__type(value, __u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tuple);
	__type(value, __u32);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct lpm_key);
	__type(value, __u32);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65537);
	__type(key, __u32);
	__type(value, __u32);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} numbers SEC(".maps");

__u64 counter;
__u32 unsorted[16];

#define rol32(x, by) (((x) << (by)) | ((x) >> (32 - (by))))

static __always_inline __u32 jhash3(__u32 a, __u32 b, __u32 c)
{
	a += 0xdeadbefb;
	b += 0xdeadbefb;
	c += 0xdeadbefb;
	c ^= b; c -= rol32(b, 14);
	a ^= c; a -= rol32(c, 11);
	b ^= a; b -= rol32(a, 25);
	c ^= b; c -= rol32(b, 16);
	a ^= c; a -= rol32(c, 4);
	b ^= a; b -= rol32(a, 14);
	c ^= b; c -= rol32(b, 24);
	return c;
}

SEC("xdp") int hash_hit(struct xdp_md *ctx)
{
	__u32 key = 5;
	__u64 *v = bpf_map_lookup_elem(&hash, &key);
	return v ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int hash_miss(struct xdp_md *ctx)
{
	__u32 key = 0x12345678;
	__u64 *v = bpf_map_lookup_elem(&hash, &key);
	return v ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int hash_update(struct xdp_md *ctx)
{
	__u32 key = 7;
	__u64 value = 9;
	return bpf_map_update_elem(&hash, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int hash_insert_delete(struct xdp_md *ctx)
{
	__u32 key = 0x9999;
	__u64 value = 9;
	bpf_map_update_elem(&hash, &key, &value, BPF_NOEXIST);
	return bpf_map_delete_elem(&hash, &key) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int percpu_hash(struct xdp_md *ctx)
{
	__u32 key = 3;
	__u64 *v = bpf_map_lookup_elem(&percpu, &key);
	if (!v)
		return XDP_DROP;
	*v += 1;
	return XDP_PASS;
}

SEC("xdp") int lru_hit(struct xdp_md *ctx)
{
	__u32 key = 5;
	__u64 *v = bpf_map_lookup_elem(&lru, &key);
	return v ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int lru_update(struct xdp_md *ctx)
{
	__u32 key = 7;
	__u64 value = 9;
	return bpf_map_update_elem(&lru, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int lru_evict(struct xdp_md *ctx)
{
	__u32 key = ++counter;
	__u64 value = key;
	return bpf_map_update_elem(&lru, &key, &value, BPF_ANY) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int lpm(struct xdp_md *ctx)
{
	struct lpm_key key = { 32, bpf_htonl(0x0a010203) };
	__u32 *v = bpf_map_lookup_elem(&routes, &key);
	return v ? XDP_PASS : XDP_DROP;
}

SEC("xdp") int atomics(struct xdp_md *ctx)
{
	__u32 key = 3;
	__u32 *v = bpf_map_lookup_elem(&numbers, &key);
	if (!v)
		return XDP_DROP;
	__sync_fetch_and_add(v, 1);
	__sync_fetch_and_or(v, 8);
	__u32 old = __sync_val_compare_and_swap(v, 7, 9);
	return old == 77777 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int csum_helper(struct xdp_md *ctx)
{
	__u32 a[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, b[10] = { 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 };
	__s64 sum = bpf_csum_diff(a, sizeof a, b, sizeof b, 0);
	return sum == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int csum_loop(struct xdp_md *ctx)
{
	__u16 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 sum = 0;
	for (int i = 0; i < 30; i++) {
		if (p + i + 1 > end)
			break;
		sum += p[i];
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int adjust_head(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_head(ctx, -20) || bpf_xdp_adjust_head(ctx, 20))
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("xdp") int adjust_tail(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_tail(ctx, -8) || bpf_xdp_adjust_tail(ctx, 8))
		return XDP_ABORTED;
	return XDP_PASS;
}

static __noinline __u32 third(__u32 a, __u32 b) { return a * 3 + b; }
static __noinline __u32 second(__u32 a, __u32 b) { return third(a + 1, b) ^ a; }
static __noinline __u32 first(__u32 a, __u32 b) { return second(a, b + 2) + third(b, a); }

SEC("xdp") int bpf_to_bpf(struct xdp_md *ctx)
{
	__u32 sum = ctx->ingress_ifindex;
	for (int i = 0; i < 10; i++)
		sum = first(sum, i);
	return sum == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int jhash(struct xdp_md *ctx)
{
	__u32 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 h = 0;
	if (p + 12 > end)
		return XDP_DROP;
	for (int i = 0; i < 12; i += 2)
		h = jhash3(p[i], p[i + 1], h);
	return h == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int alu64(struct xdp_md *ctx)
{
	__u64 x = 0x9e3779b97f4a7c15 + ctx->ingress_ifindex, sum = 0;
	for (int i = 0; i < 100; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += x * 0xff51afd7ed558ccd;
	}
	return sum == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int division(struct xdp_md *ctx)
{
	__u64 x = 0xfedcba9876543210 + ctx->ingress_ifindex, sum = 0;
	for (__u64 i = 1; i <= 32; i++)
		sum += x / (i + sum % 7) + x % (i + 3);
	return sum == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int sorting(struct xdp_md *ctx)
{
	__u32 *v = unsorted, x = 12345 + ctx->ingress_ifindex;
	for (int i = 0; i < 16; i++) {
		x = x * 1103515245 + 12345;
		v[i] = x >> 8;
	}
	for (int n = 15; n > 0; n--)
		for (int i = 0; i < n; i++)
			if (v[i] > v[i + 1]) {
				__u32 t = v[i];
				v[i] = v[i + 1];
				v[i + 1] = t;
			}
	return v[0] == 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int switching(struct xdp_md *ctx)
{
	__u8 *p = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 sum = 0;
	if (p + 32 > end)
		return XDP_DROP;
	for (int i = 0; i < 32; i++)
		switch (p[i] & 31) {
		case 0: sum += 11; break;
		case 1: sum ^= 22; break;
		case 2: sum -= 33; break;
		case 3: sum *= 5; break;
		case 4: sum |= 0x40; break;
		case 5: sum += p[1]; break;
		case 6: sum ^= p[2]; break;
		case 7: sum += sum >> 3; break;
		case 8: sum += 8; break;
		case 9: sum ^= 99; break;
		case 10: sum -= 5; break;
		case 11: sum *= 3; break;
		case 12: sum += sum << 1; break;
		case 13: sum += 131; break;
		case 14: sum ^= 141; break;
		case 15: sum += 151; break;
		case 16: sum -= 161; break;
		case 17: sum ^= p[3]; break;
		default: sum += p[i]; break;
		}
	return sum == 1 ? XDP_DROP : XDP_PASS;
}

static __always_inline int parse(struct xdp_md *ctx, struct tuple *t, __u16 *length)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof *eth;
	struct udphdr *udp = (void *)(ip + 1);
	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return -1;
	t->saddr = ip->saddr;
	t->daddr = ip->daddr;
	t->sport = udp->source;
	t->dport = udp->dest;
	t->proto = ip->protocol;
	*length = bpf_ntohs(ip->tot_len);
	return 0;
}

/** Puts an outer IPv4 header before the packet, and takes it off again. */
static __always_inline int encapsulate(struct xdp_md *ctx, const struct tuple *t, __u32 real, __u16 length)
{
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return XDP_ABORTED;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data, *old = data + sizeof(struct iphdr);
	struct iphdr *ip = data + sizeof *eth;
	if ((void *)(ip + 2) > end)
		return XDP_ABORTED;
	struct ethhdr saved = *old;
	*eth = saved;
	*(__u16 *)ip = bpf_htons(0x4500);
	ip->tot_len = bpf_htons(length + sizeof *ip);
	ip->id = 0;
	ip->frag_off = 0;
	ip->ttl = 64;
	ip->protocol = IPPROTO_IPIP;
	ip->check = 0;
	ip->saddr = t->saddr ^ 0x0a00;
	ip->daddr = real;
	__u32 sum = 0;
	__u16 *w = (void *)ip;
	for (int i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~((sum & 0xffff) + (sum >> 16));
	*old = saved;
	return bpf_xdp_adjust_head(ctx, sizeof *ip) ? XDP_ABORTED : XDP_TX;
}

SEC("xdp") int maglev(struct xdp_md *ctx)
{
	struct tuple t = {};
	__u16 length;
	if (parse(ctx, &t, &length))
		return XDP_PASS;
	__u32 slot = jhash3(t.saddr, t.daddr, t.sport << 16 | t.dport) % 65537;
	__u32 *backend = bpf_map_lookup_elem(&ring, &slot);
	if (!backend)
		return XDP_DROP;
	__u32 index = *backend & 63;
	__u32 *real = bpf_map_lookup_elem(&numbers, &index);
	return real ? encapsulate(ctx, &t, *real, length) : XDP_DROP;
}

SEC("xdp") int katran_like(struct xdp_md *ctx)
{
	struct tuple t = {};
	__u16 length;
	if (parse(ctx, &t, &length))
		return XDP_PASS;
	struct tuple vip = { .daddr = t.daddr, .dport = t.dport, .proto = t.proto };
	__u64 *flags = bpf_map_lookup_elem(&flows, &vip);
	__u32 *cached = bpf_map_lookup_elem(&conns, &t), chosen;
	if (cached)
		chosen = *cached;
	else {
		__u32 slot = jhash3(t.saddr, t.daddr, t.sport << 16 | t.dport) % 65537;
		__u32 *backend = bpf_map_lookup_elem(&ring, &slot);
		if (!backend)
			return XDP_DROP;
		chosen = *backend & 63;
		bpf_map_update_elem(&conns, &t, &chosen, BPF_ANY);
	}
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&stats, &zero);
	if (count)
		*count += flags ? 2 : 1;
	chosen &= 63;
	__u32 *real = bpf_map_lookup_elem(&numbers, &chosen);
	return real ? encapsulate(ctx, &t, *real, length) : XDP_DROP;
}
