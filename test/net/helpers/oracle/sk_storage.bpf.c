// SPDX-License-Identifier: MIT
// Values of sockets on tc's hooks. Values of the sockets of setup.mjs stay for later cases; the packet's own socket ends with its run.
#include "program.h"

struct value {
	__u64 first, second;
	__u32 seen, none;
};

/* The largest value; and what fits beside it into a socket's option memory of 131072 bytes, and what does not by one byte. */
struct large {
	__u8 bytes[65407];
};

struct fitting {
	__u8 bytes[65344];
};

struct larger {
	__u8 bytes[65345];
};

#define STORAGE(name, type_)                                                                                                   \
	struct {                                                                                                               \
		__uint(type, BPF_MAP_TYPE_SK_STORAGE);                                                                         \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                                          \
		__type(key, int);                                                                                              \
		__type(value, type_);                                                                                          \
	} name SEC(".maps")

STORAGE(storage, struct value);
STORAGE(other, struct value);
STORAGE(large, struct large);
STORAGE(fitting, struct fitting);
STORAGE(larger, struct larger);

/* Gets the value, writes down what it is and counts in it. */
static __always_inline void get(void *map, struct bpf_sock *sk, struct step *s, struct result *r)
{
	struct value start = { .first = s->c, .second = s->d }, *v;

	if (s->b)
		v = bpf_sk_storage_get(map, sk, &start, s->a);
	else
		v = bpf_sk_storage_get(map, sk, 0, s->a);
	r->ret = v != 0;
	if (!v)
		return;
	__builtin_memcpy(r->buf, v, sizeof(*v));
	v->seen++;
}

static __always_inline void on_sock(__u32 op, struct bpf_sock *sk, struct step *s, struct result *r)
{
	__u8 *bytes;

	switch (op) {
	case 1: get(&storage, sk, s, r); break;
	case 2: get(&other, sk, s, r); break;
	case 3: r->ret = bpf_sk_storage_delete(&storage, sk); break;
	case 4: r->ret = bpf_sk_storage_delete(&other, sk); break;
	case 5:
		bytes = bpf_sk_storage_get(&large, sk, 0, s->a);
		r->ret = bytes != 0;
		if (bytes)
			r->out = bytes[65406]++;
		break;
	case 6: r->ret = bpf_sk_storage_get(&larger, sk, 0, s->a) != 0; break;
	case 7: r->ret = bpf_sk_storage_get(&fitting, sk, 0, s->a) != 0; break;
	case 8: r->ret = bpf_sk_storage_delete(&large, sk); break;
	case 9: r->ret = bpf_sk_storage_delete(&fitting, sk); break;
	}
}

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	struct bpf_sock *sk;
	__u32 op = s->op;

	if (!op)
		return 0;
	r->ret = -1000;
	if (op < 16) {
		sk = bpf_sk_lookup_udp(skb, (void *)s->buf, 12, -1, 0);
		if (sk) {
			on_sock(op, sk, s, r);
			bpf_sk_release(sk);
		}
		return 1;
	}
	sk = skb->sk;
	if (sk && (sk = bpf_sk_fullsock(sk)))
		on_sock(op - 16, sk, s, r);
	return 1;
}

SKB_PROGRAM("tc", 0)
