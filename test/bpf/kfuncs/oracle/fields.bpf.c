// SPDX-License-Identifier: MIT
// Types of map values with fields of the kernel; record-fields.mjs asks which map types take them.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_res_spin_lock {
	__u32 val;
};
struct bpf_wq {
	__u64 __opaque[2];
};
struct bpf_refcount {
	__u32 __opaque[1];
} __attribute__((aligned(4)));
struct bpf_list_head {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_node {
	__u64 __opaque[3];
} __attribute__((aligned(8)));
struct bpf_rb_root {
	__u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_rb_node {
	__u64 __opaque[4];
} __attribute__((aligned(8)));
struct lab_node {
	__u64 key;
	struct bpf_list_node list;
	struct bpf_rb_node tree;
	struct bpf_refcount owners;
};
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

#define CONTAINS(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define VALUE(name, ...)                     \
	struct name {                        \
		__u64 pad;                   \
		__VA_ARGS__                  \
	};                                   \
	struct {                             \
		__uint(type, BPF_MAP_TYPE_HASH); \
		__uint(max_entries, 1);      \
		__type(key, __u32);          \
		__type(value, struct name);  \
	} m_##name SEC(".maps")

VALUE(lock, struct bpf_spin_lock a;);
VALUE(res_lock, struct bpf_res_spin_lock a;);
VALUE(timer, struct bpf_timer a;);
VALUE(timers, struct bpf_timer a; struct bpf_timer b;);
VALUE(wq, struct bpf_wq a;);
VALUE(refcount, struct bpf_refcount a;);
VALUE(list, struct bpf_spin_lock l; struct bpf_list_head a CONTAINS(lab_node, list););
VALUE(tree, struct bpf_spin_lock l; struct bpf_rb_root a CONTAINS(lab_node, tree););
VALUE(list_node, struct bpf_list_node a;);
VALUE(kptr, struct lab_node __attribute__((btf_type_tag("kptr"))) * a;);
VALUE(percpu_kptr, struct lab_node __attribute__((btf_type_tag("percpu_kptr"))) * a;);
VALUE(task_kptr, struct task_struct __attribute__((btf_type_tag("kptr"))) * a;);
VALUE(task_untrusted, struct task_struct __attribute__((btf_type_tag("kptr_untrusted"))) * a;);
VALUE(kptrs, struct task_struct __attribute__((btf_type_tag("kptr"))) * a[3];);

/* Pointers alone would leave these types without their members. */
struct lab_node node_of_lists;
struct task_struct task_of_kptrs;
