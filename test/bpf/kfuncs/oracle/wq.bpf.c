// SPDX-License-Identifier: MIT
// Work queues in values of maps, and what programs ask about tasks and maps.
#include "oracle.h"

struct bpf_wq {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*cb)(void *, int *, void *), unsigned int flags, void *aux) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
/* A map of them gives the type its members, which the kernel function's declaration needs. */
struct bpf_map {
	__u32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bpf_map);
} types SEC(".maps");

extern __s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

struct job {
	__u64 done;
	struct bpf_wq wq;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, struct job);
} jobs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counted SEC(".maps");

static int work(void *map, int *key, void *value)
{
	struct job *job = value;

	job->done += 100 + *key;
	return 0;
}

SEC("tc")
int wq(struct __sk_buff *skb)
{
	struct job *j;
	int key = 1;
	ANSWERS();

	j = bpf_map_lookup_elem(&jobs, &key);
	if (!j)
		return -2;
	SAY(bpf_wq_start(&j->wq, 0));
	SAY(bpf_wq_set_callback_impl(&j->wq, work, 0, 0));
	SAY(bpf_wq_init(&j->wq, &jobs, 1));
	SAY(bpf_wq_init(&j->wq, &jobs, 0));
	SAY(bpf_wq_init(&j->wq, &jobs, 0));
	SAY(bpf_wq_start(&j->wq, 0));
	SAY(bpf_wq_set_callback_impl(&j->wq, work, 1, 0));
	SAY(bpf_wq_set_callback_impl(&j->wq, work, 0, 0));
	SAY(bpf_wq_start(&j->wq, 1));
	SAY(bpf_wq_start(&j->wq, 0));
	return 0;
}

SEC("tc")
int count(struct __sk_buff *skb)
{
	__u64 v = 1;
	__u32 k;
	ANSWERS();

	SAY(bpf_map_sum_elem_count((struct bpf_map *)&counted));
	k = 1;
	bpf_map_update_elem(&counted, &k, &v, 0);
	k = 2;
	bpf_map_update_elem(&counted, &k, &v, 0);
	k = 3;
	bpf_map_update_elem(&counted, &k, &v, 0);
	SAY(bpf_map_sum_elem_count((struct bpf_map *)&counted));
	k = 3;
	bpf_map_delete_elem(&counted, &k);
	SAY(bpf_map_sum_elem_count((struct bpf_map *)&counted));
	SAY(bpf_map_sum_elem_count((struct bpf_map *)&jobs));
	return 0;
}
