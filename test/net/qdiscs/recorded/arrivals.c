// Sends frames out of va at given times, runs commands in between and says what arrived at vb and when.
//
//   arrivals < script      in a namespace of its own with the pair va, vb
//
// script, one step a line:   C COMMAND                run it, stdout and stderr together
//                            S COUNT BYTES PRIO GAP   send frames, GAP microseconds apart
//                            W MS                     wait
// output, one event a line:  C START END STATUS OUTPUT (hex)      times in ns since the first step, CLOCK_REALTIME
//                            S TIME TAG BYTES PRIO RESULT          RESULT 0, or errno
//                            R TIME TAG BYTES                      what arrived, in order, after all steps
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TYPE 0x88b5

static int64_t zero;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec - zero;
}

static void wait_until(int64_t at) {
  int64_t left = at - now();
  if (left > 2000000) {
    struct timespec t = {left / 1000000000, left % 1000000000 - (left % 1000000000 > 1000000 ? 1000000 : 0)};
    nanosleep(&t, NULL);
  }
  while (now() < at) {
  }
}

static int open_on(const char *name) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(TYPE), .sll_ifindex = (int)if_nametoindex(name)};
  if (fd < 0 || at.sll_ifindex == 0 || bind(fd, (void *)&at, sizeof at) < 0) {
    perror(name);
    exit(1);
  }
  return fd;
}

static void command(const char *line) {
  int64_t start = now();
  FILE *p = popen(line, "r");
  static char out[1 << 16];
  size_t n = fread(out, 1, sizeof out, p);
  int status = pclose(p);
  int64_t end = now();
  printf("C %lld %lld %d ", (long long)start, (long long)end, WEXITSTATUS(status));
  for (size_t i = 0; i < n; i++) printf("%02x", (unsigned char)out[i]);
  printf("\n");
}

int main(void) {
  static char line[4096];
  static unsigned char frame[65536];
  int out = open_on("va"), in = open_on("vb"), on = 1, big = 64 << 20;
  uint32_t tag = 0;
  setsockopt(in, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(in, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
  setsockopt(out, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
  memset(frame, 0xff, 6);
  frame[6] = 2;
  frame[12] = TYPE >> 8;
  frame[13] = TYPE & 0xff;
  zero = now();
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == 'C') command(line + 2);
    if (line[0] == 'W') wait_until(now() + (int64_t)(atof(line + 2) * 1e6));
    if (line[0] != 'S') continue;
    unsigned count, len, prio, gap;
    if (sscanf(line + 2, "%u %u %u %u", &count, &len, &prio, &gap) != 4) return 2;
    setsockopt(out, SOL_SOCKET, SO_PRIORITY, &prio, sizeof prio);
    int64_t next = now();
    for (unsigned i = 0; i < count; i++, next += gap * 1000LL) {
      wait_until(next);
      memcpy(frame + 14, &tag, 4);
      int64_t at = now();
      errno = 0;
      send(out, frame, len, 0);
      printf("S %lld %u %u %u %d\n", (long long)at, tag++, len, prio, errno);
    }
  }
  for (;;) {
    char control[256];
    struct iovec io = {frame, sizeof frame};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(in, &m, MSG_DONTWAIT);
    if (n < 0) break;
    struct timespec t = {0, 0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
      if (c->cmsg_type == SCM_TIMESTAMPNS) memcpy(&t, CMSG_DATA(c), sizeof t);
    uint32_t got;
    memcpy(&got, frame + 14, 4);
    printf("R %lld %u %zd\n", (long long)((int64_t)t.tv_sec * 1000000000 + t.tv_nsec - zero), got, n);
  }
  return 0;
}
