// SPDX-License-Identifier: MIT
// Walks over tasks and cgroups.
#include "oracle.h"
#include <bpf/bpf_core_read.h>

#define KERNEL __attribute__((preserve_access_index))

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
} KERNEL;

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} KERNEL;

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
} KERNEL;

struct bpf_iter_task {
	__u64 opaque[3];
};
struct bpf_iter_css {
	__u64 opaque[3];
};

extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable, unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern int bpf_iter_css_new(struct bpf_iter_css *it, struct cgroup_subsys_state *start, unsigned int flags) __ksym;
extern struct cgroup_subsys_state *bpf_iter_css_next(struct bpf_iter_css *it) __ksym;
extern void bpf_iter_css_destroy(struct bpf_iter_css *it) __ksym;
extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
extern void bpf_cgroup_release(struct cgroup *c) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

/* The error, whether there is a first task, and whether its pid and tgid are zero. */
#define FIRST_TASK(start, flags)                                             \
	({                                                                   \
		struct bpf_iter_task it;                                     \
		struct task_struct *t;                                       \
		SAY(bpf_iter_task_new(&it, start, flags));                   \
		t = bpf_iter_task_next(&it);                                 \
		SAY(t != 0);                                                 \
		SAY(t ? t->pid == 0 : -1);                                   \
		SAY(t ? t->tgid == 0 : -1);                                  \
		SAY(t ? t->comm[0] : -1);                                    \
		bpf_iter_task_destroy(&it);                                  \
	})

#define FIRST_CSS(start, flags)                                              \
	({                                                                   \
		struct bpf_iter_css it;                                      \
		struct cgroup_subsys_state *c;                               \
		SAY(bpf_iter_css_new(&it, start, flags));                    \
		c = bpf_iter_css_next(&it);                                  \
		SAY(c != 0);                                                 \
		SAY(c ? c == start : -1);                                    \
		SAY(c ? c->cgroup->level : -1);                              \
		bpf_iter_css_destroy(&it);                                   \
	})

SEC("tc")
int tasks(struct __sk_buff *skb)
{
	ANSWERS();

	FIRST_TASK(0, 0);
	FIRST_TASK(0, 1);
	FIRST_TASK(0, 2);
	FIRST_TASK(0, 3);
	FIRST_TASK(0, -1);
	return 0;
}

SEC("tc")
int threads(struct __sk_buff *skb)
{
	struct task_struct *t, *me = bpf_get_current_task_btf();
	struct bpf_iter_task own;
	int n = 0, same = 0;
	ANSWERS();

	SAY(bpf_iter_task_new(&own, me, 2));
	for (t = bpf_iter_task_next(&own); t && n < 5; t = bpf_iter_task_next(&own), n++)
		same += t == me;
	bpf_iter_task_destroy(&own);
	SAY(n);
	SAY(same);
	return 0;
}

SEC("tc")
int cgroups(struct __sk_buff *skb)
{
	struct cgroup *root = bpf_cgroup_from_id(1);
	ANSWERS();

	if (!root)
		return -2;
	FIRST_CSS(&root->self, 0);
	FIRST_CSS(&root->self, 1);
	FIRST_CSS(&root->self, 2);
	FIRST_CSS(&root->self, 4);
	FIRST_CSS(&root->self, 5);
	bpf_cgroup_release(root);
	return 0;
}
