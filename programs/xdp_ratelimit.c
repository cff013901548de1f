/*
 * A token bucket for each source address: a source may send `burst` packets at once, and after that one packet per
 * `interval_ns`. What comes faster is dropped.
 *
 * The bucket does not hold packets but time: credit grows by one nanosecond each nanosecond, a packet costs
 * interval_ns, and the bucket is full at burst * interval_ns. So nothing has to be divided and no timer has to run.
 *
 * Sources are remembered in an LRU hash: when it is full, the one longest not seen makes room. Two CPUs may update one
 * bucket at the same time and lose one of the two updates; a limiter can live with that, a bank could not.
 */
#include "headers/parse.h"

struct limit {
	__u64 interval_ns; /* 0: no limit */
	__u64 burst;       /* packets */
};

struct bucket {
	__u64 credit_ns;
	__u64 last_ns; /* when credit was last added */
};

/* IPv4 sources stand here as ::ffff:a.b.c.d, so that one map holds both. */
struct source {
	__be32 word[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limit);
} rate_limit SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct source);
	__type(value, struct bucket);
} buckets SEC(".maps");

enum { PASSED, DROPPED, OUTCOMES };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} rate_stats SEC(".maps");

static __always_inline int verdict(__u32 outcome)
{
	__u64 *count = bpf_map_lookup_elem(&rate_stats, &outcome);

	if (count)
		(*count)++;
	return outcome == PASSED ? XDP_PASS : XDP_DROP;
}

static __always_inline int find_source(struct cursor *c, struct source *source)
{
	struct ethhdr *eth = parse_eth(c);
	__be16 proto;

	if (!eth)
		return -1;
	proto = skip_vlans(c, eth->h_proto);
	if (proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = parse_ipv4(c);

		if (!ip)
			return -1;
		source->word[2] = bpf_htonl(0xffff);
		source->word[3] = ip->saddr;
		return 0;
	}
	if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = parse_ipv6(c);

		if (!ip6)
			return -1;
		__builtin_memcpy(source, &ip6->saddr, sizeof(*source));
		return 0;
	}
	return -1;
}

SEC("xdp")
int xdp_ratelimit(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct source source = {};
	struct bucket *bucket;
	struct limit *limit;
	__u32 slot = 0;
	__u64 now, full;

	limit = bpf_map_lookup_elem(&rate_limit, &slot);
	if (!limit || limit->interval_ns == 0)
		return XDP_PASS;
	if (find_source(&c, &source) < 0)
		return XDP_PASS; /* ARP and the like are not limited */

	now = bpf_ktime_get_ns();
	full = limit->burst * limit->interval_ns;

	bucket = bpf_map_lookup_elem(&buckets, &source);
	if (!bucket) {
		struct bucket fresh = { .last_ns = now };

		if (limit->burst == 0)
			return verdict(DROPPED);
		fresh.credit_ns = full - limit->interval_ns; /* full, less this packet */
		bpf_map_update_elem(&buckets, &source, &fresh, BPF_ANY);
		return verdict(PASSED);
	}

	bucket->credit_ns += now - bucket->last_ns;
	bucket->last_ns = now;
	if (bucket->credit_ns > full)
		bucket->credit_ns = full;
	if (bucket->credit_ns < limit->interval_ns)
		return verdict(DROPPED);
	bucket->credit_ns -= limit->interval_ns;
	return verdict(PASSED);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
