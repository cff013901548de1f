/* SPDX-License-Identifier: MIT */
/* Connection tracking: one body for tc and XDP. Whoever includes it names its kfuncs CT_ALLOC and CT_LOOKUP, its context CTX and its
 * sections SECTION.
 */
#include "oracle.h"
#include <bpf/bpf_core_read.h>

#define KERNEL __attribute__((preserve_access_index))
#define NEW_TUPLE(name, a, b, p, q)                                                                    \
	struct bpf_sock_tuple name = {};                                                              \
	name.ipv4.saddr = bpf_htonl(a), name.ipv4.daddr = bpf_htonl(b), name.ipv4.sport = bpf_htons(p), \
	name.ipv4.dport = bpf_htons(q)
#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)

enum { ORIGINAL, REPLY };
enum nf_nat_manip_type { MANIP_SRC, MANIP_DST };

struct nf_conntrack_zone {
	__u16 id;
	__u8 flags;
	__u8 dir;
} KERNEL;

union nf_inet_addr {
	__u32 all[4];
};

union nf_conntrack_man_proto {
	__u16 all;
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
	__u16 l3num;
} KERNEL;

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__u16 all;
		} u;
		__u8 protonum;
		__u8 dir;
	} dst;
} KERNEL;

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
} KERNEL;

struct nf_conntrack {
	struct {
		struct {
			int counter;
		} refs;
	} use;
} KERNEL;

struct nf_conn {
	struct nf_conntrack ct_general;
	__u32 timeout;
	struct nf_conntrack_zone zone;
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
	__u32 mark;
} KERNEL;

struct nf_conn___init {
	struct nf_conn ct;
} KERNEL;

struct bpf_ct_opts___whole {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u16 ct_zone_id;
	__u8 ct_zone_dir;
	__u8 reserved[3];
};

extern struct nf_conn___init *CT_ALLOC(CTX *ctx, struct bpf_sock_tuple *t, __u32 len, struct bpf_ct_opts___whole *o,
				       __u32 olen) __ksym;
extern struct nf_conn *CT_LOOKUP(CTX *ctx, struct bpf_sock_tuple *t, __u32 len, struct bpf_ct_opts___whole *o,
				 __u32 olen) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *c) __ksym;
extern void bpf_ct_release(struct nf_conn *c) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *c, __u32 ms) __ksym;
extern int bpf_ct_change_timeout(struct nf_conn *c, __u32 ms) __ksym;
extern int bpf_ct_set_status(const struct nf_conn___init *c, __u32 status) __ksym;
extern int bpf_ct_change_status(struct nf_conn *c, __u32 status) __ksym;
extern int bpf_ct_set_nat_info(struct nf_conn___init *c, union nf_inet_addr *addr, int port,
			       enum nf_nat_manip_type manip) __ksym;
extern unsigned long CONFIG_HZ __kconfig;

#define TCP 6
#define UDP 17
#define OPTS(name, proto) struct bpf_ct_opts___whole name = { .netns_id = -1, .l4proto = proto }
#define V4 sizeof(t.ipv4)
#define V6 sizeof(t.ipv6)

/* A lookup that fails: its error; that finds: 1000 and the direction. */
#define LOOK(t, len, o, olen)                                              \
	({                                                                 \
		struct nf_conn *found = CT_LOOKUP(ctx, t, len, o, olen);   \
		long said_of_it = (o)->error;                              \
		if (found) {                                               \
			said_of_it = 1000 + (o)->dir;                      \
			bpf_ct_release(found);                             \
		}                                                          \
		said_of_it;                                                \
	})
/* An entry that goes into the table with a timeout of so many ms: 1, or 0 and the error. */
#define ENTER(t, len, o, olen, ms)                                             \
	({                                                                     \
		struct nf_conn___init *fresh = CT_ALLOC(ctx, t, len, o, olen); \
		long said_of_it = (o)->error;                                  \
		if (fresh) {                                                   \
			struct nf_conn *entered;                               \
			bpf_ct_set_timeout(fresh, ms);                         \
			entered = bpf_ct_insert_entry(fresh);                  \
			said_of_it = entered != 0;                             \
			if (entered)                                           \
				bpf_ct_release(entered);                       \
		}                                                              \
		said_of_it;                                                    \
	})

#define SAY_TUPLE(c, which)                                       \
	SAY((c)->tuplehash[which].tuple.src.u3.all[0]);           \
	SAY((c)->tuplehash[which].tuple.src.u.all);               \
	SAY((c)->tuplehash[which].tuple.src.l3num);               \
	SAY((c)->tuplehash[which].tuple.dst.u3.all[0]);           \
	SAY((c)->tuplehash[which].tuple.dst.u.all);               \
	SAY((c)->tuplehash[which].tuple.dst.protonum);            \
	SAY((c)->tuplehash[which].tuple.dst.dir)

SEC(SECTION)
int arguments(CTX *ctx)
{
	OPTS(o, TCP);
	NEW_TUPLE(t, 0x0a000001, 0x0a000002, 1, 2);
	ANSWERS();

	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&t, V6, &o, sizeof(o)));
	SAY(LOOK(&t, V4 - 1, &o, sizeof(o)));
	SAY(LOOK(&t, V4, &o, 12));
	SAY(LOOK(&t, V4, &o, 8));
	SAY(LOOK(&t, V4, &o, 15));
	o.reserved[1] = 1;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&t, V4, &o, 12));
	o.reserved[1] = 0;
	o.ct_zone_id = 3;
	SAY(LOOK(&t, V4, &o, 12));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	o.ct_zone_id = 0;
	o.ct_zone_dir = 1;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&t, V4, &o, 12));
	o.ct_zone_dir = 0;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(o.ct_zone_dir);
	o.netns_id = -2;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	o.netns_id = 4711;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&t, 13, &o, sizeof(o)));
	o.l4proto = 1;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	o.netns_id = -2;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&t, 13, &o, sizeof(o)));

	SAY(ENTER(&t, V4, &o, sizeof(o), 1000));
	SAY(ENTER(&t, 13, &o, sizeof(o), 1000));
	o.netns_id = -1;
	SAY(ENTER(&t, V4, &o, sizeof(o), 1000));
	SAY(ENTER(&t, 13, &o, sizeof(o), 1000));
	o.l4proto = UDP;
	SAY(ENTER(&t, 13, &o, sizeof(o), 1000));
	o.netns_id = 4711;
	SAY(ENTER(&t, V4, &o, sizeof(o), 1000));
	SAY(ENTER(&t, V4, &o, 11, 1000));
	o.netns_id = -1;
	o.reserved[2] = 9;
	SAY(ENTER(&t, V4, &o, sizeof(o), 1000));
	SAY(ENTER(&t, V4, &o, 12, 1000));
	o.reserved[2] = 0;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	return 0;
}

SEC(SECTION)
int entry(CTX *ctx)
{
	OPTS(o, UDP);
	NEW_TUPLE(t, 0x0a000001, 0x0a000002, 1000, 2000);
	NEW_TUPLE(back, 0x0a000002, 0x0a000001, 2000, 1000);
	struct nf_conn___init *fresh;
	struct nf_conn *c, *again;
	ANSWERS();

	fresh = CT_ALLOC(ctx, &t, V4, &o, sizeof(o));
	SAY(o.error);
	SAY(o.ct_zone_dir);
	if (!fresh)
		return -2;
	SAY(fresh->ct.ct_general.use.refs.counter);
	SAY(fresh->ct.timeout / CONFIG_HZ);
	SAY(fresh->ct.status);
	SAY(fresh->ct.zone.id);
	SAY(fresh->ct.zone.dir);
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	bpf_ct_set_timeout(fresh, 30000);
	SAY(fresh->ct.timeout / CONFIG_HZ);
	bpf_ct_set_timeout(fresh, 0xffffffff);
	SAY(fresh->ct.timeout);
	bpf_ct_set_timeout(fresh, 100000);
	SAY(bpf_ct_set_status(fresh, 2 | 4));
	SAY(fresh->ct.status);
	SAY(bpf_ct_set_status(fresh, 4));
	SAY(bpf_ct_set_status(fresh, 2));
	SAY(bpf_ct_set_status(fresh, 1 | 2 | 4));
	SAY(bpf_ct_set_status(fresh, 8 | 2 | 4));
	SAY(bpf_ct_set_status(fresh, 0x200 | 2 | 4));
	SAY(bpf_ct_set_status(fresh, 0xfffffdf6));
	SAY(fresh->ct.status);
	SAY(bpf_ct_set_status(fresh, 2 | 4));
	SAY(fresh->ct.status);
	c = bpf_ct_insert_entry(fresh);
	if (!c)
		return -3;
	SAY(c->ct_general.use.refs.counter);
	SAY((c->timeout - (__u32)bpf_jiffies64() + 50) / CONFIG_HZ);
	SAY(c->status);
	SAY(c->mark);
	c->mark = 77;
	SAY_TUPLE(c, ORIGINAL);
	SAY_TUPLE(c, REPLY);
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	SAY(ENTER(&t, V4, &o, sizeof(o), 1000));
	SAY(ENTER(&back, V4, &o, 12, 1000));
	again = CT_LOOKUP(ctx, &back, V4, &o, 12);
	if (again) {
		SAY(again->mark);
		SAY(again->ct_general.use.refs.counter);
		bpf_ct_release(again);
	}
	SAY(c->ct_general.use.refs.counter);
	SAY(bpf_ct_change_status(c, 2 | 4));
	SAY(bpf_ct_change_status(c, 2 | 4 | 8));
	SAY(bpf_ct_change_status(c, 2 | 8));
	SAY(bpf_ct_change_status(c, 2 | 4 | 8 | 0x400));
	SAY(bpf_ct_change_timeout(c, 5000));
	SAY(bpf_ct_change_status(c, 2 | 4 | 8 | 0x80002000));
	SAY(c->status);
	bpf_ct_release(c);
	return 0;
}

SEC(SECTION)
int times(CTX *ctx)
{
	OPTS(o, TCP);
	NEW_TUPLE(t, 0x0a000001, 0x0a000002, 1000, 3000);
	NEW_TUPLE(u, 0x0a000001, 0x0a000002, 1001, 3000);
	struct nf_conn___init *fresh;
	struct nf_conn *c;
	ANSWERS();

	SAY(ENTER(&t, V4, &o, sizeof(o), 0));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	o.l4proto = UDP;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	o.l4proto = TCP;
	c = CT_LOOKUP(ctx, &t, V4, &o, sizeof(o));
	if (!c)
		return -2;
	SAY(bpf_ct_change_timeout(c, 1));
	SAY(c->timeout - (__u32)bpf_jiffies64() < 3);
	SAY(bpf_ct_change_timeout(c, 0));
	SAY(c->status);
	SAY(c->ct_general.use.refs.counter);
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(c->status);
	SAY(c->ct_general.use.refs.counter);
	SAY(bpf_ct_change_timeout(c, 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	bpf_ct_release(c);

	fresh = CT_ALLOC(ctx, &u, V4, &o, sizeof(o));
	if (!fresh)
		return -3;
	SAY(bpf_ct_set_status(fresh, 0x400));
	bpf_ct_set_timeout(fresh, 500);
	c = bpf_ct_insert_entry(fresh);
	if (!c)
		return -4;
	SAY(c->status);
	SAY(bpf_ct_change_timeout(c, 60000));
	SAY((c->timeout - (__u32)bpf_jiffies64()) / CONFIG_HZ);
	bpf_ct_release(c);
	return 0;
}

SEC(SECTION)
int zones(CTX *ctx)
{
	OPTS(o, UDP);
	NEW_TUPLE(t, 0x0a000001, 0x0a000002, 1000, 4000);
	NEW_TUPLE(back, 0x0a000002, 0x0a000001, 4000, 1000);
	ANSWERS();

	o.ct_zone_id = 5;
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	o.ct_zone_id = 0;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, 12));
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	/* only in the original direction */
	o.ct_zone_id = 7;
	o.ct_zone_dir = 1;
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	t.ipv4.sport = back.ipv4.dport = bpf_htons(1001);
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	o.ct_zone_id = 0;
	o.ct_zone_dir = 3;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	/* only in the reply direction */
	o.ct_zone_id = 9;
	o.ct_zone_dir = 2;
	t.ipv4.sport = back.ipv4.dport = bpf_htons(1002);
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	o.ct_zone_dir = 3;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	/* in none, or in more than there are */
	o.ct_zone_dir = 0xf0;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	t.ipv4.sport = bpf_htons(1003);
	SAY(ENTER(&t, V4, &o, sizeof(o), 60000));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	o.ct_zone_id = 0;
	o.ct_zone_dir = 0;
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	return 0;
}

SEC(SECTION)
int ipv6(CTX *ctx)
{
	OPTS(o, TCP);
	struct bpf_sock_tuple t = {}, back = {};
	struct nf_conn *c;
	ANSWERS();

	for (int i = 0; i < 4; i++) {
		t.ipv6.saddr[i] = back.ipv6.daddr[i] = 0x01000020 + i;
		t.ipv6.daddr[i] = back.ipv6.saddr[i] = 0x02000020 + i;
	}
	t.ipv6.sport = back.ipv6.dport = bpf_htons(70);
	t.ipv6.dport = back.ipv6.sport = bpf_htons(80);
	SAY(LOOK(&t, V6, &o, sizeof(o)));
	SAY(ENTER(&t, V6, &o, sizeof(o), 60000));
	SAY(LOOK(&back, V6, &o, sizeof(o)));
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	c = CT_LOOKUP(ctx, &t, V6, &o, 12);
	if (!c)
		return -2;
	SAY_TUPLE(c, ORIGINAL);
	SAY_TUPLE(c, REPLY);
	SAY(c->tuplehash[REPLY].tuple.src.u3.all[3]);
	bpf_ct_release(c);
	return 0;
}

static __always_inline struct nf_conn *nat(CTX *ctx, struct answers *a, int *at, __u16 sport, __u32 to, int port, int manip)
{
	OPTS(o, TCP);
	union nf_inet_addr addr = {};
	NEW_TUPLE(t, 0x0a000101, 0x0a000102, sport, 80);
	struct nf_conn___init *fresh = CT_ALLOC(ctx, &t, V4, &o, sizeof(o));
	int said = *at;

	if (!fresh)
		return 0;
	addr.all[0] = bpf_htonl(to);
	bpf_ct_set_timeout(fresh, 60000);
	SAY(bpf_ct_set_nat_info(fresh, &addr, port, manip));
	SAY(fresh->ct.status);
	SAY(fresh->ct.tuplehash[REPLY].tuple.src.u3.all[0]);
	SAY(fresh->ct.tuplehash[REPLY].tuple.src.u.all);
	SAY(fresh->ct.tuplehash[REPLY].tuple.dst.u3.all[0]);
	SAY(fresh->ct.tuplehash[REPLY].tuple.dst.u.all);
	*at = said;
	return bpf_ct_insert_entry(fresh);
}

#define NAT(sport, to, port, manip)                                        \
	({                                                                 \
		struct nf_conn *made = nat(ctx, a, &said, sport, to, port, manip); \
		SAY(made != 0);                                            \
		if (made)                                                  \
			bpf_ct_release(made);                              \
	})

SEC(SECTION)
int nat_addresses(CTX *ctx)
{
	ANSWERS();

	NAT(5000, 0x0a000201, 0, MANIP_SRC);
	/* the port is taken already there: a free one of the range must be found, which is no other than the same */
	NAT(5001, 0x0a000202, 600, MANIP_SRC);
	NAT(5002, 0x0a000202, 600, MANIP_SRC);
	NAT(5003, 0x0a000203, 0, MANIP_DST);
	NAT(5003, 0x0a000204, 8080, MANIP_DST);
	NAT(5004, 0x0a000204, 8080, MANIP_DST);
	/* to where it comes from or goes to anyway */
	NAT(5005, 0x0a000101, 0, MANIP_SRC);
	NAT(5006, 0x0a000102, 80, MANIP_DST);
	return 0;
}

SEC(SECTION)
int nat_both(CTX *ctx)
{
	OPTS(o, TCP);
	union nf_inet_addr addr = {};
	NEW_TUPLE(t, 0x0a000301, 0x0a000302, 5000, 80);
	NEW_TUPLE(back, 0x0a000304, 0x0a000303, 8080, 700);
	struct nf_conn___init *fresh = CT_ALLOC(ctx, &t, V4, &o, sizeof(o));
	struct nf_conn *c;
	ANSWERS();

	if (!fresh)
		return -2;
	addr.all[0] = bpf_htonl(0x0a000303);
	SAY(bpf_ct_set_nat_info(fresh, &addr, 700, MANIP_SRC));
	addr.all[0] = bpf_htonl(0x0a000304);
	SAY(bpf_ct_set_nat_info(fresh, &addr, 65536 + 8080, MANIP_DST));
	SAY(fresh->ct.status);
	c = bpf_ct_insert_entry(fresh);
	if (!c)
		return -3;
	SAY_TUPLE(c, ORIGINAL);
	SAY_TUPLE(c, REPLY);
	SAY(c->status);
	SAY(bpf_ct_change_status(c, 0x1ff & ~1));
	SAY(c->status);
	bpf_ct_release(c);
	SAY(LOOK(&t, V4, &o, sizeof(o)));
	SAY(LOOK(&back, V4, &o, sizeof(o)));
	return 0;
}

/* Maps the source to itself while the same flow the other way round is in the table: the mapping's status without its port. */
static __always_inline int clash(CTX *ctx, __u8 proto, __u32 to)
{
	OPTS(o, proto);
	union nf_inet_addr addr = {};
	NEW_TUPLE(t, 0x0a000401, 0x0a000402, 5000, 80);
	NEW_TUPLE(back, 0x0a000402, 0x0a000401, 80, 5000);
	struct nf_conn___init *fresh;
	struct nf_conn *c;
	int status;

	if (ENTER(&back, V4, &o, sizeof(o), 60000) != 1)
		return -2;
	fresh = CT_ALLOC(ctx, &t, V4, &o, sizeof(o));
	if (!fresh)
		return -3;
	addr.all[0] = bpf_htonl(to);
	bpf_ct_set_nat_info(fresh, &addr, 0, MANIP_SRC);
	status = fresh->ct.status;
	c = bpf_ct_insert_entry(fresh);
	if (c) {
		bpf_ct_release(c);
		status += 1000;
	}
	return status;
}

SEC(SECTION)
int nat_clash(CTX *ctx)
{
	ANSWERS();

	SAY(clash(ctx, UDP, 0x0a000401));
	SAY(clash(ctx, TCP, 0x0a000401));
	return 0;
}
