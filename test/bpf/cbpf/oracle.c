// Asks the running kernel about classic BPF. Programs come on stdin, one a line: `4,40 0 0 12,...`.
//
//   oracle check    what SO_ATTACH_FILTER answers each: 0 or an errno
//   oracle size     bytes of option memory each takes: the least net.core.optmem_max that lets it in
//   oracle run      a veth pair va -- vb; then lines `P MARK HEX` are frames to send from va. For every frame a line with the lengths
//                   that packet sockets on vb (incoming) and, behind a `|`, on va (outgoing) got, one for each program; 0: none
//
// size and run work in a network namespace of their own, which ends with the process. @source man 7 packet, man 7 socket
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_PROGRAMS 1024

static char line[1 << 18];
static struct sock_filter insns[70000];

static int die(const char *what) {
  perror(what);
  exit(1);
}

/* A program may be longer than it says: then the length is what it says. */
static struct sock_fprog parse(char *text) {
  struct sock_fprog p = { 0, insns };
  p.len = strtoul(text, &text, 10);
  for (struct sock_filter *f = insns; *text == ',' && text[1] >= '0' && text[1] <= '9'; f++) {
    f->code = strtoul(text + 1, &text, 10);
    f->jt = strtoul(text, &text, 10);
    f->jf = strtoul(text, &text, 10);
    f->k = strtoul(text, &text, 10);
  }
  return p;
}

static int attach(int s, struct sock_fprog *p) {
  return setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, p, sizeof *p) < 0 ? errno : 0;
}

static void optmem(int bytes) {
  char text[16];
  int fd = open("/proc/sys/net/core/optmem_max", O_WRONLY);
  int n = snprintf(text, sizeof text, "%d", bytes);
  if (fd < 0 || write(fd, text, n) != n) die("optmem_max");
  close(fd);
}

static int size(struct sock_fprog *p) {
  int lo = 0, hi = 1 << 20;
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    optmem(mid);
    if (attach(s, p) == 0) hi = mid;
    else lo = mid;
    close(s);
  }
  return hi;
}

static int packet_socket(const char *dev, int protocol) {
  int s = socket(AF_PACKET, SOCK_RAW, 0), big = 1 << 20;
  struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = if_nametoindex(dev) };
  setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
  if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) < 0) die("packet socket");
  return s;
}

/* The length of the frame that waits in the wanted direction, 0 when there is none. */
static int taken(int s, int outgoing) {
  char frame[4096];
  struct sockaddr_ll from;
  socklen_t n = sizeof from;
  int len = 0, got;
  while ((got = recvfrom(s, frame, sizeof frame, MSG_DONTWAIT, (struct sockaddr *)&from, &n)) >= 0) {
    if ((from.sll_pkttype == PACKET_OUTGOING) == outgoing) len = got;
    n = sizeof from;
  }
  return len;
}

static void await(int s, int outgoing) {
  for (int i = 0; i < 50; i++) {
    struct pollfd p = { s, POLLIN, 0 };
    if (poll(&p, 1, 20) > 0 && taken(s, outgoing) > 0) return;
  }
}

static void network(void) {
  if (unshare(CLONE_NEWNET) < 0) die("unshare");
  if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1;"
             "ip link add va address 02:00:00:00:00:01 type veth peer name vb address 02:00:00:00:00:02 &&"
             "ip link set va up && ip link set vb up") != 0)
    die("ip");
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  int in[MAX_PROGRAMS], out[MAX_PROGRAMS], n = 0, sender = -1, last_in = -1, last_out = -1;
  if (strcmp(mode, "size") == 0 && unshare(CLONE_NEWNET) < 0) die("unshare");
  if (strcmp(mode, "run") == 0) {
    network();
    // the newest socket gets a frame first, so that these two get it last
    last_in = packet_socket("vb", ETH_P_ALL);
    last_out = packet_socket("va", ETH_P_ALL);
    sender = packet_socket("va", 0);
  }
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (line[0] == 'P') {
      unsigned char frame[4096];
      int len = 0, mark, at = 0;
      sscanf(line, "P %i %n", &mark, &at);
      for (char *p = line + at; sscanf(p, "%2hhx", &frame[len]) == 1; p += 2) len++;
      setsockopt(sender, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
      if (send(sender, frame, len, 0) == len) {
        await(last_out, 1);
        await(last_in, 0);
      }
      for (int i = 0; i < n; i++) printf("%d ", taken(in[i], 0));
      printf("|");
      for (int i = 0; i < n; i++) printf(" %d", taken(out[i], 1));
      printf("\n");
      continue;
    }
    struct sock_fprog p = parse(line);
    if (strcmp(mode, "run") == 0) {
      in[n] = packet_socket("vb", ETH_P_ALL);
      out[n] = packet_socket("va", ETH_P_ALL);
      if (attach(in[n], &p) != 0 || attach(out[n], &p) != 0) die(line);
      n++;
    } else if (strcmp(mode, "size") == 0) {
      printf("%d\n", size(&p));
    } else {
      int s = socket(AF_INET, SOCK_DGRAM, 0);
      printf("%d\n", attach(s, &p));
      close(s);
    }
  }
  return 0;
}
