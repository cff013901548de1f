/**
 * The control plane of tc's hooks: clsact and ingress qdiscs with their blocks of filters, and tcx attachments. Errors carry the
 * kernel's extack sentences. A device carries a hook only while something is attached, so a packet elsewhere pays one test of null.
 *
 * @source net/sched/sch_ingress.c; kernel/bpf/mprog.c bpf_mprog_attach; texts and defaults measured on Linux 6.18 with iproute2
 */
import type { Program } from "../../bpf/program.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { QdiscStats } from "../qdisc.ts";
import { TcVerdicts } from "./act.ts";
import { blockFor } from "./blocks.ts";
import type { FilterBlock } from "./classify.ts";
import { TcDirection, type TcxProgram } from "./hook.ts";

/** `ingress` or `egress`, as in `tc filter ... dev eth0 ingress`. */
export type TcDirectionName = "ingress" | "egress";

/** A clsact or ingress qdisc, as `tc qdisc show` lists it: handle `ffff:`, parent `ffff:fff1`. */
export interface IngressQdisc {
  readonly kind: "clsact" | "ingress";
  readonly handle: number;
  readonly parent: number;
  readonly dev: Netdev;
  /** Both directions together. Bytes of received packets are without the MAC header, of sent ones with it. */
  readonly stats: QdiscStats;
  readonly blocks: IngressBlocks;
}

/** Flags of BPF_PROG_ATTACH and BPF_LINK_CREATE. @source include/uapi/linux/bpf.h */
export const BPF_F_REPLACE = 4;
export const BPF_F_BEFORE = 8;
export const BPF_F_AFTER = 16;

/** Where to put a tcx program. Without flags: behind the others. */
export interface TcxOptions {
  /** BPF_F_REPLACE, BPF_F_BEFORE, BPF_F_AFTER. */
  readonly flags?: number;
  /** Program that the flags refer to. */
  readonly relative?: Program;
  /** Id of the link it is attached by; 0 or absent for BPF_PROG_ATTACH. */
  readonly linkId?: number;
}

const HANDLE = 0xffff0000;
const TC_H_CLSACT = 0xfffffff1;
const BPF_MPROG_MAX = 64;

class DeviceTc {
  readonly ingress: TcDirection;
  readonly egress: TcDirection;
  qdisc: IngressQdisc | null = null;
  /** The device has had such a qdisc: deleting a missing one is refused in other words then. */
  hadQdisc: boolean = false;

  constructor(dev: Netdev) {
    this.ingress = new TcDirection(dev, true);
    this.egress = new TcDirection(dev, false);
  }
}

const devices: WeakMap<Netdev, DeviceTc> = new WeakMap();

function tcOf(dev: Netdev): DeviceTc {
  let tc = devices.get(dev);
  if (tc === undefined) {
    tc = new DeviceTc(dev);
    devices.set(dev, tc);
  }
  return tc;
}

/** Numbers of shared blocks: `ingress_block N`, `egress_block N`; 0 for none. */
export interface IngressBlocks {
  readonly ingress: number;
  readonly egress: number;
}

/** `tc qdisc add dev DEV clsact` or `... ingress`. @throws NetlinkError */
export function addClsact(
  dev: Netdev,
  kind: "clsact" | "ingress" = "clsact",
  blocks: IngressBlocks = { ingress: 0, egress: 0 },
): IngressQdisc {
  const tc = tcOf(dev);
  if (tc.qdisc !== null) throw new NetlinkError(ERRNO.EEXIST, "Exclusivity flag on, cannot modify");
  if (kind === "ingress" && blocks.egress !== 0) {
    throw new NetlinkError(ERRNO.EOPNOTSUPP, "Egress block sharing is not supported");
  }
  tc.qdisc = { kind, handle: HANDLE, parent: TC_H_CLSACT, dev, stats: new QdiscStats(), blocks };
  tc.hadQdisc = true;
  tc.ingress.setBlock(blockFor(dev.host, blocks.ingress), tc.qdisc.stats);
  if (kind === "clsact") tc.egress.setBlock(blockFor(dev.host, blocks.egress), tc.qdisc.stats);
  return tc.qdisc;
}

/** `tc qdisc del dev DEV clsact`: removes the qdisc with its filters. */
export function delClsact(dev: Netdev, kind: "clsact" | "ingress" = "clsact"): void {
  const tc = tcOf(dev);
  if (tc.qdisc === null) {
    if (tc.hadQdisc) throw new NetlinkError(ERRNO.EINVAL, "Invalid handle");
    throw new NetlinkError(ERRNO.ENOENT, "Cannot find specified qdisc on specified device");
  }
  if (tc.qdisc.kind !== kind) throw new NetlinkError(ERRNO.EINVAL, "Invalid qdisc name: must match existing qdisc");
  dropQdisc(tc);
}

function dropQdisc(tc: DeviceTc): void {
  tc.qdisc = null;
  tc.ingress.setBlock(null, null);
  tc.egress.setBlock(null, null);
}

/** The clsact or ingress qdisc of a device, for `tc qdisc show`. */
export function clsactOf(dev: Netdev): IngressQdisc | null {
  return devices.get(dev)?.qdisc ?? null;
}

/** A device goes away: forgets its qdisc, filters and tcx programs. */
export function flushTc(dev: Netdev): void {
  const tc = devices.get(dev);
  if (tc === undefined) return;
  dropQdisc(tc);
  tc.ingress.setTcx([]);
  tc.egress.setTcx([]);
}

/**
 * The block of filters at one end of a device's clsact; that of an ingress qdisc for whichever end.
 * @returns null without such a qdisc
 */
export function hookBlock(dev: Netdev, direction: TcDirectionName): FilterBlock | null {
  const tc = devices.get(dev);
  if (tc === undefined || tc.qdisc === null) return null;
  return tc[tc.qdisc.kind === "ingress" ? "ingress" : direction].block;
}

/**
 * BPF_PROG_ATTACH or BPF_LINK_CREATE at BPF_TCX_INGRESS or BPF_TCX_EGRESS.
 * @throws NetlinkError EEXIST when the program is there already, ENOENT when `relative` is not, ERANGE when 64 are there or the
 *         flags name different places
 */
export function attachTcx(
  dev: Netdev,
  direction: TcDirectionName,
  prog: Program,
  options: TcxOptions = {},
): TcxProgram {
  const tc = tcOf(dev);
  const hook = tc[direction];
  const flags = options.flags ?? 0;
  if (prog.kind !== "sched_cls" || (flags & ~(BPF_F_REPLACE | BPF_F_BEFORE | BPF_F_AFTER)) !== 0) {
    throw new NetlinkError(ERRNO.EINVAL);
  }
  if ((flags & BPF_F_REPLACE) !== 0 && (flags & (BPF_F_BEFORE | BPF_F_AFTER)) !== 0) {
    throw new NetlinkError(ERRNO.EINVAL);
  }
  const list = [...hook.tcx];
  const at = options.relative === undefined ? -1 : list.findIndex((t) => t.prog === options.relative);
  if (options.relative !== undefined && at < 0) throw new NetlinkError(ERRNO.ENOENT);
  if (list.some((t) => t.prog === prog)) throw new NetlinkError(ERRNO.EEXIST);
  const entry: TcxProgram = { prog, linkId: options.linkId ?? 0, verdicts: new TcVerdicts() };
  if ((flags & BPF_F_REPLACE) !== 0) {
    if (at < 0) throw new NetlinkError(options.relative === undefined ? ERRNO.EINVAL : ERRNO.ENOENT);
    list[at] = entry;
  } else {
    const before = (flags & BPF_F_BEFORE) !== 0 ? Math.max(at, 0) : -1;
    const after = (flags & BPF_F_AFTER) !== 0 ? (at < 0 ? list.length : at + 1) : -1;
    if (before >= 0 && after >= 0 && before !== after) throw new NetlinkError(ERRNO.ERANGE);
    if (list.length >= BPF_MPROG_MAX) throw new NetlinkError(ERRNO.ERANGE);
    const place = before >= 0 ? before : after >= 0 ? after : list.length;
    list.splice(place, 0, entry);
  }
  hook.setTcx(list);
  return entry;
}

/** BPF_PROG_DETACH. @throws NetlinkError ENOENT when the program is not attached there */
export function detachTcx(dev: Netdev, direction: TcDirectionName, prog: Program): void {
  const tc = tcOf(dev);
  const hook = tc[direction];
  if (!hook.tcx.some((t) => t.prog === prog)) throw new NetlinkError(ERRNO.ENOENT);
  hook.setTcx(hook.tcx.filter((t) => t.prog !== prog));
}

/** The tcx programs of a direction in order of running. */
export function listTcx(dev: Netdev, direction: TcDirectionName): readonly TcxProgram[] {
  return devices.get(dev)?.[direction].tcx ?? [];
}
