// SPDX-License-Identifier: MIT
// Packets that a program may not write give read-only dynptrs.
#include "oracle.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *s, __u64 flags, struct bpf_dynptr *p) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 off, void *buf, __u32 len) __ksym;
extern _Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;

SEC("socket")
int filter(struct __sk_buff *skb)
{
	struct bpf_dynptr p;
	__u8 buf[20] = {};
	__u32 word = 7;
	__u8 *d;
	ANSWERS();

	SAY(bpf_dynptr_from_skb(skb, 0, &p));
	SAY(bpf_dynptr_is_rdonly(&p));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_read(&word, 4, &p, 0, 0));
	SAY(word);
	SAY(bpf_dynptr_write(&p, 0, &word, 4, 0));
	SAY(bpf_dynptr_data(&p, 0, 4) != 0);
	d = bpf_dynptr_slice(&p, 0, buf, 20);
	SAY(d ? d[9] : -1);
	SAY(bpf_dynptr_adjust(&p, 2, 6));
	SAY(bpf_dynptr_is_rdonly(&p));
	SAY(bpf_dynptr_size(&p));
	return 1;
}
