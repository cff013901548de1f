/** `bpftool prog show`. @source bpftool prog.c print_prog_plain, print_prog_json */
import type { Program } from "../../bpf/program.ts";
import type { Host } from "../../net/host.ts";
import { btfId, btfOf, loadTimeNs } from "../bpf/prog-info.ts";
import type { Words } from "../rtnetlink.ts";
import { formatUtc } from "../utc.ts";
import { pinnedPaths, takeProgs } from "./handles.ts";
import { metadataJson, metadataText } from "./metadata.ts";
import { type BpftoolFlags, printBpftoolJson } from "./output.ts";

const PAGE = 4096;
/** sizeof(struct bpf_prog). */
const SIZEOF_BPF_PROG = 72;

/** Runs it: one program as an object, several as a list. */
export function showProgs(host: Host, words: Words, flags: BpftoolFlags): string {
  const all = words.done;
  const progs = all ? [...host.bpf.programs.values()] : takeProgs(host, words, flags);
  if (!flags.json) return progs.map((p) => progText(host, p, flags)).join("");
  const texts = progs.map((p) => progJson(host, p, flags));
  return printBpftoolJson(all || texts.length > 1 ? `[${texts.join(",")}]` : texts[0]!, flags);
}

/** Pages that the kernel charges for the instructions. */
function memlock(prog: Program): number {
  return Math.ceil((SIZEOF_BPF_PROG + prog.spec.insns.length) / PAGE) * PAGE;
}

/** `xlated` is the program as it was loaded: nothing rewrites it. */
function progText(host: Host, prog: Program, flags: BpftoolFlags): string {
  const btf = btfOf(prog);
  const pins = flags.bpffs === true ? pinnedPaths(host, "prog", prog.id) : [];
  const maps = prog.maps.map((m) => m.id).join(",");
  const jited = prog.jitedBytes === undefined ? "not jited" : `jited ${prog.jitedBytes}B`;
  return (
    `${prog.id}: ${prog.kind}  name ${prog.spec.name}  tag ${prog.tag}${prog.gpl ? "  gpl" : ""}${statsText(prog)}\n` +
    `\tloaded_at ${formatUtc(loadTimeNs(prog) / 1e9)}  uid 0\n` +
    `\txlated ${prog.spec.insns.length}B  ${jited}  memlock ${memlock(prog)}B${maps === "" ? "" : `  map_ids ${maps}`}\n` +
    pins.map((path) => `\tpinned ${path}\n`).join("") +
    (btf === null ? "" : `\tbtf_id ${btfId(host, btf)}\n`) +
    metadataText(prog)
  );
}

function progJson(host: Host, prog: Program, flags: BpftoolFlags): string {
  const btf = btfOf(prog);
  const { count } = prog.runStats;
  const shown = JSON.stringify({
    id: prog.id,
    type: prog.kind,
    name: prog.spec.name,
    tag: prog.tag,
    gpl_compatible: prog.gpl,
    ...(count === 0 ? {} : { run_time_ns: runTimeNs(prog), run_cnt: count }),
    loaded_at: Math.floor(loadTimeNs(prog) / 1e9),
    uid: 0,
    bytes_xlated: prog.spec.insns.length,
    ...(prog.jitedBytes === undefined ? { jited: false } : { jited: true, bytes_jited: prog.jitedBytes }),
    bytes_memlock: memlock(prog),
    ...(prog.maps.length === 0 ? {} : { map_ids: prog.maps.map((m) => m.id) }),
    ...(btf === null ? {} : { btf_id: btfId(host, btf) }),
    ...(flags.bpffs === true ? { pinned: pinnedPaths(host, "prog", prog.id) } : {}),
  });
  const metadata = metadataJson(prog);
  return metadata === "" ? shown : `${shown.slice(0, -1)},${metadata}}`;
}

/** What kernel.bpf_stats_enabled has counted. */
function statsText(prog: Program): string {
  const { count } = prog.runStats;
  return count === 0 ? "" : ` run_time_ns ${runTimeNs(prog)} run_cnt ${count}`;
}

function runTimeNs(prog: Program): number {
  return Math.round(prog.runStats.cost16 / 16);
}
