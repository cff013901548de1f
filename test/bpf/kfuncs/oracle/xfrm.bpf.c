// SPDX-License-Identifier: MIT
// IPsec states from XDP programs, where there are none.
#include "oracle.h"

struct xfrm_state {
	int unused;
} __attribute__((preserve_access_index));

struct bpf_xfrm_state_opts___whole {
	__s32 error;
	__s32 netns_id;
	__u32 mark;
	__u32 daddr[4];
	__be32 spi;
	__u8 proto;
	__u16 family;
};

extern struct xfrm_state *bpf_xdp_get_xfrm_state(struct xdp_md *ctx, struct bpf_xfrm_state_opts___whole *o,
						 __u32 len) __ksym;
extern void bpf_xdp_xfrm_state_release(struct xfrm_state *x) __ksym;

#define LOOK(len)                                                             \
	({                                                                    \
		struct xfrm_state *x = bpf_xdp_get_xfrm_state(ctx, &o, len);  \
		if (x)                                                        \
			bpf_xdp_xfrm_state_release(x);                        \
		SAY(x ? 1000 : o.error);                                      \
		o.error = 7;                                                  \
	})

SEC("xdp")
int lookup(struct xdp_md *ctx)
{
	struct bpf_xfrm_state_opts___whole o = {
		.error = 7, .netns_id = -1, .daddr = { 0x0100000a }, .spi = 1, .proto = 50, .family = 2
	};
	ANSWERS();

	LOOK(sizeof(o));
	LOOK(sizeof(o) - 4);
	LOOK(4);
	o.family = 10;
	LOOK(sizeof(o));
	o.family = 99;
	LOOK(sizeof(o));
	o.proto = 0;
	LOOK(sizeof(o));
	o.netns_id = -2;
	LOOK(sizeof(o));
	o.netns_id = 4711;
	LOOK(sizeof(o));
	LOOK(sizeof(o) - 1);
	return XDP_PASS;
}
