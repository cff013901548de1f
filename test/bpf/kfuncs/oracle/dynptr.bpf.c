// SPDX-License-Identifier: MIT
// Dynptrs of map values, ring buffer records and packets: every call with good and with bad arguments.
#include "oracle.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *s, __u64 flags, struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_from_skb_meta(struct __sk_buff *s, __u64 flags, struct bpf_dynptr *p) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 off, void *buf, __u32 len) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u32 off, void *buf, __u32 len) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;
extern _Bool bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern _Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *d, __u32 doff, struct bpf_dynptr *s, __u32 soff, __u32 n) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *p, __u32 off, __u32 n, __u8 val) __ksym;

struct bytes {
	__u8 b[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct bytes);
} mem SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

SEC("tc")
int local(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q;
	struct bytes *m;
	__u64 word = 0x1122334455667788;
	__u32 one = 1;
	long *d;
	ANSWERS();

	m = bpf_map_lookup_elem(&mem, &one);
	if (!m)
		return -2;
	SAY(bpf_dynptr_from_mem(m, 64, 1, &p));
	SAY(bpf_dynptr_is_null(&p));
	SAY(bpf_dynptr_is_rdonly(&p));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_read(&word, 8, &p, 0, 0));
	SAY(bpf_dynptr_write(&p, 0, &word, 8, 0));
	SAY(bpf_dynptr_adjust(&p, 0, 0));
	SAY(bpf_dynptr_clone(&p, &q));
	SAY(bpf_dynptr_is_null(&q));
	SAY(bpf_dynptr_memset(&p, 0, 4, 1));
	SAY(bpf_dynptr_memset(&p, 0, 0, 1));
	SAY(bpf_dynptr_copy(&p, 0, &q, 0, 4));
	SAY(bpf_dynptr_copy(&p, 0, &q, 0, 0));
	SAY(bpf_dynptr_data(&p, 0, 8) != 0);
	SAY(bpf_dynptr_from_mem(m, 64, 0, &p));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_write(&p, 56, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 57, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 0xffffffff, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 0, &word, 8, 1));
	SAY(bpf_dynptr_read(&word, 4, &p, 56, 0));
	SAY(word);
	SAY(bpf_dynptr_read(&word, 8, &p, 60, 0));
	SAY(bpf_dynptr_read(&word, 8, &p, 0, 1));
	SAY(word);
	SAY(bpf_dynptr_read(&word, 0, &p, 64, 0));
	SAY(bpf_dynptr_read(&word, 0, &p, 65, 0));
	SAY(bpf_dynptr_adjust(&p, 8, 4));
	SAY(bpf_dynptr_adjust(&p, 8, 65));
	SAY(bpf_dynptr_adjust(&p, 65, 65));
	SAY(bpf_dynptr_adjust(&p, 16, 64));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_clone(&p, &q));
	SAY(bpf_dynptr_adjust(&q, 8, 16));
	SAY(bpf_dynptr_size(&q));
	SAY(bpf_dynptr_memset(&q, 1, 7, 0xab));
	SAY(bpf_dynptr_memset(&q, 1, 8, 0xcd));
	SAY(bpf_dynptr_copy(&p, 0, &q, 0, 8));
	SAY(bpf_dynptr_copy(&p, 41, &q, 0, 8));
	SAY(bpf_dynptr_copy(&p, 0, &q, 1, 8));
	d = bpf_dynptr_data(&p, 0, 8);
	SAY(d ? *d : -1);
	d = bpf_dynptr_data(&p, 41, 8);
	SAY(d ? *d : -1);
	d = bpf_dynptr_slice(&p, 40, 0, 8);
	SAY(d ? *d : -1);
	d = bpf_dynptr_slice_rdwr(&q, 0, &word, 8);
	if (d)
		*d += 1;
	SAY(d ? *d : -1);
	d = bpf_dynptr_slice_rdwr(&q, 1, &word, 8);
	SAY(d ? *d : -1);
	bpf_dynptr_adjust(&q, 8, 8);
	SAY(bpf_dynptr_size(&q));
	SAY(bpf_dynptr_write(&q, 0, &word, 0, 0));
	return 0;
}

SEC("tc")
int ringbuf(struct __sk_buff *skb)
{
	struct bpf_dynptr p;
	__u64 word = 0x0102030405060708;
	long *d;
	ANSWERS();

	SAY(bpf_ringbuf_reserve_dynptr(&ring, 24, 1, &p));
	SAY(bpf_dynptr_size(&p));
	bpf_ringbuf_submit_dynptr(&p, 0);
	SAY(bpf_ringbuf_reserve_dynptr(&ring, 0x1000000, 0, &p));
	bpf_ringbuf_discard_dynptr(&p, 0);
	SAY(bpf_ringbuf_reserve_dynptr(&ring, 4096, 0, &p));
	SAY(bpf_dynptr_write(&p, 0, &word, 8, 0));
	bpf_ringbuf_discard_dynptr(&p, 0);
	SAY(bpf_ringbuf_reserve_dynptr(&ring, 24, 0, &p));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_memset(&p, 0, 24, 0x77));
	SAY(bpf_dynptr_write(&p, 3, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 17, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 0, &word, 8, 2));
	d = bpf_dynptr_data(&p, 16, 8);
	if (d)
		*d = 0x55;
	SAY(d != 0);
	SAY(bpf_dynptr_data(&p, 17, 8) != 0);
	bpf_ringbuf_submit_dynptr(&p, 0);
	SAY(bpf_ringbuf_reserve_dynptr(&ring, 16, 0, &p));
	bpf_ringbuf_discard_dynptr(&p, 0);
	SAY(bpf_ringbuf_reserve_dynptr(&ring, 8, 0, &p));
	SAY(bpf_dynptr_write(&p, 0, &word, 8, 0));
	bpf_ringbuf_submit_dynptr(&p, 0);
	return 0;
}

SEC("tc")
int packet(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q, m;
	__u8 eth[14] = {};
	__u64 word = 0x1122334455667788;
	__u32 one = 1;
	struct bytes *b;
	__u8 *d;
	ANSWERS();

	b = bpf_map_lookup_elem(&mem, &one);
	if (!b)
		return -2;
	SAY(bpf_dynptr_from_skb(skb, 1, &p));
	SAY(bpf_dynptr_is_null(&p));
	SAY(bpf_dynptr_from_skb(skb, 0, &p));
	SAY(bpf_dynptr_is_null(&p));
	SAY(bpf_dynptr_is_rdonly(&p));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_read(&word, 8, &p, 6, 0));
	SAY(word);
	SAY(bpf_dynptr_read(&word, 8, &p, skb->len - 7, 0));
	SAY(bpf_dynptr_read(&word, 8, &p, 0, 1));
	d = bpf_dynptr_slice(&p, 0, eth, 14);
	SAY(d ? d[12] << 8 | d[13] : -1);
	d = bpf_dynptr_slice(&p, skb->len - 13, eth, 14);
	SAY(d != 0);
	d = bpf_dynptr_slice_rdwr(&p, 0, eth, 14);
	if (d)
		d[0] = 0x42;
	SAY(d != 0);
	SAY(bpf_dynptr_data(&p, 0, 14) != 0);
	SAY(bpf_dynptr_write(&p, 14, &word, 8, 0));
	SAY(bpf_dynptr_write(&p, 22, &word, 8, BPF_F_RECOMPUTE_CSUM));
	SAY(bpf_dynptr_write(&p, 22, &word, 8, BPF_F_INVALIDATE_HASH));
	SAY(bpf_dynptr_write(&p, 22, &word, 8, 4));
	SAY(bpf_dynptr_write(&p, skb->len, &word, 8, 0));
	SAY(bpf_dynptr_adjust(&p, 14, skb->len));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_clone(&p, &q));
	SAY(bpf_dynptr_adjust(&q, 4, 12));
	SAY(bpf_dynptr_read(&word, 8, &q, 0, 0));
	SAY(word);
	SAY(bpf_dynptr_memset(&q, 2, 4, 0x99));
	SAY(bpf_dynptr_memset(&q, 2, 7, 0x99));
	SAY(bpf_dynptr_from_mem(b, 64, 0, &m));
	SAY(bpf_dynptr_copy(&m, 8, &q, 0, 8));
	SAY(bpf_dynptr_copy(&p, 0, &m, 8, 2));
	SAY(bpf_dynptr_copy(&p, 1, &p, 0, 8));
	SAY(bpf_dynptr_copy(&m, 60, &q, 0, 8));
	SAY(bpf_skb_change_tail(skb, 40, 0));
	SAY(bpf_dynptr_size(&p));
	SAY(bpf_dynptr_read(&word, 8, &p, 30, 0));
	SAY(bpf_dynptr_write(&p, 30, &word, 8, 0));
	SAY(bpf_dynptr_slice(&p, 30, 0, 8) != 0);
	SAY(bpf_dynptr_slice(&p, 30, eth, 8) != 0);
	SAY(bpf_dynptr_from_skb_meta(skb, 1, &q));
	SAY(bpf_dynptr_from_skb_meta(skb, 0, &q));
	SAY(bpf_dynptr_size(&q));
	SAY(bpf_dynptr_is_rdonly(&q));
	SAY(bpf_dynptr_read(&word, 1, &q, 0, 0));
	SAY(bpf_dynptr_slice(&q, 0, 0, 1) != 0);
	return 0;
}
