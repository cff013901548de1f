/*
 * A load balancer that translates addresses, on both sides of one device towards the clients:
 *
 *   ingress   client:cport -> VIP:vport      becomes   client:cport -> backend:bport      (then the host routes it)
 *   egress    backend:bport -> client:cport  becomes   VIP:vport -> client:cport
 *
 * Unlike xdp_l4lb the answers must come back this way. Each connection is written into `conntrack` twice, once for each
 * direction, so that either finds what to write by one lookup.
 *
 * Changing an address changes the IP header's checksum and, through the pseudo header, TCP's and UDP's. The two helpers
 * take the old and the new value and mend the sum without reading the packet. A UDP checksum of 0 means there is none,
 * and BPF_F_MARK_MANGLED_0 keeps it so. Writing by helper makes the packet pointers void; hence offsets from here on.
 */
#include <stddef.h>

#include <linux/pkt_cls.h>

#include "headers/parse.h"

#define MAX_SERVICE_BACKENDS 16

/* Who talks to whom, as the packet has it. */
struct tuple {
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};

struct endpoint {
	__be32 addr;
	__be16 port;
	__u16 pad;
};

struct service_key {
	__be32 addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct service {
	__u32 count; /* backends in use, the first so many of the list */
	struct endpoint backend[MAX_SERVICE_BACKENDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct service_key);
	__type(value, struct service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct tuple);
	__type(value, struct endpoint); /* the address and port to write: destination on ingress, source on egress */
} conntrack SEC(".maps");

enum { NEW_CONNECTION, TRANSLATED, TRANSLATED_BACK, NO_BACKEND, TABLE_FULL, NAT_OUTCOMES };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NAT_OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} nat_stats SEC(".maps");

static __always_inline void count(__u32 outcome)
{
	__u64 *packets = bpf_map_lookup_elem(&nat_stats, &outcome);

	if (packets)
		(*packets)++;
}

/* Reads the tuple of an unfragmented TCP or UDP packet. Returns the offset of its TCP or UDP header, or -1. */
static __always_inline int read_tuple(struct __sk_buff *skb, struct tuple *tuple)
{
	struct cursor c = skb_cursor(skb);
	struct ethhdr *eth = parse_eth(&c);
	struct ports ports;
	struct iphdr *ip;
	int offset;

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return -1;
	ip = parse_ipv4(&c);
	if (!ip || is_fragment(ip))
		return -1;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return -1;
	offset = ETH_HLEN + ip->ihl * 4;
	tuple->saddr = ip->saddr;
	tuple->daddr = ip->daddr;
	tuple->proto = ip->protocol;

	/* A helper reads beyond the linear part of the packet as well, where direct access cannot. */
	if (bpf_skb_load_bytes(skb, offset, &ports, sizeof(ports)) < 0)
		return -1;
	tuple->sport = ports.source;
	tuple->dport = ports.dest;
	return offset;
}

/* Writes a new address and port over old ones, checksums first. Offsets are from the start of the packet. */
static __always_inline int rewrite(struct __sk_buff *skb, __u8 proto, int l4, int addr_at, int port_at, __be32 old_addr,
				   __be16 old_port, const struct endpoint *to)
{
	int check_at = l4 + (proto == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
	__u64 flags = proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__be32 addr = to->addr;
	__be16 port = to->port;

	if (bpf_l4_csum_replace(skb, check_at, old_addr, addr, flags | BPF_F_PSEUDO_HDR | sizeof(addr)) < 0)
		return -1;
	if (bpf_l4_csum_replace(skb, check_at, old_port, port, flags | sizeof(port)) < 0)
		return -1;
	if (bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), old_addr, addr, sizeof(addr)) < 0)
		return -1;
	if (bpf_skb_store_bytes(skb, addr_at, &addr, sizeof(addr), 0) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, port_at, &port, sizeof(port), 0) < 0 ? -1 : 0;
}

static __always_inline __u32 hash_tuple(const struct tuple *tuple)
{
	__u32 h = tuple->saddr * 0x9e3779b1;

	h ^= ((__u32)tuple->sport << 16 | tuple->dport) * 0x85ebca77;
	h ^= h >> 15;
	h *= 0xc2b2ae3d;
	return h ^ (h >> 13);
}

/* Chooses a backend for a new connection and notes both directions. Returns 0, or the outcome to count. */
static __always_inline int open_connection(const struct tuple *tuple, const struct service *service,
					   struct endpoint *backend)
{
	struct endpoint vip = { .addr = tuple->daddr, .port = tuple->dport };
	struct tuple reply = {};
	__u32 count = service->count;
	__u32 index;

	if (count == 0 || count > MAX_SERVICE_BACKENDS)
		return NO_BACKEND;
	index = hash_tuple(tuple) % count;
	/*
	 * A remainder by at most 16 is below 16: the compiler knows and would leave the next check out, the verifier does
	 * not and insists on it. The barrier makes the compiler forget where index comes from.
	 */
	barrier_var(index);
	if (index >= MAX_SERVICE_BACKENDS)
		return NO_BACKEND;
	*backend = service->backend[index];

	reply.saddr = backend->addr;
	reply.daddr = tuple->saddr;
	reply.sport = backend->port;
	reply.dport = tuple->sport;
	reply.proto = tuple->proto;
	if (bpf_map_update_elem(&conntrack, &reply, &vip, BPF_ANY) < 0)
		return TABLE_FULL;
	if (bpf_map_update_elem(&conntrack, tuple, backend, BPF_ANY) < 0) {
		bpf_map_delete_elem(&conntrack, &reply);
		return TABLE_FULL;
	}
	return 0;
}

SEC("tc/ingress")
int tc_nat_ingress(struct __sk_buff *skb)
{
	struct endpoint backend = {}, *known;
	struct service_key key = {};
	struct service *service;
	struct tuple tuple = {};
	int l4 = read_tuple(skb, &tuple);
	int trouble;

	if (l4 < 0)
		return TC_ACT_OK;
	known = bpf_map_lookup_elem(&conntrack, &tuple);
	if (known) {
		backend = *known;
	} else {
		key.addr = tuple.daddr;
		key.port = tuple.dport;
		key.proto = tuple.proto;
		service = bpf_map_lookup_elem(&services, &key);
		if (!service)
			return TC_ACT_OK; /* not for us */
		trouble = open_connection(&tuple, service, &backend);
		if (trouble) {
			count(trouble);
			return TC_ACT_SHOT;
		}
		count(NEW_CONNECTION);
	}
	if (rewrite(skb, tuple.proto, l4, ETH_HLEN + offsetof(struct iphdr, daddr), l4 + offsetof(struct ports, dest),
		    tuple.daddr, tuple.dport, &backend) < 0)
		return TC_ACT_SHOT;
	count(TRANSLATED);
	return TC_ACT_OK;
}

SEC("tc/egress")
int tc_nat_egress(struct __sk_buff *skb)
{
	struct tuple tuple = {};
	int l4 = read_tuple(skb, &tuple);
	struct endpoint vip, *known;

	if (l4 < 0)
		return TC_ACT_OK;
	known = bpf_map_lookup_elem(&conntrack, &tuple);
	if (!known)
		return TC_ACT_OK;
	vip = *known;
	if (rewrite(skb, tuple.proto, l4, ETH_HLEN + offsetof(struct iphdr, saddr), l4 + offsetof(struct ports, source),
		    tuple.saddr, tuple.sport, &vip) < 0)
		return TC_ACT_SHOT;
	count(TRANSLATED_BACK);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
