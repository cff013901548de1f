/**
 * BPF_LINK_CREATE and BPF_RAW_TRACEPOINT_OPEN: attachments that last as long as their descriptor.
 * @source kernel/bpf/syscall.c link_create, bpf_prog_attach_check_attach_type, bpf_raw_tp_link_attach; net/core/dev.c
 *         bpf_xdp_link_attach; kernel/bpf/tcx.c tcx_link_attach; errno asked of Linux 6.18
 * @differs a process has no descriptors of cgroups and network namespaces, so links to these are -EBADF; tcx links go behind those that
 *          are there: a place among them (flags, relative_fd) cannot be asked for
 */
import { attachNumber } from "../../bpf/attach-kinds.ts";
import { EBADF, EINVAL, ENODEV } from "../../bpf/maps/errno.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import { progTypeOf } from "../../bpf/prog-types/index.ts";
import type { Program } from "../../bpf/program.ts";
import { ObjectError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import { NetlinkError } from "../netlink-error.ts";
import { attachTcx, detachTcx, type TcDirectionName } from "../tc/control.ts";
import { attachXdp, detachXdp, type XdpModeWord } from "../xdp/attach.ts";
import type { BpfAttr } from "./attr.ts";
import type { BpfCommand } from "./command.ts";
import { extensionOf } from "./prog-load.ts";

const AT = { progFd: 0, target: 4, attachType: 8, flags: 12 } as const;
/** bpf_attach_type of what is attached to devices. */
const XDP = attachNumber("xdp");
const TCX: ReadonlyMap<number, TcDirectionName> = new Map([
  [attachNumber("tcx_ingress"), "ingress"],
  [attachNumber("tcx_egress"), "egress"],
]);
/** XDP_FLAGS_*_MODE: at most one may be given. */
const XDP_MODES: ReadonlyMap<number, XdpModeWord> = new Map([
  [0, "xdp"],
  [2, "xdpgeneric"],
  [4, "xdpdrv"],
  [8, "xdpoffload"],
]);
/** Types whose programs are attached to cgroups or to network namespaces, both by a descriptor. */
const BY_DESCRIPTOR: readonly ProgKind[] = [
  "cgroup_skb",
  "cgroup_sock_addr",
  "sock_ops",
  "sk_lookup",
  "flow_dissector",
];

/** The record of BPF_LINK_CREATE. */
export const linkCreate: BpfCommand = { name: "LINK_CREATE", cmd: 28, endBytes: 60, run };

function run(host: Host, attr: BpfAttr): number {
  const { fds } = host.bpf;
  const file = fds.of(attr.u32(AT.progFd), "prog");
  if (typeof file === "number") return file;
  const { prog } = file;
  const detach = attach(host, prog, attr);
  return typeof detach === "number" ? detach : fds.open({ kind: "link", prog, detach });
}

/** @returns how to end it, or -errno */
function attach(host: Host, prog: Program, attr: BpfAttr): (() => void) | number {
  const at = attr.u32(AT.attachType);
  if (prog.kind === "xdp") return at === XDP ? attachToXdp(host, prog, attr) : -EINVAL;
  if (prog.kind === "sched_cls") {
    const direction = TCX.get(at);
    return direction === undefined ? -EINVAL : attachToTcx(host, prog, attr, direction);
  }
  if (prog.kind === "ext") return extend(host, prog, attr);
  if (!BY_DESCRIPTOR.includes(prog.kind)) return -EINVAL;
  const fits = progTypeOf(prog.kind).attachKinds.some((kind) => attachNumber(kind) === at);
  if (!fits || attr.u32(AT.flags) !== 0) return -EINVAL;
  const what = host.bpf.fds.at(attr.u32(AT.target));
  const isNamespace = prog.kind === "sk_lookup" || prog.kind === "flow_dissector";
  return what !== undefined && isNamespace ? -EINVAL : -EBADF;
}

function attachToXdp(host: Host, prog: Program, attr: BpfAttr): (() => void) | number {
  const mode = XDP_MODES.get(attr.u32(AT.flags));
  const dev = host.devices[attr.u32(AT.target)];
  if (mode === undefined || dev === undefined) return -EINVAL;
  return errnoOf(() => {
    attachXdp(dev, prog, { mode });
    const attached = dev.xdp;
    return () => {
      if (attached !== null && dev.xdp === attached) detachXdp(dev, attached.mode === "xdp" ? "xdpdrv" : "xdpgeneric");
    };
  });
}

function attachToTcx(host: Host, prog: Program, attr: BpfAttr, direction: TcDirectionName): (() => void) | number {
  const dev: Netdev | undefined = host.devices[attr.u32(AT.target)];
  if (dev === undefined) return -ENODEV;
  if (attr.u32(AT.flags) !== 0) return -EINVAL;
  return errnoOf(() => {
    attachTcx(dev, direction, prog);
    return () => detachTcx(dev, direction, prog);
  });
}

/** An ext program goes where it was loaded for, when nothing else is named. */
function extend(host: Host, prog: Program, attr: BpfAttr): (() => void) | number {
  const place = extensionOf(prog);
  if (place === undefined || attr.u32(AT.target) !== 0 || attr.u32(AT.flags) !== 0) return -EINVAL;
  return errnoOf(() => {
    host.kernel.machine.attachExt(place.target, place.functionName, prog);
    return () => host.kernel.machine.detachExt(prog);
  });
}

function errnoOf(attaching: () => () => void): (() => void) | number {
  try {
    return attaching();
  } catch (error) {
    if (error instanceof NetlinkError) return -error.errno;
    if (error instanceof ObjectError) return -EINVAL;
    throw error;
  }
}

/** The record of BPF_RAW_TRACEPOINT_OPEN: no program type that netsim runs is attached there. */
export const rawTracepointOpen: BpfCommand = {
  name: "RAW_TRACEPOINT_OPEN",
  cmd: 17,
  endBytes: 24,
  run(host: Host, attr: BpfAttr): number {
    const file = host.bpf.fds.of(attr.u32(8), "prog");
    return typeof file === "number" ? file : -EINVAL;
  },
};
