// `npm run test:kernel [-- --report FILE]`: asks the running kernel everything anew and compares with what is recorded.
// Needs root, Linux 6.18 with BTF, a C compiler with libbpf-dev, iproute2, ethtool and bpftool; what cannot run is skipped by name.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const RECORDED_ON = "6.18";
const EXIT_CANNOT_TELL = 3;

const tables = [
  "xdp-actions",
  "bypass",
  "tc-return-codes",
  "tcx-return-codes",
  "metadata",
  "socket-filter",
  "lab",
  "text",
];
const cases = [
  { name: "bundled objects compile to the same bytes", args: ["programs/build.mjs", "--check"], needs: ["clang-19"] },
  {
    name: "the simulated kernel's types have the kernel's layouts",
    args: ["test/kernel/btf/record.mjs", "--check"],
    needs: ["bpftool"],
  },
  {
    name: "the header of the simulated kernel's types compiles, every member in its place",
    args: ["test/kernel/btf/check-header.mjs"],
    needs: ["clang-19", "libbpf", "bpftool"],
  },
  {
    name: "bpftool prints types as recorded",
    args: ["test/bpf/btf/record-dumps.mjs", "--check"],
    needs: ["bpftool"],
  },
  {
    name: "bpftool shows programs, maps and types as recorded",
    args: ["test/tools/shows/record.mjs", "--check"],
    needs: ["bpftool", "unshare"],
  },
  {
    name: "libbpf relocates against the simulated kernel's types as recorded",
    args: ["test/bpf/core/libbpf/record.mjs", "--check"],
    needs: ["cc", "libbpf", "pkg-config"],
  },
  {
    name: "the simulated kernel is configured like this one",
    args: ["test/kernel/gen/kernel-options.mjs", "--check"],
    needs: [],
  },
  {
    name: "libbpf fills kconfig variables as recorded",
    args: ["test/net/kconfig/record.mjs", "--check"],
    needs: ["bpftool"],
  },
  {
    name: "libbpf reads section names and object files as recorded",
    args: ["test/bpf/object/libbpf/record.mjs", "--check"],
    needs: ["cc", "libbpf"],
  },
  {
    name: "TCP answers scripts of segments and calls as recorded",
    args: ["test/net/tcp/oracle/record.mjs", "--check"],
    needs: ["cc"],
  },
  {
    name: "program types: contexts and return values as recorded",
    args: ["test/bpf/prog-types/record-ctx-access.mjs", "--check"],
    needs: ["cc"],
  },
  {
    name: "programs answer BPF_PROG_RUN as recorded",
    args: ["test/kernel/record.mjs", "--check"],
    needs: ["cc", "libbpf", "ip"],
  },
  {
    name: "every program type answers BPF_PROG_RUN as recorded",
    args: ["test/net/test-run/record.mjs", "--check"],
    needs: ["clang-19", "unshare", "taskset"],
  },
  {
    name: "live frames of BPF_PROG_RUN go where they went when recorded",
    args: ["test/net/test-run/live/record.mjs", "--check"],
    needs: ["cc", "clang-19", "ip", "libbpf", "taskset"],
  },
  {
    name: "helpers answer BPF_PROG_RUN as recorded",
    args: ["test/net/helpers/oracle/record.mjs", "--check"],
    needs: ["clang-19", "llvm-strip-19", "libbpf", "ip", "sysctl", "unshare"],
  },
  {
    name: "system calls and other helpers of the kernel's own answer as recorded",
    args: ["test/net/helpers/answers/oracle/record.mjs", "--check"],
    needs: ["cc", "libbpf", "unshare"],
  },
  {
    name: "sockets that share a port are selected as recorded",
    args: ["test/net/helpers/reuseport/record.mjs", "--check"],
    needs: ["clang-19", "libbpf", "ip", "unshare"],
  },
  {
    name: "helpers are allowed in program types as recorded",
    args: ["test/net/helpers/oracle/record-allowed.mjs", "--check"],
    needs: ["cc"],
  },
  {
    name: "kfuncs, dynptrs and timers answer BPF_PROG_RUN as recorded",
    args: ["test/bpf/kfuncs/oracle/record.mjs", "--check"],
    needs: ["cc", "libbpf"],
  },
  {
    name: "kfuncs by program type and fields by map type as recorded",
    args: ["test/bpf/kfuncs/oracle/record-rules.mjs", "--check"],
    needs: ["cc", "libbpf", "bpftool"],
  },
  {
    name: "programs bound to a device are refused and told of frames as recorded",
    args: ["test/net/xdp/metadata/record.mjs", "--check"],
    needs: ["cc", "libbpf", "ip"],
  },
  {
    name: "instructions are refused in the words recorded",
    args: ["test/bpf/isa/record-refusals.mjs", "--check"],
    needs: ["cc"],
  },
  {
    name: "classic BPF programs are checked and answered as recorded",
    args: ["test/bpf/cbpf/record.mjs", "--check"],
    needs: ["cc", "ip"],
  },
  {
    name: "qdiscs deliver, drop and count arrivals as recorded",
    args: ["test/net/qdiscs/recorded/record.mjs", "--check"],
    needs: ["cc", "ip", "chrt", "unshare"],
  },
  {
    name: "u32 and classic bpf filters match packets as recorded",
    args: ["test/net/tc/recorded/record.mjs", "--check"],
    needs: ["cc", "ip", "nsenter", "taskset"],
  },
  {
    name: "random programs answer BPF_PROG_RUN as recorded",
    args: ["test/kernel/differential/record.mjs", "--check"],
    needs: ["cc", "libbpf"],
  },
  {
    name: "maps answer BPF_MAP_CREATE, user space and programs as recorded",
    args: ["test/bpf/maps/kernel/record.mjs", "--check"],
    needs: ["cc", "libbpf"],
  },
  ...tables.map((table) => ({
    name: `namespaces: ${table} as recorded`,
    args: ["test/kernel/netns/record.mjs", "--check", table],
    needs: ["cc", "libbpf", "ip", "tc", "nstat", "ethtool", "bpftool", "ping", "taskset", "unshare"],
  })),
];

/** Why nothing can be asked here, or null. */
function whyNot() {
  if (process.platform !== "linux") return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return "not root";
  if (!existsSync("/sys/kernel/btf/vmlinux")) return "the kernel has no BTF";
  if (!release().startsWith(`${RECORDED_ON}.`)) return `recorded on Linux ${RECORDED_ON}, this is ${release()}`;
  return null;
}

function lacks(need) {
  if (need === "libbpf") return existsSync("/usr/include/bpf/libbpf.h") ? null : "libbpf's headers";
  const found = spawnSync("sh", ["-c", `command -v ${need}`], { stdio: "ignore" }).status === 0;
  return found ? null : need;
}

const counts = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
const everywhere = whyNot();
for (const c of cases) {
  const missing = everywhere === null ? c.needs.map(lacks).filter((m) => m !== null) : [];
  const reason = everywhere ?? (missing.length > 0 ? `no ${missing.join(", ")} here` : null);
  if (reason !== null) {
    counts.numPendingTests++;
    console.log(`skipped  ${c.name}: ${reason}`);
    continue;
  }
  const done = spawnSync(process.execPath, c.args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 });
  if (done.status === EXIT_CANNOT_TELL) {
    counts.numPendingTests++;
    console.log(`skipped  ${c.name}: ${(done.stdout + done.stderr).trim().split("\n").at(-1)}`);
  } else if (done.status === 0) {
    counts.numPassedTests++;
    console.log(`passed   ${c.name}`);
  } else {
    counts.numFailedTests++;
    console.log(`FAILED   ${c.name}\n${done.stdout}${done.stderr}`);
  }
}
const at = process.argv.indexOf("--report");
if (at > 0) writeFileSync(process.argv[at + 1], JSON.stringify(counts));
console.log(`${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`);
process.exitCode = counts.numFailedTests > 0 ? 1 : 0;
