/**
 * `struct task_struct` of the tasks that there are: each CPU's idle task, `swapper/N`.
 * @source include/linux/sched.h; init/init_task.c
 * @differs what the scheduler counts is zero, and `mm`, `cred`, `signal`, `nsproxy`, `files` are null
 */
import type { Btf } from "../../bpf/btf/types.ts";
import type { ObjectOwner } from "../../bpf/objects.ts";
import type { Arena } from "../../engine/arena.ts";
import type { Cpu } from "../softirq.ts";
import { putField, putText, StructLayout } from "./layout.ts";

/** PF_IDLE | PF_KTHREAD | PF_NO_SETAFFINITY. */
const IDLE_FLAGS = 0x00000002 | 0x00200000 | 0x04000000;
/** MAX_PRIO, the idle task's. */
const IDLE_PRIO = 140;
/** MAX_RT_PRIO + 20: nice 0. */
const NICE_0_PRIO = 120;

/** The tasks that programs have met. */
export class Tasks implements ObjectOwner {
  private readonly arena: Arena;
  private readonly btf: Btf;
  private regs: number = 0;
  private readonly f: ReturnType<typeof fieldsOf>;
  private readonly placed: WeakMap<Cpu, number> = new WeakMap();
  private readonly addresses: Set<number> = new Set();

  constructor(arena: Arena, btf: Btf) {
    this.arena = arena;
    this.btf = btf;
    this.f = fieldsOf(btf);
  }

  owns(at: number): boolean {
    return this.addresses.has(at);
  }

  /** The idle tasks stay. */
  drop(): void {}

  /** Address of a `struct pt_regs` of zeros. */
  registers(): number {
    if (this.regs === 0) this.regs = new StructLayout(this.btf, "pt_regs").place(this.arena);
    return this.regs;
  }

  /** Address of the struct of a CPU's idle task. */
  idleTask(cpu: Cpu): number {
    let at = this.placed.get(cpu);
    if (at === undefined) {
      const { arena, f } = this;
      at = f.layout.place(arena);
      this.placed.set(cpu, at);
      this.addresses.add(at);
      putField(arena, at, f.cpu, cpu.index);
      putField(arena, at, f.flags, IDLE_FLAGS);
      putField(arena, at, f.usage, 2);
      putField(arena, at, f.on_cpu, 1);
      putField(arena, at, f.on_rq, 1);
      putField(arena, at, f.prio, IDLE_PRIO);
      putField(arena, at, f.static_prio, NICE_0_PRIO);
      putField(arena, at, f.normal_prio, NICE_0_PRIO);
      putField(arena, at, f.nr_cpus_allowed, 1);
      putField(arena, at, f.cpus_ptr, at + f.cpus_mask.offset);
      arena.u8[at + f.cpus_mask.offset + (cpu.index >>> 3)] = 1 << (cpu.index & 7);
      putField(arena, at, f.real_parent, at);
      putField(arena, at, f.parent, at);
      putField(arena, at, f.group_leader, at);
      putText(arena, at, f.comm, `swapper/${cpu.index}`);
    }
    return at;
  }
}

function fieldsOf(btf: Btf) {
  const layout = new StructLayout(btf, "task_struct");
  return {
    layout,
    cpu: layout.field("thread_info.cpu"),
    usage: layout.field("usage"),
    flags: layout.field("flags"),
    on_cpu: layout.field("on_cpu"),
    on_rq: layout.field("on_rq"),
    prio: layout.field("prio"),
    static_prio: layout.field("static_prio"),
    normal_prio: layout.field("normal_prio"),
    nr_cpus_allowed: layout.field("nr_cpus_allowed"),
    cpus_ptr: layout.field("cpus_ptr"),
    cpus_mask: layout.field("cpus_mask"),
    real_parent: layout.field("real_parent"),
    parent: layout.field("parent"),
    group_leader: layout.field("group_leader"),
    comm: layout.field("comm"),
  };
}
