/** `tc filter ... bpf`. @source iproute2 tc/f_bpf.c bpf_parse_opt, bpf_print_opt */
import type { ClassicProgram } from "../../../bpf/cbpf/insn.ts";
import { type BpfFilter, type BpfOptions, isBpfFilter } from "../../../net/tc/cls/bpf.ts";
import { type ExtsSpec, NO_ACTIONS } from "../../../net/tc/exts.ts";
import { releaseProgram } from "../../bpf/held-objects.ts";
import { type BpfSource, obtainProgram, takeBpfSource } from "../../bpf/load.ts";
import { addProgInfo } from "../../bpf/prog-info.ts";
import { PrintRecord } from "../../record.ts";
import { matches, notInNetsim, type Words } from "../../rtnetlink.ts";
import type { ToolError, ToolSession } from "../../tool.ts";
import { refusal, unsignedOf } from "../arguments.ts";
import { addBytecode, takeBytecode } from "../bytecode.ts";
import {
  type FilterKind,
  type FilterParse,
  type FilterShow,
  type ParsedFilter,
  printExts,
  takeFilterActions,
} from "../filter-kind.ts";
import { classidOf, formatClassid } from "../handles.ts";
import type { PrintObject } from "../print.ts";

/** Printed for `help` and for words that mean nothing. */
const USAGE =
  "Usage: ... bpf ...\n" +
  " bytecode BPF_BYTECODE\n" +
  " bytecode-file FILE\n" +
  " object-file FILE [ section CLS_NAME ] [ program NAME ] [ verbose ] [ direct-action ]\n" +
  " object-pinned FILE [ direct-action ]\n" +
  " [ classid CLASSID ]\n" +
  "Where BPF_BYTECODE := 's,c t f k,c t f k,...', all decimals; s is the number of 4-tuples\n";

/** What the words say, before anything is loaded. */
class Said {
  source: BpfSource | null = null;
  /** A classic program, in place of a source. */
  bytecode: ClassicProgram | null = null;
  classid: number = 0;
  directAction: boolean = false;
  skipHw: boolean = false;
  exts: ExtsSpec = NO_ACTIONS;
}

function parse(words: Words, p: FilterParse): ParsedFilter {
  let handle = 0;
  if (p.handle !== null) {
    const n = unsignedOf(p.handle, 0);
    if (n === null) throw refusal('Illegal "handle"\n');
    handle = n;
  }
  if (words.done) return { handle, options: null };
  const said = takeWords(words, p.session);
  if (p.finding) return { handle, options: null };
  return { handle, ...load(p.session, said) };
}

function takeWords(words: Words, session: ToolSession): Said {
  const f = new Said();
  const fail = (text: string, cause?: Error): ToolError => refusal(`${text}Unable to parse bpf command line\n`, cause);
  for (let w = words.peek(); w !== undefined; w = words.peek()) {
    if (matches(w, "classid") || matches(w, "flowid")) {
      words.next();
      const id = classidOf(words.next());
      if (id === null) throw refusal('Illegal "classid"\n');
      f.classid = id;
    } else if (matches(w, "direct-action") || w === "da") {
      words.next();
      f.directAction = true;
    } else if (matches(w, "skip_hw")) {
      words.next();
      f.skipHw = true;
    } else if (matches(w, "skip_sw")) throw notInNetsim("`bpf ... skip_sw`", "no device of netsim runs filters itself");
    else if (matches(w, "action")) {
      words.next();
      f.exts = takeFilterActions(words, session);
    } else if (matches(w, "help")) throw refusal(USAGE);
    else if (f.source !== null || f.bytecode !== null) throw refusal(`What is "${w}"?\n${USAGE}`);
    else {
      if (w === "run") words.next();
      f.bytecode = takeBytecode(words, session, fail);
      if (f.bytecode === null) f.source = takeBpfSource(words, "sched_cls", fail);
    }
  }
  return f;
}

/** Makes or finds the program. */
function load(session: ToolSession, f: Said): Pick<ParsedFilter, "options" | "undo"> {
  const { classid, directAction, skipHw, exts } = f;
  if (f.bytecode !== null) {
    const options: BpfOptions = { prog: f.bytecode, name: null, classid, directAction, skipHw, exts };
    return { options };
  }
  if (f.source === null) throw refusal(`${USAGE}Unable to load program\n`);
  const fail = (text: string, cause?: Error): ToolError => refusal(`${text}Unable to load program\n`, cause);
  const { prog, annotation, object } = obtainProgram(session, f.source, "sched_cls", fail);
  const options: BpfOptions = { prog, name: annotation, classid, directAction, skipHw, exts };
  return object === null ? { options } : { options, undo: () => releaseProgram(prog) };
}

function print(o: PrintObject, f: BpfFilter, show: FilterShow): void {
  const r = new PrintRecord();
  const handle = `0x${f.handle.toString(16)}`;
  r.any("handle", handle, `handle ${handle} `);
  if (f.classid !== 0) r.any("flowid", formatClassid(f.classid), `flowid ${formatClassid(f.classid)} `);
  if (f.name !== "") r.any("bpf_name", f.name, `${f.name} `);
  if (f.directAction) r.any("direct-action", true, "direct-action ");
  if (f.skipHw) r.any("skip_hw", true, "skip_hw ");
  r.any("not_in_hw", true, "not_in_hw ");
  const { classic } = f.prog.spec;
  if (classic === undefined) addProgInfo(show.host, r, f.prog, show.flags.details);
  else addBytecode(r, classic);
  o.merge(r);
  printExts(o, f.exts, show);
}

/** The record of `bpf`. */
export const bpf: FilterKind = {
  kind: "bpf",
  parse,
  print(o, filter, show) {
    if (isBpfFilter(filter)) print(o, filter, show);
  },
};
