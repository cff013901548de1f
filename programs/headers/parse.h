/*
 * Header parsers that the verifier can follow.
 *
 * A packet is the bytes between two pointers, and the verifier lets a program read a byte only after the program has
 * compared it with the end. So every parser here does the same three things: look at where the next header would end,
 * give up when that lies beyond the packet, step over the header otherwise. A parser answers the header or NULL.
 */
#ifndef NETSIM_PARSE_H
#define NETSIM_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* How far the packet has been parsed, and where it ends. */
struct cursor {
	void *pos;
	void *end;
};

/* An 802.1Q or 802.1ad tag as it follows the two MAC addresses and the tag's own EtherType. */
struct vlan_tag {
	__be16 tci;   /* priority 3 bits, drop eligible 1 bit, VLAN number 12 bits */
	__be16 proto; /* EtherType of what follows */
};

#define VLAN_VID_MASK 0x0fff

/* The two port numbers with which TCP and UDP (and SCTP) headers begin. */
struct ports {
	__be16 source;
	__be16 dest;
};

#define IP_OFFSET_MASK 0x1fff /* fragment offset within iphdr.frag_off */
#define IP_MORE_FRAGS 0x2000

static __always_inline struct cursor xdp_cursor(struct xdp_md *ctx)
{
	return (struct cursor){ (void *)(long)ctx->data, (void *)(long)ctx->data_end };
}

static __always_inline struct cursor skb_cursor(struct __sk_buff *skb)
{
	return (struct cursor){ (void *)(long)skb->data, (void *)(long)skb->data_end };
}

static __always_inline struct ethhdr *parse_eth(struct cursor *c)
{
	struct ethhdr *eth = c->pos;

	if ((void *)(eth + 1) > c->end)
		return NULL;
	c->pos = eth + 1;
	return eth;
}

static __always_inline int is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/*
 * Steps over up to two VLAN tags. Returns the EtherType behind them, in network order, or 0 when a tag is cut off.
 * The XDP hook sees tags in the packet's bytes; at the tc hook the outer one has usually moved into skb->vlan_tci.
 */
static __always_inline __be16 skip_vlans(struct cursor *c, __be16 proto)
{
#pragma unroll
	for (int depth = 0; depth < 2; depth++) {
		struct vlan_tag *tag = c->pos;

		if (!is_vlan(proto))
			break;
		if ((void *)(tag + 1) > c->end)
			return 0;
		proto = tag->proto;
		c->pos = tag + 1;
	}
	return proto;
}

/* The length of an IPv4 header is written in the header; 20 bytes at least, and up to 60 with options. */
static __always_inline struct iphdr *parse_ipv4(struct cursor *c)
{
	struct iphdr *ip = c->pos;
	int len;

	if ((void *)(ip + 1) > c->end)
		return NULL;
	len = ip->ihl * 4;
	if (ip->version != 4 || len < (int)sizeof(*ip))
		return NULL;
	if ((void *)ip + len > c->end)
		return NULL;
	c->pos = (void *)ip + len;
	return ip;
}

static __always_inline struct ipv6hdr *parse_ipv6(struct cursor *c)
{
	struct ipv6hdr *ip6 = c->pos;

	if ((void *)(ip6 + 1) > c->end)
		return NULL;
	if (ip6->version != 6)
		return NULL;
	c->pos = ip6 + 1;
	return ip6;
}

/*
 * Steps over IPv6 extension headers, four at most. Returns the protocol behind them, IPPROTO_FRAGMENT for a fragment
 * other than the first (nothing behind it is a header), or -1 when a header is cut off.
 */
static __always_inline int skip_ipv6_extensions(struct cursor *c, __u8 next)
{
	struct extension {
		__u8 next;
		__u8 len; /* in units of 8 bytes, the first 8 not counted */
		__be16 offset; /* fragment header only: offset in the upper 13 bits */
	} *ext;

#pragma unroll
	for (int i = 0; i < 4; i++) {
		ext = c->pos;
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if ((void *)(ext + 1) > c->end)
				return -1;
			c->pos = (void *)ext + (ext->len + 1) * 8;
			next = ext->next;
			break;
		case IPPROTO_FRAGMENT:
			if ((void *)ext + 8 > c->end)
				return -1;
			if (ext->offset & bpf_htons(0xfff8))
				return IPPROTO_FRAGMENT;
			c->pos = (void *)ext + 8;
			next = ext->next;
			break;
		default:
			return next;
		}
	}
	return next;
}

static __always_inline struct ports *parse_ports(struct cursor *c)
{
	struct ports *ports = c->pos;

	if ((void *)(ports + 1) > c->end)
		return NULL;
	return ports;
}

static __always_inline int is_fragment(const struct iphdr *ip)
{
	return (ip->frag_off & bpf_htons(IP_OFFSET_MASK | IP_MORE_FRAGS)) != 0;
}

#endif
