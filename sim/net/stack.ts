/**
 * Puts the simulated kernels together: memory, machine, environment and packet paths; and makes, crashes and restarts hosts.
 */
import { type BpfMachine, createMachine } from "../bpf/create-machine.ts";
import type { HelperDef, KfuncDef } from "../bpf/helper.ts";
import { baseHelpers } from "../bpf/helpers/index.ts";
import { baseKfuncs } from "../bpf/kfuncs/index.ts";
import { mapTypes } from "../bpf/maps/index.ts";
import { BugError } from "../engine/errors.ts";
import { kernelTypes } from "./btf/kernel-types.ts";
import { createNetEnv } from "./create-env.ts";
import { purgeTxQueues, setDown, setUp } from "./devices/device.ts";
import { destroyDevice } from "./devices/index.ts";
import { createLoopback } from "./devices/lo.ts";
import { NETSIM_REASON } from "./drop-reason.ts";
import { classicHelpers } from "./helpers/classic.ts";
import { netHelpers } from "./helpers/index.ts";
import { Host } from "./host.ts";
import { HostBpf } from "./host-bpf.ts";
import { registerIp } from "./ip/index.ts";
import { Kernel, type KernelOptions } from "./kernel.ts";
import { netKfuncs } from "./kfuncs/index.ts";
import type { NetEnv } from "./net-env.ts";
import { IFF_PROMISC, type Netdev } from "./netdev.ts";
import { destroyRoot } from "./qdiscs/tree.ts";
import { netifReceiveSkb, netifRx, purgeBacklog } from "./receive.ts";
import { flushTc } from "./tc/control.ts";
import { devQueueXmit, qdiscRun } from "./transmit.ts";
import { detachXdp } from "./xdp/attach.ts";
import { purgeCpumaps } from "./xdp/cpumap.ts";
import { cpumapKthread } from "./xdp/cpumap-kthread.ts";

/** What a host is made of. */
export interface HostOptions {
  /** 1 by default. */
  readonly cpus?: number;
}

/** Makes the kernels of one simulation, without hosts. */
export function createKernel(options: KernelOptions): Kernel {
  const kernel = new Kernel(options);
  const helpers: readonly HelperDef<NetEnv>[] = [...baseHelpers, ...netHelpers, ...classicHelpers];
  const kfuncs: readonly KfuncDef<NetEnv>[] = [...baseKfuncs, ...netKfuncs];
  const machine: BpfMachine<NetEnv> = createMachine<NetEnv>({
    arena: kernel.arena,
    helpers,
    kfuncs,
    mapTypes,
    kernelTypes,
    ksym: (name, typed) => kernel.env.structs.symbols.address(name, typed),
  });
  const env = createNetEnv(kernel, {
    kfuncs: new Set(kfuncs.map((k) => k.name)),
    helpers: new Set(helpers.map((h) => `bpf_${h.name}`)),
  });
  kernel.bind(machine, env, { netifReceiveSkb, netifRx, devQueueXmit, qdiscRun, cpumapKthread });
  machine.bindEnv(env);
  return kernel;
}

/** Boots a host with `lo` up and no other device. The order in which hosts are added is part of every run. */
export function addHost(kernel: Kernel, name: string, options: HostOptions = {}): Host {
  if (kernel.hostByName.has(name)) throw new BugError("HOST_TWICE", `there is a host ${name} already`);
  const host = new Host(kernel, name, kernel.hosts.length, new HostBpf());
  kernel.hosts.push(host);
  kernel.hostByName.set(name, host);
  for (let i = 0; i < (options.cpus ?? 1); i++) kernel.addCpu(host);
  const lo = createLoopback(host);
  registerIp(host);
  setUp(lo);
  return host;
}

/**
 * The host loses its power: what is in its queues is lost, its devices have no carrier any more, and everything that lived in its
 * memory is forgotten: programs, maps, addresses, routes, qdiscs, and devices that are not hardware. Cables stay plugged in.
 */
export function crashHost(host: Host): void {
  if (!host.alive) return;
  host.alive = false;
  for (const cpu of host.cpus) {
    purgeBacklog(cpu, NETSIM_REASON.HOST_DOWN);
    purgeCpumaps(cpu, NETSIM_REASON.HOST_DOWN);
  }
  for (const dev of [...host.devices]) {
    if (dev === undefined || host.devices[dev.ifindex] !== dev) continue;
    if (isHardware(dev)) resetDevice(dev);
    else destroyDevice(dev);
  }
  for (const map of host.bpf.maps.values()) map.destroy();
  host.bpf.maps.clear();
  host.bpf.programs.clear();
  host.bpf.pins.clear();
  host.bpf.statsEnabled = false;
  host.proto.clear();
  host.packetTypes.clear();
  host.netdevNotifiers.length = 0;
  host.sysctls.clear();
  host.taps = [];
}

/** Boots a crashed host: `lo` is up, its other devices are down and bare, as after addHost. */
export function restartHost(host: Host): void {
  if (host.alive) return;
  host.alive = true;
  registerIp(host);
  setUp(host.devices[1]!);
}

/** Devices that survive a reboot: lo, NICs, and the ends of veth pairs, which stand for cables. */
function isHardware(dev: Netdev): boolean {
  const kind = dev.ops.kind;
  return kind === "loopback" || kind === "nic" || kind === "veth";
}

function resetDevice(dev: Netdev): void {
  setDown(dev);
  dev.host.notifyNetdev(dev, "unregister");
  purgeTxQueues(dev);
  detachXdp(dev, dev.xdp?.mode === "xdpgeneric" ? "xdpgeneric" : "xdp");
  flushTc(dev);
  dev.rxHandler = null;
  dev.master = null;
  dev.flags &= ~IFF_PROMISC;
  dev.taps = [];
  destroyRoot(dev);
  dev.rootQdisc = null;
  dev.qdiscAttached = false;
  for (const txq of dev.txQueues) txq.qdisc = null;
  dev.ops.setGro?.(dev, false);
}
