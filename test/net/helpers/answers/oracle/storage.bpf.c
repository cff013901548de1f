// SPDX-License-Identifier: MIT
// Values that maps keep for cgroups' programs, for tasks and for cgroups.
#include "../../../../bpf/kfuncs/oracle/oracle.h"

struct pair {
	__u64 a, b;
};

#define OWNED(name, map_type)                     \
	struct {                                  \
		__uint(type, map_type);           \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, int);                 \
		__type(value, struct pair);       \
	} name SEC(".maps")

#define CGRP_STORAGE 32

OWNED(tasks, BPF_MAP_TYPE_TASK_STORAGE);
OWNED(cgroups, CGRP_STORAGE);

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, struct pair);
} shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, struct pair);
} percpu SEC(".maps");

struct task_struct;
struct cgroup {
	int unused;
};

extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgroup) __ksym;
static void *(*cgrp_storage_get)(void *map, struct cgroup *cgroup, void *value, __u64 flags) = (void *)210;
static long (*cgrp_storage_delete)(void *map, struct cgroup *cgroup) = (void *)211;

SEC("cgroup_skb/egress")
int local(struct __sk_buff *skb)
{
	struct pair *s = bpf_get_local_storage(&shared, 0);
	struct pair *p = bpf_get_local_storage(&percpu, 0);
	ANSWERS();

	/* zeroes at first; what a run left, the next of the same call finds */
	SAY(s->a);
	SAY(s->b);
	SAY(p->a);
	s->a += 3;
	s->b = 7;
	p->a += 5;
	s = bpf_get_local_storage(&shared, 0);
	SAY(s->a);
	return 1;
}

#define FACTS(v)                         \
	do {                             \
		struct pair *f = (v);    \
		SAY(f ? f->a : -1);      \
		SAY(f ? f->b : -1);      \
	} while (0)

#define OF_TASK(flags, value) bpf_task_storage_get(&tasks, task, value, flags)

SEC("tc")
int task(struct __sk_buff *skb)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct pair init = { 11, 22 }, *v;
	ANSWERS();

	FACTS(OF_TASK(0, 0));
	FACTS(OF_TASK(0, &init));
	FACTS(OF_TASK(2, 0));
	FACTS(OF_TASK(1ULL << 32, 0));
	SAY(bpf_task_storage_delete(&tasks, task));
	FACTS(OF_TASK(1, 0));
	v = OF_TASK(0, 0);
	if (v)
		v->a = 5;
	FACTS(OF_TASK(1, &init));
	SAY(bpf_task_storage_delete(&tasks, task));
	SAY(bpf_task_storage_delete(&tasks, task));
	FACTS(OF_TASK(1, &init));
	FACTS(OF_TASK(0, 0));
	FACTS(OF_TASK(3, 0));
	SAY(bpf_task_storage_delete(&tasks, task));
	return 0;
}

#define OF_CGROUP(flags, value) cgrp_storage_get(&cgroups, cgroup, value, flags)

SEC("tc")
int group(struct __sk_buff *skb)
{
	struct cgroup *cgroup = bpf_cgroup_from_id(1);
	struct pair init = { 11, 22 };
	ANSWERS();

	if (!cgroup)
		return -2;
	FACTS(OF_CGROUP(0, 0));
	FACTS(OF_CGROUP(2, 0));
	SAY(cgrp_storage_delete(&cgroups, cgroup));
	FACTS(OF_CGROUP(1, &init));
	FACTS(OF_CGROUP(0, 0));
	FACTS(OF_CGROUP(1, 0));
	SAY(cgrp_storage_delete(&cgroups, cgroup));
	SAY(cgrp_storage_delete(&cgroups, cgroup));
	FACTS(OF_CGROUP(1, 0));
	SAY(cgrp_storage_delete(&cgroups, cgroup));
	bpf_cgroup_release(cgroup);
	return 0;
}
