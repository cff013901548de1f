// SPDX-License-Identifier: MIT
// bpf(2) and close(2) called by programs of type syscall. Descriptors are noted as whether there was one.
#include "../../../../bpf/kfuncs/oracle/oracle.h"

#define FD(x) ({ long _fd = (x); SAY(_fd >= 0 ? 1 : _fd); _fd; })
#define CALL(cmd) bpf_sys_bpf(cmd, &whole, sizeof(whole))

/* The headers at hand may be older than the kernel: what they lack is written by its offset. */
#define MAP_TOKEN_FD 76
#define PROG_TOKEN_FD 144
#define BTF_FLAGS 32
#define BTF_TOKEN_FD 36
#define TCX_INGRESS 46
#define TCX_EGRESS 47
#define AT(offset) (*(__u32 *)(whole.bytes + (offset)))
#define attr whole.known

static union {
	union bpf_attr known;
	__u8 bytes[168];
} whole;
static __u8 long_attr[256];
static __u32 key;
static __u64 value;
static int fds[4];

static const char gpl[] = "GPL";

static __always_inline void fresh(void)
{
	__builtin_memset(&whole, 0, sizeof(whole));
}

static __always_inline void make(__u32 type, __u32 key_size, __u32 value_size, __u32 entries, __u32 flags)
{
	fresh();
	attr.map_type = type;
	attr.key_size = key_size;
	attr.value_size = value_size;
	attr.max_entries = entries;
	attr.map_flags = flags;
}

static __always_inline void elem(__u32 fd, const void *k, const void *v, __u64 flags)
{
	fresh();
	attr.map_fd = fd;
	attr.key = (unsigned long)k;
	attr.value = (unsigned long)v;
	attr.flags = flags;
}

SEC("syscall")
int commands(void *ctx)
{
	long fd;
	ANSWERS();

	fresh();
	/* what the helper lets through, and what not */
	SAY(CALL(BPF_MAP_LOOKUP_ELEM));
	SAY(CALL(BPF_MAP_GET_NEXT_KEY));
	SAY(CALL(BPF_OBJ_PIN));
	SAY(CALL(BPF_OBJ_GET));
	SAY(CALL(BPF_PROG_ATTACH));
	SAY(CALL(BPF_PROG_TEST_RUN));
	SAY(CALL(BPF_PROG_GET_FD_BY_ID));
	SAY(CALL(BPF_ENABLE_STATS));
	SAY(CALL(77));
	SAY(CALL(-1));
	SAY(CALL(BPF_MAP_CREATE));
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	SAY(CALL(BPF_PROG_LOAD));
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	SAY(CALL(BPF_RAW_TRACEPOINT_OPEN));
	SAY(CALL(BPF_BTF_LOAD));
	SAY(CALL(BPF_MAP_FREEZE));
	SAY(CALL(BPF_LINK_CREATE));
	/* a longer attr is taken while its end is zero */
	make(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);
	__builtin_memcpy(long_attr, &attr, 48);
	fd = FD(bpf_sys_bpf(BPF_MAP_CREATE, long_attr, sizeof(long_attr)));
	SAY(bpf_sys_close(fd));
	SAY(bpf_sys_close(fd));
	long_attr[255] = 1;
	SAY(bpf_sys_bpf(BPF_MAP_CREATE, long_attr, sizeof(long_attr)));
	/* a shorter one is taken as if zeros followed */
	fd = FD(bpf_sys_bpf(BPF_MAP_CREATE, &attr, 16));
	SAY(bpf_sys_close(fd));
	SAY(bpf_sys_bpf(BPF_MAP_CREATE, &attr, 12));
	SAY(bpf_sys_bpf(BPF_MAP_CREATE, &attr, 2));
	SAY(bpf_sys_close(-1));
	SAY(bpf_sys_close(1000000));
	return 0;
}

SEC("syscall")
int create(void *ctx)
{
	long fd;
	ANSWERS();

	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	__builtin_memcpy(attr.map_name, "my_map.1", 9);
	fd = FD(CALL(BPF_MAP_CREATE));
	bpf_sys_close(fd);
	__builtin_memcpy(attr.map_name, "my-map", 7);
	SAY(CALL(BPF_MAP_CREATE));
	__builtin_memcpy(attr.map_name, "0123456789abcdef", 16);
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 0, 8, 4, 0);
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 1 << 30);
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, BPF_F_RDONLY | BPF_F_WRONLY);
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	attr.map_extra = 1;
	SAY(CALL(BPF_MAP_CREATE));
	make(99, 4, 8, 4, 0);
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	attr.btf_key_type_id = 1;
	SAY(CALL(BPF_MAP_CREATE));
	attr.btf_value_type_id = 1;
	attr.btf_fd = 1000000;
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	attr.btf_vmlinux_value_type_id = 1;
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, BPF_F_NUMA_NODE);
	attr.numa_node = 64;
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0);
	attr.inner_map_fd = 1000000;
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	attr.map_ifindex = 1;
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	AT(MAP_TOKEN_FD) = 1;
	SAY(CALL(BPF_MAP_CREATE) >= 0);
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 1 << 16);
	AT(MAP_TOKEN_FD) = 1000000;
	SAY(CALL(BPF_MAP_CREATE));
	/* a byte behind the command's last field */
	make(BPF_MAP_TYPE_HASH, 4, 8, 4, 0);
	whole.bytes[144] = 1;
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0);
	fd = FD(CALL(BPF_MAP_CREATE));
	bpf_sys_close(fd);
	make(BPF_MAP_TYPE_RINGBUF, 0, 0, 4095, 0);
	SAY(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_LPM_TRIE, 8, 4, 4, 0);
	SAY(CALL(BPF_MAP_CREATE));
	return 0;
}

SEC("syscall")
int elements(void *ctx)
{
	long fd, ro, inner, outer, other;
	ANSWERS();

	make(BPF_MAP_TYPE_HASH, 4, 8, 2, 0);
	fd = FD(CALL(BPF_MAP_CREATE));
	key = 1;
	value = 11;
	elem(fd, &key, &value, BPF_ANY);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, &key, &value, BPF_NOEXIST);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, &key, &value, 8);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, &key, &value, BPF_F_LOCK);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, 0, &value, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, &key, 0, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, &key, &value, 0);
	whole.bytes[32] = 1;
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(1000000, &key, &value, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(1000000, &key, 0, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	elem(fd, &key, &value, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	elem(fd, &key, 0, 1);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	elem(fd, &key, 0, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	elem(fd, 0, 0, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));

	/* frozen, and read-only */
	fresh();
	attr.map_fd = fd;
	attr.key = 1;
	SAY(CALL(BPF_MAP_FREEZE));
	attr.key = 0;
	SAY(CALL(BPF_MAP_FREEZE));
	SAY(CALL(BPF_MAP_FREEZE));
	elem(fd, &key, &value, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(fd, &key, 0, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	make(BPF_MAP_TYPE_ARRAY, 4, 8, 2, BPF_F_RDONLY);
	ro = FD(CALL(BPF_MAP_CREATE));
	elem(ro, &key, &value, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	fresh();
	attr.map_fd = ro;
	SAY(CALL(BPF_MAP_FREEZE));
	attr.map_fd = 1000000;
	SAY(CALL(BPF_MAP_FREEZE));

	/* maps in maps: the value is a descriptor */
	make(BPF_MAP_TYPE_ARRAY, 4, 8, 2, 0);
	inner = FD(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, 0);
	attr.inner_map_fd = inner;
	outer = FD(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0);
	other = FD(CALL(BPF_MAP_CREATE));
	key = 0;
	fds[0] = inner;
	elem(outer, &key, fds, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	fds[0] = other;
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	fds[0] = outer;
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	fds[0] = 1000000;
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	elem(outer, &key, 0, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	/* a map whose type no descriptor of its own has */
	make(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, 0);
	attr.inner_map_fd = outer;
	SAY(CALL(BPF_MAP_CREATE));
	SAY(bpf_sys_close(outer));
	SAY(bpf_sys_close(inner));
	SAY(bpf_sys_close(other));
	SAY(bpf_sys_close(ro));
	SAY(bpf_sys_close(fd));
	SAY(bpf_sys_close(fd));
	return 0;
}

#define INSNS 8
static __u64 insns[INSNS];
#define INSN(code, dst, src, off, imm) ((__u64)(__u8)(code) | (__u64)((dst) | (src) << 4) << 8 | (__u64)(__u16)(off) << 16 | (__u64)(__u32)(imm) << 32)

static __always_inline void load(__u32 type, __u32 count)
{
	fresh();
	attr.prog_type = type;
	attr.insn_cnt = count;
	attr.insns = (unsigned long)insns;
	attr.license = (unsigned long)gpl;
}

SEC("syscall")
int programs(void *ctx)
{
	long fd, array, calls;
	ANSWERS();

	insns[0] = INSN(0xb7, 0, 0, 0, 2); /* r0 = 2 */
	insns[1] = INSN(0x95, 0, 0, 0, 0); /* exit */
	load(BPF_PROG_TYPE_XDP, 2);
	__builtin_memcpy(attr.prog_name, "made", 5);
	fd = FD(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 0);
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 1);
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 1000001);
	SAY(CALL(BPF_PROG_LOAD));
	load(99, 2);
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.prog_flags = 1 << 30;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.license = 0;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.insns = 0;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.prog_name[0] = '-';
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.expected_attach_type = BPF_CGROUP_INET4_BIND;
	SAY(CALL(BPF_PROG_LOAD) >= 0);
	load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 2);
	attr.expected_attach_type = BPF_XDP;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.attach_prog_fd = 1000000;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_EXT, 2);
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.log_size = 16;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.log_level = 64;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.log_level = 1;
	SAY(CALL(BPF_PROG_LOAD) >= 0);
	load(BPF_PROG_TYPE_XDP, 2);
	attr.prog_btf_fd = 1000000;
	SAY(CALL(BPF_PROG_LOAD) >= 0);
	attr.func_info_cnt = 1;
	SAY(CALL(BPF_PROG_LOAD));
	attr.func_info_rec_size = 8;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.prog_ifindex = 1000;
	SAY(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_XDP, 2);
	attr.kern_version = 12345;
	SAY(CALL(BPF_PROG_LOAD) >= 0);
	load(BPF_PROG_TYPE_XDP, 2);
	AT(PROG_TOKEN_FD) = 1;
	SAY(CALL(BPF_PROG_LOAD) >= 0);

	/* a program that uses a map, by its descriptor */
	make(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	array = FD(CALL(BPF_MAP_CREATE));
	make(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0);
	calls = FD(CALL(BPF_MAP_CREATE));
	insns[0] = INSN(0x18, 1, 1, 0, array);
	insns[1] = 0;
	insns[2] = INSN(0xb7, 0, 0, 0, 1);
	insns[3] = INSN(0x95, 0, 0, 0, 0);
	load(BPF_PROG_TYPE_SCHED_CLS, 4);
	FD(CALL(BPF_PROG_LOAD));
	insns[0] = INSN(0x18, 1, 2, 0, array);
	insns[1] = INSN(0, 0, 0, 0, 4);
	FD(CALL(BPF_PROG_LOAD));
	insns[1] = INSN(0, 0, 0, 0, 8);
	SAY(CALL(BPF_PROG_LOAD));
	insns[0] = INSN(0x18, 1, 2, 0, calls);
	SAY(CALL(BPF_PROG_LOAD));
	insns[0] = INSN(0x18, 1, 1, 0, 1000000);
	insns[1] = 0;
	SAY(CALL(BPF_PROG_LOAD));
	insns[0] = INSN(0x18, 1, 1, 0, fd);
	SAY(CALL(BPF_PROG_LOAD));
	/* or by its place in an array of them */
	fds[0] = array;
	insns[0] = INSN(0x18, 1, 5, 0, 0);
	SAY(CALL(BPF_PROG_LOAD));
	attr.fd_array = (unsigned long)fds;
	FD(CALL(BPF_PROG_LOAD));
	/* a helper that its type has not */
	insns[0] = INSN(0x85, 0, 0, 0, BPF_FUNC_redirect_map);
	insns[1] = INSN(0x95, 0, 0, 0, 0);
	load(BPF_PROG_TYPE_SCHED_CLS, 2);
	SAY(CALL(BPF_PROG_LOAD));
	insns[0] = INSN(0x85, 0, 0, 0, 9999);
	SAY(CALL(BPF_PROG_LOAD));
	insns[0] = INSN(0xff, 0, 0, 0, 0);
	SAY(CALL(BPF_PROG_LOAD));

	/* program arrays and their like: the value is a descriptor */
	key = 1;
	fds[0] = fd;
	elem(calls, &key, fds, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	fds[0] = array;
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	fds[0] = 1000000;
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	elem(calls, &key, 0, 0);
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	SAY(CALL(BPF_MAP_DELETE_ELEM));
	SAY(bpf_sys_close(fd));
	SAY(bpf_sys_close(fd));
	return 0;
}

/* BTF of two types: int, and a struct of one. */
static __u32 btf[24];

static void types(void)
{
	__builtin_memset(btf, 0, sizeof(btf));
	btf[0] = 0x0001eb9f; /* magic, version */
	btf[1] = 24;
	btf[3] = 16 + 24; /* types */
	btf[4] = 16 + 24;
	btf[5] = 8; /* strings */
	btf[6] = 1; /* int, 4 bytes, signed */
	btf[7] = 1 << 24;
	btf[8] = 4;
	btf[9] = 1 << 24 | 32;
	btf[10] = 5; /* struct s { int x; } */
	btf[11] = 4 << 24 | 1;
	btf[12] = 4;
	btf[13] = 5;
	btf[14] = 1;
	btf[15] = 0;
	btf[16] = 0x746e6900; /* "\0int\0s\0" */
	btf[17] = 0x00007300;
}

SEC("syscall")
int type_info(void *ctx)
{
	long fd, map;
	ANSWERS();

	types();
	fresh();
	attr.btf = (unsigned long)btf;
	attr.btf_size = 72;
	fd = FD(CALL(BPF_BTF_LOAD));
	attr.btf_size = 71;
	SAY(CALL(BPF_BTF_LOAD));
	attr.btf_size = 16 << 20 | 1;
	SAY(CALL(BPF_BTF_LOAD));
	attr.btf_size = 4;
	SAY(CALL(BPF_BTF_LOAD));
	attr.btf_size = 72;
	attr.btf = 0;
	SAY(CALL(BPF_BTF_LOAD));
	attr.btf = (unsigned long)btf;
	btf[0] = 0;
	SAY(CALL(BPF_BTF_LOAD));
	types();
	btf[14] = 7;
	SAY(CALL(BPF_BTF_LOAD));
	types();
	btf[13] = 500;
	SAY(CALL(BPF_BTF_LOAD));
	types();
	AT(BTF_FLAGS) = 1;
	SAY(CALL(BPF_BTF_LOAD));
	AT(BTF_FLAGS) = 0;
	attr.btf_log_size = 1;
	SAY(CALL(BPF_BTF_LOAD));
	attr.btf_log_size = 0;
	AT(BTF_TOKEN_FD) = 1;
	SAY(CALL(BPF_BTF_LOAD) >= 0);
	fresh();
	attr.btf = (unsigned long)btf;
	attr.btf_size = 72;
	whole.bytes[40] = 1;
	SAY(CALL(BPF_BTF_LOAD));

	make(BPF_MAP_TYPE_HASH, 4, 4, 2, 0);
	attr.btf_fd = fd;
	attr.btf_key_type_id = 1;
	attr.btf_value_type_id = 2;
	map = FD(CALL(BPF_MAP_CREATE));
	attr.value_size = 8;
	SAY(CALL(BPF_MAP_CREATE));
	attr.value_size = 4;
	attr.btf_value_type_id = 3;
	SAY(CALL(BPF_MAP_CREATE));
	attr.btf_value_type_id = 2;
	attr.key_size = 8;
	SAY(CALL(BPF_MAP_CREATE));
	attr.key_size = 4;
	attr.btf_fd = map;
	SAY(CALL(BPF_MAP_CREATE));
	attr.btf_fd = fd;
	attr.btf_key_type_id = 0;
	SAY(CALL(BPF_MAP_CREATE) >= 0);
	make(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 2, 0);
	attr.btf_fd = fd;
	attr.btf_key_type_id = 1;
	attr.btf_value_type_id = 1;
	FD(CALL(BPF_MAP_CREATE));
	/* a map that is not what was asked for */
	elem(fd, &key, &value, 0);
	SAY(CALL(BPF_MAP_UPDATE_ELEM));
	SAY(bpf_sys_close(fd));
	return 0;
}

/* Which map types take types for their keys and values: an int each, then a struct as the key. */
static __always_inline void typed(struct answers *a, __u32 type, long fd, long inner, __u32 key_type, __u32 flags)
{
	long made;

	make(type, 4, 4, 1, flags);
	attr.inner_map_fd = inner;
	attr.btf_fd = fd;
	attr.btf_key_type_id = key_type;
	attr.btf_value_type_id = 1;
	made = CALL(BPF_MAP_CREATE);
	a->v[type] = made < 0 ? made : 1;
	if (made >= 0)
		bpf_sys_close(made);
}

#define TYPED(name, key_type, flags)                                                                                     \
	SEC("syscall") int name(void *ctx)                                                                               \
	{                                                                                                                \
		__u32 zero_key = 0, type;                                                                                \
		struct answers *a = bpf_map_lookup_elem(&out, &zero_key);                                                \
		long fd, inner;                                                                                          \
                                                                                                                         \
		if (!a)                                                                                                  \
			return -1;                                                                                       \
		types();                                                                                                 \
		fresh();                                                                                                 \
		attr.btf = (unsigned long)btf;                                                                           \
		attr.btf_size = 72;                                                                                      \
		fd = CALL(BPF_BTF_LOAD);                                                                                 \
		make(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);                                                                   \
		inner = CALL(BPF_MAP_CREATE);                                                                            \
		for (type = 1; type <= 33; type++)                                                                       \
			typed(a, type, fd, inner, key_type, flags);                                                             \
		return 0;                                                                                                \
	}

TYPED(typed_int, 1, 0)
TYPED(typed_struct, 2, 0)
TYPED(typed_void, 0, 0)
TYPED(typed_unallocated, 1, BPF_F_NO_PREALLOC)

/* Which maps programs of type syscall, which may sleep, can use: each type, made and loaded by one. */
static __always_inline void sleepable_with(struct answers *a, __u32 type, __u32 key_size, __u32 value_size, __u32 entries, __u32 flags,
					   long inner, long types_fd)
{
	long map, prog;

	make(type, key_size, value_size, entries, flags);
	attr.inner_map_fd = inner;
	if (types_fd) {
		attr.btf_fd = types_fd;
		attr.btf_key_type_id = 1;
		attr.btf_value_type_id = 1;
	}
	map = CALL(BPF_MAP_CREATE);
	if (map < 0) {
		a->v[type] = 1000 - map;
		return;
	}
	insns[0] = INSN(0x18, 1, 1, 0, map);
	insns[1] = 0;
	insns[2] = INSN(0xb7, 0, 0, 0, 0);
	insns[3] = INSN(0x95, 0, 0, 0, 0);
	load(BPF_PROG_TYPE_SYSCALL, 4);
	attr.prog_flags = BPF_F_SLEEPABLE;
	prog = CALL(BPF_PROG_LOAD);
	a->v[type] = prog < 0 ? prog : 1;
	if (prog >= 0)
		bpf_sys_close(prog);
	bpf_sys_close(map);
}

SEC("syscall")
int sleepable(void *ctx)
{
	__u32 zero_key = 0, type;
	struct answers *a = bpf_map_lookup_elem(&out, &zero_key);
	long inner, types_fd;

	if (!a)
		return -1;
	types();
	fresh();
	attr.btf = (unsigned long)btf;
	attr.btf_size = 72;
	types_fd = CALL(BPF_BTF_LOAD);
	make(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);
	inner = CALL(BPF_MAP_CREATE);
	for (type = 1; type <= 10; type++)
		if (type != 7)
			sleepable_with(a, type, 4, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_STACK_TRACE, 4, 8, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_LPM_TRIE, 8, 4, 1, BPF_F_NO_PREALLOC, inner, 0);
	for (type = 12; type <= 18; type++)
		sleepable_with(a, type, 4, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_CGROUP_STORAGE, 16, 4, 0, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 4, 0, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_QUEUE, 0, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_STACK, 0, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_SK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, inner, types_fd);
	sleepable_with(a, BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC, inner, types_fd);
	sleepable_with(a, BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, 1, 0, inner, 0);
	sleepable_with(a, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0, inner, 0);
	sleepable_with(a, 32 /* cgrp_storage */, 4, 4, 0, BPF_F_NO_PREALLOC, inner, types_fd);
	return 0;
}

SEC("syscall")
int by_id(void *ctx)
{
	ANSWERS();

	fresh();
	attr.map_id = 0x7fffffff;
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	attr.open_flags = 1;
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	attr.open_flags = BPF_F_RDONLY | BPF_F_WRONLY;
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	fresh();
	whole.bytes[16] = 1;
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	fresh();
	attr.map_id = 0x7fffffff;
	whole.bytes[12] = 1;
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	whole.bytes[12] = 0;
	whole.bytes[4] = 1;
	SAY(CALL(BPF_MAP_GET_FD_BY_ID));
	return 0;
}

SEC("syscall")
int links(void *ctx)
{
	long xdp, tc, sock, lookup, link, second;
	ANSWERS();

	insns[0] = INSN(0xb7, 0, 0, 0, 1);
	insns[1] = INSN(0x95, 0, 0, 0, 0);
	load(BPF_PROG_TYPE_XDP, 2);
	attr.expected_attach_type = BPF_XDP;
	xdp = FD(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_SCHED_CLS, 2);
	tc = FD(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_SOCKET_FILTER, 2);
	sock = FD(CALL(BPF_PROG_LOAD));
	load(BPF_PROG_TYPE_SK_LOOKUP, 2);
	attr.expected_attach_type = BPF_SK_LOOKUP;
	lookup = FD(CALL(BPF_PROG_LOAD));

	fresh();
	attr.link_create.prog_fd = 1000000;
	SAY(CALL(BPF_LINK_CREATE));
	/* XDP */
	fresh();
	attr.link_create.prog_fd = xdp;
	attr.link_create.target_ifindex = 1000;
	attr.link_create.attach_type = BPF_XDP;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.target_ifindex = 1;
	attr.link_create.attach_type = BPF_SK_LOOKUP;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.attach_type = BPF_XDP;
	attr.link_create.flags = 1 << 10;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.flags = 1; /* XDP_FLAGS_UPDATE_IF_NOEXIST */
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.flags = 2 | 4; /* SKB_MODE, DRV_MODE */
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.flags = 4;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.flags = 2;
	link = FD(CALL(BPF_LINK_CREATE));
	SAY(CALL(BPF_LINK_CREATE));
	SAY(bpf_sys_close(link));
	attr.link_create.flags = 0;
	link = FD(CALL(BPF_LINK_CREATE));
	SAY(bpf_sys_close(link));
	/* tcx */
	fresh();
	attr.link_create.prog_fd = tc;
	attr.link_create.target_ifindex = 1000;
	attr.link_create.attach_type = TCX_INGRESS;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.target_ifindex = 1;
	attr.link_create.attach_type = BPF_XDP;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.attach_type = TCX_INGRESS;
	attr.link_create.flags = 1 << 10;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.flags = 0;
	link = FD(CALL(BPF_LINK_CREATE));
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.attach_type = TCX_EGRESS;
	second = FD(CALL(BPF_LINK_CREATE));
	SAY(bpf_sys_close(second));
	SAY(bpf_sys_close(link));
	/* others */
	fresh();
	attr.link_create.prog_fd = sock;
	attr.link_create.target_ifindex = 1;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.attach_type = BPF_XDP;
	SAY(CALL(BPF_LINK_CREATE));
	fresh();
	attr.link_create.prog_fd = lookup;
	attr.link_create.target_fd = 1000000;
	attr.link_create.attach_type = BPF_SK_LOOKUP;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.attach_type = BPF_FLOW_DISSECTOR;
	SAY(CALL(BPF_LINK_CREATE));
	attr.link_create.target_fd = xdp;
	attr.link_create.attach_type = BPF_SK_LOOKUP;
	SAY(CALL(BPF_LINK_CREATE));

	/* raw tracepoints: no program that can be loaded here goes there */
	fresh();
	attr.raw_tracepoint.prog_fd = 1000000;
	SAY(CALL(BPF_RAW_TRACEPOINT_OPEN));
	attr.raw_tracepoint.prog_fd = xdp;
	SAY(CALL(BPF_RAW_TRACEPOINT_OPEN));
	attr.raw_tracepoint.name = (unsigned long)gpl;
	SAY(CALL(BPF_RAW_TRACEPOINT_OPEN));
	whole.bytes[24] = 1;
	SAY(CALL(BPF_RAW_TRACEPOINT_OPEN));
	return 0;
}
