/*
 * A layer 4 load balancer.
 *
 *   client --> VIP  [ this program ] --IPIP--> backend [ xdp_decap ] --> server that owns the VIP on its loopback
 *      ^-----------------------------------------------------------------------'  answers go straight back
 *
 * For a packet to a virtual address and port (`vips`):
 *   1. A connection seen before goes to the backend it had (`flows`, an LRU hash). A new one, told by TCP's SYN or by
 *      not being there, takes the entry of the VIP's ring (`ring`) that its hash selects.
 *   2. The ring is filled by user space by the Maglev method: each backend has about the same number of entries, and
 *      when a backend goes, few entries of the others change. So even a balancer that has forgotten a connection, or
 *      its neighbour that never saw it, picks the same backend nearly always.
 *   3. The packet is wrapped in a second IPv4 header addressed to the backend, and leaves by the device it came by.
 *
 * The wrapped packet is 20 bytes longer: links towards the backends need an MTU of 1520, or clients a smaller segment.
 * Fragments, ICMP and IPv6 are passed to the kernel: they are not balanced here.
 */
#include "headers/parse.h"
#include "headers/rewrite.h"
#include "headers/l4lb.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_VIPS);
	__type(key, struct vip_key);
	__type(value, struct vip);
} vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_VIPS * RING_SIZE);
	__type(key, __u32); /* vip.id * RING_SIZE + hash % RING_SIZE */
	__type(value, __u32); /* slot of backends; 0 is nobody */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, __u32); /* slot of backends */
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lb_config);
} lb_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_VIPS);
	__type(key, __u32);
	__type(value, struct vip_stats);
} vip_stats SEC(".maps");

/* The finishing steps of MurmurHash3: every bit of the input reaches every bit of the output. */
static __always_inline __u32 mix(__u32 h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	h ^= h >> 16;
	return h;
}

static __always_inline __u32 hash_flow(const struct flow_key *flow)
{
	__u32 h = mix(flow->src);

	h = mix(h ^ flow->dst);
	h = mix(h ^ ((__u32)flow->sport << 16 | flow->dport));
	return mix(h ^ flow->proto);
}

static __always_inline struct backend *backend_if_up(__u32 slot)
{
	struct backend *backend = bpf_map_lookup_elem(&backends, &slot);

	if (slot == 0 || !backend || !(backend->flags & BACKEND_UP))
		return NULL;
	return backend;
}

static __always_inline struct backend *choose_backend(const struct flow_key *flow, __u32 vip_id, int is_syn,
						      struct vip_stats *stats)
{
	struct backend *backend;
	__u32 *slot, index;

	slot = bpf_map_lookup_elem(&flows, flow);
	if (slot && !is_syn) {
		backend = backend_if_up(*slot);
		if (backend)
			return backend;
		stats->moved++;
	}

	stats->new_flows++;
	index = vip_id * RING_SIZE + hash_flow(flow) % RING_SIZE;
	slot = bpf_map_lookup_elem(&ring, &index);
	if (!slot)
		return NULL;
	backend = backend_if_up(*slot);
	if (backend)
		bpf_map_update_elem(&flows, flow, slot, BPF_ANY);
	return backend;
}

/* Puts an IPv4 header in front of the one there is. */
static __always_inline int encapsulate(struct xdp_md *ctx, const struct lb_config *config, __be32 to, __u16 inner_len,
				       __u8 tos)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct iphdr *outer;
	__u8 own[ETH_ALEN];

	if (!eth)
		return XDP_ABORTED;
	copy_mac(own, eth->h_dest); /* the packet came to us, so this is our address */

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*outer)))
		return XDP_ABORTED;
	c = xdp_cursor(ctx);
	eth = parse_eth(&c);
	if (!eth)
		return XDP_ABORTED;
	outer = c.pos;
	if ((void *)(outer + 1) > c.end)
		return XDP_ABORTED;

	copy_mac(eth->h_dest, config->next_hop);
	copy_mac(eth->h_source, own);
	eth->h_proto = bpf_htons(ETH_P_IP);

	outer->version = 4;
	outer->ihl = sizeof(*outer) / 4;
	outer->tos = tos;
	outer->tot_len = bpf_htons(inner_len + sizeof(*outer));
	outer->id = 0;
	outer->frag_off = 0;
	outer->ttl = 64;
	outer->protocol = IPPROTO_IPIP;
	outer->check = 0;
	outer->saddr = config->source;
	outer->daddr = to;
	outer->check = ipv4_header_csum(outer);
	return XDP_TX;
}

SEC("xdp")
int xdp_l4lb(struct xdp_md *ctx)
{
	struct cursor c = xdp_cursor(ctx);
	struct ethhdr *eth = parse_eth(&c);
	struct flow_key flow = {};
	struct vip_key key = {};
	struct lb_config *config;
	struct vip_stats *stats;
	struct backend *backend;
	struct ports *ports;
	struct iphdr *ip;
	struct vip *vip;
	int is_syn = 0;
	__u32 slot = 0;
	__u32 vip_id;

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = parse_ipv4(&c);
	if (!ip || is_fragment(ip))
		return XDP_PASS;

	if (ip->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = c.pos;

		if ((void *)(tcp + 1) > c.end)
			return XDP_PASS;
		is_syn = tcp->syn && !tcp->ack;
	} else if (ip->protocol != IPPROTO_UDP) {
		return XDP_PASS;
	}
	ports = parse_ports(&c);
	if (!ports)
		return XDP_PASS;

	key.addr = ip->daddr;
	key.port = ports->dest;
	key.proto = ip->protocol;
	vip = bpf_map_lookup_elem(&vips, &key);
	if (!vip)
		return XDP_PASS;
	vip_id = vip->id;
	stats = bpf_map_lookup_elem(&vip_stats, &vip_id);
	config = bpf_map_lookup_elem(&lb_config, &slot);
	if (!stats || !config)
		return XDP_ABORTED;

	flow.src = ip->saddr;
	flow.dst = ip->daddr;
	flow.sport = ports->source;
	flow.dport = ports->dest;
	flow.proto = ip->protocol;
	backend = choose_backend(&flow, vip_id, is_syn, stats);
	if (!backend) {
		stats->dropped++;
		return XDP_DROP;
	}
	stats->packets++;
	stats->bytes += ctx->data_end - ctx->data;
	return encapsulate(ctx, config, backend->addr, bpf_ntohs(ip->tot_len), ip->tos);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
