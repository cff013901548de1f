/** `bpftool net`. @source bpftool net.c; tcx as bpftool 7.3 and later have it */
import type { Host } from "../../net/host.ts";
import type { Netdev } from "../../net/netdev.ts";
import { NetlinkError } from "../../net/netlink-error.ts";
import { listFilters } from "../../net/tc/bpf-filters.ts";
import { attachTcx, detachTcx, listTcx, type TcDirectionName } from "../../net/tc/control.ts";
import { attachXdp, detachXdp, type XdpModeWord } from "../../net/xdp/attach.ts";
import { releaseProgram } from "../bpf/held-objects.ts";
import { devicesOf, expand, matches, strerror, type Words } from "../rtnetlink.ts";
import { ToolError, type ToolSession } from "../tool.ts";
import { takeProg } from "./handles.ts";
import type { BpftoolObject } from "./object.ts";
import { type BpftoolFlags, bpftoolError, printBpftoolJson, printNothing, takeCommand } from "./output.ts";

const COMMANDS = ["show", "list", "attach", "detach", "help"] as const;

const USAGE =
  "Usage: bpftool net { show | list } [dev <devname>]\n" +
  "       bpftool net attach ATTACH_TYPE PROG dev <devname> [ overwrite ]\n" +
  "       bpftool net detach ATTACH_TYPE dev <devname>\n" +
  "\n" +
  "       PROG := { id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }\n" +
  "       ATTACH_TYPE := { xdp | xdpgeneric | xdpdrv | xdpoffload | tcx_ingress | tcx_egress }\n";

const ATTACH_TYPES = ["xdp", "xdpgeneric", "xdpdrv", "xdpoffload", "tcx_ingress", "tcx_egress"] as const;
type AttachType = (typeof ATTACH_TYPES)[number];

const EINVAL = 22;
const DIRECTIONS: readonly TcDirectionName[] = ["ingress", "egress"];

function run(session: ToolSession, words: Words, flags: BpftoolFlags): string {
  const { host } = session;
  const command = takeCommand(words, COMMANDS, USAGE);
  switch (command) {
    case "show":
    case "list":
      return show(host, words, flags);
    case "help":
      throw new ToolError(0, USAGE);
    case "attach":
      if (words.left < 5) throw new ToolError(255, USAGE);
      return attach(host, words, flags);
    case "detach":
      if (words.left < 3) throw new ToolError(255, USAGE);
      return detach(host, words, flags);
  }
}

function takeAttachType(words: Words, flags: BpftoolFlags): AttachType {
  const word = words.next();
  const type = ATTACH_TYPES.find((t) => t === word) ?? expand(word, ATTACH_TYPES);
  if (type === undefined) throw bpftoolError(flags, `invalid net attach/detach type: ${word}`, EINVAL);
  return type;
}

function takeDevice(host: Host, words: Words, flags: BpftoolFlags, errno: number): Netdev {
  const word = words.next();
  if (!matches(word, "dev")) throw bpftoolError(flags, `expected 'dev', got: '${word}'?`, errno);
  const name = words.next();
  const dev = host.devByName.get(name);
  if (dev === undefined) throw bpftoolError(flags, `invalid devname ${name}`, errno);
  return dev;
}

function attach(host: Host, words: Words, flags: BpftoolFlags): string {
  const type = takeAttachType(words, flags);
  const prog = withStatus(() => takeProg(host, words, flags));
  const dev = takeDevice(host, words, flags, EINVAL);
  let overwrite = false;
  if (!words.done) {
    const w = words.next();
    if (!matches(w, "overwrite")) throw bpftoolError(flags, `expected 'overwrite', got: '${w}'?`, EINVAL);
    overwrite = true;
  }
  const old = dev.xdp?.prog ?? null;
  tryKernel(flags, type, "attach", () => {
    if (type === "tcx_ingress" || type === "tcx_egress") attachTcx(dev, directionOf(type), prog);
    else attachXdp(dev, prog, { mode: type as XdpModeWord, force: overwrite });
  });
  if (old !== null && dev.xdp?.prog !== old) releaseProgram(old);
  return printNothing(flags);
}

function detach(host: Host, words: Words, flags: BpftoolFlags): string {
  const type = takeAttachType(words, flags);
  const dev = takeDevice(host, words, flags, EINVAL);
  const old = dev.xdp?.prog ?? null;
  tryKernel(flags, type, "detach", () => {
    if (type !== "tcx_ingress" && type !== "tcx_egress") {
      detachXdp(dev, type as XdpModeWord);
      return;
    }
    // BPF_PROG_DETACH without a program takes the first one
    const first = listTcx(dev, directionOf(type))[0];
    if (first === undefined) throw new NetlinkError(2);
    detachTcx(dev, directionOf(type), first.prog);
    releaseProgram(first.prog);
  });
  if (old !== null && dev.xdp === null) releaseProgram(old);
  return printNothing(flags);
}

function directionOf(type: AttachType): TcDirectionName {
  return type === "tcx_ingress" ? "ingress" : "egress";
}

/** `net` answers EINVAL for handles that name nothing. */
function withStatus<T>(take: () => T): T {
  try {
    return take();
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new ToolError(256 - EINVAL, error.stderr, error.stdout);
  }
}

function tryKernel(flags: BpftoolFlags, type: AttachType, what: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const log = error.extack === "" ? "" : `libbpf: Kernel error message: ${error.extack}\n`;
    throw bpftoolError(
      flags,
      `interface ${type} ${what} failed: ${strerror(error.errno)}`,
      error.errno,
      undefined,
      log,
    );
  }
}

/** One line of `tc:`. */
interface TcRow {
  readonly text: string;
  readonly json: Record<string, unknown>;
}

function tcRows(dev: Netdev): readonly TcRow[] {
  const rows: TcRow[] = [];
  const base = { devname: dev.name, ifindex: dev.ifindex };
  for (const direction of DIRECTIONS) {
    for (const { prog, linkId } of listTcx(dev, direction)) {
      const link = linkId === 0 ? "" : `link_id ${linkId} `;
      rows.push({
        text: `tcx/${direction} ${prog.spec.name} prog_id ${prog.id} ${link}`,
        json: {
          ...base,
          kind: `tcx/${direction}`,
          name: prog.spec.name,
          prog_id: prog.id,
          prog_flags: [],
          link_id: linkId,
          link_flags: [],
        },
      });
    }
  }
  for (const direction of DIRECTIONS) {
    const kind = `clsact/${direction}`;
    for (const f of listFilters(dev, direction)) {
      // a classic program has neither name nor id
      const classic = f.prog.spec.classic !== undefined;
      const text = classic ? kind : `${kind} ${f.name} id ${f.prog.id}`;
      rows.push({ text, json: classic ? { ...base, kind } : { ...base, kind, name: f.name, id: f.prog.id } });
    }
  }
  return rows;
}

function show(host: Host, words: Words, flags: BpftoolFlags): string {
  const devices = words.done ? devicesOf(host) : [takeDevice(host, words, flags, 0)];
  const xdp: string[] = [];
  const tc: string[] = [];
  const json = { xdp: [] as unknown[], tc: [] as unknown[], flow_dissector: [] };
  for (const dev of devices) {
    if (dev.xdp !== null) {
      const mode = dev.xdp.mode === "xdp" ? "driver" : "generic";
      xdp.push(`${dev.name}(${dev.ifindex}) ${mode} id ${dev.xdp.prog.id}\n`);
      json.xdp.push({ devname: dev.name, ifindex: dev.ifindex, mode, id: dev.xdp.prog.id });
    }
    for (const row of tcRows(dev)) {
      tc.push(`${dev.name}(${dev.ifindex}) ${row.text}\n`);
      json.tc.push(row.json);
    }
  }
  if (flags.json) return printBpftoolJson(JSON.stringify([json]), flags);
  return `xdp:\n${xdp.join("")}\ntc:\n${tc.join("")}\nflow_dissector:\n\n`;
}

/** The object. */
export const net: BpftoolObject = { name: "net", run };
