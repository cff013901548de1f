/** The network's BPF helpers, one line each. */
import type { HelperDef } from "../../bpf/helper.ts";
import type { NetEnv } from "../net-env.ts";
import { checkMtu } from "./check-mtu.ts";
import { fibLookup } from "./fib-lookup.ts";
import { cloneRedirect, redirect, redirectMap, redirectNeigh, redirectPeer } from "./redirect.ts";
import { skbLoadBytes, skbLoadBytesRelative, skbPullData, skbStoreBytes } from "./skb-bytes.ts";
import { csumLevel, csumUpdate, l3CsumReplace, l4CsumReplace } from "./skb-csum.ts";
import {
  getCgroupClassid,
  getHashRecalc,
  getNetnsCookie,
  getRouteRealm,
  getSocketCookie,
  getSocketUid,
  setHash,
  setHashInvalid,
  skbChangeType,
  skbEcnSetCe,
  skbSetTstamp,
} from "./skb-meta.ts";
import { skbAdjustRoom, skbChangeHead, skbChangeProto, skbChangeTail } from "./skb-room.ts";
import { skbVlanPop, skbVlanPush } from "./skb-vlan.ts";
import { xdpAdjustHead, xdpAdjustMeta, xdpAdjustTail } from "./xdp-adjust.ts";
import { xdpGetBuffLen, xdpLoadBytes, xdpStoreBytes } from "./xdp-bytes.ts";

/** All of them, for the machine. */
export const netHelpers: readonly HelperDef<NetEnv>[] = [
  xdpAdjustHead,
  xdpAdjustTail,
  xdpAdjustMeta,
  xdpLoadBytes,
  xdpStoreBytes,
  xdpGetBuffLen,
  redirect,
  redirectMap,
  redirectNeigh,
  redirectPeer,
  cloneRedirect,
  fibLookup,
  checkMtu,
  skbLoadBytes,
  skbLoadBytesRelative,
  skbStoreBytes,
  skbPullData,
  l3CsumReplace,
  l4CsumReplace,
  csumUpdate,
  csumLevel,
  skbChangeTail,
  skbChangeHead,
  skbChangeProto,
  skbAdjustRoom,
  skbVlanPush,
  skbVlanPop,
  skbChangeType,
  getHashRecalc,
  setHash,
  setHashInvalid,
  getCgroupClassid,
  getRouteRealm,
  getSocketCookie,
  getSocketUid,
  getNetnsCookie,
  skbSetTstamp,
  skbEcnSetCe,
];
