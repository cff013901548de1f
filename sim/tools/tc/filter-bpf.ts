/** The options of `tc filter ... bpf`. @source iproute2 tc/f_bpf.c bpf_parse_opt */
import type { ClassicProgram } from "../../bpf/cbpf/insn.ts";
import { type BpfSource, takeBpfSource } from "../bpf/load.ts";
import { matches, notInNetsim, Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { takeBytecode } from "./bytecode.ts";
import { parseClassid } from "./handles.ts";

/** What was said. */
export interface BpfFilterWords {
  source: BpfSource | null;
  /** A classic program, in place of a source. */
  bytecode: ClassicProgram | null;
  classid: number | null;
  directAction: boolean;
}

/** Printed for `help` and for words that mean nothing. */
export const BPF_USAGE: string =
  "Usage: ... bpf ...\n" +
  " bytecode BPF_BYTECODE\n" +
  " bytecode-file FILE\n" +
  " object-file FILE [ section CLS_NAME ] [ program NAME ] [ verbose ] [ direct-action ]\n" +
  " object-pinned FILE [ direct-action ]\n" +
  " [ classid CLASSID ]\n" +
  "Where BPF_BYTECODE := 's,c t f k,c t f k,...', all decimals; s is the number of 4-tuples\n";

/** @throws ToolError 1, as all that a filter's own parser refuses */
export function parseBpfFilter(session: ToolSession, rest: readonly string[]): BpfFilterWords {
  const words = new Words(rest);
  const f: BpfFilterWords = { source: null, bytecode: null, classid: null, directAction: false };
  const fail = (text: string, cause?: Error): ToolError =>
    new ToolError(1, `${text}Unable to parse bpf command line\n`, "", cause);
  while (!words.done) {
    const w = words.peek()!;
    if (matches(w, "classid") || matches(w, "flowid")) {
      words.next();
      f.classid = takeClassid(words.next());
    } else if (matches(w, "direct-action") || w === "da") {
      words.next();
      f.directAction = true;
    } else if (matches(w, "skip_hw")) words.next();
    else if (matches(w, "skip_sw") || matches(w, "action") || matches(w, "police"))
      throw notInNetsim(`\`bpf ... ${w}\``);
    else if (matches(w, "help")) throw new ToolError(1, BPF_USAGE);
    else if (f.source !== null || f.bytecode !== null) throw new ToolError(1, `What is "${w}"?\n${BPF_USAGE}`);
    else {
      if (w === "run") words.next();
      f.bytecode = takeBytecode(words, session, fail);
      if (f.bytecode === null) f.source = takeBpfSource(words, "sched_cls", fail);
    }
  }
  return f;
}

function takeClassid(word: string): number {
  try {
    return parseClassid(word);
  } catch (error) {
    if (error instanceof ToolError) throw new ToolError(1, 'Illegal "classid"\n');
    throw error;
  }
}
