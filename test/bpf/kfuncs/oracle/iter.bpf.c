// SPDX-License-Identifier: MIT
// Open-coded iterators over numbers and bits.
#include "oracle.h"

struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));

struct bpf_iter_bits {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const __u64 *mask, __u32 words) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;

static __always_inline void count(struct answers *a, int at, int start, int end)
{
	struct bpf_iter_num it;
	long n = 0, sum = 0;
	int *v;

	a->v[at] = bpf_iter_num_new(&it, start, end);
	while ((v = bpf_iter_num_next(&it))) {
		n++;
		sum += *v;
	}
	bpf_iter_num_destroy(&it);
	a->v[at + 1] = n;
	a->v[at + 2] = sum;
}

SEC("tc")
int numbers(struct __sk_buff *skb)
{
	ANSWERS();

	count(a, 0, 0, 10);
	count(a, 3, -5, 5);
	count(a, 6, 5, 5);
	count(a, 9, 6, 5);
	count(a, 12, 0, 8388609);
	count(a, 15, -2147483648, 2147483647);
	count(a, 18, 2147483646, 2147483647);
	count(a, 21, -2147483648, -2147483640);
	count(a, 24, 1, 1000);
	return said;
}

static __always_inline void bits(struct answers *a, int at, const __u64 *mask, __u32 words)
{
	struct bpf_iter_bits it;
	long n = 0, sum = 0;
	int *v;

	a->v[at] = bpf_iter_bits_new(&it, mask, words);
	while ((v = bpf_iter_bits_next(&it))) {
		n++;
		sum += *v;
	}
	bpf_iter_bits_destroy(&it);
	a->v[at + 1] = n;
	a->v[at + 2] = sum;
}

SEC("tc")
int masks(struct __sk_buff *skb)
{
	__u64 one[1] = { 0x8000000000000101 };
	__u64 three[3] = { 0xff, 0, 0xf000000000000001 };
	ANSWERS();

	bits(a, 0, one, 1);
	bits(a, 3, three, 3);
	bits(a, 6, three, 0);
	bits(a, 9, 0, 1);
	bits(a, 12, three, 512);
	bits(a, 15, (const __u64 *)0x1000, 1);
	bits(a, 18, (const __u64 *)0x1000, 2);
	bits(a, 21, (const __u64 *)-8, 1);
	bits(a, 24, (const __u64 *)-16, 2);
	bits(a, 27, three + 1, 1);
	return said;
}
