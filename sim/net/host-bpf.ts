/** The eBPF objects of one host, as bpftool sees them: programs and maps by id, pins by path; and what programs said. */
import type { BpfMap, MapSocket } from "../bpf/map.ts";
import type { Program } from "../bpf/program.ts";
import { FdTable } from "./bpf-syscall/fd-table.ts";
import { Bpffs } from "./bpffs.ts";
import type { TraceLine, UserRecord } from "./net-env.ts";

/** Entries that a log keeps when nobody reads it. */
const LOG_LIMIT = 65536;

/** A log that keeps its newest entries and tells who listens. */
class EventLog<T> {
  /** Oldest first. */
  readonly entries: T[] = [];
  /** Entries ever added, those already forgotten included. */
  total: number = 0;
  private listeners: readonly ((entry: T) => void)[] = [];

  add(entry: T): void {
    this.total++;
    this.entries.push(entry);
    if (this.entries.length > LOG_LIMIT) this.entries.splice(0, LOG_LIMIT / 2);
    for (let i = 0; i < this.listeners.length; i++) this.listeners[i]!(entry);
  }

  /** @returns how to stop listening */
  subscribe(listener: (entry: T) => void): () => void {
    this.listeners = [...this.listeners, listener];
    return () => {
      this.listeners = this.listeners.filter((l) => l !== listener);
    };
  }
}

/** Records of perf event arrays and ring buffers, counted by map. */
class RecordLog extends EventLog<UserRecord> {
  private readonly counts: Map<number, number> = new Map();

  override add(record: UserRecord): void {
    this.counts.set(record.map.id, this.countOf(record.map.id) + 1);
    super.add(record);
  }

  /** Records of a map ever added, those already forgotten included. */
  countOf(mapId: number): number {
    return this.counts.get(mapId) ?? 0;
  }
}

/** What a host holds of eBPF: programs, maps, pins, and what they sent to user space. */
export class HostBpf {
  readonly maps: Map<number, BpfMap> = new Map();
  readonly programs: Map<number, Program> = new Map();
  /** Sockets by cookie: those whose cookie somebody has asked for. */
  readonly sockets: Map<number, MapSocket> = new Map();
  readonly pins: Bpffs = new Bpffs();
  /** Descriptors that programs opened by bpf_sys_bpf. */
  readonly fds: FdTable = new FdTable();
  /** What bpf_sys_bpf made and nobody has let go. */
  readonly made: { readonly maps: Set<BpfMap>; readonly programs: Set<Program> } = {
    maps: new Set(),
    programs: new Set(),
  };
  /** trace_pipe. */
  readonly trace: EventLog<TraceLine> = new EventLog();
  /** Perf event and ring buffer records, as a user space that always keeps up reads them. */
  readonly records: RecordLog = new RecordLog();
  private countsRuns: boolean = false;
  private nextMapId: number = 1;
  private nextProgId: number = 1;

  /** Keeps a program that was loaded. */
  addProgram(program: Program): void {
    this.programs.set(program.id, program);
    if (this.statsEnabled) program.countRuns(true);
  }

  /** kernel.bpf_stats_enabled: whether the runs of all programs are counted. */
  get statsEnabled(): boolean {
    return this.countsRuns;
  }
  set statsEnabled(on: boolean) {
    this.countsRuns = on;
    for (const program of this.programs.values()) program.countRuns(on);
  }

  takeMapId(): number {
    return this.nextMapId++;
  }
  takeProgId(): number {
    return this.nextProgId++;
  }

  /** All maps of a name, in order of their ids. */
  mapsNamed(name: string): BpfMap[] {
    return [...this.maps.values()].filter((m) => m.spec.name === name);
  }

  /** The map pinned at a path. */
  pinnedMap(path: string): BpfMap | undefined {
    const pin = this.pins.get(path);
    return pin?.kind === "map" ? this.maps.get(pin.id) : undefined;
  }

  /** The program pinned at a path. */
  pinnedProgram(path: string): Program | undefined {
    const pin = this.pins.get(path);
    return pin?.kind === "prog" ? this.programs.get(pin.id) : undefined;
  }
}
