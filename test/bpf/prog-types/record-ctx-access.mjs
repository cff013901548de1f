// Records what the running kernel's verifier accepts of each program type, into test/bpf/prog-types/ctx-access.json: accesses to the
// context, values that a program may return (of those that are tried), whether packets may be read and written by pointer.
// Usage, as root, with a C compiler: node test/bpf/prog-types/record-ctx-access.mjs [--check]
// An entry `w4@48` means: a write of 4 bytes at offset 48 is accepted; `w4@48..64`: also at 52, 56, 60 and 64, in steps of the size.
// Tried is every offset and size, aligned or not. --check writes nothing and shows what differs.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** [program type and attach type, their numbers, bytes of the context]; syscall programs have one of any size, of which 64 are tried. */
const KINDS = [
  ["socket_filter", 1, 0, 192],
  ["sched_cls", 3, 0, 192],
  ["sched_act", 4, 0, 192],
  ["xdp", 6, 0, 24],
  ["xdp xdp_devmap", 6, 33, 24],
  ["xdp xdp_cpumap", 6, 35, 24],
  ["cgroup_skb cgroup_inet_ingress", 8, 0, 192],
  ["cgroup_skb cgroup_inet_egress", 8, 1, 192],
  ["lwt_in", 10, 0, 192],
  ["lwt_out", 11, 0, 192],
  ["lwt_xmit", 12, 0, 192],
  ["lwt_seg6local", 19, 0, 192],
  ["sock_ops cgroup_sock_ops", 13, 3, 232],
  ["cgroup_sock_addr cgroup_inet4_bind", 18, 8, 72],
  ["cgroup_sock_addr cgroup_inet6_bind", 18, 9, 72],
  ["cgroup_sock_addr cgroup_inet4_connect", 18, 10, 72],
  ["cgroup_sock_addr cgroup_inet6_connect", 18, 11, 72],
  ["cgroup_sock_addr cgroup_udp4_sendmsg", 18, 14, 72],
  ["cgroup_sock_addr cgroup_udp6_sendmsg", 18, 15, 72],
  ["cgroup_sock_addr cgroup_udp4_recvmsg", 18, 19, 72],
  ["cgroup_sock_addr cgroup_udp6_recvmsg", 18, 20, 72],
  ["cgroup_sock_addr cgroup_inet4_getpeername", 18, 29, 72],
  ["cgroup_sock_addr cgroup_inet6_getpeername", 18, 30, 72],
  ["cgroup_sock_addr cgroup_inet4_getsockname", 18, 31, 72],
  ["cgroup_sock_addr cgroup_inet6_getsockname", 18, 32, 72],
  ["cgroup_sock_addr cgroup_unix_connect", 18, 49, 72],
  ["cgroup_sock_addr cgroup_unix_sendmsg", 18, 50, 72],
  ["cgroup_sock_addr cgroup_unix_recvmsg", 18, 51, 72],
  ["cgroup_sock_addr cgroup_unix_getpeername", 18, 52, 72],
  ["cgroup_sock_addr cgroup_unix_getsockname", 18, 53, 72],
  ["sk_reuseport sk_reuseport_select", 21, 39, 56],
  ["sk_reuseport sk_reuseport_select_or_migrate", 21, 40, 56],
  ["flow_dissector flow_dissector", 22, 17, 192],
  ["sk_lookup sk_lookup", 30, 36, 72],
  ["syscall", 31, 0, 64],
];
const SYSCALL = 31;
const BPF_F_SLEEPABLE = 16;

const PROBE = `
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static const struct { int type, attach, size, flags; } kinds[] = {
${KINDS.map(([, type, attach, size]) => `  { ${type}, ${attach}, ${size}, ${type === SYSCALL ? BPF_F_SLEEPABLE : 0} },`).join("\n")}
};
static int load(unsigned k, const struct bpf_insn *in, int count) {
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.prog_type = kinds[k].type;
  a.expected_attach_type = kinds[k].attach;
  a.prog_flags = kinds[k].flags;
  a.insns = (unsigned long)in;
  a.insn_cnt = count;
  a.license = (unsigned long)"GPL";
  int fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof a);
  if (fd < 0) return 0;
  close(fd);
  return 1;
}
static const int values[] = { -1, 0, 1, 2, 3, 4, 1000 };
static int packet(unsigned k, int data, int end, int size, int write) {
  int op = size == 8 ? 0x79 : 0x61;
  struct bpf_insn in[] = {
    { .code = op, .dst_reg = 2, .src_reg = 1, .off = data },
    { .code = op, .dst_reg = 3, .src_reg = 1, .off = end },
    { .code = 0xbf, .dst_reg = 4, .src_reg = 2 },
    { .code = 0x07, .dst_reg = 4, .imm = 1 },
    { .code = 0x2d, .dst_reg = 4, .src_reg = 3, .off = 1 },
    { .code = write ? 0x72 : 0x71, .dst_reg = write ? 2 : 5, .src_reg = write ? 0 : 2 },
    { .code = 0xb7, .dst_reg = 0, .imm = 1 },
    { .code = 0x95 },
  };
  return load(k, in, 8);
}
static const int codes[] = { 0x10, 0x08, 0x00, 0x18 };
int main(void) {
  for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    printf("kind %u\\n", k);
    for (int write = 0; write < 2; write++) for (int s = 0; s < 4; s++) for (int off = 0; off < kinds[k].size + 8; off++) {
      struct bpf_insn in[] = {
        { .code = 0xb7, .dst_reg = 2 },
        { .code = (write ? 0x63 : 0x61) | codes[s], .dst_reg = write ? 1 : 2, .src_reg = write ? 2 : 1, .off = off },
        { .code = 0xb7, .dst_reg = 0, .imm = 1 },
        { .code = 0x95 },
      };
      if (!load(k, in, 4)) continue;
      printf("%c %d %d\\n", write ? 'w' : 'r', 1 << s, off);
    }
    for (unsigned v = 0; v < sizeof values / sizeof *values; v++) {
      struct bpf_insn in[] = { { .code = 0xb4, .imm = values[v] }, { .code = 0x95 } };
      if (load(k, in, 2)) printf("retval %d 0\\n", values[v]);
    }
    static const int bounds[][3] = { { 76, 80, 4 }, { 0, 4, 4 }, { 0, 8, 8 }, { 192, 200, 8 } };
    for (int b = 0; b < 4; b++) for (int write = 0; write < 2; write++)
      if (packet(k, bounds[b][0], bounds[b][1], bounds[b][2], write)) printf("packet %d %d\\n", bounds[b][0], write);
  }
}`;

/** Accesses that follow one another in steps of their size, as one entry. */
function runs(list) {
  const out = [];
  for (const [dir, size, off] of list) {
    const last = out.at(-1);
    if (last !== undefined && last.dir === dir && last.size === size && last.to + size === off) last.to = off;
    else out.push({ dir, size, from: off, to: off });
  }
  return out.map((r) => `${r.dir}${r.size}@${r.from}${r.to === r.from ? "" : `..${r.to}`}`).join(" ");
}

/** For each size the runs of each alignment, as the offsets of one may lie between those of another. */
function compact(list) {
  const key = ([dir, size, off]) => `${dir}${size}/${off % size}`;
  const groups = new Map();
  for (const entry of list) groups.set(key(entry), [...(groups.get(key(entry)) ?? []), entry]);
  return [...groups.values()].map(runs).join(" ");
}

const dir = mkdtempSync(join(tmpdir(), "netsim-ctx-"));
try {
  writeFileSync(join(dir, "probe.c"), PROBE);
  execFileSync("cc", ["-o", join(dir, "probe"), join(dir, "probe.c")]);
  const answers = KINDS.map(() => ({ accesses: [], retval: [], packet: "none" }));
  let of = answers[0];
  for (const line of execFileSync(join(dir, "probe"), { encoding: "utf8", maxBuffer: 1 << 26 })
    .trim()
    .split("\n")) {
    const [what, a, b] = line.split(" ");
    if (what === "kind") of = answers[Number(a)];
    else if (what === "retval") of.retval.push(Number(a));
    else if (what === "packet") of.packet = b === "1" ? "written" : "read";
    else of.accesses.push([what, Number(a), Number(b)]);
  }
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim().split("-")[0];
  const lines = KINDS.map(([name], i) => {
    const { accesses, retval, packet } = answers[i];
    return `    "${name}": ${JSON.stringify({ retval: retval.join(" "), packet, accesses: compact(accesses) })}`;
  });
  const text = `{\n  "kernel": "${kernel}",\n  "accepted": {\n${lines.join(",\n")}\n  }\n}\n`;
  const file = new URL("ctx-access.json", import.meta.url);
  if (process.argv.includes("--check")) {
    const was = JSON.parse(readFileSync(file, "utf8")).accepted;
    const is = JSON.parse(text).accepted;
    const differing = KINDS.map(([name]) => name).filter((n) => JSON.stringify(was[n]) !== JSON.stringify(is[n]));
    for (const n of differing) {
      console.log(`${n}: committed ${JSON.stringify(was[n])}\n${n}: this kernel ${JSON.stringify(is[n])}`);
    }
    process.exitCode = differing.length === 0 ? 0 : 1;
  } else {
    writeFileSync(file, text);
  }
} finally {
  rmSync(dir, { recursive: true });
}
