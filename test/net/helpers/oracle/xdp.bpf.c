// SPDX-License-Identifier: MIT
// Helpers of XDP that move packets and redirect them.
#include "program.h"

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

static __always_inline int one_step(struct xdp_md *ctx, struct step *s, struct result *r)
{
	__u32 len = s->len & 63;
	__s64 ret = 0;
	__u32 mtu;

	switch (s->op) {
	case 1: ret = bpf_xdp_adjust_head(ctx, (__s32)s->a); break;
	case 2: ret = bpf_xdp_adjust_tail(ctx, (__s32)s->a); break;
	case 3: ret = bpf_xdp_adjust_meta(ctx, (__s32)s->a); break;
	case 4: if (len) ret = bpf_xdp_load_bytes(ctx, s->a, r->buf, len); break;
	case 5: if (len) ret = bpf_xdp_store_bytes(ctx, s->a, s->buf, len); break;
	case 6: ret = bpf_xdp_get_buff_len(ctx); break;
	case 7: ret = bpf_redirect(s->a, s->b); break;
	case 8: ret = bpf_redirect_map(&ports, s->a, s->b); break;
	case 9:
		mtu = s->b;
		ret = bpf_check_mtu(ctx, s->a, &mtu, (__s32)s->c, s->d);
		r->out = mtu;
		break;
	default: return 0;
	}
	r->ret = ret;
	return 1;
}

XDP_PROGRAM()
