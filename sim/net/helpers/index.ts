/** The network's BPF helpers, one line each. */

import type { HelperDef } from "../../bpf/helper.ts";
import type { NetEnv } from "../net-env.ts";
import { btfFindByNameKind } from "./btf-find.ts";
import { currentTaskUnderCgroup, skbUnderCgroup } from "./cgroup-array.ts";
import { checkMtu } from "./check-mtu.ts";
import { getCurrentTask, getCurrentTaskBtf, taskPtRegs } from "./current-task.ts";
import { fibLookup } from "./fib-lookup.ts";
import { lwtPushEncap } from "./lwt.ts";
import { dPath, getFuncIp, skbOutput, sockFromFile, xdpOutput } from "./never-called.ts";
import { cgrpStorageDelete, cgrpStorageGet, taskStorageDelete, taskStorageGet } from "./owner-storage.ts";
import { kallsymsLookupName, perCpuPtr, thisCpuPtr } from "./per-cpu.ts";
import { cloneRedirect, redirect, redirectMap, redirectNeigh, redirectPeer } from "./redirect.ts";
import { lwtSeg6Action, lwtSeg6AdjustSrh, lwtSeg6StoreBytes } from "./seg6.ts";
import { skAssign } from "./sk-assign.ts";
import { skStorageDelete, skStorageGet } from "./sk-storage.ts";
import { skbLoadBytes, skbLoadBytesRelative, skbPullData, skbStoreBytes } from "./skb-bytes.ts";
import { csumLevel, csumUpdate, l3CsumReplace, l4CsumReplace } from "./skb-csum.ts";
import {
  getHashRecalc,
  getRouteRealm,
  setHash,
  setHashInvalid,
  skbChangeType,
  skbEcnSetCe,
  skbGetXfrmState,
  skbSetTstamp,
} from "./skb-meta.ts";
import { skbAdjustRoom, skbChangeHead, skbChangeProto, skbChangeTail } from "./skb-room.ts";
import { skbVlanPop, skbVlanPush } from "./skb-vlan.ts";
import { snprintfBtf } from "./snprintf-btf.ts";
import { bind, getRetval, getsockopt, setRetval, setsockopt } from "./sock-addr.ts";
import {
  getListenerSock,
  skcToMptcpSock,
  skcToTcp6Sock,
  skcToTcpRequestSock,
  skcToTcpSock,
  skcToTcpTimewaitSock,
  skcToUdp6Sock,
  skcToUnixSock,
  skFullsock,
  tcpSock,
} from "./sock-cast.ts";
import {
  getCgroupClassid,
  getNetnsCookie,
  getSocketCookie,
  getSocketUid,
  skAncestorCgroupId,
  skbAncestorCgroupId,
  skbCgroupClassid,
  skbCgroupId,
  skCgroupId,
} from "./sock-identity.ts";
import { skcLookupTcp, skLookupTcp, skLookupUdp, skRelease } from "./sock-lookup.ts";
import { skSelectReuseport, sockHashUpdate, sockMapUpdate } from "./sock-maps.ts";
import { loadHdrOpt, reserveHdrOpt, sockOpsCbFlagsSet, storeHdrOpt } from "./sock-ops.ts";
import { getStack, getStackid, getTaskStack } from "./stack.ts";
import {
  tcpCheckSyncookie,
  tcpGenSyncookie,
  tcpRawCheckSyncookieIpv4,
  tcpRawCheckSyncookieIpv6,
  tcpRawGenSyncookieIpv4,
  tcpRawGenSyncookieIpv6,
} from "./syn-cookie.ts";
import { sysBpf, sysClose } from "./sys-bpf.ts";
import { skbGetTunnelKey, skbGetTunnelOpt, skbSetTunnelKey, skbSetTunnelOpt } from "./tunnel.ts";
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
  skbGetXfrmState,
  skbCgroupId,
  skbAncestorCgroupId,
  skbCgroupClassid,
  skCgroupId,
  skAncestorCgroupId,
  skLookupTcp,
  skLookupUdp,
  skcLookupTcp,
  skRelease,
  skAssign,
  skStorageGet,
  skStorageDelete,
  sockMapUpdate,
  sockHashUpdate,
  skSelectReuseport,
  skFullsock,
  tcpSock,
  getListenerSock,
  skcToTcp6Sock,
  skcToTcpSock,
  skcToTcpTimewaitSock,
  skcToUdp6Sock,
  skcToTcpRequestSock,
  skcToUnixSock,
  skcToMptcpSock,
  skbGetTunnelKey,
  skbSetTunnelKey,
  skbGetTunnelOpt,
  skbSetTunnelOpt,
  tcpRawGenSyncookieIpv4,
  tcpRawGenSyncookieIpv6,
  tcpRawCheckSyncookieIpv4,
  tcpRawCheckSyncookieIpv6,
  tcpCheckSyncookie,
  tcpGenSyncookie,
  lwtPushEncap,
  skbUnderCgroup,
  currentTaskUnderCgroup,
  setsockopt,
  getsockopt,
  bind,
  getRetval,
  setRetval,
  sockOpsCbFlagsSet,
  loadHdrOpt,
  storeHdrOpt,
  reserveHdrOpt,
  getCurrentTask,
  getCurrentTaskBtf,
  perCpuPtr,
  thisCpuPtr,
  kallsymsLookupName,
  btfFindByNameKind,
  taskPtRegs,
  sysBpf,
  sysClose,
  getStack,
  getStackid,
  getTaskStack,
  taskStorageGet,
  taskStorageDelete,
  cgrpStorageGet,
  cgrpStorageDelete,
  dPath,
  getFuncIp,
  skbOutput,
  xdpOutput,
  sockFromFile,
  snprintfBtf,
  lwtSeg6StoreBytes,
  lwtSeg6AdjustSrh,
  lwtSeg6Action,
];
