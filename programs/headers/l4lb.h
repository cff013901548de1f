/*
 * The map layouts of xdp_l4lb, which user space fills.
 *
 * To take a backend out of service: clear its BACKEND_UP flag (connections to it are then spread anew at once), and
 * write ring entries without it.
 */
#ifndef NETSIM_L4LB_H
#define NETSIM_L4LB_H

#include <linux/types.h>

#define MAX_VIPS 64
#define MAX_BACKENDS 256
#define RING_SIZE 8191 /* entries per VIP, a prime, as Maglev wants it */

/* A service: where clients send to. */
struct vip_key {
	__be32 addr;
	__be16 port;
	__u8 proto; /* 6 or 17 */
	__u8 pad;
};

struct vip {
	__u32 id; /* below MAX_VIPS: which ring and which statistics */
};

#define BACKEND_UP 1

struct backend {
	__be32 addr;
	__u32 flags;
};

/* One connection as the client sees it. */
struct flow_key {
	__be32 src;
	__be32 dst;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};

struct lb_config {
	__be32 source;     /* outer source address: the balancer's own */
	__u8 next_hop[6];  /* MAC address that packets to the backends leave for */
	__u8 pad[2];
};

struct vip_stats {
	__u64 packets;   /* sent on to a backend */
	__u64 bytes;     /* of them, as they came from the client */
	__u64 new_flows; /* packets that had to ask the ring */
	__u64 moved;     /* of them, because the connection's backend is down */
	__u64 dropped;   /* no backend */
};

#endif
