/** What the tests of maps and helpers stand on: an arena, live maps without a machine, and an environment that records. */
import type { BpfEnv } from "../../sim/bpf/env.ts";
import type { Machine } from "../../sim/bpf/machine.ts";
import type { BpfMap, MapContext, MapKind, MapSocket } from "../../sim/bpf/map.ts";
import { mapTypes } from "../../sim/bpf/maps/index.ts";
import type { Program } from "../../sim/bpf/program.ts";
import type { MapSpec } from "../../sim/bpf/spec.ts";
import { Arena } from "../../sim/engine/arena.ts";

/** A map's spec with everything filled in that a test does not care about. */
export function mapSpec(kind: MapKind, over: Partial<MapSpec> = {}): MapSpec {
  return {
    name: "m",
    kind,
    keySize: 4,
    valueSize: 8,
    maxEntries: 4,
    flags: kind === "lpm_trie" ? 1 : 0,
    pinByName: false,
    keyTypeId: 0,
    valueTypeId: 0,
    btf: null,
    inner: null,
    data: null,
    readonly: false,
    slots: [],
    ...over,
  };
}

/** A place where maps live, and bytes that a program would have. */
export class Bench {
  readonly arena: Arena;
  readonly numCpus: number;
  readonly maps: Map<number, BpfMap> = new Map();
  readonly programs: Map<number, Program> = new Map();
  readonly devices: Set<number> = new Set([1, 2, 3, 4, 5]);
  readonly sockets: Map<number, MapSocket> = new Map();
  private nextHandle: number = 0x40;
  private readonly memory: number;
  private used: number = 0;

  constructor(numCpus: number = 2, arenaBytes: number = 4 * 1024 * 1024) {
    this.arena = new Arena(arenaBytes);
    this.numCpus = numCpus;
    this.memory = this.arena.alloc(65536);
  }

  /** A live map; refuses as the machine would. */
  map<T extends BpfMap = BpfMap>(kind: MapKind, over: Partial<MapSpec> = {}): T {
    const spec = mapSpec(kind, over);
    const def = mapTypes.find((t) => t.kind === kind)!;
    const refusal = def.check(spec);
    if (refusal !== null) throw new Error(`refused: ${refusal.errno} ${refusal.reason}`);
    const handle = this.nextHandle;
    this.nextHandle += 8;
    const map = def.create(spec, this.context(handle));
    this.maps.set(handle, map);
    return map as T;
  }

  /** What a map is made with. */
  context(handle: number): MapContext {
    return {
      arena: this.arena,
      numCpus: this.numCpus,
      id: handle,
      handle,
      mapOfHandle: (h) => this.maps.get(h),
      mapOfId: (id) => this.maps.get(id),
      programOfId: (id) => this.programs.get(id),
      devExists: (ifindex) => this.devices.has(ifindex),
      socketOfCookie: (cookie) => this.sockets.get(cookie),
    };
  }

  /** A socket that only maps see. */
  socket(over: Partial<MapSocket> = {}): MapSocket {
    const bpfSock = (): number => 0;
    const optionMemory = { charge: () => true, uncharge: () => undefined };
    const plain = {
      cookie: 1000 + this.sockets.size,
      hashed: true,
      reuseport: false,
      inet: true,
      bpfSock,
      optionMemory,
    };
    const socket: MapSocket = { ...plain, holders: new Set(), ...over };
    this.sockets.set(socket.cookie, socket);
    return socket;
  }

  /** Puts bytes where a program could have them. @param skew bytes off an 8-byte boundary */
  put(bytes: Uint8Array, skew: number = 0): number {
    if (this.used + bytes.length + 16 > 65536) this.used = 0;
    const addr = this.memory + this.used + skew;
    this.used += Math.ceil((bytes.length + skew) / 8) * 8;
    this.arena.u8.set(bytes, addr);
    return addr;
  }

  /** Bytes at an address. */
  get(addr: number, n: number): Uint8Array {
    return this.arena.u8.slice(addr, addr + n);
  }
}

/** A little-endian u32. */
export function u32(n: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, n, true);
  return out;
}

/** A little-endian u64 of a number below 2^53. */
export function u64(n: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(n), true);
  return out;
}

/** Bytes written as hex. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (h) => Number.parseInt(h, 16));
}

/** A program that only has an identity. */
export function fakeProgram(
  id: number,
  over: Partial<Pick<Program, "kind">> & { attach?: "xdp_devmap" | "xdp_cpumap" } = {},
): Program {
  const attach = over.attach ?? null;
  return {
    spec: {
      name: `p${id}`,
      section: "xdp",
      kind: "xdp",
      attach,
      frags: false,
      insns: new Uint8Array(0),
      relocations: [],
      funcs: [],
      lines: [],
    } as unknown as Program["spec"],
    kind: over.kind ?? "xdp",
    id,
    tag: "",
    attach,
    device: null,
    ctxBytes: 0,
    gpl: true,
    maps: [],
    tableIndex: id * 10,
    runStats: { count: 0, cost16: 0 },
    countRuns: () => {},
    blockHits: () => [],
    run: () => 0,
  };
}

/** An environment that writes down what reaches it. */
export interface RecordingEnv extends BpfEnv {
  readonly lines: string[];
  readonly records: { readonly map: BpfMap; readonly cpu: number; readonly data: Uint8Array }[];
  /** High word of the last 64-bit result. */
  high: number;
  currentCpu: number;
  nowNs: number;
  packet: Uint8Array | null;
  /** Calls of subprograms: what a callback does, by its number. */
  readonly callbacks: Map<number, (a1: number, a2: number, a3: number, a4: number) => number>;
}

/** An environment over a bench. */
export function recordingEnv(bench: Bench): RecordingEnv {
  const env: RecordingEnv = {
    lines: [],
    records: [],
    high: 0,
    currentCpu: 0,
    nowNs: 0,
    packet: null,
    callbacks: new Map(),
    machine: {
      arena: bench.arena,
      setReturnHigh(hi: number) {
        env.high = hi;
      },
      mapOfHandle: (handle: number) => bench.maps.get(handle),
      callback: (func: number, a1: number, a2: number, a3: number, a4: number) =>
        env.callbacks.get(func)!(a1, a2, a3, a4),
    } as unknown as Machine,
    cpu: () => env.currentCpu,
    ktimeNs: () => env.nowNs,
    jiffies: () => Math.floor(env.nowNs / 4e6),
    prandomU32: () => 0xdeadbeef,
    tracePrintk: (line) => {
      env.lines.push(line);
    },
    userRecord: (map, cpu, data) => {
      env.records.push({ map, cpu, data });
    },
    packetBytes: (_ctx, length) => env.packet?.slice(0, length) ?? null,
    legacyLoad: () => 0,
    armTimer: () => undefined,
    packetSlice: () => 0,
    packetLoad: () => -14,
    packetStore: () => -14,
  };
  return env;
}
