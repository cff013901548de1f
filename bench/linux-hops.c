/*
 * The chain of bench/chain.ts on the running kernel, forwarding by XDP: COUNT veth pairs of one network namespace, each receiving end
 * with a program that redirects to the next pair's sending end, the last one with a program that drops.
 *
 *     a0 -> b0  redirect -> a1 -> b1  redirect -> a2 -> ... -> b10  drop
 *
 * The packets are the kernel's own: BPF_PROG_RUN with live frames runs a program that redirects each of them to a0.
 *
 *     linux-hops PACKETS ROUNDS ifindex(a0) ifindex(b0) ifindex(a1) ifindex(b1) ...
 *
 * Prints ns per packet, the best of the rounds. The names of the devices do not matter; all must be up.
 */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PACKET_BYTES 60
#define CALL_LOOKUP 1
#define CALL_REDIRECT 23

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int load(const struct bpf_insn *insns, int count)
{
	union bpf_attr attr = { 0 };
	long fd;

	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = count;
	attr.license = (uintptr_t)"GPL";
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		fail("BPF_PROG_LOAD");
	return fd;
}

static int redirect_to(int ifindex)
{
	struct bpf_insn insns[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, ifindex },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, CALL_REDIRECT },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	return load(insns, 4);
}

/* Counts in the only cell of an array and drops. */
static int count_and_drop(int map)
{
	struct bpf_insn insns[] = {
		{ BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4 },
		{ BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map },
		{ 0, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, CALL_LOOKUP },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1 },
		{ BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_DROP },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	return load(insns, sizeof(insns) / sizeof(insns[0]));
}

static int make_map(void)
{
	union bpf_attr attr = { 0 };
	long fd;

	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 1;
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		fail("BPF_MAP_CREATE");
	return fd;
}

static uint64_t received(int map)
{
	union bpf_attr attr = { 0 };
	uint32_t key = 0;
	uint64_t count = 0;

	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&count;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr) < 0)
		fail("BPF_MAP_LOOKUP_ELEM");
	return count;
}

/* The link lives as long as the process. */
static void attach(int prog, int ifindex)
{
	union bpf_attr attr = { 0 };

	attr.link_create.prog_fd = prog;
	attr.link_create.target_ifindex = ifindex;
	attr.link_create.attach_type = BPF_XDP;
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		fail("BPF_LINK_CREATE");
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Makes the kernel send packets by a program that redirects them. */
static void send_packets(int prog, int ifindex, int packets)
{
	unsigned char packet[PACKET_BYTES] = { 2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45 };
	struct xdp_md ctx = { .data_end = PACKET_BYTES, .ingress_ifindex = ifindex };
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = prog;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = PACKET_BYTES;
	attr.test.ctx_in = (uintptr_t)&ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	attr.test.repeat = packets;
	attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	if (bpf(BPF_PROG_TEST_RUN, &attr) < 0)
		fail("BPF_PROG_TEST_RUN");
}

int main(int argc, char **argv)
{
	int devices = argc - 3, packets, rounds, map, sender;
	double best = 1e18;

	if (devices < 4 || devices % 2 != 0) {
		fprintf(stderr, "usage: linux-hops PACKETS ROUNDS IFINDEX...\n");
		return 2;
	}
	packets = atoi(argv[1]);
	rounds = atoi(argv[2]);
	argv += 3;
	map = make_map();
	for (int i = 1; i + 1 < devices; i += 2)
		attach(redirect_to(atoi(argv[i + 1])), atoi(argv[i]));
	attach(count_and_drop(map), atoi(argv[devices - 1]));
	sender = redirect_to(atoi(argv[0]));
	for (int r = 0; r < rounds; r++) {
		uint64_t before = received(map), came;
		double start = now_ns(), ns;

		send_packets(sender, atoi(argv[0]), packets);
		ns = now_ns() - start;
		came = received(map) - before;
		if (came > 0 && ns / came < best)
			best = ns / came;
	}
	printf("%.1f\n", best);
	return 0;
}
