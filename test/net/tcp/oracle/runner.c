// Plays a script against the running kernel's TCP, in the manner of packetdrill: sockets on one side, segments through a TUN device on
// the other. Reads the script on stdin, a step a line, and prints what the kernel sent and what the calls answered. Run in a network
// namespace of its own (record.mjs does).
//
//   tun0 takes packets of one segment (gso_max_segs 1), as netsim's devices do. It has 10.9.0.2/24 (and fd09::2/64 with "family 6"); the peer is 10.9.0.1, port 7777; the kernel's port is 80 when it listens.
//
//   family 4|6                    must come first
//   listen BACKLOG | accept | connect | write N | read N | shutdown HOW | close | closelistener
//   opt LEVEL NAME VALUE          on the connection, or the listener before there is one
//   linger ON SECONDS
//   wait MS                       time passes; segments of the kernel are printed as they come
//   send FLAGS SEQ ACK WINDOW LEN [mss=N] [ws=N] [sackok] [ts=VAL] [sack=A-B,...] [port=N] [ece] [cwr] [tos=N] [badsum] [urg=N]
//     FLAGS of S F R P A; SEQ relative to the peer's first number (5000), ACK relative to the kernel's; ts echoes the kernel's last
//
//   out: pkt MS FLAGS SEQ ACK WINDOW LEN OPTIONS [tos] [port]     call NAME RESULT
//   MS since the last step that was no wait
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEER_PORT = 7777, KERNEL_PORT = 80, PEER_ISN = 5000 };

static int tun, listener = -1, conn = -1, v6;
static double start;
static uint16_t kernel_port = KERNEL_PORT;
static uint32_t kernel_isn, last_tsval;
static int have_isn;

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static uint32_t sum(const uint8_t *p, int n, uint32_t s)
{
	for (int i = 0; i < n; i++)
		s += i & 1 ? p[i] : p[i] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24, p[1] = v >> 16, p[2] = v >> 8, p[3] = v;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = v >> 8, p[1] = v;
}

static const uint8_t addr4[2][4] = { { 10, 9, 0, 1 }, { 10, 9, 0, 2 } };
static const uint8_t addr6[2][16] = { { 0xfd, 9, [15] = 1 }, { 0xfd, 9, [15] = 2 } };

static void print_options(const uint8_t *p, int n)
{
	int any = 0;
	for (int i = 0; i < n;) {
		int kind = p[i], len = kind < 2 ? 1 : p[i + 1];
		const char *sep = any++ ? "," : "";
		if (kind == 0)
			printf("%seol", sep);
		else if (kind == 1)
			printf("%snop", sep);
		else if (kind == 2)
			printf("%smss%d", sep, p[i + 2] << 8 | p[i + 3]);
		else if (kind == 3)
			printf("%sws%d", sep, p[i + 2]);
		else if (kind == 4)
			printf("%ssackok", sep);
		else if (kind == 8) {
			last_tsval = get32(p + i + 2);
			printf("%sts:%u", sep, get32(p + i + 6));
		} else if (kind == 5) {
			printf("%ssack", sep);
			for (int j = 2; j < len; j += 8)
				printf(":%d-%d", get32(p + i + j) - PEER_ISN, get32(p + i + j + 4) - PEER_ISN);
		} else
			printf("%sopt%d", sep, kind);
		if (kind == 0 || len < 1)
			break;
		i += len;
	}
	if (!any)
		printf("-");
}

static void show(const uint8_t *p, int n)
{
	int ip = v6 ? 40 : (p[0] & 15) * 4;
	if ((v6 ? p[6] : p[9]) != IPPROTO_TCP || (p[0] >> 4) != (v6 ? 6 : 4))
		return;
	const uint8_t *t = p + ip;
	int hlen = (t[12] >> 4) * 4, flags = t[13], to = t[2] << 8 | t[3];
	uint32_t seq = get32(t + 4), ack = get32(t + 8);
	char f[10], *q = f;
	if ((flags & 2) && !(flags & 4)) {
		// a SYN of another attempt has a number of its own
		kernel_isn = seq, have_isn = 1;
		kernel_port = t[0] << 8 | t[1];
	}
	static const char names[] = "FSRPAUEC";
	for (int i = 0; i < 8; i++)
		if (flags >> i & 1)
			*q++ = names[i];
	*q = 0;
	printf("pkt %.1f %s %d %d %d %d ", now_ms() - start, f, have_isn ? (int)(seq - kernel_isn) : (int)seq,
	       flags & 16 ? (int)(ack - PEER_ISN) : 0, t[14] << 8 | t[15], n - ip - hlen);
	print_options(t + 20, hlen - 20);
	int tos = v6 ? (p[0] << 4 | p[1] >> 4) & 255 : p[1];
	if (tos)
		printf(" tos=%d", tos);
	if (to != PEER_PORT)
		printf(" port=%d", to);
	printf("\n");
}

static void pass(double ms)
{
	double end = now_ms() + ms;
	uint8_t buf[70000];
	for (;;) {
		double left = end - now_ms();
		struct pollfd fd = { tun, POLLIN, 0 };
		if (poll(&fd, 1, left > 0 ? (int)left + (left > (int)left) : 0) > 0) {
			int n = read(tun, buf, sizeof buf);
			if (n > 0)
				show(buf, n);
			continue;
		}
		if (now_ms() >= end)
			return;
	}
}

static void send_segment(char *args)
{
	char flags[16], *save, *word;
	int seq, ack, window, len, n = 0, tos = 0, port = PEER_PORT, bad = 0, urg = 0, bits = 0;
	uint8_t opt[60], buf[70000] = { 0 };
	strcpy(flags, strtok_r(args, " ", &save));
	seq = atoi(strtok_r(NULL, " ", &save));
	ack = atoi(strtok_r(NULL, " ", &save));
	window = atoi(strtok_r(NULL, " ", &save));
	len = atoi(strtok_r(NULL, " ", &save));
	for (char *c = flags; *c; c++)
		bits |= *c == 'F' ? 1 : *c == 'S' ? 2 : *c == 'R' ? 4 : *c == 'P' ? 8 : *c == 'A' ? 16 : *c == 'U' ? 32 : 0;
	while ((word = strtok_r(NULL, " ", &save))) {
		int v = strchr(word, '=') ? atoi(strchr(word, '=') + 1) : 0;
		if (!strncmp(word, "mss=", 4))
			opt[n++] = 2, opt[n++] = 4, opt[n++] = v >> 8, opt[n++] = v;
		else if (!strncmp(word, "ws=", 3))
			opt[n++] = 1, opt[n++] = 3, opt[n++] = 3, opt[n++] = v;
		else if (!strcmp(word, "sackok"))
			opt[n++] = 1, opt[n++] = 1, opt[n++] = 4, opt[n++] = 2;
		else if (!strncmp(word, "ts=", 3)) {
			opt[n++] = 1, opt[n++] = 1, opt[n++] = 8, opt[n++] = 10;
			put32(opt + n, v), put32(opt + n + 4, last_tsval), n += 8;
		} else if (!strncmp(word, "sack=", 5)) {
			int at = n + 3;
			opt[n++] = 1, opt[n++] = 1, opt[n++] = 5, n++;
			for (char *b = strtok(word + 5, ","); b; b = strtok(NULL, ",")) {
				put32(opt + n, atoi(b) + kernel_isn), put32(opt + n + 4, atoi(strchr(b, '-') + 1) + kernel_isn), n += 8;
			}
			opt[at] = n - at + 1;
		} else if (!strncmp(word, "port=", 5))
			port = v;
		else if (!strncmp(word, "tos=", 4))
			tos = v;
		else if (!strncmp(word, "urg=", 4))
			urg = v;
		else if (!strcmp(word, "badsum"))
			bad = 1;
		else if (!strcmp(word, "ece"))
			bits |= 64;
		else if (!strcmp(word, "cwr"))
			bits |= 128;
	}
	int ip = v6 ? 40 : 20, tcp = 20 + n + len;
	uint8_t *t = buf + ip;
	put16(t, port), put16(t + 2, kernel_port);
	put32(t + 4, PEER_ISN + seq), put32(t + 8, bits & 16 ? kernel_isn + ack : 0);
	t[12] = (20 + n) / 4 << 4, t[13] = bits;
	put16(t + 14, window), put16(t + 18, urg);
	memcpy(t + 20, opt, n);
	for (int i = 0; i < len; i++)
		t[20 + n + i] = 'a' + i % 26;
	uint32_t s;
	if (v6) {
		buf[0] = 0x60 | tos >> 4, buf[1] = tos << 4;
		put16(buf + 4, tcp), buf[6] = IPPROTO_TCP, buf[7] = 64;
		memcpy(buf + 8, addr6[0], 16), memcpy(buf + 24, addr6[1], 16);
		s = sum(buf + 8, 32, tcp + IPPROTO_TCP);
	} else {
		buf[0] = 0x45, buf[1] = tos;
		put16(buf + 2, ip + tcp), buf[8] = 64, buf[9] = IPPROTO_TCP;
		memcpy(buf + 12, addr4[0], 4), memcpy(buf + 16, addr4[1], 4);
		put16(buf + 10, fold(sum(buf, 20, 0)));
		s = sum(buf + 12, 8, tcp + IPPROTO_TCP);
	}
	put16(t + 16, fold(sum(t, tcp, s)) ^ bad);
	if (write(tun, buf, ip + tcp) < 0)
		die("write tun");
	pass(2);
}

static void answer(const char *name, long rc)
{
	printf("call %s %ld\n", name, rc < 0 ? -(long)errno : rc);
	pass(2);
}

static int address(struct sockaddr_storage *s, int peer, int port)
{
	memset(s, 0, sizeof *s);
	if (v6) {
		struct sockaddr_in6 *a = (void *)s;
		a->sin6_family = AF_INET6, a->sin6_port = htons(port);
		memcpy(&a->sin6_addr, addr6[peer ? 0 : 1], 16);
		return sizeof *a;
	}
	struct sockaddr_in *a = (void *)s;
	a->sin_family = AF_INET, a->sin_port = htons(port);
	memcpy(&a->sin_addr, addr4[peer ? 0 : 1], 4);
	return sizeof *a;
}

int main(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char line[512];
	static char data[1 << 20];
	struct sockaddr_storage sa;
	strcpy(ifr.ifr_name, "tun0");
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &ifr) < 0)
		die("tun");
	if (system("ip link set tun0 up mtu 1500 gso_max_segs 1 && ip addr add 10.9.0.2/24 dev tun0 && ip -6 addr add fd09::2/64 dev tun0 nodad"))
		die("ip");
	setvbuf(stdout, NULL, _IOLBF, 0);
	start = now_ms();
	pass(50);
	start = now_ms();
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		char *args = strchr(line, ' ');
		if (args)
			*args++ = 0;
		else
			args = line + strlen(line);
		if (strcmp(line, "wait"))
			start = now_ms();
		int fd = conn >= 0 ? conn : listener, domain = v6 ? AF_INET6 : AF_INET;
		if (!*line || *line == '#')
			continue;
		if (!strcmp(line, "family"))
			v6 = atoi(args) == 6;
		else if (!strcmp(line, "socket"))
			listener = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
		else if (!strcmp(line, "listen")) {
			int one = 1;
			if (listener < 0)
				listener = socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
			setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
			int n = address(&sa, 0, KERNEL_PORT);
			if (bind(listener, (void *)&sa, n))
				die("bind");
			answer("listen", listen(listener, atoi(args)));
		} else if (!strcmp(line, "accept")) {
			conn = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
			answer("accept", conn < 0 ? -1 : 0);
		} else if (!strcmp(line, "connect")) {
			conn = listener >= 0 ? listener : socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0);
			listener = -1;
			int n = address(&sa, 1, PEER_PORT);
			answer("connect", connect(conn, (void *)&sa, n));
		} else if (!strcmp(line, "write"))
			answer("write", send(conn, data, atoi(args), MSG_NOSIGNAL));
		else if (!strcmp(line, "read"))
			answer("read", recv(conn, data, atoi(args), 0));
		else if (!strcmp(line, "shutdown"))
			answer("shutdown", shutdown(conn, atoi(args)));
		else if (!strcmp(line, "close")) {
			int rc = close(conn);
			conn = -1;
			answer("close", rc);
		} else if (!strcmp(line, "closelistener")) {
			int rc = close(listener);
			listener = -1;
			answer("closelistener", rc);
		} else if (!strcmp(line, "opt")) {
			int level, name, value;
			sscanf(args, "%d %d %d", &level, &name, &value);
			answer("opt", setsockopt(fd, level, name, &value, sizeof value));
		} else if (!strcmp(line, "linger")) {
			struct linger l;
			sscanf(args, "%d %d", &l.l_onoff, &l.l_linger);
			answer("opt", setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l));
		} else if (!strcmp(line, "wait"))
			pass(atof(args));
		else if (!strcmp(line, "send"))
			send_segment(args);
		else {
			fprintf(stderr, "unknown step %s\n", line);
			return 2;
		}
	}
	fflush(stdout);
	return 0;
}
