/** The network's kfuncs, one line each. */
import type { KfuncDef } from "../../bpf/helper.ts";
import type { NetEnv } from "../net-env.ts";
import { castToKernCtx, rdonlyCast } from "./cast.ts";
import { dynptrFromSkb, dynptrFromSkbMeta, dynptrFromXdp } from "./dynptr.ts";
import { xdpPullData } from "./xdp.ts";

/** All of them, for the machine. */
export const netKfuncs: readonly KfuncDef<NetEnv>[] = [
  dynptrFromSkb,
  dynptrFromSkbMeta,
  dynptrFromXdp,
  xdpPullData,
  castToKernCtx,
  rdonlyCast,
];
