/** The registry of program types. */
import { indexBy } from "../../engine/registry.ts";
import type { ProgKind, ProgTypeDef } from "../prog-type.ts";
import { cgroupSkb } from "./cgroup-skb.ts";
import { cgroupSockAddr } from "./cgroup-sock-addr.ts";
import { flowDissector } from "./flow-dissector.ts";
import { lwtIn } from "./lwt-in.ts";
import { lwtOut } from "./lwt-out.ts";
import { lwtSeg6local } from "./lwt-seg6local.ts";
import { lwtXmit } from "./lwt-xmit.ts";
import { schedAct } from "./sched-act.ts";
import { schedCls } from "./sched-cls.ts";
import { skLookup } from "./sk-lookup.ts";
import { skReuseport } from "./sk-reuseport.ts";
import { sockOps } from "./sock-ops.ts";
import { socketFilter } from "./socket-filter.ts";
import { syscall } from "./syscall.ts";
import { xdp } from "./xdp.ts";

/** Every program type that netsim runs, in the kernel's order. */
export const progTypes: readonly ProgTypeDef[] = [
  socketFilter,
  schedCls,
  schedAct,
  xdp,
  cgroupSkb,
  lwtIn,
  lwtOut,
  lwtXmit,
  sockOps,
  cgroupSockAddr,
  lwtSeg6local,
  skReuseport,
  flowDissector,
  skLookup,
  syscall,
];

const byKind: ReadonlyMap<ProgKind, ProgTypeDef> = indexBy(progTypes, (def) => def.kind, "program types");

/** The record of a program type. */
export function progTypeOf(kind: ProgKind): ProgTypeDef {
  return byKind.get(kind)!;
}
