// SPDX-License-Identifier: MIT
// The kernel's own structs behind the context of an XDP program.
#include "kernel.h"

SEC("xdp")
int buffer(struct xdp_md *ctx)
{
	struct xdp_buff *xdp = bpf_cast_to_kern_ctx(ctx);
	ANSWERS();

	SAY((long)xdp->data_end - (long)xdp->data);
	SAY((long)xdp->data_meta - (long)xdp->data);
	SAY((long)xdp->data - (long)xdp->data_hard_start);
	SAY(xdp->frame_sz);
	SAY(xdp->flags);
	SAY(xdp->rxq->queue_index);
	SAY(xdp->rxq->reg_state);
	SAY(xdp->rxq->dev->ifindex);
	SAY(xdp->rxq->dev->mtu);
	SAY(xdp->rxq->dev->type);
	SAY(xdp->rxq->dev->name[1]);
	SAY((long)xdp->data == (long)ctx->data);
	bpf_xdp_adjust_head(ctx, -14);
	xdp = bpf_cast_to_kern_ctx(ctx);
	SAY((long)xdp->data_end - (long)xdp->data);
	SAY((long)xdp->data - (long)xdp->data_hard_start);
	return said > 0 ? XDP_PASS : XDP_DROP;
}
