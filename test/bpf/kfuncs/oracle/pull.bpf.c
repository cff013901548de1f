// SPDX-License-Identifier: MIT
// Pulling data of XDP packets, and reading memory into dynptrs.
#include "oracle.h"

extern int bpf_xdp_pull_data(struct xdp_md *x, __u32 len) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *x, __u64 flags, struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;
extern int bpf_probe_read_kernel_dynptr(struct bpf_dynptr *p, __u32 off, __u32 size, const void *src) __ksym;
extern int bpf_probe_read_kernel_str_dynptr(struct bpf_dynptr *p, __u32 off, __u32 size, const void *src) __ksym;

static const char text[] = "netsim";

SEC("xdp")
int pull(struct xdp_md *xdp)
{
	ANSWERS();

	SAY(bpf_xdp_pull_data(xdp, 0));
	SAY(bpf_xdp_pull_data(xdp, 14));
	SAY(bpf_xdp_pull_data(xdp, 74));
	SAY(bpf_xdp_pull_data(xdp, 75));
	SAY(bpf_xdp_pull_data(xdp, -1));
	return XDP_PASS;
}

SEC("xdp")
int probe(struct xdp_md *xdp)
{
	struct bpf_dynptr p;
	__u64 word = 0x1122334455667788;
	ANSWERS();

	SAY(bpf_dynptr_from_xdp(xdp, 0, &p));
	/* what a fault leaves in the packet is chance: it is overwritten */
	SAY(bpf_probe_read_kernel_dynptr(&p, 14, 8, (void *)-4096));
	SAY(bpf_probe_read_kernel_dynptr(&p, 14, 8, &word));
	SAY(bpf_probe_read_kernel_dynptr(&p, 70, 8, &word));
	SAY(bpf_probe_read_kernel_dynptr(&p, 14, 8, (void *)0x1000));
	SAY(bpf_probe_read_kernel_dynptr(&p, 14, 0, &word));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 30, 20, text));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 40, 4, text));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 44, 7, text));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 70, 20, text));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 60, 0, text));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 60, 8, (void *)0x1000));
	SAY(bpf_probe_read_kernel_str_dynptr(&p, 60, 8, (void *)-4096));
	return XDP_PASS;
}
