/*
 * Changes to headers in place: MAC addresses and the IPv4 header checksum.
 */
#ifndef NETSIM_REWRITE_H
#define NETSIM_REWRITE_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

static __always_inline void copy_mac(__u8 *to, const __u8 *from)
{
	__builtin_memcpy(to, from, ETH_ALEN);
}

/* Folds the carries of a ones' complement sum back in; twice is enough for any sum of 32 bits. */
static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Checksum of a header without options, whose check field must be 0. */
static __always_inline __u16 ipv4_header_csum(const struct iphdr *ip)
{
	const __u16 *word = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < (int)(sizeof(*ip) / 2); i++)
		sum += word[i];
	return csum_fold(sum);
}

/*
 * One hop less to live. TTL is the upper byte of a 16-bit word of the header, so the sum of the header falls by 0x0100
 * and its complement, the checksum, rises by as much, with the carry going round the end (RFC 1141).
 */
static __always_inline void ipv4_decrease_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

#endif
