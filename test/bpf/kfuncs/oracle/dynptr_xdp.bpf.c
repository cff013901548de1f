// SPDX-License-Identifier: MIT
// Dynptrs of XDP packets.
#include "oracle.h"

extern int bpf_dynptr_from_xdp(struct xdp_md *x, __u64 flags, struct bpf_dynptr *p) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 off, void *buf, __u32 len) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u32 off, void *buf, __u32 len) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;
extern _Bool bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern _Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *d, __u32 doff, struct bpf_dynptr *s, __u32 soff, __u32 n) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *p, __u32 off, __u32 n, __u8 val) __ksym;

SEC("xdp")
int packet(struct xdp_md *xdp)
{
	struct bpf_dynptr p;
	__u8 eth[14] = {};
	__u64 word = 0x1122334455667788;
	__u8 *d;
	ANSWERS();

	SAY(bpf_dynptr_from_xdp(xdp, 1, &p));
	SAY(bpf_dynptr_is_null(&p));
	SAY(bpf_dynptr_from_xdp(xdp, 0, &p));
	SAY(bpf_dynptr_is_rdonly(&p));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_read(&word, 8, &p, 6, 0));
	SAY(word);
	SAY(bpf_dynptr_read(&word, 8, &p, bpf_dynptr_size(&p) - 7, 0));
	SAY(bpf_dynptr_write(&p, 14, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 14, &word, 8, 1));
	SAY(bpf_dynptr_write(&p, bpf_dynptr_size(&p), &word, 8, 0));
	d = bpf_dynptr_slice(&p, 0, eth, 14);
	SAY(d ? d[12] << 8 | d[13] : -1);
	d = bpf_dynptr_slice_rdwr(&p, 1, 0, 14);
	if (d)
		d[3] = 0x42;
	SAY(d != 0);
	SAY(bpf_dynptr_data(&p, 0, 14) != 0);
	SAY(bpf_dynptr_memset(&p, 30, 4, 0x11));
	SAY(bpf_dynptr_copy(&p, 34, &p, 28, 8));
	SAY(bpf_dynptr_copy(&p, 34, &p, 29, 0xffffff));
	SAY(bpf_dynptr_adjust(&p, 14, 54));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_xdp_adjust_tail(xdp, -30));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_read(&word, 8, &p, 32, 0));
	SAY(bpf_dynptr_write(&p, 32, &word, 8, 0));
	SAY(bpf_dynptr_slice(&p, 32, 0, 8) != 0);
	SAY(bpf_dynptr_memset(&p, 32, 8, 0));
	SAY(bpf_xdp_adjust_head(xdp, -16));
	SAY(bpf_dynptr_read(&word, 8, &p, 0, 0));
	return XDP_PASS;
}
