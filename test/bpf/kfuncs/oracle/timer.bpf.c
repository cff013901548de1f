// SPDX-License-Identifier: MIT
// Timers in values of arrays, hash maps and LRU hash maps.
#include "oracle.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
#define ABS 1
#define PIN 2

struct ticker {
	__u32 fired;
	__u32 limit;
	struct bpf_timer timer;
	__u64 last_key;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct ticker);
} tickers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u64);
	__type(value, struct ticker);
} hashed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8);
	__type(key, __u64);
	__type(value, struct ticker);
} lru SEC(".maps");

static int in_array(void *map, __u32 *key, struct ticker *v)
{
	v->fired++;
	v->last_key = *key;
	if (v->fired < v->limit)
		v->last_key |= (__u64)(bpf_timer_start(&v->timer, 500000, 0) & 0xff) << 32;
	else
		v->last_key |= (__u64)(bpf_timer_cancel(&v->timer) & 0xff) << 40;
	return 0;
}

static int in_hash(void *map, __u64 *key, struct ticker *v)
{
	__u64 other = 3, own = *key;

	v->fired++;
	v->last_key = own;
	if (own == 1)
		bpf_map_delete_elem(map, &other);
	if (own == 2)
		bpf_map_delete_elem(map, key);
	return 0;
}

SEC("tc")
int errors(struct __sk_buff *skb)
{
	struct ticker *v, fresh = {};
	__u32 key = 1;
	__u64 one = 1;
	ANSWERS();

	v = bpf_map_lookup_elem(&tickers, &key);
	if (!v)
		return -2;
	SAY(bpf_timer_set_callback(&v->timer, in_array));
	SAY(bpf_timer_start(&v->timer, 1000, 0));
	SAY(bpf_timer_cancel(&v->timer));
	SAY(bpf_timer_init(&v->timer, &tickers, 2));
	SAY(bpf_timer_init(&v->timer, &tickers, 16));
	SAY(bpf_timer_init(&v->timer, &tickers, 17));
	SAY(bpf_timer_init(&v->timer, &tickers, CLOCK_REALTIME));
	SAY(bpf_timer_init(&v->timer, &tickers, CLOCK_BOOTTIME));
	SAY(bpf_timer_start(&v->timer, 1000000000, 0));
	SAY(bpf_timer_cancel(&v->timer));
	SAY(bpf_timer_set_callback(&v->timer, in_array));
	SAY(bpf_timer_start(&v->timer, 1000000000, 4));
	SAY(bpf_timer_start(&v->timer, 1000000000, PIN));
	SAY(bpf_timer_start(&v->timer, 2000000000, PIN));
	SAY(bpf_timer_cancel(&v->timer));
	SAY(bpf_timer_cancel(&v->timer));
	SAY(bpf_timer_start(&v->timer, 1000000000, 0));
	SAY(bpf_timer_set_callback(&v->timer, in_array));
	SAY(bpf_timer_start(&v->timer, 1000000000, 0));
	SAY(bpf_map_update_elem(&tickers, &key, &fresh, 0));
	SAY(bpf_timer_cancel(&v->timer));
	SAY(bpf_timer_init(&v->timer, &tickers, CLOCK_MONOTONIC));
	SAY(bpf_map_update_elem(&hashed, &one, &fresh, 0));
	v = bpf_map_lookup_elem(&hashed, &one);
	if (!v)
		return -3;
	SAY(bpf_timer_init(&v->timer, &hashed, CLOCK_MONOTONIC));
	SAY(bpf_map_update_elem(&hashed, &one, &fresh, 0));
	v = bpf_map_lookup_elem(&hashed, &one);
	if (!v)
		return -4;
	SAY(bpf_timer_cancel(&v->timer));
	SAY(bpf_timer_init(&v->timer, &hashed, CLOCK_MONOTONIC));
	SAY(bpf_map_delete_elem(&hashed, &one));
	return 0;
}


#define START(map, k, ns, flags)                                      \
	do {                                                          \
		__u64 key = k;                                        \
		struct ticker *v, fresh = { .limit = 1 };             \
		bpf_map_update_elem(&map, &key, &fresh, 0);           \
		v = bpf_map_lookup_elem(&map, &key);                  \
		if (!v)                                               \
			return -5;                                    \
		SAY(bpf_timer_init(&v->timer, &map, CLOCK_MONOTONIC)); \
		SAY(bpf_timer_set_callback(&v->timer, in_hash));      \
		SAY(bpf_timer_start(&v->timer, ns, flags));           \
	} while (0)

SEC("tc")
int fire(struct __sk_buff *skb)
{
	struct ticker *v;
	__u32 key = 2;
	ANSWERS();

	v = bpf_map_lookup_elem(&tickers, &key);
	if (!v)
		return -2;
	v->limit = 5;
	SAY(bpf_timer_init(&v->timer, &tickers, CLOCK_MONOTONIC));
	SAY(bpf_timer_set_callback(&v->timer, in_array));
	SAY(bpf_timer_start(&v->timer, 1000000, 0));
	key = 3;
	v = bpf_map_lookup_elem(&tickers, &key);
	if (!v)
		return -2;
	v->limit = 1;
	SAY(bpf_timer_init(&v->timer, &tickers, CLOCK_MONOTONIC));
	SAY(bpf_timer_set_callback(&v->timer, in_array));
	SAY(bpf_timer_start(&v->timer, bpf_ktime_get_ns() + 2000000, ABS));
	START(hashed, 1, 1000000, 0);
	START(hashed, 2, 2000000, 0);
	START(hashed, 3, 20000000, 0);
	START(hashed, 4, 3000000, PIN);
	START(hashed, 5, 1000, ABS);
	START(hashed, 6, 3600000000000, 0);
	START(lru, 7, 1000000, 0);
	return 0;
}
