// SPDX-License-Identifier: MIT
// Weak symbols, objects with a part per CPU, counters of perf events, tasks and cgroups.
#include "kernel.h"

extern const int no_such_variable __ksym __weak;
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_function_of_nobody(void) __ksym __weak;
extern const void bpf_map_lookup_elem_of_nobody __ksym __weak;

SEC("tc")
int symbols(struct __sk_buff *ctx)
{
	ANSWERS();

	SAY(&no_such_variable != 0);
	SAY(&bpf_map_lookup_elem_of_nobody != 0);
	SAY(bpf_preempt_disable != 0);
	SAY(bpf_function_of_nobody != 0);
	return said;
}

#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))

struct pair {
	long a, b;
};

struct holder {
	struct pair __percpu_kptr *kept;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct holder);
} holders SEC(".maps");

extern void *bpf_percpu_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *kptr, void *meta) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

SEC("tc")
int objects(struct __sk_buff *ctx)
{
	struct pair __percpu_kptr *made, *old;
	struct holder *holder;
	struct pair *part;
	ANSWERS();

	holder = bpf_map_lookup_elem(&holders, &zero_key);
	if (!holder)
		return -1;
	made = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct pair), 0);
	if (!made)
		return -1;
	old = bpf_kptr_xchg(&holder->kept, made);
	SAY(old != 0);
	if (old)
		bpf_percpu_obj_drop_impl(old, 0);
	bpf_rcu_read_lock();
	made = holder->kept;
	SAY(made != 0);
	if (made) {
		part = bpf_this_cpu_ptr(made);
		part->a += 5;
		part = bpf_per_cpu_ptr(made, 1);
		if (part) {
			SAY(part->a);
			part->b = 7;
			SAY(part->b);
		}
		part = bpf_per_cpu_ptr(made, 0);
		SAY(part ? part->a : -1);
		SAY(bpf_per_cpu_ptr(made, 100000) == 0);
	}
	bpf_rcu_read_unlock();
	old = bpf_kptr_xchg(&holder->kept, 0);
	SAY(old != 0);
	if (old)
		bpf_percpu_obj_drop_impl(old, 0);
	return said;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

struct cgroup {
	int level;
} KERNEL;

extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;

SEC("tc")
int counters(struct __sk_buff *ctx)
{
	struct bpf_perf_event_value value = { .counter = 1, .enabled = 1, .running = 1 };
	struct task_struct *task;
	struct cgroup *root, *up;
	ANSWERS();

	SAY((int)bpf_perf_event_read(&events, 100000));
	SAY((int)bpf_perf_event_read(&events, 1ull << 32));
	SAY(bpf_perf_event_read(&events, BPF_F_CURRENT_CPU));
	SAY((int)bpf_perf_event_read(&events, 1));
	SAY(bpf_perf_event_read_value(&events, 0, &value, sizeof(value)));
	SAY(value.counter);
	SAY(bpf_perf_event_read_value(&events, 100000, &value, sizeof(value)));
	SAY(value.enabled);
	value.counter = 1;
	SAY(bpf_perf_event_read_value(&events, 0, &value, sizeof(value) - 8));
	SAY(value.counter);
	root = bpf_cgroup_from_id(1);
	SAY(root != 0);
	if (root) {
		SAY(bpf_task_under_cgroup(bpf_get_current_task_btf(), root));
		up = bpf_cgroup_ancestor(root, 0);
		SAY(up == root);
		if (up)
			bpf_cgroup_release(up);
		up = bpf_cgroup_ancestor(root, 1);
		SAY(up != 0);
		if (up)
			bpf_cgroup_release(up);
		bpf_cgroup_release(root);
	}
	root = bpf_cgroup_from_id(0xffffffff77ull);
	SAY(root != 0);
	if (root)
		bpf_cgroup_release(root);
	task = bpf_task_from_pid(0);
	SAY(task != 0);
	if (task)
		bpf_task_release(task);
	return said;
}
