/** Committed answers of a real kernel, and netsim hosts in the state in which the kernel gave them. The format is README.md's. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { PerfEventArrayMap } from "../../sim/bpf/maps/perf-event-array.ts";
import { parseObject } from "../../sim/bpf/object/parse-object.ts";
import type { ProgKind } from "../../sim/bpf/prog-type.ts";
import type { ObjectSpec } from "../../sim/bpf/spec.ts";
import { type LoadedObject, loadObjectOnHost } from "../../sim/net/bpf-objects.ts";
import type { Host } from "../../sim/net/host.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";

/** What user space writes into a map. */
export type Preset =
  | { readonly op: "map"; readonly map: string; readonly key: string; readonly value: string }
  | {
      readonly op: "fill";
      readonly map: string;
      readonly start: number;
      readonly count: number;
      readonly values: readonly string[];
    }
  | { readonly op: "delete"; readonly map: string; readonly key: string }
  | { readonly op: "prog"; readonly map: string; readonly slot: number; readonly program: string }
  | {
      readonly op: "dev";
      readonly map: string;
      readonly slot: number;
      readonly ifindex?: number;
      /** The tables of networks name the device instead. */
      readonly dev?: string;
      readonly program?: string | null;
    };

/** A record for user space. */
export interface SentRecord {
  readonly map: string;
  readonly cpu: number;
  readonly data: string;
}

/** One run and the kernel's answer; what is absent is as it went in. */
export interface RecordedRun {
  readonly packet: string;
  readonly meta?: string;
  readonly repeat?: number;
  readonly ctx: string;
  readonly errno?: number;
  readonly retval?: number;
  readonly data?: string;
  readonly ctxOut?: string;
  readonly records?: readonly SentRecord[];
}

/** Runs on one instance of an object, and what its maps hold after them. */
export interface RecordedCase {
  readonly name: string;
  readonly why: string;
  readonly program: string;
  readonly setup: readonly string[];
  readonly maps: readonly Preset[];
  readonly volatile: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly runs: readonly RecordedRun[];
  readonly after: Readonly<Record<string, readonly (readonly string[])[]>>;
}

/** A vector file. */
export interface Vector {
  readonly kernel: string;
  readonly cpus: number;
  readonly object: string;
  readonly kind: ProgKind;
  readonly cases: readonly RecordedCase[];
}

/** The repository, also for a copy of this file that was compiled into a folder of its own. */
function repository(): URL {
  let at = new URL(".", import.meta.url);
  while (!existsSync(new URL("test/kernel/packets.json", at)) && at.pathname !== "/") at = new URL("..", at);
  return at;
}

const root = repository();
/** A file of test/kernel. */
export const here = (path: string): URL => new URL(`test/kernel/${path}`, root);

/** A bundled object's file. */
export function objectUrl(file: string): URL {
  return new URL(`programs/${file}`, root);
}

/** Every committed vector file of BPF_PROG_RUN. */
export function vectors(): readonly Vector[] {
  return readdirSync(here("vectors/"))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => JSON.parse(readFileSync(here(`vectors/${file}`), "utf8")) as Vector);
}

/** The packets by name, in hex. */
export const packetHex: ReadonlyMap<string, string> = new Map(
  (JSON.parse(readFileSync(here("packets.json"), "utf8")) as { name: string; hex: string }[]).map((p) => [
    p.name,
    p.hex,
  ]),
);

const objects: Map<string, ObjectSpec> = new Map();

/** A parsed object of programs/. */
export function bundledObject(file: string): ObjectSpec {
  let spec = objects.get(file);
  if (spec === undefined) {
    spec = parseObject(readFileSync(objectUrl(file)), file);
    objects.set(file, spec);
  }
  return spec;
}

/** Bytes of hex text. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** Hex text of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Hex text without the zero bytes at its end. */
export function trimmed(hex: string): string {
  return hex.replace(/(00)+$/, "");
}

/** A simulation that has run for an hour, as the kernel had run for some time. */
export function freshKernel(): Kernel {
  const kernel = createKernel({ seed: 1, idealCpu: true });
  kernel.engine.run(3_600_000_000_000, 1_000_000);
  return kernel;
}

/** A host on which nothing but lo is up, in a simulation of its own. */
export function freshHost(cpus: number): Host {
  return addHost(freshKernel(), "host", { cpus });
}

/** Loads an object as the oracle did, and reads what it sends. */
export function loadBundled(host: Host, file: string, kind: ProgKind, checks: boolean = true): LoadedObject {
  const object = loadObjectOnHost(host, bundledObject(file), { kind, checks });
  for (const map of object.maps.values()) if (map instanceof PerfEventArrayMap) map.openAll();
  return object;
}

function u32(...values: number[]): Uint8Array {
  return new Uint8Array(new Int32Array(values).buffer);
}

/** Writes one preset. */
export function applyPreset(object: LoadedObject, preset: Preset): void {
  const map = object.map(preset.map);
  const set = (key: Uint8Array, value: Uint8Array): void => {
    const err = map.write(key, perCpu(value, map.spec.kind.includes("percpu") ? map.numCpus : 1), 0);
    if (err !== 0) throw new Error(`writing to ${preset.map}: ${err}`);
  };
  switch (preset.op) {
    case "map":
      set(fromHex(preset.key), fromHex(preset.value));
      return;
    case "fill": {
      const values = preset.values.map(fromHex);
      for (let i = 0; i < preset.count; i++) set(u32(preset.start + i), values[i % values.length]!);
      return;
    }
    case "delete": {
      const err = map.remove(fromHex(preset.key));
      if (err !== 0) throw new Error(`deleting from ${preset.map}: ${err}`);
      return;
    }
    case "prog":
      set(u32(preset.slot), u32(object.program(preset.program).id));
      return;
    case "dev": {
      const ifindex = preset.ifindex ?? object.host.devByName.get(preset.dev ?? "")?.ifindex;
      if (ifindex === undefined) throw new Error(`no device ${preset.dev}`);
      const id = preset.program == null ? -1 : object.program(preset.program).id;
      set(u32(preset.slot), map.spec.valueSize === 4 ? u32(ifindex) : u32(ifindex, id));
    }
  }
}

function perCpu(value: Uint8Array, cpus: number): Uint8Array {
  if (cpus === 1) return value;
  const stride = (value.length + 7) & ~7;
  const all = new Uint8Array(stride * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) all.set(value, cpu * stride);
  return all;
}

const HIDDEN = ["perf_event_array", "ringbuf", "prog_array", "devmap", "devmap_hash"];

/** What an object's maps hold, as `after` of a vector has it. */
export function dumpMaps(object: LoadedObject, presets: readonly Preset[]): Record<string, string[][]> {
  const filled = new Set(presets.filter((p) => p.op === "fill").map((p) => p.map));
  const out: Record<string, string[][]> = {};
  for (const [name, map] of object.maps) {
    if (map.spec.readonly || HIDDEN.includes(map.spec.kind) || filled.has(name)) continue;
    const cpus = map.spec.kind.includes("percpu") ? map.numCpus : 1;
    const stride = cpus === 1 ? map.spec.valueSize : (map.spec.valueSize + 7) & ~7;
    const isArray = map.spec.kind === "array" || map.spec.kind === "percpu_array";
    const rows: string[][] = [];
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
      const all = map.read(key);
      if (all === null || (isArray && all.every((b) => b === 0))) continue;
      const row = [toHex(key)];
      for (let cpu = 0; cpu < cpus; cpu++)
        row.push(toHex(all.subarray(cpu * stride, cpu * stride + map.spec.valueSize)));
      rows.push(row);
    }
    out[name] = rows.sort((a, b) => (a[0]! < b[0]! ? -1 : a[0]! > b[0]! ? 1 : 0));
  }
  return out;
}

/** Zeroes the parts of values that hold times. */
export function masked(
  after: Record<string, string[][]>,
  volatile: RecordedCase["volatile"],
): Record<string, string[][]> {
  const mask = (hex: string, ranges: readonly (readonly [number, number])[]): string =>
    ranges.reduce((h, [at, n]) => h.slice(0, 2 * at) + "00".repeat(n) + h.slice(2 * (at + n)), hex);
  return Object.fromEntries(
    Object.entries(after).map(([name, rows]) => [
      name,
      rows.map(([key, ...values]) => [key!, ...values.map((v) => mask(v, volatile[name] ?? []))]),
    ]),
  );
}
