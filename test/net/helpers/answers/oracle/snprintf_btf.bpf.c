// SPDX-License-Identifier: MIT
// Values of the kernel's types as text. The bytes are the program's own; each text goes into a slot of a map.
#include "../../../../bpf/kfuncs/oracle/oracle.h"
#include <bpf/bpf_core_read.h>

#define TEXT 512
#define BYTES 512

struct text {
	char bytes[TEXT];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 48);
	__type(key, __u32);
	__type(value, struct text);
} texts SEC(".maps");

/* The kernel's types by name; their members are not asked here. */
struct iphdr { int x; } __attribute__((preserve_access_index));
struct ethhdr { int x; } __attribute__((preserve_access_index));
struct tcphdr { int x; } __attribute__((preserve_access_index));
struct in6_addr { int x; } __attribute__((preserve_access_index));
struct bpf_sock_tuple___k { int x; } __attribute__((preserve_access_index));
struct sockaddr_in6 { int x; } __attribute__((preserve_access_index));
struct sockaddr_un { int x; } __attribute__((preserve_access_index));
struct list_head { int x; } __attribute__((preserve_access_index));
struct skb_shared_info { int x; } __attribute__((preserve_access_index));
struct bpf_fib_lookup___k { int x; } __attribute__((preserve_access_index));
struct socket { int x; } __attribute__((preserve_access_index));
struct softnet_data { int x; } __attribute__((preserve_access_index));
struct sk_buff_list { int x; } __attribute__((preserve_access_index));
struct xdp_rxq_info { int x; } __attribute__((preserve_access_index));
struct proto_ops { int x; } __attribute__((preserve_access_index));
struct flow_keys { int x; } __attribute__((preserve_access_index));

static __u8 bytes[BYTES];

static __always_inline long show(struct answers *a, int *said, __u32 slot, __u32 type, __u64 flags, __u32 size)
{
	struct text *t = bpf_map_lookup_elem(&texts, &slot);
	struct btf_ptr p = { .ptr = bytes, .type_id = type };
	long n;

	if (!t)
		return -1;
	n = bpf_snprintf_btf(t->bytes, size <= TEXT ? size : TEXT, &p, sizeof(p), flags);
	a->v[(*said)++ & 63] = n;
	return n;
}

static void fill(__u32 step)
{
	for (int i = 0; i < BYTES; i++)
		bytes[i] = step ? (i % step == 0 ? 65 + i % 60 : 0) : 0;
}

#define ID(type) bpf_core_type_id_kernel(type)
#define SHOW(type, flags) show(a, &said, slot++, ID(type), flags, TEXT)

#define COMPACT 1
#define NONAME 2
#define PTR_RAW 4
#define ZERO 8

#define ALL_OF(name, step)                               \
	SEC("tc") int name(struct __sk_buff *skb)        \
	{                                                \
		__u32 slot = 0;                          \
		ANSWERS();                               \
                                                         \
		fill(step);                              \
		SHOW(struct iphdr, COMPACT);             \
		SHOW(struct ethhdr, COMPACT);            \
		SHOW(struct tcphdr, COMPACT);            \
		SHOW(struct in6_addr, COMPACT);          \
		SHOW(struct bpf_sock_tuple___k, COMPACT); \
		SHOW(struct sockaddr_in6, COMPACT);      \
		SHOW(struct sockaddr_un, COMPACT);       \
		SHOW(struct skb_shared_info, COMPACT | PTR_RAW);   \
		SHOW(struct bpf_fib_lookup___k, COMPACT); \
		SHOW(struct flow_keys, COMPACT);         \
		SHOW(__u32, COMPACT);                    \
		SHOW(__s8, 0);                           \
		SHOW(__u64, 0);                          \
		SHOW(int, 0);                            \
		SHOW(char, 0);                           \
		SHOW(struct iphdr, 0);                   \
		SHOW(struct iphdr, NONAME);              \
		SHOW(struct iphdr, COMPACT | NONAME);    \
		SHOW(struct iphdr, ZERO);                \
		SHOW(struct in6_addr, 0);                \
		SHOW(struct in6_addr, NONAME | ZERO);    \
		SHOW(struct ethhdr, 0);                  \
		SHOW(struct sockaddr_un, COMPACT | NONAME); \
		SHOW(struct bpf_sock_tuple___k, 0);      \
		return 0;                                \
	}

ALL_OF(zeros, 0)
ALL_OF(dense, 1)
ALL_OF(sparse, 7)

/* Pointers: null ones, and others as they are. */
SEC("tc")
int pointers(struct __sk_buff *skb)
{
	__u32 slot = 0;
	ANSWERS();

	fill(0);
	SHOW(struct list_head, COMPACT);
	SHOW(struct list_head, COMPACT | ZERO);
	SHOW(struct list_head, COMPACT | ZERO | PTR_RAW);
	SHOW(struct socket, COMPACT | ZERO);
	SHOW(struct proto_ops, COMPACT | ZERO | NONAME);
	fill(5);
	SHOW(struct list_head, COMPACT | PTR_RAW);
	SHOW(struct socket, COMPACT | PTR_RAW);
	SHOW(struct socket, PTR_RAW);
	SHOW(struct socket, COMPACT | PTR_RAW | NONAME);
	SHOW(struct xdp_rxq_info, COMPACT | PTR_RAW);
	SHOW(struct proto_ops, COMPACT | PTR_RAW);
	SHOW(struct skb_shared_info, PTR_RAW);
	return 0;
}

/* Errors, and texts that do not fit. */
SEC("tc")
int errors(struct __sk_buff *skb)
{
	struct btf_ptr p = { .ptr = bytes, .type_id = ID(struct iphdr) };
	__u32 key = 0;
	struct text *t = bpf_map_lookup_elem(&texts, &key);
	__u32 slot = 1;
	ANSWERS();

	fill(3);
	if (!t)
		return -1;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 16));
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 1ULL << 32));
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, 8, 0));
	p.flags = 1;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 0));
	p.flags = 0;
	p.type_id = 0;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 0));
	p.type_id = 0x7fffffff;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 0));
	p.type_id = 0x80000000;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 0));
	p.type_id = ID(struct iphdr);
	p.ptr = 0;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 0));
	p.ptr = (void *)8;
	SAY(bpf_snprintf_btf(t->bytes, TEXT, &p, sizeof(p), 0));
	show(a, &said, slot++, ID(struct iphdr), COMPACT, 1);
	show(a, &said, slot++, ID(struct iphdr), COMPACT, 2);
	show(a, &said, slot++, ID(struct iphdr), COMPACT, 20);
	show(a, &said, slot++, ID(struct iphdr), COMPACT, 31);
	show(a, &said, slot++, ID(struct iphdr), 0, 64);
	return 0;
}
