/**
 * The control plane of tc's hooks: clsact and ingress qdiscs, cls_bpf filters, tcx attachments. Errors carry the kernel's extack
 * sentences. A device carries a hook only while something is attached, so a packet elsewhere pays one test of null.
 *
 * @source net/sched/sch_ingress.c, net/sched/cls_api.c tc_new_tfilter, tc_del_tfilter, tcf_auto_prio; net/sched/cls_bpf.c
 *         cls_bpf_change; kernel/bpf/mprog.c bpf_mprog_attach; texts and defaults measured on Linux 6.18 with iproute2
 */
import type { ClassicProgram } from "../../bpf/cbpf/insn.ts";
import type { Program } from "../../bpf/program.ts";
import { loadClassic } from "../classic-filter.ts";
import { ETH_P_ALL } from "../ether.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { QdiscStats } from "../qdisc.ts";
import { TcVerdicts } from "./act.ts";
import { type BpfFilter, TcDirection, type TcxProgram } from "./hook.ts";

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
}

/** What `tc filter add ... bpf` says. */
export interface BpfFilterOptions {
  readonly direction: TcDirectionName;
  /** A loaded program (TCA_BPF_FD), or a classic one to be loaded (TCA_BPF_OPS). */
  readonly prog: Program | ClassicProgram;
  /** As `tc filter show` prints it, `prog.o:[tc]`. Default: the program's name, none for classic ones. */
  readonly name?: string;
  /** Preference; 0 or absent takes the next one below the lowest automatic one, from 49152 downwards. */
  readonly pref?: number;
  /** Ethertype in host order; absent means all. */
  readonly protocol?: number;
  /** Absent takes the lowest free one of the preference. */
  readonly handle?: number;
  /** `direct-action`. */
  readonly directAction?: boolean;
  readonly classid?: number;
  /** `tc filter replace`: an existing handle gets the new program in place. */
  readonly replace?: boolean;
}

/** Which filters `tc filter del` means; nothing given means all of the direction. */
export interface FilterSelection {
  readonly pref?: number;
  readonly protocol?: number;
  readonly handle?: number;
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
const AUTO_PREF = 49152;
const AUTO_PREF_FLOOR = 32768;
const BPF_MPROG_MAX = 64;

/** The filters of one preference: one instance of cls_bpf. */
interface FilterChainEntry {
  readonly pref: number;
  readonly protocol: number;
  /** Newest first. */
  progs: BpfFilter[];
}

class DeviceTc {
  readonly ingress: TcDirection;
  readonly egress: TcDirection;
  readonly chains: Record<TcDirectionName, FilterChainEntry[]> = { ingress: [], egress: [] };
  qdisc: IngressQdisc | null = null;
  /** The device has had such a qdisc: deleting a missing one is refused in other words then. */
  hadQdisc: boolean = false;

  constructor(dev: Netdev) {
    this.ingress = new TcDirection(dev, true);
    this.egress = new TcDirection(dev, false);
  }

  /** The ingress qdisc has one block for whatever parent a filter names. */
  block(direction: TcDirectionName): TcDirectionName {
    return this.qdisc?.kind === "ingress" ? "ingress" : direction;
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

/** `tc qdisc add dev DEV clsact` or `... ingress`. */
export function addClsact(dev: Netdev, kind: "clsact" | "ingress" = "clsact"): IngressQdisc {
  const tc = tcOf(dev);
  if (tc.qdisc !== null) throw new NetlinkError(ERRNO.EEXIST, "Exclusivity flag on, cannot modify");
  tc.qdisc = { kind, handle: HANDLE, parent: TC_H_CLSACT, dev, stats: new QdiscStats() };
  tc.hadQdisc = true;
  apply(dev, tc);
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
  tc.qdisc = null;
  tc.chains.ingress = [];
  tc.chains.egress = [];
  apply(dev, tc);
}

/** The clsact or ingress qdisc of a device, for `tc qdisc show`. */
export function clsactOf(dev: Netdev): IngressQdisc | null {
  return devices.get(dev)?.qdisc ?? null;
}

/** A device goes away: forgets its qdisc, filters and tcx programs. */
export function flushTc(dev: Netdev): void {
  const tc = devices.get(dev);
  if (tc === undefined) return;
  tc.qdisc = null;
  tc.chains.ingress = [];
  tc.chains.egress = [];
  tc.ingress.tcx = [];
  tc.egress.tcx = [];
  apply(dev, tc);
}

/**
 * `tc filter add|replace dev DEV ingress|egress bpf ...`.
 * @returns the filter as it is listed
 * @throws ObjectError CLASSIC_INVALID for a classic program that Linux refuses with EINVAL
 */
export function addBpfFilter(dev: Netdev, options: BpfFilterOptions): BpfFilter {
  const tc = tcOf(dev);
  requireQdisc(tc);
  if ("run" in options.prog && options.prog.kind !== "sched_cls") throw new NetlinkError(ERRNO.EINVAL);
  const chain = tc.chains[tc.block(options.direction)];
  const protocol = options.protocol ?? ETH_P_ALL;
  const pref = options.pref ?? 0;
  let entry: FilterChainEntry | undefined;
  if (pref !== 0) {
    entry = chain.find((e) => e.pref === pref);
    if (entry !== undefined && entry.protocol !== protocol) {
      throw new NetlinkError(ERRNO.EINVAL, "Protocol mismatch for filter with specified priority");
    }
  }
  const handle = options.handle ?? 0;
  const old = handle === 0 ? undefined : entry?.progs.find((f) => f.handle === handle);
  if (old !== undefined && options.replace !== true) throw new NetlinkError(ERRNO.EEXIST, "Filter already exists");
  const prog = "run" in options.prog ? options.prog : loadClassic(dev.host.kernel, options.prog, "sched_cls");
  if (entry === undefined) {
    entry = { pref: pref === 0 ? autoPref(chain) : pref, protocol, progs: [] };
    chain.push(entry);
    chain.sort((a, b) => a.pref - b.pref);
  }
  const filter: BpfFilter = {
    pref: entry.pref,
    protocol: entry.protocol,
    handle: handle === 0 ? freeHandle(entry) : handle,
    prog,
    name: options.name ?? (prog.spec.classic === undefined ? prog.spec.name : ""),
    directAction: options.directAction === true,
    classid: options.classid ?? old?.classid ?? 0,
    verdicts: new TcVerdicts(),
  };
  if (old === undefined) entry.progs.unshift(filter);
  else entry.progs[entry.progs.indexOf(old)] = filter;
  apply(dev, tc);
  return filter;
}

/** `tc filter del dev DEV ingress|egress [pref N [protocol P] [handle H]]`. */
export function delFilter(dev: Netdev, direction: TcDirectionName, which: FilterSelection = {}): void {
  const tc = tcOf(dev);
  requireQdisc(tc);
  const block = tc.block(direction);
  const chain = tc.chains[block];
  const pref = which.pref ?? 0;
  if (pref === 0) {
    if (which.handle !== undefined || which.protocol !== undefined) {
      throw new NetlinkError(ERRNO.ENOENT, "Cannot flush filters with protocol, handle or kind set");
    }
    tc.chains[block] = [];
    apply(dev, tc);
    return;
  }
  const entry = chain.find((e) => e.pref === pref);
  if (entry === undefined) {
    throw new NetlinkError(ERRNO.ENOENT, "Filter with specified priority/protocol not found");
  }
  if (which.protocol !== undefined && which.protocol !== entry.protocol) {
    throw new NetlinkError(ERRNO.EINVAL, "Protocol mismatch for filter with specified priority");
  }
  const handle = which.handle ?? 0;
  if (handle !== 0) {
    const i = entry.progs.findIndex((f) => f.handle === handle);
    if (i < 0) throw new NetlinkError(ERRNO.ENOENT, "Specified filter handle not found");
    entry.progs.splice(i, 1);
  }
  if (handle === 0 || entry.progs.length === 0) tc.chains[block] = chain.filter((e) => e !== entry);
  apply(dev, tc);
}

/** The filters of a direction, in the order of `tc filter show`, which is the order of running. */
export function listFilters(dev: Netdev, direction: TcDirectionName): readonly BpfFilter[] {
  const tc = devices.get(dev);
  return tc === undefined ? [] : tc[tc.block(direction)].filters;
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
  hook.tcx = list;
  apply(dev, tc);
  return entry;
}

/** BPF_PROG_DETACH. @throws NetlinkError ENOENT when the program is not attached there */
export function detachTcx(dev: Netdev, direction: TcDirectionName, prog: Program): void {
  const tc = tcOf(dev);
  const hook = tc[direction];
  if (!hook.tcx.some((t) => t.prog === prog)) throw new NetlinkError(ERRNO.ENOENT);
  hook.tcx = hook.tcx.filter((t) => t.prog !== prog);
  apply(dev, tc);
}

/** The tcx programs of a direction in order of running. */
export function listTcx(dev: Netdev, direction: TcDirectionName): readonly TcxProgram[] {
  return devices.get(dev)?.[direction].tcx ?? [];
}

function requireQdisc(tc: DeviceTc): void {
  if (tc.qdisc === null) throw new NetlinkError(ERRNO.EINVAL, "Parent Qdisc doesn't exists");
}

/** tcf_auto_prio: one below the lowest preference of the automatic range in use. */
function autoPref(chain: readonly FilterChainEntry[]): number {
  const first = chain.find((e) => e.pref >= AUTO_PREF_FLOOR);
  if (first === undefined) return AUTO_PREF;
  if (first.pref === AUTO_PREF_FLOOR) {
    throw new NetlinkError(ERRNO.ENOSPC, "Lowest ID from auto-alloc range already in use");
  }
  return first.pref - 1;
}

function freeHandle(entry: FilterChainEntry): number {
  let handle = 1;
  while (entry.progs.some((f) => f.handle === handle)) handle++;
  return handle;
}

/** Rebuilds what the packet path reads. */
function apply(dev: Netdev, tc: DeviceTc): void {
  for (const direction of ["ingress", "egress"] as const) {
    const hook = tc[direction];
    hook.filters = tc.chains[direction].flatMap((e) => e.progs);
    hook.stats = tc.qdisc?.stats ?? null;
  }
  dev.tcIngress = isIdle(tc.ingress) ? null : tc.ingress;
  dev.tcEgress = isIdle(tc.egress) ? null : tc.egress;
}

function isIdle(hook: TcDirection): boolean {
  return hook.tcx.length === 0 && hook.filters.length === 0;
}
