/**
 * BPF_PROG_LOAD.
 * @source kernel/bpf/syscall.c bpf_prog_load, bpf_prog_load_check_attach; errno and their order asked of Linux 6.18
 * @differs there is no verifier: a program that it would refuse for what it does is loaded, and stopped when it does so; types that
 *          netsim does not run are refused with -EINVAL; signatures are not looked at
 */
import { attachOfNumber } from "../../bpf/attach-kinds.ts";
import { E2BIG, EBADF, EFAULT, EINVAL, ENODEV, ENOTSUPP, EOPNOTSUPP, EPERM } from "../../bpf/maps/errno.ts";
import type { ProgKind } from "../../bpf/prog-type.ts";
import { progTypes } from "../../bpf/prog-types/index.ts";
import type { Program } from "../../bpf/program.ts";
import { ObjectError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import type { Netdev } from "../netdev.ts";
import type { BpfAttr } from "./attr.ts";
import type { BpfCommand } from "./command.ts";
import { logError } from "./log.ts";
import { readProgram } from "./prog-spec.ts";

const AT = {
  progType: 0,
  insnCnt: 4,
  license: 16,
  log: { level: 24, size: 28, buf: 32 },
  progFlags: 44,
  progName: 48,
  progIfindex: 64,
  attachType: 68,
  attachBtfId: 108,
  attachProgFd: 112,
} as const;
/** BPF_PROG_TYPE_EXT. */
const EXT = 28;
const LICENSE_MAX = 127;
/** BPF_COMPLEXITY_LIMIT_INSNS. */
const MOST_INSNS = 1000000;
const BPF_F_XDP_HAS_FRAGS = 1 << 5;
const BPF_F_XDP_DEV_BOUND_ONLY = 1 << 6;
const BPF_F_TOKEN_FD = 1 << 16;
/** All flags of Linux 6.18. */
const KNOWN_FLAGS = 0xff | BPF_F_TOKEN_FD;

/** What ext programs were loaded for, so that links can put them there. */
const extended: WeakMap<Program, { readonly target: Program; readonly functionName: string }> = new WeakMap();

/** What an ext program that bpf(2) loaded was loaded for. */
export function extensionOf(prog: Program): { readonly target: Program; readonly functionName: string } | undefined {
  return extended.get(prog);
}

/** The record of BPF_PROG_LOAD. */
export const progLoad: BpfCommand = { name: "PROG_LOAD", cmd: 5, endBytes: 168, run };

function run(host: Host, attr: BpfAttr): number {
  const flags = attr.u32(AT.progFlags);
  if ((flags & ~KNOWN_FLAGS) !== 0) return -EINVAL;
  if ((flags & BPF_F_TOKEN_FD) !== 0) return -EBADF;
  const count = attr.u32(AT.insnCnt);
  if (count === 0 || count > MOST_INSNS) return -E2BIG;
  const number = attr.u32(AT.progType);
  const kind = number === EXT ? "ext" : progTypes.find((def) => def.uapi === number)?.kind;
  const target = targetOf(host, attr, kind);
  if (typeof target === "number") return target;
  const license = attr.readText(AT.license, LICENSE_MAX);
  if (license === null) return -EFAULT;
  const device = deviceOf(host, attr, kind, flags);
  if (typeof device === "number") return device;
  const name = attr.name(AT.progName);
  if (kind === undefined || name === null) return -EINVAL;
  const log = logError(attr, AT.log);
  if (log !== 0) return log;
  const read = readProgram(host, attr, name, kind, (flags & BPF_F_XDP_HAS_FRAGS) !== 0);
  if (typeof read === "number") return read;
  try {
    const prog = host.kernel.machine.loadProgram(read.spec, {
      kind,
      attach: attachOfNumber(attr.u32(AT.attachType)),
      id: host.bpf.takeProgId(),
      license,
      maps: read.maps,
      ...(device === null ? {} : { device }),
      ...(target === null ? {} : { extend: target }),
    });
    host.bpf.addProgram(prog);
    host.bpf.made.programs.add(prog);
    if (target !== null) extended.set(prog, target);
    return host.bpf.fds.open({ kind: "prog", prog });
  } catch (error) {
    if (error instanceof ObjectError) return -EINVAL;
    throw error;
  }
}

/** The device that a program is bound to, null for none. @returns -errno when it cannot be; nothing runs on a device's own processor */
function deviceOf(host: Host, attr: BpfAttr, kind: ProgKind | undefined, flags: number): Netdev | null | number {
  const ifindex = attr.u32(AT.progIfindex);
  if (ifindex === 0) return null;
  const dev = host.devices[ifindex];
  if (dev === undefined) return -EINVAL;
  if ((flags & BPF_F_XDP_DEV_BOUND_ONLY) === 0) return -ENODEV;
  if (kind !== "xdp" || (flags & ~(BPF_F_XDP_DEV_BOUND_ONLY | BPF_F_XDP_HAS_FRAGS)) !== 0) return -EINVAL;
  return dev.ops.xdpMetadata === undefined ? -EOPNOTSUPP : dev;
}

/** Whose function an ext program replaces; null for other types. @returns -errno when none may be named, or it is none */
function targetOf(
  host: Host,
  attr: BpfAttr,
  kind: ProgKind | undefined,
): { readonly target: Program; readonly functionName: string } | null | number {
  const fd = attr.u32(AT.attachProgFd);
  const typeId = attr.u32(AT.attachBtfId);
  if (fd === 0) {
    // the kernel's own types are meant, and no program type that netsim runs is attached to them
    if (typeId !== 0) return -EINVAL;
    return kind === "ext" ? -EPERM : null;
  }
  const file = host.bpf.fds.of(fd, "prog");
  if (typeof file === "number") return host.bpf.fds.at(fd)?.kind === "btf" ? -ENOTSUPP : -EINVAL;
  if (kind !== "ext") return -EINVAL;
  const func = file.prog.spec.btf?.types[typeId];
  return func?.kind === "func" ? { target: file.prog, functionName: func.name } : -EINVAL;
}
