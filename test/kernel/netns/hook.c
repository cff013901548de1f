/*
 * What iproute2 and bpftool cannot do for the recordings in namespaces.
 *
 *   hook send IFNAME                         sends frames, one hex line on stdin each; prints {"sent", "errors": {errno: n}}
 *   hook tap IFNAME...                       listens as tcpdump does until stdin ends; prints a JSON line per frame
 *   hook filter PINNED_PROGRAM IFNAME        the same with a socket filter on the socket
 *   hook tcx ingress|egress IFNAME PINNED    attaches a program after those that are attached already
 *   hook devmap PINNED_MAP SLOT IFNAME PINNED|-   writes a devmap slot, with or without a program
 *
 * `tap` and `filter` print "ready" on stderr when they listen.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#define FRAME_BYTES 65536
#define MAX_TAPS 16

/* Of Linux 6.6; older headers do not have them. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS 47

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif

static void die(const char *what)
{
	fprintf(stderr, "hook: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int packet_socket(const char *ifname, int proto)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(proto) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	at.sll_ifindex = if_nametoindex(ifname);
	if (fd < 0 || !at.sll_ifindex)
		die(ifname);
	if (proto && bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("bind");
	return fd;
}

static int pinned(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		die(path);
	return fd;
}

static int do_send(const char *ifname)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(ifname) };
	static char line[2 * FRAME_BYTES + 2];
	static unsigned char frame[FRAME_BYTES];
	int fd = packet_socket(ifname, 0), sent = 0, errors[256] = {};
	const char *comma = "";

	while (fgets(line, sizeof(line), stdin)) {
		size_t bytes = strcspn(line, "\n") / 2;

		for (size_t i = 0; i < bytes; i++)
			sscanf(line + 2 * i, "%2hhx", &frame[i]);
		if (sendto(fd, frame, bytes, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			errors[errno & 255]++;
		else
			sent++;
	}
	printf("{\"sent\":%d,\"errors\":{", sent);
	for (int i = 0; i < 256; i++)
		if (errors[i]) {
			printf("%s\"%s\":%d", comma, strerrorname_np(i), errors[i]);
			comma = ",";
		}
	printf("}}\n");
	return 0;
}

static void print_frame(const char *ifname, const struct sockaddr_ll *from, const unsigned char *frame, ssize_t bytes)
{
	printf("{\"dev\":\"%s\",\"out\":%s,\"pktType\":%d,\"hex\":\"", ifname,
	       from->sll_pkttype == PACKET_OUTGOING ? "true" : "false", from->sll_pkttype);
	for (ssize_t i = 0; i < bytes; i++)
		printf("%02x", frame[i]);
	printf("\"}\n");
}

/* Frames already queued when stdin ends are still printed. */
static int do_tap(char **ifnames, int count, int filter_fd)
{
	static unsigned char frame[FRAME_BYTES];
	struct pollfd polls[MAX_TAPS + 1] = { { .fd = 0, .events = POLLIN } };
	int over = 0;

	if (count > MAX_TAPS)
		return 2;
	for (int i = 0; i < count; i++) {
		int room = 8 << 20;

		polls[i + 1] = (struct pollfd){ .fd = packet_socket(ifnames[i], ETH_P_ALL), .events = POLLIN };
		setsockopt(polls[i + 1].fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		if (filter_fd >= 0 &&
		    setsockopt(polls[i + 1].fd, SOL_SOCKET, SO_ATTACH_BPF, &filter_fd, sizeof(filter_fd)))
			die("SO_ATTACH_BPF");
	}
	fprintf(stderr, "ready\n");
	while (!over) {
		poll(polls, count + 1, -1);
		if (polls[0].revents)
			over = read(0, frame, sizeof(frame)) <= 0;
		for (int i = 0; i < count; i++) {
			struct sockaddr_ll from;
			socklen_t size = sizeof(from);
			ssize_t bytes;

			while ((bytes = recvfrom(polls[i + 1].fd, frame, sizeof(frame), MSG_DONTWAIT,
						 (struct sockaddr *)&from, &size)) >= 0)
				print_frame(ifnames[i], &from, frame, bytes);
		}
	}
	return 0;
}

static int do_tcx(const char *direction, const char *ifname, const char *pin)
{
	int type = strcmp(direction, "ingress") ? ATTACH_TCX_EGRESS : ATTACH_TCX_INGRESS;

	if (bpf_prog_attach(pinned(pin), if_nametoindex(ifname), type, 0))
		die("attach");
	return 0;
}

static int do_devmap(const char *map, const char *slot_text, const char *ifname, const char *prog)
{
	struct bpf_devmap_val value = { .ifindex = if_nametoindex(ifname), .bpf_prog.fd = -1 };
	__u32 slot = strtoul(slot_text, NULL, 10);

	if (strcmp(prog, "-"))
		value.bpf_prog.fd = pinned(prog);
	if (bpf_map_update_elem(pinned(map), &slot, &value, BPF_ANY))
		die("devmap");
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "send") && argc == 3)
		return do_send(argv[2]);
	if (!strcmp(command, "tap") && argc >= 3)
		return do_tap(argv + 2, argc - 2, -1);
	if (!strcmp(command, "filter") && argc == 4)
		return do_tap(argv + 3, 1, pinned(argv[2]));
	if (!strcmp(command, "tcx") && argc == 5)
		return do_tcx(argv[2], argv[3], argv[4]);
	if (!strcmp(command, "devmap") && argc == 6)
		return do_devmap(argv[2], argv[3], argv[4], argv[5]);
	fprintf(stderr, "hook: see the head of hook.c\n");
	return 2;
}
