// SPDX-License-Identifier: MIT
// Fills the maps of select.bpf.c (argv[1]), sends a datagram to a socket with SO_REUSEPORT that has the program, and prints a line of
// answers for each map. Slots: 0 nothing, 1 a socket that shares no port, 2 one that shares another port, 3 one of IPv6 that does,
// 4 one of TCP. A socket stands in one reuseport_sockarray at most, and one that shares no port in none.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 8
#define ASKED 5

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(int family, int type, int port, int shares)
{
	struct sockaddr_in6 a = { .sin6_family = family, .sin6_port = htons(port) };
	int fd = socket(family, type, 0), one = 1;

	if (shares && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
		die("SO_REUSEPORT");
	if (bind(fd, (void *)&a, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(a)))
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 1))
		die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(6000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const char *names[] = { "sockmap", "sockhash", "reuseport_sockarray" };
	struct bpf_object *obj = argc > 1 ? bpf_object__open_file(argv[1], NULL) : NULL;
	int own = open_socket(AF_INET, SOCK_DGRAM, 6000, 1), prog;
	__s64 answer;

	if (!obj || bpf_object__load(obj))
		die("load");
	for (int m = 0; m < 3; m++) {
		int map = bpf_object__find_map_fd_by_name(obj, names[m]);

		for (__u32 slot = 1; slot < ASKED; slot++) {
			int port = 6100 + m * 10 + slot;
			__u64 fd = open_socket(slot == 3 ? AF_INET6 : AF_INET, slot == 4 ? SOCK_STREAM : SOCK_DGRAM, port, slot > 1);

			if (bpf_map_update_elem(map, &slot, &fd, 0) && !(m == 2 && slot == 1))
				die(names[m]);
		}
	}
	prog = bpf_program__fd(bpf_object__next_program(obj, NULL));
	if (setsockopt(own, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)))
		die("SO_ATTACH_REUSEPORT_EBPF");
	// the program runs inside: loopback delivers before sendto returns
	if (sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&to, sizeof(to)) != 1)
		die("sendto");
	for (__u32 m = 0; m < 3; m++) {
		printf("%s", names[m]);
		for (__u32 slot = 0; slot < ASKED; slot++) {
			__u32 at = m * SLOTS + slot;

			bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, "answers"), &at, &answer);
			printf(" %lld", answer);
		}
		printf("\n");
	}
	return 0;
}
