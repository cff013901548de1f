/** The kernel's structs that programs have met, of one simulation. Made when a program first asks: reading the types takes time. */
import type { Btf } from "../../bpf/btf/types.ts";
import type { KernelObjects, ObjectOwner } from "../../bpf/objects.ts";
import type { Arena } from "../../engine/arena.ts";
import { Cgroups } from "./cgroup.ts";
import { KernelContexts } from "./contexts.ts";
import { Cpumasks } from "./cpumasks.ts";
import { Keys } from "./keys.ts";
import { NetDevices } from "./net-device.ts";
import { NfConns } from "./nf-conn.ts";
import { PerCpuMemory } from "./per-cpu.ts";
import { SkBuffs } from "./sk-buff.ts";
import { Snapshots } from "./snapshots.ts";
import { Socks } from "./sock.ts";
import { type KernelFunctions, KernelSymbols } from "./symbols.ts";
import { Tasks } from "./task.ts";
import { XdpBuffs } from "./xdp-buff.ts";

/** All of them. A kind is made when it is first asked for. */
export class KernelStructs {
  readonly btf: Btf;
  private readonly arena: Arena;
  private devices: NetDevices | null = null;
  private socks: Socks | null = null;
  private madeSkBuffs: SkBuffs | null = null;
  private madeXdpBuffs: XdpBuffs | null = null;
  private madeContexts: KernelContexts | null = null;
  private madeTasks: Tasks | null = null;
  private madeSnapshots: Snapshots | null = null;
  private madeCgroups: Cgroups | null = null;
  private madeCpumasks: Cpumasks | null = null;
  private madeConns: NfConns | null = null;
  private madeKeys: Keys | null = null;
  private madePerCpu: PerCpuMemory | null = null;
  private madeSymbols: KernelSymbols | null = null;
  private readonly functions: KernelFunctions;
  private readonly objects: KernelObjects;

  /** @param functions what programs may call; objects: where kptrs lead to */
  constructor(arena: Arena, btf: Btf, functions: KernelFunctions, objects: KernelObjects) {
    this.arena = arena;
    this.btf = btf;
    this.functions = functions;
    this.objects = objects;
  }

  get netDevices(): NetDevices {
    this.devices ??= new NetDevices(this.arena, this.btf);
    return this.devices;
  }

  get sockets(): Socks {
    this.socks ??= new Socks(this.arena, this.btf);
    return this.socks;
  }

  get skBuffs(): SkBuffs {
    this.madeSkBuffs ??= new SkBuffs(this.arena, this.btf, this.netDevices, this.sockets);
    return this.madeSkBuffs;
  }

  get xdpBuffs(): XdpBuffs {
    this.madeXdpBuffs ??= new XdpBuffs(this.arena, this.btf, this.netDevices);
    return this.madeXdpBuffs;
  }

  get contexts(): KernelContexts {
    this.madeContexts ??= new KernelContexts(this.arena, this.btf, this.sockets);
    return this.madeContexts;
  }

  get tasks(): Tasks {
    this.madeTasks ??= this.own(new Tasks(this.arena, this.btf));
    return this.madeTasks;
  }

  get snapshots(): Snapshots {
    this.madeSnapshots ??= new Snapshots(this.arena, this.btf);
    return this.madeSnapshots;
  }

  get cgroups(): Cgroups {
    this.madeCgroups ??= this.own(new Cgroups(this.arena, this.btf));
    return this.madeCgroups;
  }

  get cpumasks(): Cpumasks {
    this.madeCpumasks ??= this.own(new Cpumasks(this.arena, this.btf));
    return this.madeCpumasks;
  }

  get conns(): NfConns {
    this.madeConns ??= new NfConns(this.arena, this.btf);
    return this.madeConns;
  }

  get keys(): Keys {
    this.madeKeys ??= new Keys(this.arena, this.btf);
    return this.madeKeys;
  }

  get perCpu(): PerCpuMemory {
    this.madePerCpu ??= this.own(new PerCpuMemory(this.arena, this.btf, this.tasks));
    return this.madePerCpu;
  }

  get symbols(): KernelSymbols {
    this.madeSymbols ??= new KernelSymbols(this.arena, this.perCpu, this.functions);
    return this.madeSymbols;
  }

  /** Programs may keep these in kptrs. */
  private own<T extends ObjectOwner>(owner: T): T {
    this.objects.owners.push(owner);
    return owner;
  }
}
