// Asks libbpf what it makes of section names and of the bundled and the fixtures' object files, without any kernel, and writes
// sections.json and objects.json: node record.mjs [--check]. Needs a C compiler with libelf and zlib, and libbpf 1.7 or later: the
// system's, or one built from its sources in the folder that LIBBPF names (its src with `make`: headers in src, src/libbpf.a).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const FOLDERS = ["../../../fixtures/objects/", "../../../../programs/"];
const CANNOT_TELL = 3;

/** Every name of libbpf's table, and what must not match. */
const NAMES = `
  socket socket/http socket1 sk_reuseport/migrate sk_reuseport sk_reuseport/x kprobe kprobe/x kprobes/x uprobe uprobe.s kretprobe/x
  uretprobe/x uretprobe.s kprobe.multi kretprobe.multi kprobe.session uprobe.multi uretprobe.multi uprobe.session uprobe.multi.s
  uretprobe.multi.s uprobe.session.s ksyscall kretsyscall/x usdt usdt.s tc/ingress tc/egress tcx/ingress tcx/egress tcx tc tc/foo
  classifier classifier/x action action/x netkit/primary netkit/peer netkit tracepoint/a/b tracepoint.s tp tp.s raw_tracepoint raw_tp/x
  raw_tracepoint.w raw_tp.w tp_btf fentry/x fmod_ret fexit fentry.s fmod_ret.s fexit.s fsession fsession.s freplace freplace/x freplaces
  lsm lsm.s lsm_cgroup iter iter.s syscall syscall/x xdp.frags/devmap xdp/devmap xdp.frags/cpumap xdp/cpumap xdp.frags xdp xdp/foo
  xdp_prog xdp.frag xdp_devmap/x xdp.frags/x perf_event perf_event/x lwt_in lwt_out lwt_xmit lwt_seg6local lwt_in/x sockops sockops/x
  sk_skb/stream_parser sk_skb/stream_verdict sk_skb/verdict sk_skb sk_msg lirc_mode2 flow_dissector flow_dissector/x cgroup_skb/ingress
  cgroup_skb/egress cgroup_skb cgroup/skb cgroup/skb/x cgroup/sock_create cgroup/sock_release cgroup/sock cgroup/post_bind4
  cgroup/post_bind6 cgroup/bind4 cgroup/bind6 cgroup/connect4 cgroup/connect6 cgroup/connect_unix cgroup/sendmsg4 cgroup/sendmsg6
  cgroup/sendmsg_unix cgroup/recvmsg4 cgroup/recvmsg6 cgroup/recvmsg_unix cgroup/getpeername4 cgroup/getpeername6
  cgroup/getpeername_unix cgroup/getsockname4 cgroup/getsockname6 cgroup/getsockname_unix cgroup/sysctl cgroup/getsockopt
  cgroup/setsockopt cgroup/dev cgroup/connect struct_ops struct_ops/x struct_ops.s sk_lookup sk_lookup/x netfilter netfilter/x
  2/7 from-netdev ingress .text filter`
  .trim()
  .split(/\s+/);

const work = mkdtempSync(join(tmpdir(), "netsim-libbpf-"));
try {
  const tool = build();
  const [version, ...sections] = ask([], `${NAMES.join("\n")}\n`);
  if (!/^1\.([7-9]|\d\d)/.test(version.libbpf)) {
    console.log(`recorded with libbpf 1.7, this is ${version.libbpf}: set LIBBPF to a folder with a later one`);
    process.exit(CANNOT_TELL);
  }
  const paths = FOLDERS.flatMap((folder) =>
    readdirSync(here(folder))
      .filter((name) => name.endsWith(".o"))
      .sort()
      .map((name) => here(`${folder}${name}`)),
  );
  const [, ...objects] = ask(paths, "");
  keep("sections.json", { ...version, sections });
  keep("objects.json", { ...version, objects });

  function ask(args, input) {
    return execFileSync(tool, args, { input, encoding: "utf8" })
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

function build() {
  const out = join(work, "view");
  const own = process.env.LIBBPF;
  const library = own === undefined ? ["-lbpf"] : [`-I${own}`, `${own}/src/libbpf.a`];
  const args = ["-O1", "-Wall", "-Wextra", here("view.c"), "-o", out, ...library, "-lelf", "-lz"];
  const done = spawnSync(process.env.CC ?? "gcc", args, { encoding: "utf8" });
  if (done.error) throw new Error(`no C compiler: ${done.error.message}`);
  if (done.status !== 0) throw new Error(done.stderr);
  return out;
}

function keep(name, what) {
  const [[head, version], [list, rows]] = Object.entries(what);
  const text = `{\n"${head}": "${version}",\n"${list}": [\n${rows.map((r) => JSON.stringify(r)).join(",\n")}\n]\n}\n`;
  if (!process.argv.includes("--check")) writeFileSync(here(name), text);
  else if (readFileSync(here(name), "utf8") !== text) {
    console.log(`${name}: libbpf ${version} says something else than recorded`);
    process.exitCode = 1;
  }
}
