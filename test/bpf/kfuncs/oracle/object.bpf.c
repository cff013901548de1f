// SPDX-License-Identifier: MIT
// Allocated objects in lists, trees and kptrs.
#include "oracle.h"
#include <bpf/bpf_core_read.h>

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

extern void *bpf_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *h, struct bpf_list_node *n, void *meta, __u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *h, struct bpf_list_node *n, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_back(struct bpf_list_head *h) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *r, struct bpf_rb_node *n,
			       _Bool (*less)(struct bpf_rb_node *, const struct bpf_rb_node *), void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *r) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *r) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;
extern struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;

#define CONTAINS(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define NEW(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), 0))

struct item {
	long key;
	struct bpf_list_node list;
	long data;
};

struct leaf {
	long key;
	struct bpf_rb_node node;
};

struct shared {
	long key;
	struct bpf_refcount owners;
	struct bpf_list_node list;
	struct bpf_rb_node node;
};

struct queue {
	struct bpf_spin_lock lock;
	struct bpf_list_head head CONTAINS(item, list);
	long tail_of_value;
};

struct forest {
	struct bpf_spin_lock lock;
	struct bpf_rb_root root CONTAINS(leaf, node);
};

struct both {
	struct bpf_spin_lock lock;
	struct bpf_list_head head CONTAINS(shared, list);
	struct bpf_rb_root root CONTAINS(shared, node);
};

struct plain_item {
	long key;
	long data;
};

struct stash {
	long before;
	struct plain_item __attribute__((btf_type_tag("kptr"))) * item;
	long after;
};

#define ARRAY(name, type_)                   \
	struct {                             \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, 1);      \
		__type(key, __u32);          \
		__type(value, type_);        \
	} name SEC(".maps")

ARRAY(queues, struct queue);
ARRAY(forests, struct forest);
ARRAY(boths, struct both);
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct stash);
} stashes SEC(".maps");

static __always_inline long take(struct queue *q, int back)
{
	struct bpf_list_node *n;
	struct item *i;
	long key;

	bpf_spin_lock(&q->lock);
	n = back ? bpf_list_pop_back(&q->head) : bpf_list_pop_front(&q->head);
	bpf_spin_unlock(&q->lock);
	if (!n)
		return -1;
	i = container_of(n, struct item, list);
	key = i->key;
	bpf_obj_drop_impl(i, 0);
	return key;
}

static __always_inline int put(struct queue *q, long key, int back)
{
	struct item *i = NEW(struct item);
	int err;

	if (!i)
		return -1;
	i->key = key;
	bpf_spin_lock(&q->lock);
	err = back ? bpf_list_push_back_impl(&q->head, &i->list, 0, 0) : bpf_list_push_front_impl(&q->head, &i->list, 0, 0);
	bpf_spin_unlock(&q->lock);
	return err;
}

static __always_inline int ends(struct queue *q, int back)
{
	struct bpf_list_node *n;
	long key = -1;

	bpf_spin_lock(&q->lock);
	n = back ? bpf_list_back(&q->head) : bpf_list_front(&q->head);
	if (n)
		key = container_of(n, struct item, list)->key;
	bpf_spin_unlock(&q->lock);
	return key;
}

SEC("tc")
int list(struct __sk_buff *skb)
{
	struct queue *q;
	ANSWERS();

	q = bpf_map_lookup_elem(&queues, &zero_key);
	if (!q)
		return -2;
	q->tail_of_value = 77;
	SAY(take(q, 0));
	SAY(take(q, 1));
	SAY(ends(q, 0));
	SAY(put(q, 1, 0));
	SAY(ends(q, 1));
	SAY(put(q, 2, 0));
	SAY(put(q, 3, 1));
	SAY(ends(q, 0));
	SAY(ends(q, 1));
	SAY(take(q, 1));
	SAY(take(q, 0));
	SAY(take(q, 0));
	SAY(take(q, 0));
	SAY(put(q, 4, 1));
	SAY(put(q, 5, 1));
	SAY(take(q, 1));
	return 0;
}

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct leaf, node)->key < container_of(b, struct leaf, node)->key;
}

static int grow(__u32 i, void *ctx)
{
	__u32 zero = 0;
	struct forest *f = bpf_map_lookup_elem(&forests, &zero);
	struct leaf *l;

	if (!f)
		return 1;
	l = NEW(struct leaf);
	if (!l)
		return 1;
	l->key = i * 7 % 31;
	bpf_spin_lock(&f->lock);
	bpf_rbtree_add_impl(&f->root, &l->node, less, 0, 0);
	bpf_spin_unlock(&f->lock);
	return 0;
}

static long shape_at(struct forest *f, __u32 path, __u32 depth)
{
	struct bpf_rb_node *n;
	long key = -1;

	bpf_spin_lock(&f->lock);
	n = bpf_rbtree_root(&f->root);
	if (n && depth > 0) {
		n = path & 1 ? bpf_rbtree_right(&f->root, n) : bpf_rbtree_left(&f->root, n);
		if (n && depth > 1)
			n = path & 2 ? bpf_rbtree_right(&f->root, n) : bpf_rbtree_left(&f->root, n);
		if (n && depth > 2)
			n = path & 4 ? bpf_rbtree_right(&f->root, n) : bpf_rbtree_left(&f->root, n);
	}
	if (n)
		key = container_of(n, struct leaf, node)->key;
	bpf_spin_unlock(&f->lock);
	return key;
}

static __always_inline void shape(struct forest *f, struct answers *a, int at)
{
	a->v[at] = shape_at(f, 0, 0);
	for (int i = 0; i < 2; i++)
		a->v[at + 1 + i] = shape_at(f, i, 1);
	for (int i = 0; i < 4; i++)
		a->v[at + 3 + i] = shape_at(f, i, 2);
	for (int i = 0; i < 8; i++)
		a->v[at + 7 + i] = shape_at(f, i, 3);
}

static int fell(__u32 i, void *ctx)
{
	__u32 zero = 0;
	struct answers *a = bpf_map_lookup_elem(&out, &zero);
	struct forest *f = bpf_map_lookup_elem(&forests, &zero);
	struct bpf_rb_node *n, *felled = 0;

	if (!f || !a)
		return 1;
	bpf_spin_lock(&f->lock);
	n = i & 1 ? bpf_rbtree_root(&f->root) : bpf_rbtree_first(&f->root);
	if (n)
		felled = bpf_rbtree_remove(&f->root, n);
	bpf_spin_unlock(&f->lock);
	if (!felled)
		return 1;
	a->v[(30 + i) & 63] = container_of(felled, struct leaf, node)->key;
	bpf_obj_drop_impl(container_of(felled, struct leaf, node), 0);
	return 0;
}

SEC("tc")
int tree(struct __sk_buff *skb)
{
	struct forest *f;
	ANSWERS();

	f = bpf_map_lookup_elem(&forests, &zero_key);
	if (!f)
		return -2;
	a->v[said++] = bpf_loop(31, grow, &zero_key, 0);
	shape(f, a, 1);
	a->v[16] = bpf_loop(12, fell, &zero_key, 0);
	shape(f, a, 42);
	return 0;
}

static _Bool shared_less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct shared, node)->key < container_of(b, struct shared, node)->key;
}

SEC("tc")
int two_owners(struct __sk_buff *skb)
{
	struct shared *s, *t;
	struct bpf_list_node *n;
	struct both *b;
	long err;
	ANSWERS();

	b = bpf_map_lookup_elem(&boths, &zero_key);
	s = NEW(struct shared);
	if (!b || !s) {
		if (s)
			bpf_obj_drop_impl(s, 0);
		return -2;
	}
	s->key = 9;
	t = bpf_refcount_acquire_impl(s, 0);
	bpf_spin_lock(&b->lock);
	err = bpf_list_push_front_impl(&b->head, &s->list, 0, 0);
	bpf_spin_unlock(&b->lock);
	SAY(err);
	bpf_spin_lock(&b->lock);
	err = bpf_rbtree_add_impl(&b->root, &t->node, shared_less, 0, 0);
	bpf_spin_unlock(&b->lock);
	SAY(err);
	bpf_spin_lock(&b->lock);
	n = bpf_list_pop_back(&b->head);
	bpf_spin_unlock(&b->lock);
	if (!n)
		return -3;
	s = container_of(n, struct shared, list);
	SAY(s->key);
	t = bpf_refcount_acquire_impl(s, 0);
	bpf_obj_drop_impl(s, 0);
	bpf_spin_lock(&b->lock);
	err = bpf_rbtree_add_impl(&b->root, &t->node, shared_less, 0, 0);
	bpf_spin_unlock(&b->lock);
	SAY(err);
	return 0;
}

SEC("tc")
int kptr(struct __sk_buff *skb)
{
	struct stash *s, fresh = { .before = 1, .after = 2 }, changed = { .before = 3, .after = 4 };
	struct plain_item *p;
	__u32 key = 5;
	ANSWERS();

	SAY(bpf_map_update_elem(&stashes, &key, &fresh, 0));
	s = bpf_map_lookup_elem(&stashes, &key);
	if (!s)
		return -2;
	p = bpf_kptr_xchg(&s->item, 0);
	SAY(p != 0);
	if (p)
		bpf_obj_drop_impl(p, 0);
	p = NEW(struct plain_item);
	if (!p)
		return -3;
	p->key = 11;
	p->data = 22;
	p = bpf_kptr_xchg(&s->item, p);
	SAY(p != 0);
	if (p)
		bpf_obj_drop_impl(p, 0);
	p = NEW(struct plain_item);
	if (!p)
		return -4;
	p->key = 33;
	p = bpf_kptr_xchg(&s->item, p);
	SAY(p ? p->key : -1);
	SAY(p ? p->data : -1);
	if (p)
		bpf_obj_drop_impl(p, 0);
	SAY(bpf_map_update_elem(&stashes, &key, &changed, 0));
	s = bpf_map_lookup_elem(&stashes, &key);
	if (!s)
		return -5;
	SAY(s->before);
	p = bpf_kptr_xchg(&s->item, 0);
	SAY(p ? p->key : -1);
	if (p)
		bpf_obj_drop_impl(p, 0);
	return 0;
}
