// Records which helpers the running kernel's verifier allows in which program types, into test/net/helpers/allowed.json.
// Usage, as root, with a C compiler: node test/net/helpers/oracle/record-allowed.mjs [--check]
// A row is one program type with one attach type: the numbers of the helpers that may be called; `gpl` lists those of them that
// only programs under a GPL-compatible licence may call.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROBE = `
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static const struct { const char *name; int type, attach, flags; } kinds[] = {
  { "socket_filter", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0 },
  { "sched_cls", BPF_PROG_TYPE_SCHED_CLS, 0, 0 },
  { "sched_act", BPF_PROG_TYPE_SCHED_ACT, 0, 0 },
  { "xdp", BPF_PROG_TYPE_XDP, 0, 0 },
  { "cgroup_skb", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 0 },
  { "lwt_in", BPF_PROG_TYPE_LWT_IN, 0, 0 },
  { "lwt_out", BPF_PROG_TYPE_LWT_OUT, 0, 0 },
  { "lwt_xmit", BPF_PROG_TYPE_LWT_XMIT, 0, 0 },
  { "lwt_seg6local", BPF_PROG_TYPE_LWT_SEG6LOCAL, 0, 0 },
  { "sock_ops", BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, 0 },
  { "cgroup_sock_addr cgroup_inet4_bind", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND, 0 },
  { "cgroup_sock_addr cgroup_inet6_bind", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_BIND, 0 },
  { "cgroup_sock_addr cgroup_inet4_connect", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 0 },
  { "cgroup_sock_addr cgroup_inet6_connect", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT, 0 },
  { "cgroup_sock_addr cgroup_unix_connect", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 49 /* BPF_CGROUP_UNIX_CONNECT */, 0 },
  { "cgroup_sock_addr cgroup_udp4_sendmsg", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG, 0 },
  { "cgroup_sock_addr cgroup_udp6_sendmsg", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG, 0 },
  { "cgroup_sock_addr cgroup_udp4_recvmsg", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_RECVMSG, 0 },
  { "cgroup_sock_addr cgroup_udp6_recvmsg", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_RECVMSG, 0 },
  { "cgroup_sock_addr cgroup_inet4_getpeername", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_GETPEERNAME, 0 },
  { "cgroup_sock_addr cgroup_inet6_getsockname", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_GETSOCKNAME, 0 },
  { "sk_reuseport", BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT, 0 },
  { "flow_dissector", BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_FLOW_DISSECTOR, 0 },
  { "sk_lookup", BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 0 },
  { "syscall", BPF_PROG_TYPE_SYSCALL, 0, BPF_F_SLEEPABLE },
};
static char log_buf[65536];
static int load(int k, int id, const char *license) {
  struct bpf_insn in[] = { { .code = 0x85, .imm = id }, { .code = 0xb7 }, { .code = 0x95 } };
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.prog_type = kinds[k].type;
  a.expected_attach_type = kinds[k].attach;
  a.prog_flags = kinds[k].flags;
  a.insns = (unsigned long)in;
  a.insn_cnt = 3;
  a.license = (unsigned long)license;
  a.log_level = 1;
  a.log_buf = (unsigned long)log_buf;
  a.log_size = sizeof log_buf;
  log_buf[0] = 0;
  int fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof a);
  if (fd >= 0) close(fd);
  return fd;
}
int main(void) {
  for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    printf("%s\\n", kinds[k].name);
    for (int id = 1; ; id++) {
      int fd = load(k, id, "GPL");
      if (fd < 0 && log_buf[0] == 0) { fprintf(stderr, "%s: refused outright: %s\\n", kinds[k].name, strerror(errno)); return 1; }
      if (strstr(log_buf, "invalid func")) break;
      if (strstr(log_buf, "cannot use helper") || strstr(log_buf, "unknown func")) continue;
      load(k, id, "none");
      printf("@%d %d\\n", id, strstr(log_buf, "GPL") != NULL);
    }
  }
}`;

const dir = mkdtempSync(join(tmpdir(), "netsim-helpers-"));
try {
  writeFileSync(join(dir, "probe.c"), PROBE);
  execFileSync("cc", ["-o", join(dir, "probe"), join(dir, "probe.c")]);
  const allowed = {};
  const gpl = new Set();
  let kind = "";
  for (const line of execFileSync(join(dir, "probe"), { encoding: "utf8" }).trim().split("\n")) {
    if (!line.startsWith("@")) {
      kind = line;
      allowed[kind] = [];
      continue;
    }
    const [id, restricted] = line.slice(1).split(" ").map(Number);
    allowed[kind].push(id);
    if (restricted === 1) gpl.add(id);
  }
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim().split("-")[0];
  const lines = Object.entries(allowed).map(([k, list]) => `    "${k}": ${JSON.stringify(list)}`);
  const sorted = JSON.stringify([...gpl].sort((a, b) => a - b));
  const text = `{\n  "kernel": "${kernel}",\n  "gpl": ${sorted},\n  "allowed": {\n${lines.join(",\n")}\n  }\n}\n`;
  const file = new URL("../allowed.json", import.meta.url);
  if (process.argv.includes("--check")) {
    const same = readFileSync(file, "utf8").split("\n").slice(2).join("\n") === text.split("\n").slice(2).join("\n");
    console.log(same ? "all the same" : text);
    process.exitCode = same ? 0 : 1;
  } else writeFileSync(file, text);
} finally {
  rmSync(dir, { recursive: true });
}
