/** The kernel's structs that programs have met, of one simulation. Made when a program first asks: reading the types takes time. */
import type { Btf } from "../../bpf/btf/types.ts";
import type { Arena } from "../../engine/arena.ts";
import { KernelContexts } from "./contexts.ts";
import { NetDevices } from "./net-device.ts";
import { SkBuffs } from "./sk-buff.ts";
import { Snapshots } from "./snapshots.ts";
import { Socks } from "./sock.ts";
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

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.btf = btf;
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
    this.madeTasks ??= new Tasks(this.arena, this.btf);
    return this.madeTasks;
  }

  get snapshots(): Snapshots {
    this.madeSnapshots ??= new Snapshots(this.arena, this.btf);
    return this.madeSnapshots;
  }
}
