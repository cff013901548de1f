// Records which context accesses the running kernel's verifier accepts, into test/bpf/prog-types/ctx-access.json.
// Usage, as root, with a C compiler: node test/bpf/prog-types/record-ctx-access.mjs
// An entry `w4@48` means: a write of 4 bytes at offset 48 is accepted. Tried is every offset and size, aligned or not.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROBE = `
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static const struct { const char *name; int type, attach, size; } kinds[] = {
  { "socket_filter", BPF_PROG_TYPE_SOCKET_FILTER, 0, 192 },
  { "sched_cls", BPF_PROG_TYPE_SCHED_CLS, 0, 192 },
  { "sched_act", BPF_PROG_TYPE_SCHED_ACT, 0, 192 },
  { "xdp", BPF_PROG_TYPE_XDP, 0, 24 },
  { "xdp xdp_devmap", BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, 24 },
};
static const int codes[] = { 0x10, 0x08, 0x00, 0x18 };
int main(void) {
  for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    printf("%s\\n", kinds[k].name);
    for (int write = 0; write < 2; write++) for (int s = 0; s < 4; s++) for (int off = 0; off < kinds[k].size + 8; off++) {
      struct bpf_insn in[] = {
        { .code = 0xb7, .dst_reg = 2 },
        { .code = (write ? 0x63 : 0x61) | codes[s], .dst_reg = write ? 1 : 2, .src_reg = write ? 2 : 1, .off = off },
        { .code = 0xb7, .dst_reg = 0 },
        { .code = 0x95 },
      };
      union bpf_attr a;
      memset(&a, 0, sizeof a);
      a.prog_type = kinds[k].type;
      a.expected_attach_type = kinds[k].attach;
      a.insns = (unsigned long)in;
      a.insn_cnt = 4;
      a.license = (unsigned long)"GPL";
      int fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof a);
      if (fd < 0) continue;
      close(fd);
      printf("%c%d@%d\\n", write ? 'w' : 'r', 1 << s, off);
    }
  }
}`;

const dir = mkdtempSync(join(tmpdir(), "netsim-ctx-"));
try {
  writeFileSync(join(dir, "probe.c"), PROBE);
  execFileSync("cc", ["-o", join(dir, "probe"), join(dir, "probe.c")]);
  const accepted = {};
  let kind = "";
  for (const line of execFileSync(join(dir, "probe"), { encoding: "utf8" }).trim().split("\n")) {
    if (/@/.test(line)) {
      accepted[kind].push(line);
    } else {
      kind = line;
      accepted[kind] = [];
    }
  }
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim().split("-")[0];
  const lines = Object.entries(accepted).map(([k, list]) => `    "${k}": "${list.join(" ")}"`);
  const text = `{\n  "kernel": "${kernel}",\n  "accepted": {\n${lines.join(",\n")}\n  }\n}\n`;
  writeFileSync(new URL("ctx-access.json", import.meta.url), text);
} finally {
  rmSync(dir, { recursive: true });
}
