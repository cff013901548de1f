// SPDX-License-Identifier: MIT
// Helpers of End.BPF. The packet begins at its network header.
#include "program.h"

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	__u32 len = LEN(s);
	__s64 ret = 0;

	switch (s->op) {
	case 1: if (len) ret = bpf_lwt_seg6_store_bytes(skb, s->a, s->buf, len); break;
	case 2: ret = bpf_lwt_seg6_adjust_srh(skb, s->a, s->b); break;
	case 3: if (len) ret = bpf_lwt_seg6_action(skb, s->a, s->buf, len); break;
	case 4: if (len) ret = bpf_skb_load_bytes(skb, s->a, r->buf, len); break;
	default: return 0;
	}
	r->ret = ret;
	return 1;
}

SKB_PROGRAM("lwt_seg6local", BPF_OK)
