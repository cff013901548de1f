// SPDX-License-Identifier: MIT
// Runs cases given on stdin by BPF_PROG_RUN: `runner FOLDER CGROUP PIN`, one a line, `PROGRAM IFINDEX PACKET STEP...`: the program is the one of
// FOLDER/PROGRAM.o, packet and steps (struct step) are hex. A line `socket ADDRESS PORT DEVICE|- PEER|- PEERPORT` opens a UDP socket
// for what follows. A program of type cgroup_sock_addr is attached to CGROUP, the runner joins it, and each case connects a UDP socket
// to 10.0.1.2:7000. A program of type lwt_seg6local is what a route to fd50::1 leads to; its packets are sent to d0 by its other end.
// Answers one line a case: the error, the packet afterwards, a struct result for each step, all in hex.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "steps.h"

#define PROGRAMS 32

static const char *cgroup, *pin;

static struct program {
	char name[32];
	int fd, steps, results, xdp, connect, seg6;
} programs[PROGRAMS];

static int unhex(const char *s, __u8 *out, int max)
{
	int n = 0;
	unsigned v;

	for (; s[0] && s[1] && n < max && sscanf(s, "%2x", &v) == 1; s += 2)
		out[n++] = v;
	return n;
}

static void puthex(const void *p, int n)
{
	for (int i = 0; i < n; i++)
		printf("%02x", ((const __u8 *)p)[i]);
}

static int quiet(enum libbpf_print_level l, const char *f, va_list a)
{
	return l == LIBBPF_WARN ? vfprintf(stderr, f, a) : 0;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* The program takes the packets for fd50::1. */
static void route(struct bpf_program *prog)
{
	char command[1024];

	snprintf(command, sizeof(command), "ip -6 route add fd50::1/128 encap seg6local action End.BPF endpoint pinned %s dev d0", pin);
	if (bpf_program__pin(prog, pin) || system(command))
		die(pin);
}

static void send_frame(const void *frame, int len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("p0") };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || sendto(fd, frame, len, 0, (void *)&to, sizeof(to)) != len)
		die("p0");
	close(fd);
	usleep(2000);
}

static struct program *program(const char *folder, const char *name)
{
	struct program *p = programs;
	struct bpf_program *prog;
	struct bpf_object *obj;
	char path[512];
	__u32 key = 1, lo = if_nametoindex("lo");
	int ports;

	for (; p->name[0]; p++)
		if (!strcmp(p->name, name))
			return p;
	snprintf(path, sizeof(path), "%s/%s.o", folder, name);
	obj = bpf_object__open_file(path, NULL);
	if (!obj || bpf_object__load(obj))
		die(path);
	strncpy(p->name, name, sizeof(p->name) - 1);
	prog = bpf_object__next_program(obj, NULL);
	p->fd = bpf_program__fd(prog);
	p->xdp = bpf_program__type(prog) == BPF_PROG_TYPE_XDP;
	p->connect = bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
	p->seg6 = bpf_program__type(prog) == BPF_PROG_TYPE_LWT_SEG6LOCAL;
	if (p->seg6)
		route(prog);
	p->steps = bpf_object__find_map_fd_by_name(obj, "steps");
	p->results = bpf_object__find_map_fd_by_name(obj, "results");
	ports = bpf_object__find_map_fd_by_name(obj, "ports");
	if (ports >= 0 && bpf_map_update_elem(ports, &key, &lo, 0))
		die("ports");
	return p;
}

static socklen_t address(const char *text, int port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
		die(text);
	return sizeof(*v6);
}

static void open_socket(char *save)
{
	char *at = strtok_r(NULL, " \n", &save), *port = strtok_r(NULL, " \n", &save), *dev = strtok_r(NULL, " \n", &save);
	char *peer = strtok_r(NULL, " \n", &save), *peer_port = strtok_r(NULL, " \n", &save);
	struct sockaddr_storage a;
	socklen_t n = address(at, atoi(port), &a);
	int fd = socket(a.ss_family, SOCK_DGRAM, 0), one = 1;

	if (a.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &one, sizeof(one));
	if (strcmp(dev, "-") && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, strlen(dev)))
		die(dev);
	if (bind(fd, (void *)&a, n))
		die(at);
	if (!strcmp(peer, "-"))
		return;
	n = address(peer, atoi(peer_port), &a);
	if (connect(fd, (void *)&a, n))
		die(peer);
}

/* The program runs inside; what connect(2) says is not asked. */
static void connect_socket(struct program *p)
{
	struct sockaddr_storage a;
	socklen_t n = address("10.0.1.2", 7000, &a);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), group = open(cgroup, O_RDONLY | O_DIRECTORY);

	if (group < 0 || bpf_prog_attach(p->fd, group, BPF_CGROUP_INET4_CONNECT, 0))
		die(cgroup);
	connect(fd, (void *)&a, n);
	bpf_prog_detach2(p->fd, group, BPF_CGROUP_INET4_CONNECT);
	close(group);
	close(fd);
}

static void join(void)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(path);
	close(fd);
}

static void run(struct program *p, int ifindex, char *save)
{
	static __u8 in[8192], out[32768];
	struct __sk_buff skb = { .ifindex = ifindex };
	struct result r = {};
	struct step s[STEPS] = {};
	int len = 0, n = 0, err;
	char *word = p->connect ? NULL : strtok_r(NULL, " \n", &save);
	__u32 key;

	if (word)
		len = unhex(word, in, sizeof(in));
	while ((word = strtok_r(NULL, " \n", &save)) && n < STEPS)
		unhex(word, (void *)&s[n++], sizeof(s[0]));
	for (key = 0; key < STEPS; key++) {
		bpf_map_update_elem(p->steps, &key, &s[key], 0);
		bpf_map_update_elem(p->results, &key, &r, 0);
	}
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in, .data_size_in = len, .data_out = out, .data_size_out = sizeof(out),
		    .repeat = 1);
	if (ifindex && !p->xdp) {
		o.ctx_in = &skb;
		o.ctx_size_in = sizeof(skb);
	}
	if (p->connect) {
		connect_socket(p);
		err = 0;
		o.data_size_out = 0;
	} else if (p->seg6) {
		send_frame(in, len);
		err = 0;
		o.data_size_out = 0;
	} else
		err = bpf_prog_test_run_opts(p->fd, &o);
	printf("%d ", err);
	puthex(out, err ? 0 : o.data_size_out);
	for (key = 0; key < (__u32)n; key++) {
		bpf_map_lookup_elem(p->results, &key, &r);
		printf(" ");
		puthex(&r, sizeof(r));
	}
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static char line[65536];

	libbpf_set_print(quiet);
	if (argc < 4)
		return 1;
	cgroup = argv[2];
	pin = argv[3];
	join();
	while (fgets(line, sizeof(line), stdin)) {
		char *save, *word = strtok_r(line, " \n", &save);

		if (!word)
			continue;
		if (!strcmp(word, "socket"))
			open_socket(save);
		else {
			struct program *p = program(argv[1], word);

			run(p, atoi(strtok_r(NULL, " \n", &save)), save);
		}
	}
	return 0;
}
