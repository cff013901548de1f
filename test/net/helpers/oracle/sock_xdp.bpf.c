// SPDX-License-Identifier: MIT
// Socket lookups in XDP.
#include "program.h"
#include "sock.h"

static __always_inline int one_step(struct xdp_md *ctx, struct step *s, struct result *r)
{
	LOOKUP(ctx, s, r)
	return 1;
}

XDP_PROGRAM()
