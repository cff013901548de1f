// Records how the running kernel refuses instructions whose fields or opcodes are not those of any form, into
// test/bpf/isa/kernel-refusals.json. Usage, as root, with a C compiler: node test/bpf/isa/record-refusals.mjs [--check]
// The sentence is the last line of the verifier's log before its statistics. Exit 3: cannot be asked here.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const LOADER = `
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static char log_[1 << 20];
static unsigned char insns[1 << 12];
int main(void) {
  size_t n = fread(insns, 1, sizeof insns, stdin);
  union bpf_attr a;
  memset(&a, 0, sizeof a);
  a.prog_type = BPF_PROG_TYPE_XDP;
  a.insns = (unsigned long)insns;
  a.insn_cnt = n / 8;
  a.license = (unsigned long)"GPL";
  a.log_buf = (unsigned long)log_;
  a.log_size = sizeof log_;
  a.log_level = 1;
  int fd = syscall(__NR_bpf, BPF_PROG_LOAD, &a, sizeof a);
  fputs(fd < 0 ? log_ : "accepted\\n", stdout);
  return 0;
}`;

const slot = (op, dst = 0, src = 0, off = 0, imm = 0) => {
  const b = Buffer.alloc(8);
  b[0] = op;
  b[1] = dst | (src << 4);
  b.writeInt16LE(off, 2);
  b.writeInt32LE(imm, 4);
  return b;
};
const EXIT = slot(0x95);
const ZERO = slot(0xb7);
const STACK = slot(0x7a, 10, 0, -8, 0);
/** Instructions that are refused, each behind what makes the rest of its program valid. */
const refused = [
  // opcodes
  ...[0x00, 0x0d, 0x38, 0x60, 0x86, 0x8d, 0x8f, 0x96, 0x98, 0x99, 0xdf, 0xe6, 0xe7, 0xf5, 0xff].map((op) => [slot(op)]),
  // may_goto
  [slot(0xe5, 0, 1)],
  [slot(0xe5, 0, 2)],
  [slot(0xe5, 0, 0, 0, 5)],
  [slot(0xe5, 3)],
  // jumps, calls, exit
  [slot(0x05, 0, 0, 0, 7)],
  [slot(0x05, 0, 3)],
  [slot(0x06, 0, 0, 3)],
  [slot(0x45, 0, 1, 0, 1)],
  [slot(0x1d, 0, 0, 0, 1)],
  [slot(0x16, 0, 2, 0, 1)],
  [slot(0x95, 0, 0, 0, 1)],
  [slot(0x95, 0, 1)],
  [slot(0x85, 0, 0, 1, 8)],
  [slot(0x85, 1, 0, 0, 8)],
  [slot(0x85, 0, 3, 0, 8)],
  // arithmetic
  [slot(0x87, 0, 1)],
  [slot(0x87, 0, 0, 0, 1)],
  [slot(0x87, 0, 0, 1)],
  [slot(0xdc, 0, 0, 0, 8)],
  [slot(0xdc, 0, 0, 1, 16)],
  [slot(0xdc, 0, 1, 0, 16)],
  [slot(0xd7, 0, 8, 0, 16)],
  [slot(0xb7, 1, 0, 5)],
  [slot(0xbf, 1, 0, 5)],
  [slot(0xbf, 1, 0, 0, 5)],
  [slot(0xbc, 1, 0, 32)],
  [slot(0xbf, 1, 0, 1, 1)],
  [slot(0xbf, 1, 0, 1, 0x10000)],
  [slot(0xbf, 1, 0, 1, 2)],
  [slot(0x07, 0, 0, 1, 5)],
  [slot(0x07, 0, 1, 0, 5)],
  [slot(0x0f, 0, 0, 0, 5)],
  [slot(0x37, 0, 0, 2, 5)],
  [slot(0x9c, 0, 0, -1, 0)],
  // 64-bit immediates
  [slot(0x18, 0, 7), slot(0)],
  [slot(0x18, 0, 0, 1), slot(0)],
  // memory
  [slot(0x79, 0, 10, -8, 5)],
  [slot(0x7a, 10, 1, -8)],
  [slot(0x7b, 10, 0, -8, 1)],
  [slot(0xdb, 10, 0, -8, 0x33)],
  [slot(0xdb, 10, 0, -8, 0x60)],
  [slot(0xc3, 10, 0, -8, 0x02)],
  [slot(0xc3, 10, 0, -8, 0x111)],
  [slot(0xd3, 10, 0, -8, 0x00)],
  [slot(0xcb, 10, 0, -8, 0x01)],
  [slot(0xcb, 10, 0, -8, 0xf1)],
  // registers
  [slot(0xb7, 11)],
  [slot(0xbf, 0, 12)],
  [slot(0xb7, 10)],
];

const dir = mkdtempSync(join(tmpdir(), "netsim-refusals-"));
try {
  writeFileSync(join(dir, "load.c"), LOADER);
  execFileSync("cc", ["-o", join(dir, "load"), join(dir, "load.c")]);
  const rows = refused.map((slots) => {
    const program = Buffer.concat([ZERO, STACK, ...slots, ...(slots[0][0] === 0x95 ? [] : [EXIT])]);
    const log = execFileSync(join(dir, "load"), { input: program, encoding: "utf8" });
    const lines = log
      .split("\n")
      .filter((line) => line !== "" && !/^(processed|verification time|stack depth) /.test(line));
    if (log === "" || log.startsWith("accepted")) throw new Error(`${slots[0].toString("hex")}: ${log || "no answer"}`);
    return [program.toString("hex"), lines.at(-1)];
  });
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim().split("-")[0];
  const lines = rows.map((r) => `    ${JSON.stringify(r)}`).join(",\n");
  const file = new URL("kernel-refusals.json", import.meta.url);
  if (process.argv.includes("--check")) {
    const recorded = JSON.parse(readFileSync(file, "utf8")).rows;
    const differ = rows.filter((r, i) => JSON.stringify(r) !== JSON.stringify(recorded[i]));
    for (const [hex, text] of differ) console.log(`${hex}: now "${text}"`);
    process.exitCode = differ.length > 0 || rows.length !== recorded.length ? 1 : 0;
  } else writeFileSync(file, `{\n  "kernel": "${kernel}",\n  "rows": [\n${lines}\n  ]\n}\n`);
} finally {
  rmSync(dir, { recursive: true });
}
