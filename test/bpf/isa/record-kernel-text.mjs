// Records how the running kernel's verifier writes every instruction form, into test/bpf/isa/kernel-text.json.
// Usage, as root, with a C compiler: node test/bpf/isa/record-kernel-text.mjs
// Each form stands in a program that the verifier accepts; the text is taken from its log (BPF_PROG_LOAD with log_level 2).
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LOADER = `
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static char log_[1 << 22];
static unsigned char insns[1 << 16];
int main(void) {
  size_t n = fread(insns, 1, sizeof insns, stdin);
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  a.insns = (unsigned long)insns;
  a.insn_cnt = n / 8;
  a.license = (unsigned long)"GPL";
  a.log_buf = (unsigned long)log_;
  a.log_size = sizeof log_;
  a.log_level = 2;
  int fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof a);
  fputs(log_, stdout);
  return fd < 0;
}`;

const slot = (op, dst, src, off, imm) => {
  const b = Buffer.alloc(8);
  b[0] = op;
  b[1] = dst | (src << 4);
  b.writeInt16LE(off, 2);
  b.writeInt32LE(imm, 4);
  return b;
};
// r1..r9 scalars but r6 = the context; 16 bytes of stack initialised
const prologue = [
  slot(0xbf, 6, 1, 0, 0),
  ...[0, 1, 2, 3, 4, 5, 7, 8, 9].map((r) => slot(0xb7, r, 0, 0, r + 3)),
  slot(0x7a, 10, 0, -8, 1),
  slot(0x7a, 10, 0, -16, 1),
];
const forms = [];
const form = (...slots) => forms.push(slots);
for (const cls of [7, 4]) {
  for (const op of [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0]) {
    form(slot(op | cls, 2, 0, 0, op === 0xa0 || op === 0xb0 ? -5 : 5));
    form(slot(op | cls | 8, 2, 3, 0, 0));
  }
  for (const op of [0x30, 0x90]) {
    form(slot(op | cls, 2, 0, 1, -7));
    form(slot(op | cls | 8, 2, 3, 1, 0));
  }
  for (const bits of cls === 7 ? [8, 16, 32] : [8, 16]) form(slot(0xb8 | cls, 2, 3, bits, 0));
  form(slot(0x80 | cls, 2, 0, 0, 0));
}
for (const op of [0xd4, 0xdc, 0xd7]) for (const bits of [16, 32, 64]) form(slot(op, 2, 0, 0, bits));
for (const size of [0x10, 0x08, 0x00, 0x18]) {
  form(slot(0x61 | size, 2, 10, -8, 0));
  if (size !== 0x18) form(slot(0x81 | size, 2, 10, -8, 0));
  form(slot(0x62 | size, 10, 0, -8, -3));
  form(slot(0x63 | size, 10, 2, -8, 0));
  form(slot(0xc3 | size, 2, 10, -8, 0x100));
  form(slot(0xc3 | size, 10, 2, -8, 0x110));
}
form(slot(0x61, 2, 6, 0, 0));
for (const size of [0x00, 0x18])
  for (const op of [0, 0x40, 0x50, 0xa0, 1, 0x41, 0x51, 0xa1, 0xe1, 0xf1]) form(slot(0xc3 | size, 10, 2, -8, op));
for (const size of [0x10, 0x08, 0x00]) {
  form(slot(0x20 | size, 0, 0, 0, 12));
  form(slot(0x40 | size, 0, 2, 0, 14));
}
form(slot(0x18, 2, 0, 0, 0x55667788), slot(0, 0, 0, 0, 0x11223344));
form(slot(0x18, 2, 0, 0, -1), slot(0, 0, 0, 0, 0));
for (const cls of [5, 6])
  for (const op of [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]) {
    form(slot(op | cls, 2, 0, 0, -2));
    form(slot(op | cls | 8, 2, 3, 1, 0), slot(0xb7, 7, 0, 0, 1));
  }
form(slot(0x05, 0, 0, 0, 0));
form(slot(0x06, 0, 0, 0, 0));
form(slot(0xe5, 0, 0, 1, 0), slot(0xb7, 7, 0, 0, 1));
form(slot(0x85, 0, 0, 0, 5));
form(slot(0x85, 0, 0, 0, 8));
form(slot(0x85, 0, 1, 0, 2));
form(slot(0x95, 0, 0, 0, 0));

const dir = mkdtempSync(join(tmpdir(), "netsim-text-"));
try {
  writeFileSync(join(dir, "load.c"), LOADER);
  execFileSync("cc", ["-o", join(dir, "load"), join(dir, "load.c")]);
  const rows = forms.map((slots) => {
    const tail = [slot(0xb7, 0, 0, 0, 0), slot(0x95, 0, 0, 0, 0)];
    if (slots[0][0] === 0x85 && slots[0][1] === 0x10) tail.push(slot(0xb7, 0, 0, 0, 1), slot(0x95, 0, 0, 0, 0));
    if (slots[0][0] === 0x95) tail.length = 0;
    const program = Buffer.concat([...prologue, ...slots, ...tail]);
    let log;
    try {
      log = execFileSync(join(dir, "load"), { input: program, encoding: "utf8" });
    } catch (e) {
      log = e.stdout;
    }
    const line = new RegExp(`^(?:\\d+: )?${prologue.length}: \\(([0-9a-f]{2})\\) (.*?)\\s*(?:;.*)?$`, "m").exec(log);
    if (line === null) throw new Error(`no line for ${slots[0].toString("hex")}:\n${log}`);
    return [Buffer.concat(slots).toString("hex"), line[2]];
  });
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim().split("-")[0];
  const lines = rows.map((r) => `    ${JSON.stringify(r)}`).join(",\n");
  writeFileSync(
    new URL("kernel-text.json", import.meta.url),
    `{\n  "kernel": "${kernel}",\n  "rows": [\n${lines}\n  ]\n}\n`,
  );
} finally {
  rmSync(dir, { recursive: true });
}
