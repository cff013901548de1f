/*
 * The oracle for maps: asks the running kernel what it answers to commands about maps, from user space and from programs.
 *
 * Reads commands on stdin, one a line; answers each with one line: a number (0 or -errno), or hex bytes, or both.
 * Bytes are hex, `-` is none; within values `@NAME` stands for the 4-byte and `@@NAME` for the 8-byte descriptor of a thing.
 * record.mjs beside this file has the commands.
 *
 * Everything runs on CPU 0 and in a network namespace of its own.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LINE_BYTES (1 << 20)
#define MAX_THINGS 512
#define BYTES (1 << 16)
#define PACKET 512

struct thing {
	char name[32];
	int fd;
	unsigned key, value; /* bytes, of maps; value as user space sees it */
	unsigned prog_value; /* bytes, as programs see it */
	int progs[12]; /* by what they do, 0: not loaded yet */
};
static struct thing things[MAX_THINGS];
static int thing_count;

static long bpf(int cmd, union bpf_attr *a)
{
	long r = syscall(__NR_bpf, cmd, a, sizeof *a);
	return r < 0 ? -errno : r;
}

static struct thing *find(const char *name)
{
	for (int i = 0; i < thing_count; i++)
		if (!strcmp(things[i].name, name)) return &things[i];
	fprintf(stderr, "map-oracle: no %s\n", name);
	exit(2);
}

static struct thing *add(const char *name, int fd)
{
	if (thing_count == MAX_THINGS) exit(3);
	struct thing *t = &things[thing_count++];
	memset(t, 0, sizeof *t);
	snprintf(t->name, sizeof t->name, "%s", name);
	t->fd = fd;
	return t;
}

/* @returns the number of bytes */
static unsigned bytes_of(const char *text, unsigned char *out)
{
	unsigned n = 0, byte;
	while (*text && *text != '-') {
		if (*text == '@') {
			int wide = text[1] == '@', len = 0;
			char name[32];
			text += 1 + wide;
			while (text[len] && text[len] != '@' && text[len] != '.') len++;
			snprintf(name, sizeof name, "%.*s", len, text);
			text += len + (text[len] == '.');
			unsigned long long fd = find(name)->fd;
			memcpy(out + n, &fd, wide ? 8 : 4);
			n += wide ? 8 : 4;
			continue;
		}
		if (sscanf(text, "%2x", &byte) != 1) break;
		out[n++] = byte;
		text += 2;
	}
	return n;
}

static void put_hex(const unsigned char *b, unsigned n)
{
	if (n == 0) printf("-");
	for (unsigned i = 0; i < n; i++) printf("%02x", b[i]);
}

static int load(struct bpf_insn *in, int n, int type, int attach)
{
	union bpf_attr a;
	memset(&a, 0, sizeof a);
	a.prog_type = type;
	a.expected_attach_type = attach;
	a.insns = (unsigned long)in;
	a.insn_cnt = n;
	a.license = (unsigned long)"GPL";
	return bpf(BPF_PROG_LOAD, &a);
}

static int run(int prog, unsigned char *packet, unsigned *retval)
{
	union bpf_attr a;
	unsigned char out[PACKET + 64];
	memset(&a, 0, sizeof a);
	a.test.prog_fd = prog;
	a.test.data_in = (unsigned long)packet;
	a.test.data_size_in = PACKET;
	a.test.data_out = (unsigned long)out;
	a.test.data_size_out = sizeof out;
	long r = bpf(BPF_PROG_TEST_RUN, &a);
	*retval = a.test.retval;
	if (r == 0) memcpy(packet, out, PACKET);
	return r;
}

#define INSN(c, d, s, o, i) (struct bpf_insn){ .code = c, .dst_reg = d, .src_reg = s, .off = o, .imm = i }

/*
 * Programs find their arguments in the packet: key at 0, value at 128, flags at 256; a value that they read goes to 128.
 * @param how 'l' lookup (answers 1 and the value's first bytes, or 0), 'u' update, 'd' delete, 'P' push, 'o' pop, 'e' peek,
 *            'p' peek with the value given (bloom filters), 'r' redirect_map (key u32), 's' lookup of a socket,
 *            'c' lookup of the value of CPU `flags`, 'n' lookup, value not read
 */
static int program_for(struct thing *t, char how)
{
	static const char hows[] = "ludPoernscp";
	int slot = strchr(hows, how) - hows;
	int *cached = &t->progs[slot];
	if (*cached) return *cached;
	struct bpf_insn in[128];
	int n = 0;
	in[n++] = INSN(0xbf, 8, 1, 0, 0);
	in[n++] = INSN(0x61, 6, 1, 0, 0);
	in[n++] = INSN(0x61, 7, 1, 4, 0);
	in[n++] = INSN(0xbf, 1, 6, 0, 0);
	in[n++] = INSN(0x07, 1, 0, 0, PACKET);
	in[n++] = INSN(0xb7, 0, 0, 0, 0);
	in[n++] = INSN(0x3d, 7, 1, 1, 0); /* data_end >= end: go on */
	in[n++] = INSN(0x95, 0, 0, 0, 0);
	in[n++] = INSN(0x18, 1, BPF_PSEUDO_MAP_FD, 0, t->fd);
	in[n++] = INSN(0, 0, 0, 0, 0);
	in[n++] = INSN(0xbf, 2, 6, 0, 0);
	unsigned words = (t->prog_value + 7) / 8;
	int helper = 0;
	switch (how) {
	case 'l': case 's': case 'n': helper = 1; break;
	case 'c':
		helper = 195;
		in[n++] = INSN(0x61, 3, 6, 256, 0);
		break;
	case 'u':
		helper = 2;
		in[n++] = INSN(0xbf, 3, 6, 0, 0);
		in[n++] = INSN(0x07, 3, 0, 0, 128);
		in[n++] = INSN(0x79, 4, 6, 256, 0);
		break;
	case 'd': helper = 3; break;
	case 'P':
		helper = 87;
		in[n++] = INSN(0x07, 2, 0, 0, 128);
		in[n++] = INSN(0x79, 3, 6, 256, 0);
		break;
	case 'p': /* peek with the packet's bytes given: bloom filters */
		helper = 89;
		in[n++] = INSN(0xbf, 2, 10, 0, 0);
		in[n++] = INSN(0x07, 2, 0, 0, -64);
		for (unsigned w = 0; w < words && w < 8; w++) {
			in[n++] = INSN(0x79, 3, 6, 128 + w * 8, 0);
			in[n++] = INSN(0x7b, 10, 3, -64 + w * 8, 0);
		}
		break;
	case 'o': case 'e':
		helper = how == 'o' ? 88 : 89;
		in[n++] = INSN(0xbf, 2, 10, 0, 0);
		in[n++] = INSN(0x07, 2, 0, 0, -64);
		for (unsigned w = 0; w < words && w < 8; w++) in[n++] = INSN(0x7a, 10, 0, -64 + w * 8, 0x55555555);
		break;
	case 'r':
		helper = 51;
		in[n++] = INSN(0x61, 2, 6, 0, 0);
		in[n++] = INSN(0x79, 3, 6, 256, 0);
		break;
	}
	in[n++] = INSN(0x85, 0, 0, 0, helper);
	if (how == 'l' || how == 'c') {
		in[n++] = INSN(0x55, 0, 0, 2, 0);
		in[n++] = INSN(0xb7, 0, 0, 0, 0);
		in[n++] = INSN(0x95, 0, 0, 0, 0);
		for (unsigned b = 0; b < t->prog_value && b < 32; b++) {
			in[n++] = INSN(0x71, 1, 0, b, 0);
			in[n++] = INSN(0x73, 6, 1, 128 + b, 0);
		}
		in[n++] = INSN(0xb7, 0, 0, 0, 1);
	}
	if (how == 'n') {
		in[n++] = INSN(0x15, 0, 0, 1, 0);
		in[n++] = INSN(0xb7, 0, 0, 0, 1);
	}
	if (how == 's') {
		in[n++] = INSN(0x55, 0, 0, 2, 0);
		in[n++] = INSN(0xb7, 0, 0, 0, 0);
		in[n++] = INSN(0x95, 0, 0, 0, 0);
		in[n++] = INSN(0xbf, 1, 0, 0, 0);
		in[n++] = INSN(0x85, 0, 0, 0, BPF_FUNC_sk_release);
		in[n++] = INSN(0xb7, 0, 0, 0, 1);
	}
	if (how == 'o' || how == 'e') {
		for (unsigned w = 0; w < words && w < 8; w++) {
			in[n++] = INSN(0x79, 1, 10, -64 + w * 8, 0);
			in[n++] = INSN(0x7b, 6, 1, 128 + w * 8, 0);
		}
	}
	in[n++] = INSN(0x95, 0, 0, 0, 0);
	int type = how == 's' ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP;
	if (type == BPF_PROG_TYPE_SCHED_CLS) {
		in[1].off = 76; /* __sk_buff data, data_end */
		in[2].off = 80;
	}
	*cached = load(in, n, type, 0);
	return *cached;
}

static void create(char *line)
{
	char name[32], inner[32] = "-";
	unsigned type, key, value, max, flags;
	unsigned long long extra = 0;
	if (sscanf(line, "%*s %31s %u %u %u %u %u %llu %31s", name, &type, &key, &value, &max, &flags, &extra, inner) < 6) exit(2);
	union bpf_attr a;
	memset(&a, 0, sizeof a);
	a.map_type = type;
	a.key_size = key;
	a.value_size = value;
	a.max_entries = max;
	a.map_flags = flags;
	a.map_extra = extra;
	if (strcmp(inner, "-")) a.inner_map_fd = find(inner)->fd;
	/* demands types of key and value: int, and an array of bytes; none with map_extra 1 */
	int btf = -1;
	if (type == BPF_MAP_TYPE_SK_STORAGE || type == 29 || type == 32) { /* sk, task and cgrp storage */
		const unsigned raw[] = {
			0x0001eb9f, 24, 0, 56, 56, 8,
			1, 0x01000000, 4, 0x01000020, /* 1: int, 32 bits, signed */
			5, 0x01000000, 1, 0x00000008, /* 2: u8 */
			0, 0x03000000, 0, 2, 1, value, /* 3: u8[value] */
			0x746e6900, 0x00387500,
		};
		union bpf_attr b;
		memset(&b, 0, sizeof b);
		b.btf = (unsigned long)raw;
		b.btf_size = sizeof raw;
		btf = bpf(BPF_BTF_LOAD, &b);
		if (btf < 0) fprintf(stderr, "map-oracle: btf %d\n", btf);
		if (!(extra & 1)) {
			a.btf_fd = btf;
			a.btf_key_type_id = 1;
			a.btf_value_type_id = 3;
		}
		a.map_extra = 0;
	}
	long fd = bpf(BPF_MAP_CREATE, &a);
	if (btf >= 0) close(btf);
	printf("%ld\n", fd < 0 ? fd : 0);
	if (!strcmp(name, "-")) {
		if (fd >= 0) close(fd);
		return;
	}
	struct thing *t = add(name, fd < 0 ? -1 : fd);
	int per_cpu = type == 5 || type == 6 || type == 10;
	t->key = key;
	t->prog_value = value;
	t->value = per_cpu ? (value + 7) / 8 * 8 * 2 : value;
}

static void command(char *line)
{
	static unsigned char key[BYTES], value[BYTES], out[BYTES];
	static char k[BYTES], v[BYTES];
	char op[16], name[32];
	unsigned long long flags = 0, count = 0;
	union bpf_attr a;
	memset(&a, 0, sizeof a);
	k[0] = v[0] = 0;
	if (sscanf(line, "%15s", op) != 1) return;
	if (!strcmp(op, "create")) return create(line);
	if (!strcmp(op, "prog")) { /* prog NAME TYPE ATTACH: one that answers 2 */
		unsigned type, attach;
		sscanf(line, "%*s %31s %u %u", name, &type, &attach);
		struct bpf_insn in[] = { INSN(0xb7, 0, 0, 0, 2), INSN(0x95, 0, 0, 0, 0) };
		int fd = load(in, 2, type, attach);
		printf("%d\n", fd < 0 ? fd : 0);
		if (fd >= 0) add(name, fd);
		return;
	}
	if (!strcmp(op, "sock")) { /* sock NAME DOMAIN TYPE PORT (0: not bound) LISTEN REUSEPORT */
		int domain, type, port, wants, reuse, one = 1;
		sscanf(line, "%*s %31s %d %d %d %d %d", name, &domain, &type, &port, &wants, &reuse);
		int fd = socket(domain, type, 0);
		if (fd >= 0 && reuse) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001) };
		int r = fd < 0 ? -errno : 0;
		if (r == 0 && port && bind(fd, (struct sockaddr *)&in, sizeof in)) r = -errno;
		if (r == 0 && wants == 1 && listen(fd, 5)) r = -errno;
		if (r == 0 && wants == 2) {
			in.sin_port = htons(9);
			if (connect(fd, (struct sockaddr *)&in, sizeof in)) r = -errno;
		}
		printf("%d\n", r);
		add(name, fd);
		return;
	}
	if (!strcmp(op, "close")) {
		sscanf(line, "%*s %31s", name);
		struct thing *t = find(name);
		printf("%d\n", close(t->fd) ? -errno : 0);
		t->name[0] = 0;
		return;
	}
	if (sscanf(line, "%*s %31s %65535s %65535s %lli %lli", name, k, v, (long long *)&flags, (long long *)&count) < 1) exit(2);
	struct thing *t = find(name);
	if (t->fd < 0) { /* was refused */
		puts("none");
		return;
	}
	memset(key, 0, sizeof key);
	memset(value, 0, sizeof value);
	unsigned key_bytes = bytes_of(k, key), value_bytes = bytes_of(v, value);
	a.map_fd = t->fd;
	a.key = key_bytes || t->key ? (unsigned long)key : 0;
	a.value = (unsigned long)value;
	a.flags = flags;
	if (strlen(op) == 2 && op[0] == 'p') { /* pX NAME KEY VALUE FLAGS: by a program */
		unsigned char packet[PACKET] = { 0 };
		unsigned retval;
		memcpy(packet, key, key_bytes);
		memcpy(packet + 128, value, value_bytes);
		memcpy(packet + 256, &flags, 8);
		int prog = program_for(t, op[1]);
		if (prog < 0) {
			printf("load %d\n", prog);
			return;
		}
		int r = run(prog, packet, &retval);
		if (r < 0) printf("run %d\n", r);
		else if (strchr("lcoe", op[1])) {
			printf("%d ", (int)retval);
			unsigned n = t->prog_value < 32 ? t->prog_value : 32;
			if ((op[1] == 'l' || op[1] == 'c') && !retval) n = 0;
			put_hex(packet + 128, n);
			printf("\n");
		} else printf("%d\n", (int)retval);
		return;
	}
	if (!strcmp(op, "up")) printf("%ld\n", bpf(BPF_MAP_UPDATE_ELEM, &a));
	else if (!strcmp(op, "del")) {
		a.value = 0;
		a.flags = 0;
		printf("%ld\n", bpf(BPF_MAP_DELETE_ELEM, &a));
	} else if (!strcmp(op, "look") || !strcmp(op, "take") || !strcmp(op, "peek")) {
		/* peek takes its value in: bloom filters */
		if (strcmp(op, "peek")) a.value = (unsigned long)out;
		long r = bpf(!strcmp(op, "take") ? BPF_MAP_LOOKUP_AND_DELETE_ELEM : BPF_MAP_LOOKUP_ELEM, &a);
		if (r < 0 || !strcmp(op, "peek")) printf("%ld\n", r);
		else {
			put_hex(out, t->value);
			printf("\n");
		}
	} else if (!strcmp(op, "next")) {
		if (!strcmp(k, "-")) a.key = 0;
		a.value = 0;
		a.next_key = (unsigned long)out;
		long r = bpf(BPF_MAP_GET_NEXT_KEY, &a);
		if (r < 0) printf("%ld\n", r);
		else {
			put_hex(out, t->key);
			printf("\n");
		}
	} else if (!strcmp(op, "freeze")) {
		memset(&a, 0, sizeof a);
		a.map_fd = t->fd;
		printf("%ld\n", bpf(BPF_MAP_FREEZE, &a));
	} else if (op[0] == 'b') { /* bl|bt|bu|bd NAME KEYS|IN VALUES FLAGS COUNT: batches; IN is `-` or what the last one answered */
		static unsigned char in_batch[1024];
		unsigned n = count;
		memset(&a, 0, sizeof a);
		a.batch.map_fd = t->fd;
		a.batch.elem_flags = flags;
		a.batch.count = n;
		int cmd = op[1] == 'l' ? BPF_MAP_LOOKUP_BATCH : op[1] == 't' ? BPF_MAP_LOOKUP_AND_DELETE_BATCH
			: op[1] == 'u' ? BPF_MAP_UPDATE_BATCH : BPF_MAP_DELETE_BATCH;
		if (op[1] == 'l' || op[1] == 't') {
			if (strcmp(k, "-")) a.batch.in_batch = (unsigned long)in_batch;
			static unsigned char next_batch[1024];
			a.batch.out_batch = (unsigned long)next_batch;
			static unsigned char ks[BYTES];
			a.batch.keys = (unsigned long)ks;
			a.batch.values = (unsigned long)out;
			long r = bpf(cmd, &a);
			unsigned got = a.batch.count;
			memcpy(in_batch, next_batch, sizeof in_batch);
			printf("%ld %u ", r, got);
			if (r < 0 && r != -ENOENT) got = 0;
			put_hex(ks, got * t->key);
			printf(" ");
			put_hex(out, got * t->value);
			printf("\n");
		} else {
			a.batch.keys = (unsigned long)key;
			a.batch.values = op[1] == 'u' ? (unsigned long)value : 0;
			long r = bpf(cmd, &a);
			printf("%ld %u\n", r, a.batch.count);
		}
	} else exit(4);
}

int main(void)
{
	static char line[LINE_BYTES];
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof set, &set);
	struct rlimit lim = { 4096, 4096 };
	setrlimit(RLIMIT_NOFILE, &lim);
	if (unshare(CLONE_NEWNET)) return 5;
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	ioctl(s, SIOCSIFFLAGS, &ifr);
	close(s);
	while (fgets(line, sizeof line, stdin)) {
		if (!strcmp(line, "reset\n")) { /* forgets every thing */
			for (int i = 0; i < thing_count; i++) {
				if (things[i].name[0]) close(things[i].fd);
				for (int p = 0; p < 12; p++) if (things[i].progs[p] > 0) close(things[i].progs[p]);
			}
			thing_count = 0;
			puts("0");
		} else command(line);
		fflush(stdout);
	}
	return 0;
}
