/**
 * XDP_REDIRECT: where bpf_redirect and bpf_redirect_map said the frame goes.
 *
 * @source net/core/filter.c xdp_do_redirect, xdp_do_generic_redirect; kernel/bpf/devmap.c __xdp_enqueue, dev_map_enqueue_multi,
 *         dev_map_generic_redirect, dev_map_redirect_multi; include/linux/filter.h xdp_ok_fwd_dev
 */
import type { DevmapBase } from "../../bpf/maps/devmap-entry.ts";
import type { Program } from "../../bpf/program.ts";
import { NETSIM_REASON, SKB_DROP_REASON } from "../drop-reason.ts";
import { VLAN_HLEN } from "../ether.ts";
import { REDIRECT_CPU, REDIRECT_IFINDEX, REDIRECT_MAP } from "../net-env.ts";
import type { Netdev } from "../netdev.ts";
import { ERRNO } from "../netlink-error.ts";
import { CHECKSUM_NONE, type Skb } from "../skb.ts";
import type { Cpu } from "../softirq.ts";
import { XDP_DROP, XDP_PASS } from "./actions.ts";
import { bulkEnqueue } from "./bulk-queue.ts";
import { cpumapEnqueue, cpumapGenericRedirect } from "./cpumap.ts";
import { genericXdpTx } from "./generic-tx.ts";
import { runXdp } from "./run-xdp.ts";

/** Invalid request code: XDP_REDIRECT without a redirect helper's call. */
const EBADRQC = 56;
const BPF_F_BROADCAST = 8;
const BPF_F_EXCLUDE_INGRESS = 16;

/** xdp_ok_fwd_dev: @returns 0, or why the device takes no frame of that length, as -errno */
function okFwdDev(dev: Netdev, len: number): number {
  if (!dev.up) return -ERRNO.ENETDOWN;
  if (len > dev.mtu + dev.hardHeaderLen + VLAN_HLEN) return -ERRNO.EMSGSIZE;
  return 0;
}

/** Turns a packet into a bare frame: what an xdp_frame does not carry is forgotten, metadata in front of the packet stays. */
export function skbToFrame(skb: Skb): void {
  skb.macHeader = -1;
  skb.networkHeader = -1;
  skb.transportHeader = -1;
  skb.innerNetworkHeader = -1;
  skb.csumStart = -1;
  skb.ipSummed = CHECKSUM_NONE;
  skb.mark = 0;
  skb.priority = 0;
  skb.queueMapping = 0;
  skb.hash = 0;
  skb.vlanPresent = false;
  skb.tcIndex = 0;
  skb.tstampNs = 0;
  skb.dst = null;
  skb.orphan();
}

/**
 * xdp_do_redirect: sends the frame where the program's last redirect helper said, by the target's bulk queue.
 * @returns 0 when the frame was taken; -errno, and the frame stays with the caller
 */
export function xdpDoRedirect(skb: Skb, dev: Netdev, cpu: Cpu, prog: Program): number {
  const host = dev.host;
  const ri = host.kernel.env.redirect;
  const tp = host.kernel.tp;
  const kind = ri.kind;
  const map = ri.map;
  const entry = ri.cpu;
  ri.kind = 0;
  ri.map = null;
  ri.cpu = null;
  let err = 0;
  let target: Netdev | null = null;
  if (kind === REDIRECT_IFINDEX) {
    target = host.devices[ri.tgtIndex] ?? null;
    err = target === null ? -ERRNO.EINVAL : enqueue(target, skb, dev, cpu, null);
  } else if (kind === REDIRECT_MAP && map !== null) {
    if ((ri.flags & BPF_F_BROADCAST) !== 0) {
      skbToFrame(skb);
      enqueueMulti(skb, dev, cpu, (ri.flags & BPF_F_EXCLUDE_INGRESS) !== 0, map);
    } else {
      target = host.devices[map.ifindexOf(ri.tgtIndex)] ?? null;
      err = target === null ? -ERRNO.EINVAL : enqueue(target, skb, dev, cpu, map.programOf(ri.tgtIndex));
    }
  } else if (kind === REDIRECT_CPU && entry !== null) {
    skbToFrame(skb);
    cpumapEnqueue(entry, skb, dev, cpu);
  } else err = -EBADRQC;
  if (err !== 0) {
    if (tp.xdpRedirectErr.on) tp.xdpRedirectErr.fire(skb, dev, target === null ? ri.tgtIndex : target.ifindex, err);
    return err;
  }
  if (tp.xdpRedirect.on) tp.xdpRedirect.fire(skb, dev, target === null ? 0 : target.ifindex, prog.id);
  return 0;
}

function enqueue(target: Netdev, skb: Skb, devRx: Netdev, cpu: Cpu, prog: Program | null): number {
  if (!target.xdpRedirectTarget) return -ERRNO.EOPNOTSUPP;
  const err = okFwdDev(target, skb.len);
  if (err !== 0) return err;
  skbToFrame(skb);
  bulkEnqueue(target, skb, devRx, cpu, prog);
  return 0;
}

/** dev_map_enqueue_multi: a clone for each device but the last, which gets the frame itself. Takes the frame. */
function enqueueMulti(skb: Skb, devRx: Netdev, cpu: Cpu, excludeIngress: boolean, map: DevmapBase): void {
  const kernel = devRx.host.kernel;
  let last: Netdev | null = null;
  let lastProg: Program | null = null;
  for (let key = map.nextDevice(-1); key !== -1; key = map.nextDevice(key)) {
    const dst = devRx.host.devices[map.ifindexOf(key)];
    if (dst === undefined) continue;
    if (!dst.xdpRedirectTarget || okFwdDev(dst, skb.len) !== 0) continue;
    if (excludeIngress && isIngress(dst, devRx)) continue;
    if (last !== null) {
      const copy = kernel.pool.clone(skb, kernel.engine.nowNs);
      if (copy !== null) bulkEnqueue(last, copy, devRx, cpu, lastProg);
    }
    last = dst;
    lastProg = map.programOf(key);
  }
  if (last !== null) bulkEnqueue(last, skb, devRx, cpu, lastProg);
  else kernel.kfreeSkb(skb, devRx, NETSIM_REASON.XDP_REDIRECT_ERROR);
}

/** The ingress device and what stands above it are excluded. */
function isIngress(dst: Netdev, devRx: Netdev): boolean {
  return dst === devRx || (devRx.master !== null && dst === devRx.master);
}

/**
 * xdp_do_generic_redirect: the same for packets of generic XDP, which go straight into the target's ndo_start_xmit.
 * Takes the packet in any case.
 */
export function xdpDoGenericRedirect(skb: Skb, dev: Netdev, cpu: Cpu, prog: Program): void {
  const host = dev.host;
  const kernel = host.kernel;
  const ri = kernel.env.redirect;
  const kind = ri.kind;
  const map = ri.map;
  const entry = ri.cpu;
  ri.kind = 0;
  ri.map = null;
  ri.cpu = null;
  let err = -EBADRQC;
  let target: Netdev | null = null;
  let entryProg: Program | null = null;
  if (kind === REDIRECT_IFINDEX) {
    target = host.devices[ri.tgtIndex] ?? null;
    err = target === null ? -ERRNO.EINVAL : okFwdDev(target, skb.len);
  } else if (kind === REDIRECT_MAP && map !== null) {
    if ((ri.flags & BPF_F_BROADCAST) !== 0) {
      genericMulti(skb, dev, cpu, prog, (ri.flags & BPF_F_EXCLUDE_INGRESS) !== 0, map);
      return;
    }
    target = host.devices[map.ifindexOf(ri.tgtIndex)] ?? null;
    entryProg = map.programOf(ri.tgtIndex);
    err = target === null ? -ERRNO.EINVAL : okFwdDev(target, skb.len);
  } else if (kind === REDIRECT_CPU && entry !== null) {
    err = cpumapGenericRedirect(entry, skb, dev);
    if (err === 0) {
      if (kernel.tp.xdpRedirect.on) kernel.tp.xdpRedirect.fire(skb, dev, 0, prog.id);
      return;
    }
  }
  const tp = kernel.tp;
  if (err !== 0 || target === null) {
    if (tp.xdpRedirectErr.on) tp.xdpRedirectErr.fire(skb, dev, target === null ? ri.tgtIndex : target.ifindex, err);
    kernel.kfreeSkb(skb, dev, SKB_DROP_REASON.XDP);
    return;
  }
  if (tp.xdpRedirect.on) tp.xdpRedirect.fire(skb, dev, target.ifindex, prog.id);
  genericTo(skb, dev, cpu, target, entryProg, prog);
}

function genericTo(skb: Skb, devRx: Netdev, cpu: Cpu, target: Netdev, entryProg: Program | null, prog: Program): void {
  const kernel = devRx.host.kernel;
  if (entryProg !== null) {
    const act = runXdp(entryProg, skb, devRx, cpu, 0, target.ifindex);
    if (kernel.tp.xdpRun.on) kernel.tp.xdpRun.fire(skb, target, act, entryProg.id);
    if (act !== XDP_PASS) {
      if (act !== XDP_DROP && kernel.tp.xdpException.on) kernel.tp.xdpException.fire(skb, target, act, entryProg.id);
      kernel.kfreeSkb(skb, target, SKB_DROP_REASON.NOT_SPECIFIED);
      return;
    }
  }
  genericXdpTx(skb, target, prog);
}

/** dev_map_redirect_multi. Takes the packet. */
function genericMulti(
  skb: Skb,
  devRx: Netdev,
  cpu: Cpu,
  prog: Program,
  excludeIngress: boolean,
  map: DevmapBase,
): void {
  const kernel = devRx.host.kernel;
  let target: Netdev | null = null;
  let entryProg: Program | null = null;
  for (let key = map.nextDevice(-1); key !== -1; key = map.nextDevice(key)) {
    const dst = devRx.host.devices[map.ifindexOf(key)];
    if (dst === undefined) continue;
    const dstProg = map.programOf(key);
    if (excludeIngress && isIngress(dst, devRx)) continue;
    if (target !== null) {
      // an entry that takes no frame of this length ends the walk, as in Linux
      if (okFwdDev(target, skb.len) !== 0) break;
      const copy = kernel.pool.clone(skb, kernel.engine.nowNs);
      if (copy !== null) genericTo(copy, devRx, cpu, target, entryProg, prog);
    }
    target = dst;
    entryProg = dstProg;
  }
  if (target !== null && okFwdDev(target, skb.len) === 0) genericTo(skb, devRx, cpu, target, entryProg, prog);
  else kernel.kfreeSkb(skb, devRx, target === null ? NETSIM_REASON.XDP_REDIRECT_ERROR : SKB_DROP_REASON.XDP);
}
