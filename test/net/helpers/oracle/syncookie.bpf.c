// SPDX-License-Identifier: MIT
// SYN cookies: the buffer holds an IP header and a TCP header behind it. A cookie differs from run to run, so what is written down is
// its MSS, and what the check says of an ACK that brings it back, changed by the step's arguments.
#include "program.h"
#include <bpf/bpf_endian.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

static __always_inline int one_step(struct xdp_md *ctx, struct step *s, struct result *r)
{
	struct iphdr *ip4 = (void *)s->buf;
	struct ipv6hdr *ip6 = (void *)s->buf;
	struct tcphdr *th4 = (void *)s->buf + sizeof(*ip4);
	struct tcphdr *th6 = (void *)s->buf + sizeof(*ip6);
	__u32 len4 = s->len <= BUF - sizeof(*ip4) ? s->len : 0;
	__u32 len6 = s->len <= BUF - sizeof(*ip6) ? s->len : 0;
	struct tcphdr ack;
	__s64 ret;

	switch (s->op) {
	case 1: ret = bpf_tcp_raw_gen_syncookie_ipv4(ip4, th4, len4); break;
	case 2: ret = bpf_tcp_raw_gen_syncookie_ipv6(ip6, th6, len6); break;
	default: return 0;
	}
	if (ret < 0) {
		r->ret = ret;
		return 1;
	}
	r->out = ret >> 32;
	ack = s->op == 1 ? *th4 : *th6;
	ack.seq = bpf_htonl(bpf_ntohl(ack.seq) + 1 + (__u32)s->a);
	ack.ack_seq = bpf_htonl((__u32)ret + 1 + (__u32)s->b);
	ack.source = (__u16)(ack.source + s->c);
	r->ret = s->op == 1 ? bpf_tcp_raw_check_syncookie_ipv4(ip4, &ack) : bpf_tcp_raw_check_syncookie_ipv6(ip6, &ack);
	return 1;
}

XDP_PROGRAM()
