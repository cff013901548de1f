// SPDX-License-Identifier: MIT
// Programs that end themselves from wherever they are, with and without a function that answers for them.
#include "oracle.h"

extern void bpf_throw(__u64 cookie) __ksym;

#define __noinline __attribute__((noinline))
#define EXCEPTION_CALLBACK(name) __attribute__((btf_decl_tag("exception_callback:" #name)))

int called(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__array(values, int(struct __sk_buff *));
} progs SEC(".maps") = {
	.values = { (void *)&called },
};

/* What was done before the program ended. */
static __noinline void note(long what)
{
	__u32 zero = 0;
	struct answers *a = bpf_map_lookup_elem(&out, &zero);

	if (a)
		a->v[a->v[63]++ & 31] = what;
}

SEC("tc")
int at_once(struct __sk_buff *skb)
{
	note(1);
	bpf_throw(7);
	note(2);
	return 1;
}

SEC("tc")
int not_at_all(struct __sk_buff *skb)
{
	if (!skb->len)
		bpf_throw(7);
	note(1);
	return 3;
}

static __noinline int deeper(struct __sk_buff *skb, int n)
{
	char frame[32];

	note(n);
	__builtin_memset(frame, n, sizeof(frame));
	if (skb->len + frame[3] > 20)
		bpf_throw(0x100000009);
	note(100 + n);
	return n;
}

static __noinline int deep(struct __sk_buff *skb, int n)
{
	int got = deeper(skb, n + 1);

	note(got);
	return got;
}

SEC("tc")
int in_subprogram(struct __sk_buff *skb)
{
	note(1);
	return deep(skb, 3) + 1;
}

__noinline int global(struct __sk_buff *skb)
{
	note(5);
	if (skb->len)
		bpf_throw(11);
	return 4;
}

SEC("tc")
int in_global_function(struct __sk_buff *skb)
{
	int got = global(skb);

	note(6);
	return got;
}

SEC("tc")
int called(struct __sk_buff *skb)
{
	note(8);
	bpf_throw(31);
	return 0;
}

SEC("tc")
int in_tail_call(struct __sk_buff *skb)
{
	note(7);
	bpf_tail_call(skb, &progs, 0);
	return 2;
}

/* Old loaders bring along only functions that something refers to. */
const volatile int never = 0;

__noinline int answer(__u64 cookie)
{
	note(50);
	note(cookie);
	return cookie + 5;
}

SEC("tc")
EXCEPTION_CALLBACK(answer)
int with_callback(struct __sk_buff *skb)
{
	long n = never ? bpf_loop(1, (void *)answer, 0, 0) : 0;

	note(n + 1);
	return deep(skb, 4);
}
