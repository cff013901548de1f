// SPDX-License-Identifier: MIT
// bpf_fib_lookup in XDP: the buffer is struct bpf_fib_lookup.
#include "program.h"

static __always_inline int one_step(struct xdp_md *skb, struct step *s, struct result *r)
{
	__u32 len = s->len & 127;

	if (s->op != 1 || len > 64)
		return 0;
	__builtin_memcpy(r->buf, s->buf, 64);
	if (!len)
		return 0;
	r->ret = bpf_fib_lookup(skb, (void *)r->buf, len, s->a);
	return 1;
}

XDP_PROGRAM()
