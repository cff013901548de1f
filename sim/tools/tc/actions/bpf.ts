/** `action bpf`. @source iproute2 tc/m_bpf.c */
import { TC_ACT_PIPE } from "../../../net/tc/act.ts";
import { BpfAction, type BpfActionOptions } from "../../../net/tc/actions/bpf.ts";
import { obtainProgram, takeBpfSource } from "../../bpf/load.ts";
import { addProgInfo } from "../../bpf/prog-info.ts";
import { PrintRecord } from "../../record.ts";
import { matches, type Words } from "../../rtnetlink.ts";
import type { ToolError, ToolSession } from "../../tool.ts";
import { takeIndex } from "../action-index.ts";
import { type ActionWords, type ParsedAction, printInstance } from "../action-kind.ts";
import { advance, refusal } from "../arguments.ts";
import { addBytecode, takeBytecode } from "../bytecode.ts";
import { printControl, takeControlOr } from "../control-word.ts";

const USAGE =
  "Usage: ... bpf ... [ index INDEX ]\n\n" +
  "BPF use case:\n" +
  " bytecode BPF_BYTECODE\n" +
  " bytecode-file FILE\n\n" +
  "eBPF use case:\n" +
  " object-file FILE [ section ACT_NAME ] [ export UDS_FILE ] [ verbose ]\n" +
  " object-pinned FILE\n\n" +
  "Where BPF_BYTECODE := 's,c t f k,c t f k,c t f k,...'\n" +
  "c,t,f,k and s are decimals; s denotes number of 4-tuples\n\n" +
  "Where FILE points to a file containing the BPF_BYTECODE string,\n" +
  "an ELF file containing eBPF map definitions and bytecode, or a\n" +
  "pinned eBPF program.\n\n" +
  "Where ACT_NAME refers to the section name containing the\n" +
  "action (default 'action').\n\n" +
  "Where UDS_FILE points to a unix domain socket file in order\n" +
  "to hand off control of all created eBPF maps to an agent.\n\n" +
  "Where optionally INDEX points to an existing action, or\n" +
  "explicitly specifies an action index upon creation.\n";

function parse(words: Words, session: ToolSession): ParsedAction {
  let w = advance(words);
  let found: Pick<BpfActionOptions, "prog" | "name"> = { prog: null, name: "" };
  if (matches(w, "help")) throw refusal(USAGE);
  if (!matches(w, "index")) {
    if (matches(w, "run")) w = advance(words);
    found = takeProgram(words, session);
  }
  const verdict = takeControlOr(words, TC_ACT_PIPE);
  const index = takeIndex(words, 'bpf: Illegal "index"\n') ?? 0;
  const options: BpfActionOptions = { verdict, ...found };
  return { index, options };
}

function takeProgram(words: Words, session: ToolSession): Pick<BpfActionOptions, "prog" | "name"> {
  const fail = (text: string, cause?: Error): ToolError => refusal(text, cause);
  const classic = takeBytecode(words, session, fail);
  if (classic !== null) return { prog: classic, name: "" };
  const source = takeBpfSource(words, "sched_act", fail);
  const { prog, annotation } = obtainProgram(session, source, "sched_act", fail);
  return { prog, name: annotation };
}

/** The record of `bpf`. */
export const bpf: ActionWords = {
  kind: "bpf",
  parse,
  print(o, action, flags) {
    if (!(action instanceof BpfAction)) return;
    const r = new PrintRecord().any("kind", "bpf", "bpf ");
    const { classic } = action.prog.spec;
    if (action.name !== "") r.any("bpf_name", action.name, `${action.name} `);
    if (classic === undefined) addProgInfo(action.host, r, action.prog, flags.details);
    else {
      addBytecode(r, classic);
      r.plain(" ");
    }
    o.merge(r);
    printControl(o, "default-action ", action.verdict, "\n");
    printInstance(o, action, flags, "\t index");
  },
};
