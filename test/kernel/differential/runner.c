/*
 * Answers what the running kernel does with generated programs. Requests come on stdin, answers go to stdout, one frame each:
 * u32 number of the bytes that follow, little endian. test/bpf/differential/wire.ts has the layout of both.
 * Needs root. Runs on CPU 0 and in a network namespace of its own, so that device 1 is its lo and nothing else is there.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_MAPS 16
#define MAX_PROGS 8
#define MAX_FUNCS 64
#define FRAME_MAX (4 << 20)
#define DATA_MAX 8192
#define CTX_MAX 256
#define LOG_BYTES (1 << 18)

enum status { ANSWERED, MAP_REFUSED, PROG_REFUSED };

struct map {
  int fd;
  uint8_t type;
  uint32_t key_size, value_size, max_entries;
  /* bytes of a value as user space reads it */
  uint32_t user_size;
};

static uint8_t in[FRAME_MAX], out[FRAME_MAX];
static uint8_t *next;
static size_t out_len;
static char verifier_log[LOG_BYTES];
static int btf_fd, cpus;

static long sys_bpf(int cmd, union bpf_attr *attr) { return syscall(__NR_bpf, cmd, attr, sizeof *attr); }

static void die(const char *what) {
  fprintf(stderr, "differential runner: %s: %s\n", what, strerror(errno));
  exit(2);
}

static uint32_t take(int bytes) {
  uint32_t v = 0;
  memcpy(&v, next, bytes);
  next += bytes;
  return v;
}

static uint8_t *take_bytes(size_t n) {
  uint8_t *at = next;
  next += n;
  return at;
}

static void put(const void *bytes, size_t n) {
  if (out_len + n > FRAME_MAX) die("an answer is too long");
  memcpy(out + out_len, bytes, n);
  out_len += n;
}

static void put32(uint32_t v) { put(&v, 4); }

static bool is_percpu(int type) {
  return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_map_of_maps(int type) {
  return type == BPF_MAP_TYPE_ARRAY_OF_MAPS || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

static bool is_queue(int type) { return type == BPF_MAP_TYPE_QUEUE || type == BPF_MAP_TYPE_STACK; }

/* One `static int f(void)`, and as many FUNCs of that type as there may be functions: what callbacks ask of BTF. */
static int load_btf(void) {
  static const char strings[] = "\0int\0f";
  struct {
    struct btf_header h;
    struct btf_type word;
    uint32_t word_bits;
    struct btf_type proto, funcs[1];
    char strings[sizeof strings];
  } __attribute__((packed)) btf = {
    .h = { .magic = BTF_MAGIC, .version = BTF_VERSION, .hdr_len = sizeof btf.h },
    .word = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
    .word_bits = (BTF_INT_SIGNED << 24) | 32,
    .proto = { .info = BTF_KIND_FUNC_PROTO << 24, .type = 1 },
    .funcs = { { .name_off = 5, .info = (BTF_KIND_FUNC << 24) | BTF_FUNC_STATIC, .type = 2 } },
  };
  btf.h.type_len = offsetof(typeof(btf), strings) - sizeof btf.h;
  btf.h.str_off = btf.h.type_len;
  btf.h.str_len = sizeof strings;
  memcpy(btf.strings, strings, sizeof strings);
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.btf = (uintptr_t)&btf;
  a.btf_size = sizeof btf;
  int fd = sys_bpf(BPF_BTF_LOAD, &a);
  if (fd < 0) die("BTF");
  return fd;
}

static void update_elem(struct map *m, const void *key, const void *value) {
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.map_fd = m->fd;
  a.key = is_queue(m->type) ? 0 : (uintptr_t)key;
  a.value = (uintptr_t)value;
  if (sys_bpf(BPF_MAP_UPDATE_ELEM, &a) < 0) die("writing a map");
}

/* Reads and makes a map. Returns false when the kernel refuses it. */
static bool make_map(struct map *maps, int n) {
  struct map *m = &maps[n];
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  m->type = take(1);
  a.map_type = m->type;
  a.key_size = m->key_size = take(4);
  a.value_size = m->value_size = take(4);
  a.max_entries = m->max_entries = take(4);
  a.map_flags = take(4);
  int inner = take(1);
  int frozen = take(1);
  if (is_map_of_maps(m->type)) a.inner_map_fd = maps[inner].fd;
  m->fd = sys_bpf(BPF_MAP_CREATE, &a);
  if (m->fd < 0) return false;
  m->user_size = is_percpu(m->type) ? (m->value_size + 7) / 8 * 8 * cpus : m->value_size;
  for (int count = take(2); count > 0; count--) {
    uint8_t *key = take_bytes(m->key_size), *value = take_bytes(m->value_size), wide[CTX_MAX * 8];
    if (is_map_of_maps(m->type)) {
      memcpy(wide, &maps[*value].fd, 4);
      update_elem(m, key, wide);
    } else if (is_percpu(m->type)) {
      memset(wide, 0, sizeof wide);
      for (int c = 0; c < cpus; c++) memcpy(wide + c * (m->user_size / cpus), value, m->value_size);
      update_elem(m, key, wide);
    } else update_elem(m, key, value);
  }
  if (frozen) {
    memset(&a, 0, sizeof a);
    a.map_fd = m->fd;
    if (sys_bpf(BPF_MAP_FREEZE, &a) < 0) die("freezing a map");
  }
  return true;
}

/* Reads and loads a program. Returns -errno when the kernel refuses it. */
static int load_prog(int type, const struct map *maps) {
  struct bpf_func_info funcs[MAX_FUNCS];
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  int count = take(2);
  struct bpf_insn *insns = (struct bpf_insn *)take_bytes(count * sizeof *insns);
  for (int i = 0; i < count; i++) {
    bool map = insns[i].code == 0x18 && (insns[i].src_reg == 1 || insns[i].src_reg == 2);
    if (map) insns[i].imm = maps[insns[i].imm].fd;
    if (insns[i].code == 0x18) i++;
  }
  int functions = take(2);
  for (int i = 0; i < functions; i++) funcs[i] = (struct bpf_func_info){ .insn_off = take(2), .type_id = 3 };
  a.prog_type = type;
  a.insns = (uintptr_t)insns;
  a.insn_cnt = count;
  a.license = (uintptr_t) "GPL";
  a.prog_btf_fd = btf_fd;
  a.func_info = (uintptr_t)funcs;
  a.func_info_cnt = functions;
  a.func_info_rec_size = sizeof *funcs;
  int fd = sys_bpf(BPF_PROG_LOAD, &a);
  if (fd >= 0) return fd;
  int error = errno;
  verifier_log[0] = 0;
  a.log_level = 1;
  a.log_buf = (uintptr_t)verifier_log;
  a.log_size = LOG_BYTES;
  fd = sys_bpf(BPF_PROG_LOAD, &a);
  if (fd >= 0) close(fd);
  return -error;
}

static void run(int prog) {
  static uint8_t data[DATA_MAX], ctx[CTX_MAX];
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.test.prog_fd = prog;
  a.test.data_size_in = take(2);
  a.test.data_in = (uintptr_t)take_bytes(a.test.data_size_in);
  a.test.ctx_size_in = take(2);
  a.test.ctx_in = (uintptr_t)take_bytes(a.test.ctx_size_in);
  a.test.data_out = (uintptr_t)data;
  a.test.data_size_out = sizeof data;
  a.test.ctx_out = (uintptr_t)ctx;
  a.test.ctx_size_out = sizeof ctx;
  a.test.repeat = 1;
  int error = sys_bpf(BPF_PROG_TEST_RUN, &a) < 0 ? errno : 0;
  put32(error);
  put32(error ? 0 : a.test.retval);
  put32(error ? 0 : a.test.data_size_out);
  if (!error) put(data, a.test.data_size_out);
  put32(error ? 0 : a.test.ctx_size_out);
  if (!error) put(ctx, a.test.ctx_size_out);
}

/* All elements; of queues and stacks until they are empty. Program arrays, maps of maps and ring buffers answer none. */
static void dump(struct map *m) {
  static uint8_t key[CTX_MAX], value[CTX_MAX * 8];
  union bpf_attr a;
  size_t at = out_len;
  uint32_t count = 0;
  put32(0);
  if (m->type == BPF_MAP_TYPE_PROG_ARRAY || is_map_of_maps(m->type) || m->type == BPF_MAP_TYPE_RINGBUF) return;
  for (bool first = true;; first = false, count++) {
    memset(&a, 0, sizeof a);
    a.map_fd = m->fd;
    if (is_queue(m->type)) {
      a.value = (uintptr_t)value;
      if (sys_bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &a) < 0) break;
    } else {
      a.key = first ? 0 : (uintptr_t)key;
      a.next_key = (uintptr_t)key;
      if (sys_bpf(BPF_MAP_GET_NEXT_KEY, &a) < 0) break;
      memset(&a, 0, sizeof a);
      a.map_fd = m->fd;
      a.key = (uintptr_t)key;
      a.value = (uintptr_t)value;
      if (sys_bpf(BPF_MAP_LOOKUP_ELEM, &a) < 0) die("reading a map");
    }
    put(key, m->key_size);
    put(value, m->user_size);
  }
  memcpy(out + at, &count, 4);
}

static void refuse(enum status status, int which, int error, const char *why) {
  size_t n = strlen(why);
  size_t shown = n > 4000 ? 4000 : n;
  out_len = 4;
  put32(status);
  put32(which);
  put32(error);
  put32(shown);
  put(why + n - shown, shown);
}

static void answer(void) {
  struct map maps[MAX_MAPS];
  int progs[MAX_PROGS], map_count = 0, prog_count = 0;
  next = in;
  out_len = 4;
  put32(ANSWERED);
  int type = take(1);
  int want_maps = take(1), want_progs = take(1), tails = take(1), packets = take(1);
  if (want_maps > MAX_MAPS || want_progs > MAX_PROGS) die("too many maps or programs");
  while (map_count < want_maps) {
    if (!make_map(maps, map_count)) {
      refuse(MAP_REFUSED, map_count, errno, "");
      goto done;
    }
    map_count++;
  }
  while (prog_count < want_progs) {
    progs[prog_count] = load_prog(type, maps);
    if (progs[prog_count] < 0) {
      refuse(PROG_REFUSED, prog_count, -progs[prog_count], verifier_log);
      goto done;
    }
    prog_count++;
  }
  for (; tails > 0; tails--) {
    int map = take(1);
    uint32_t slot = take(1);
    update_elem(&maps[map], &slot, &progs[take(1)]);
  }
  for (; packets > 0; packets--) run(progs[0]);
  for (int i = 0; i < map_count; i++) dump(&maps[i]);
done:
  while (prog_count > 0) close(progs[--prog_count]);
  while (map_count > 0) close(maps[--map_count].fd);
}

static bool read_all(void *to, size_t n) {
  for (size_t got = 0; got < n;) {
    ssize_t r = read(0, (uint8_t *)to + got, n - got);
    if (r <= 0) return false;
    got += r;
  }
  return true;
}

int main(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  if (sched_setaffinity(0, sizeof one, &one) < 0) die("CPU 0");
  if (unshare(CLONE_NEWNET) < 0) die("network namespace");
  cpus = sysconf(_SC_NPROCESSORS_CONF);
  btf_fd = load_btf();
  for (uint32_t n; read_all(&n, 4);) {
    if (n > FRAME_MAX || !read_all(in, n)) die("a request");
    answer();
    uint32_t length = out_len - 4;
    memcpy(out, &length, 4);
    for (size_t done = 0; done < out_len;) {
      ssize_t w = write(1, out + done, out_len - done);
      if (w <= 0) die("stdout");
      done += w;
    }
  }
  return 0;
}
