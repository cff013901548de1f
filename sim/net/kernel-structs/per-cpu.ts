/**
 * Per-CPU memory of the kernel: its own variables and the objects that programs allocate per CPU. The pointer that a program has is a
 * token that is not memory; bpf_per_cpu_ptr and bpf_this_cpu_ptr turn it into the address of one CPU's part.
 * @differs Linux without CONFIG_KALLSYMS_ALL, as the goldens' kernel, refuses every variable; softnet_data says its CPU and nothing of its queues; runqueues says its CPU and tasks, bpf_prog_active is zero
 * @source include/linux/percpu-defs.h; kernel/bpf/helpers.c bpf_per_cpu_ptr
 */
import { findType, sizeOf, typeName } from "../../bpf/btf/query.ts";
import type { Btf } from "../../bpf/btf/types.ts";
import type { ObjectOwner } from "../../bpf/objects.ts";
import { type Arena, roundUp } from "../../engine/arena.ts";
import { BugError, VerifierError } from "../../engine/errors.ts";
import type { Host } from "../host.ts";
import type { Cpu } from "../softirq.ts";
import { putField, StructLayout } from "./layout.ts";
import type { Tasks } from "./task.ts";

const TOKEN_BYTES = 8;

/** What a token stands for. */
interface PerCpu {
  readonly sizeBytes: number;
  readonly label: string;
  readonly writable: boolean;
  /** Of an allocated object: the host whose CPUs have parts; variables are on every host. */
  readonly host: Host | null;
  readonly parts: Map<Cpu, number>;
  /** Brings a CPU's part up to date. */
  readonly fill: ((at: number, cpu: Cpu) => void) | null;
}

/** All per-CPU memory of a simulation. */
export class PerCpuMemory implements ObjectOwner {
  private readonly arena: Arena;
  private readonly btf: Btf;
  private readonly tasks: Tasks;
  private readonly byToken: Map<number, PerCpu> = new Map();

  constructor(arena: Arena, btf: Btf, tasks: Tasks) {
    this.arena = arena;
    this.btf = btf;
    this.tasks = tasks;
  }

  /** A token for a variable of the kernel, 0 when its types have none of that name. Variables are zero but for what netsim knows. */
  variable(name: string): number {
    const id = findType(this.btf, name, "var");
    if (id === 0) return 0;
    return this.add({
      sizeBytes: sizeOf(this.btf, id) ?? sectionSize(this.btf, id),
      label: `per-CPU variable ${name}`,
      writable: false,
      host: null,
      parts: new Map(),
      fill: this.filler(name),
    });
  }

  /** A zeroed object with a part for each CPU of a host. @returns its token, 0 when memory is used up */
  create(host: Host, btf: Btf, typeId: number): number {
    const sizeBytes = sizeOf(btf, typeId)!;
    const label = `per-CPU object of ${typeName(btf, typeId)}`;
    const parts = new Map<Cpu, number>();
    const made: PerCpu = { sizeBytes, label, writable: true, host, parts, fill: null };
    for (const cpu of host.cpus) {
      const at = this.place(made);
      if (at === 0) return 0;
      parts.set(cpu, at);
    }
    return this.add(made);
  }

  owns(token: number): boolean {
    return (this.byToken.get(token)?.host ?? null) !== null;
  }

  /** Gives an object back. @throws VerifierError when the token is none of an object */
  drop(token: number): void {
    const found = this.byToken.get(token);
    if (found === undefined || found.host === null) throw notPerCpu();
    this.byToken.delete(token);
    for (const at of found.parts.values()) this.arena.freeRegion(at);
    this.arena.free(token, TOKEN_BYTES);
  }

  /** Address of a CPU's part. @throws VerifierError when the token is none */
  partOf(token: number, cpu: Cpu): number {
    const found = this.byToken.get(token);
    if (found === undefined || (found.host !== null && found.host !== cpu.host)) throw notPerCpu();
    let at = found.parts.get(cpu);
    if (at === undefined) {
      at = this.place(found);
      if (at === 0) throw new BugError("ARENA_FULL", `no memory for the ${found.label}`);
      found.parts.set(cpu, at);
    }
    found.fill?.(at, cpu);
    return at;
  }

  private add(made: PerCpu): number {
    const token = this.arena.alloc(TOKEN_BYTES);
    if (token !== 0) this.byToken.set(token, made);
    return token;
  }

  private place({ sizeBytes, writable, label }: PerCpu): number {
    const strideBytes = roundUp(sizeBytes, 8);
    return this.arena.allocRegion({ sizeBytes: strideBytes, strideBytes, valueBytes: sizeBytes, writable, label });
  }

  private filler(name: string): PerCpu["fill"] {
    const { arena, btf } = this;
    if (name === "cpu_number") return (at, cpu) => arena.dv.setUint32(at, cpu.index, true);
    if (name === "softnet_data") {
      const layout = new StructLayout(btf, "softnet_data");
      const cpuField = layout.field("cpu");
      return (at, cpu) => putField(arena, at, cpuField, cpu.index);
    }
    if (name === "runqueues" && findType(btf, "rq", "struct") !== 0) {
      const layout = new StructLayout(btf, "rq");
      const [cpuField, curr, idle] = [layout.field("cpu"), layout.field("curr"), layout.field("idle")];
      return (at, cpu) => {
        const task = this.tasks.idleTask(cpu);
        putField(arena, at, cpuField, cpu.index);
        putField(arena, at, curr, task);
        putField(arena, at, idle, task);
      };
    }
    return null;
  }
}

/** What the section of per-CPU variables says of the size of one whose type is only declared. */
function sectionSize(btf: Btf, id: number): number {
  for (const type of btf.types) {
    if (type.kind !== "datasec") continue;
    const entry = type.vars.find((v) => v.type === id);
    if (entry !== undefined) return entry.size;
  }
  return 0;
}

function notPerCpu(): VerifierError {
  const message =
    "expected pointer to per-CPU memory: it is no per-CPU variable of the kernel and no per-CPU object of this host";
  return new VerifierError({ code: "PERCPU_ARGUMENT", message });
}
