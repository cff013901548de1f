// SPDX-License-Identifier: MIT
// Maps of sockets as programs on tc's hooks use them: sockets are put in, looked up and taken out. The maps keep what earlier cases did.
#include "program.h"
#include "sock.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 2);
	__type(key, __u64);
	__type(value, __u64);
} hash SEC(".maps");

static __always_inline int one_step(struct __sk_buff *skb, struct step *s, struct result *r)
{
	struct bpf_sock *sk;
	__u32 index = s->a, op = s->op;
	__u64 key = s->a;

	r->ret = -1000;
	if (op == 1 || op == 4) {
		/* puts what is found among the UDP sockets into a map */
		sk = bpf_sk_lookup_udp(skb, (void *)s->buf, 12, -1, 0);
		if (!sk)
			return 1;
		r->ret = op == 1 ? bpf_map_update_elem(&socks, &index, sk, s->b) : bpf_map_update_elem(&hash, &key, sk, s->b);
		bpf_sk_release(sk);
		return 1;
	}
	if (op == 2 || op == 5) {
		sk = op == 2 ? bpf_map_lookup_elem(&socks, &index) : bpf_map_lookup_elem(&hash, &key);
		r->ret = sk != 0;
		if (sk) {
			note_sock(sk, r);
			bpf_sk_release(sk);
		}
		return 1;
	}
	switch (op) {
	case 3: r->ret = bpf_map_delete_elem(&socks, &index); return 1;
	case 6: r->ret = bpf_map_delete_elem(&hash, &key); return 1;
	case 7:
		/* the packet's own socket */
		sk = skb->sk;
		if (sk)
			r->ret = bpf_map_update_elem(&socks, &index, sk, s->b);
		return 1;
	case 8:
		sk = skb->sk;
		if (sk)
			r->ret = bpf_map_update_elem(&hash, &key, sk, s->b);
		return 1;
	case 9:
		/* from one map into the other */
		sk = bpf_map_lookup_elem(&socks, &index);
		if (!sk)
			return 1;
		key = s->c;
		r->ret = bpf_map_update_elem(&hash, &key, sk, s->b);
		bpf_sk_release(sk);
		return 1;
	default: return 0;
	}
}

SKB_PROGRAM("tc", 0)
