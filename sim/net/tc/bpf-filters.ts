/** cls_bpf filters of a device's hooks, for those who attach or list programs and not filters. */
import type { ClassicProgram } from "../../bpf/cbpf/insn.ts";
import type { Program } from "../../bpf/program.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import type { FilterBlock } from "./classify.ts";
import { type BpfFilter, BpfProto } from "./cls/bpf.ts";
import { hookBlock, type TcDirectionName } from "./control.ts";
import { NO_ACTIONS } from "./exts.ts";
import { anywhere, changeFilter, deleteFilters, type FilterPlace, protocolOrAll } from "./filter-control.ts";

export type { BpfFilter } from "./cls/bpf.ts";

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

/**
 * `tc filter add|replace dev DEV ingress|egress bpf ...`.
 * @returns the filter as it is listed
 * @throws ObjectError CLASSIC_INVALID for a classic program that Linux refuses with EINVAL
 */
export function addBpfFilter(dev: Netdev, options: BpfFilterOptions): BpfFilter {
  const place: FilterPlace = {
    ...anywhere(),
    pref: options.pref ?? 0,
    protocol: protocolOrAll(options.protocol ?? 0),
    handle: options.handle ?? 0,
    kind: "bpf",
  };
  const words = {
    prog: options.prog,
    name: options.name ?? null,
    directAction: options.directAction === true,
    classid: options.classid ?? 0,
    skipHw: false,
    exts: NO_ACTIONS,
  };
  const verb = options.replace === true ? "replace" : "add";
  const { filter } = changeFilter(requireBlock(dev, options.direction), verb, place, words, dev);
  // the classifier is bpf
  return filter as BpfFilter;
}

/** `tc filter del dev DEV ingress|egress [pref N [protocol P] [handle H]]`. @throws NetlinkError */
export function delFilter(dev: Netdev, direction: TcDirectionName, which: FilterSelection = {}): void {
  deleteFilters(requireBlock(dev, direction), {
    ...anywhere(),
    pref: which.pref ?? 0,
    protocol: which.protocol ?? 0,
    handle: which.handle ?? 0,
  });
}

/** The bpf filters of a direction, in the order of `tc filter show`. */
export function listFilters(dev: Netdev, direction: TcDirectionName): readonly BpfFilter[] {
  return bpfFiltersOf(hookBlock(dev, direction));
}

/** The bpf filters of a block. */
export function bpfFiltersOf(block: FilterBlock | null): readonly BpfFilter[] {
  if (block === null) return [];
  return [...block.chains.values()].flatMap((c) => c.protos.flatMap((p) => (p instanceof BpfProto ? p.list() : [])));
}

function requireBlock(dev: Netdev, direction: TcDirectionName): FilterBlock {
  const block = hookBlock(dev, direction);
  if (block === null) throw new NetlinkError(ERRNO.EINVAL, "Parent Qdisc doesn't exists");
  return block;
}
