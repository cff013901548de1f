/*
 * What xdp_meta writes in front of the packet and tc_meta reads there. The two programs agree on it and nobody else
 * looks. The kernel wants its size to be a multiple of 4, 32 bytes at most before Linux 6.8, 252 since.
 */
#ifndef NETSIM_META_H
#define NETSIM_META_H

#include <linux/types.h>

#define META_MAGIC 0x6d657461 /* other programs may leave metadata as well */

struct packet_meta {
	__u32 magic;
	__u32 mark;
};

#endif
