// SPDX-License-Identifier: MIT
// Masks of CPUs, and symbols by name. The machine has two CPUs.
#include "kernel.h"

struct cpumask {
	unsigned long bits[4];
} KERNEL;
struct bpf_cpumask {
	struct cpumask cpumask;
} KERNEL;

#define MASK(m) ((const struct cpumask *)(m))

extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *m) __ksym;
extern __u32 bpf_cpumask_first(const struct cpumask *m) __ksym;
extern __u32 bpf_cpumask_first_zero(const struct cpumask *m) __ksym;
extern __u32 bpf_cpumask_first_and(const struct cpumask *a, const struct cpumask *b) __ksym;
extern void bpf_cpumask_set_cpu(__u32 cpu, struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_clear_cpu(__u32 cpu, struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_setall(struct bpf_cpumask *m) __ksym;
extern void bpf_cpumask_clear(struct bpf_cpumask *m) __ksym;
extern _Bool bpf_cpumask_and(struct bpf_cpumask *d, const struct cpumask *a, const struct cpumask *b) __ksym;
extern void bpf_cpumask_or(struct bpf_cpumask *d, const struct cpumask *a, const struct cpumask *b) __ksym;
extern void bpf_cpumask_xor(struct bpf_cpumask *d, const struct cpumask *a, const struct cpumask *b) __ksym;
extern _Bool bpf_cpumask_equal(const struct cpumask *a, const struct cpumask *b) __ksym;
extern _Bool bpf_cpumask_intersects(const struct cpumask *a, const struct cpumask *b) __ksym;
extern _Bool bpf_cpumask_subset(const struct cpumask *a, const struct cpumask *b) __ksym;
extern _Bool bpf_cpumask_empty(const struct cpumask *m) __ksym;
extern _Bool bpf_cpumask_full(const struct cpumask *m) __ksym;
extern void bpf_cpumask_copy(struct bpf_cpumask *d, const struct cpumask *s) __ksym;
extern __u32 bpf_cpumask_weight(const struct cpumask *m) __ksym;
extern __u32 bpf_cpumask_any_distribute(const struct cpumask *m) __ksym;
extern __u32 bpf_cpumask_any_and_distribute(const struct cpumask *a, const struct cpumask *b) __ksym;
extern int bpf_cpumask_populate(struct cpumask *m, void *src, __u64 size) __ksym;

SEC("syscall")
int masks(void *ctx)
{
	struct bpf_cpumask *m, *b, *more;
	unsigned long words[4] = { ~0ul, ~0ul, 3, 4 };
	ANSWERS();

	m = bpf_cpumask_create();
	if (!m)
		return -1;
	b = bpf_cpumask_create();
	if (!b) {
		bpf_cpumask_release(m);
		return -1;
	}
	SAY(bpf_cpumask_empty(MASK(m)));
	SAY(bpf_cpumask_full(MASK(m)));
	SAY(bpf_cpumask_first(MASK(m)));
	SAY(bpf_cpumask_first_zero(MASK(m)));
	bpf_cpumask_set_cpu(1, m);
	bpf_cpumask_set_cpu(500, m);
	SAY(m->cpumask.bits[0]);
	SAY(bpf_cpumask_first(MASK(m)));
	SAY(bpf_cpumask_weight(MASK(m)));
	SAY(bpf_cpumask_any_distribute(MASK(m)));
	bpf_cpumask_setall(b);
	SAY(b->cpumask.bits[0]);
	SAY(b->cpumask.bits[1]);
	SAY(bpf_cpumask_full(MASK(b)));
	SAY(bpf_cpumask_weight(MASK(b)));
	SAY(bpf_cpumask_first_zero(MASK(b)));
	SAY(bpf_cpumask_first_and(MASK(m), MASK(b)));
	SAY(bpf_cpumask_any_and_distribute(MASK(m), MASK(b)));
	SAY(bpf_cpumask_subset(MASK(m), MASK(b)));
	SAY(bpf_cpumask_subset(MASK(b), MASK(m)));
	SAY(bpf_cpumask_intersects(MASK(m), MASK(b)));
	SAY(bpf_cpumask_equal(MASK(m), MASK(b)));
	bpf_cpumask_xor(m, MASK(m), MASK(b));
	SAY(m->cpumask.bits[0]);
	SAY(bpf_cpumask_and(m, MASK(m), MASK(b)));
	SAY(m->cpumask.bits[0]);
	bpf_cpumask_or(m, MASK(m), MASK(b));
	SAY(m->cpumask.bits[0]);
	bpf_cpumask_clear_cpu(0, m);
	SAY(m->cpumask.bits[0]);
	bpf_cpumask_copy(b, MASK(m));
	SAY(bpf_cpumask_equal(MASK(m), MASK(b)));
	bpf_cpumask_clear(m);
	SAY(bpf_cpumask_empty(MASK(m)));
	SAY(bpf_cpumask_and(m, MASK(m), MASK(b)));
	SAY(bpf_cpumask_populate((struct cpumask *)m, words, 4));
	SAY(bpf_cpumask_populate((struct cpumask *)m, words, 8));
	SAY(m->cpumask.bits[0]);
	SAY(m->cpumask.bits[1]);
	SAY(bpf_cpumask_populate((struct cpumask *)m, words, 32));
	SAY(m->cpumask.bits[1]);
	SAY(m->cpumask.bits[3]);
	more = bpf_cpumask_acquire(m);
	SAY(more == m);
	bpf_cpumask_release(more);
	SAY(bpf_cpumask_weight(MASK(m)));
	bpf_cpumask_release(m);
	bpf_cpumask_release(b);
	return said;
}

extern int bpf_copy_from_user_str(void *dst, __u32 size, const void *from, __u64 flags) __ksym;
extern int bpf_copy_from_user_task_str(void *dst, __u32 size, const void *from, struct task_struct *task,
				       __u64 flags) __ksym;

static const char known[] = "bpf_rdonly_cast";
static const char unknown[] = "bpf_rdonly_cast_of_nobody";

SEC("syscall")
int symbols(void *ctx)
{
	__u64 at = 5;
	char text[8] = "xxxxxxx";
	ANSWERS();

	SAY(bpf_kallsyms_lookup_name(known, sizeof(known), 0, &at));
	SAY(at != 0);
	SAY(bpf_kallsyms_lookup_name(unknown, sizeof(unknown), 0, &at));
	SAY(at);
	at = 5;
	SAY(bpf_kallsyms_lookup_name(known, sizeof(known), 1, &at));
	SAY(at);
	SAY(bpf_kallsyms_lookup_name(known, sizeof(known) - 1, 0, &at));
	SAY(bpf_kallsyms_lookup_name(known, 1, 0, &at));
	SAY(bpf_probe_read(text, sizeof(text), (void *)16));
	SAY(text[0]);
	text[0] = 'x';
	SAY(bpf_probe_read_str(text, sizeof(text), (void *)16));
	SAY(text[0]);
	SAY(bpf_probe_read(text, 0, (void *)16));
	SAY(bpf_probe_read_str(text, 0, (void *)16));
	text[0] = 'x';
	SAY(bpf_copy_from_user(text, sizeof(text), (void *)16));
	SAY(text[0]);
	SAY(bpf_copy_from_user(text, 0, (void *)16));
	text[0] = 'x';
	SAY(bpf_copy_from_user_str(text, sizeof(text), (void *)16, 0));
	SAY(text[0]);
	SAY(bpf_copy_from_user_str(text, sizeof(text), (void *)16, 1));
	SAY(text[0]);
	SAY(bpf_copy_from_user_str(text, sizeof(text), (void *)16, 2));
	SAY(bpf_copy_from_user_str(text, 0, (void *)16, 0));
	text[0] = 'x';
	SAY(bpf_copy_from_user_task_str(text, sizeof(text), (void *)16, (void *)bpf_get_current_task_btf(), 1));
	SAY(text[0]);
	SAY(bpf_copy_from_user_task_str(text, sizeof(text), (void *)16, (void *)bpf_get_current_task_btf(), 2));
	SAY(bpf_btf_find_by_name_kind("task_struct", 12, 4, 1));
	SAY(bpf_btf_find_by_name_kind("task_struct", 11, 4, 0));
	SAY(bpf_btf_find_by_name_kind("task_struct", 1, 4, 0));
	SAY(bpf_btf_find_by_name_kind("task_struct", 12, 4, 0) == bpf_core_type_id_kernel(struct task_struct));
	SAY(bpf_btf_find_by_name_kind("task_struct", 12, 1, 0));
	return said;
}
