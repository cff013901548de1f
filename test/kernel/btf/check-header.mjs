// Compiles the header that `netsim btf dump format c` writes: every struct and every whole member must lie where the simulated
// kernel's types say, and a CO-RE program that uses the header must be relocatable. Needs clang, libbpf's headers and bpftool.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const clang = process.env.CLANG ?? "clang-19";
const kernel = join(ROOT, "sim/net/btf/kernel.btf");
const work = mkdtempSync(join(tmpdir(), "netsim-header-"));
const PROGRAM = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
SEC("tc") int lengths(struct __sk_buff *ctx)
{
	struct sk_buff *skb = (void *)ctx;
	if (!bpf_core_field_exists(skb->dev->mtu))
		return -1;
	return bpf_core_field_offset(struct sk_buff, len) + bpf_core_type_size(struct tcp_sock);
}
char _license[] SEC("license") = "GPL";
`;

/** Runs a tool in the work folder. @returns its stdout; ends with its text when it fails */
function run(tool, args) {
  const done = spawnSync(tool, args, { cwd: work, encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.status === 0) return done.stdout;
  console.log(`${tool} ${args.join(" ")}\n${done.error?.message ?? done.stdout + done.stderr}`);
  rmSync(work, { recursive: true });
  process.exit(1);
}

/** One assertion a struct and one a member that is no bit field and has a name. */
function assertions() {
  const { types } = JSON.parse(run("bpftool", ["-j", "btf", "dump", "file", kernel, "format", "raw"]));
  const lines = ['#include "vmlinux.h"'];
  for (const t of types) {
    if ((t.kind !== "STRUCT" && t.kind !== "UNION") || t.name === "(anon)") continue;
    const type = `${t.kind.toLowerCase()} ${t.name}`;
    lines.push(`_Static_assert(sizeof(${type}) == ${t.size}, "${type}");`);
    for (const m of t.members) {
      if (m.name === "(anon)" || m.bitfield_size > 0) continue;
      lines.push(
        `_Static_assert(__builtin_offsetof(${type}, ${m.name}) == ${m.bits_offset / 8}, "${type}.${m.name}");`,
      );
    }
  }
  return lines;
}

execFileSync("npm", ["run", "-s", "build"], { cwd: ROOT, stdio: "ignore" });
const netsim = join(ROOT, "dist/bin/main.js");
writeFileSync(join(work, "vmlinux.h"), run(process.execPath, [netsim, "btf", "dump", "format", "c"]));
const lines = assertions();
writeFileSync(join(work, "layout.c"), `${lines.join("\n")}\n`);
writeFileSync(join(work, "lengths.c"), PROGRAM);
run(clang, ["-target", "bpf", "-fsyntax-only", "layout.c"]);
run(clang, ["-O2", "-g", "-target", "bpf", "-c", "lengths.c", "-o", "lengths.o"]);
const listing = run(process.execPath, [netsim, "prog", "dump", "lengths.o"]);
rmSync(work, { recursive: true });
console.log(`${lines.length - 1} sizes and offsets hold`);
if (/as compiled|unknown#/.test(listing)) {
  console.log(listing);
  process.exitCode = 1;
}
