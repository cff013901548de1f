/** Map contents of a lab into live maps: by field name through BTF, by plain values, by names of devices, programs and maps. */
import { encodeBytes } from "../bpf/btf/encode-bytes.ts";
import type { BpfMap } from "../bpf/map.ts";
import { type Diagnostic, LabError } from "../engine/errors.ts";
import { suggest } from "../engine/nearest.ts";
import type { Host } from "../net/host.ts";
import { ERRNO, STRERROR } from "../net/netlink-error.ts";
import { maglevRing } from "./maglev.ts";
import type { MapFillSpec, Origin, RingSpec } from "./spec.ts";
import type { Findings } from "./text/findings.ts";

/** Fills the maps of one host; every map of a name. Findings: unknown maps, values that do not fit, what the map refuses. */
export function fillMaps(host: Host, fills: readonly MapFillSpec[], findings: Findings): void {
  for (const fill of fills) {
    const maps = host.bpf.mapsNamed(fill.map);
    if (maps.length === 0) {
      const names = [...new Set([...host.bpf.maps.values()].map((m) => m.spec.name))];
      const message = `no program on ${host.name} has a map "${fill.map}"`;
      findings.add({ code: "MAP_UNKNOWN", message, ...fill.origin, fix: suggest(fill.map, names) });
    }
    for (const map of maps) {
      for (const e of fill.elements) fillElement(host, map, e, findings);
      if (fill.ring !== null) fillRing(map, fill.ring, fill.origin, findings);
    }
  }
}

function fillElement(host: Host, map: BpfMap, e: MapFillSpec["elements"][number], findings: Findings): void {
  const { spec } = map;
  const report = (code: string, message: string, at: Origin, fix?: string): void => {
    findings.add({ code, message, ...at, ...(fix === undefined ? {} : { fix }) });
  };
  try {
    const key = encodeBytes(spec.btf, spec.keyTypeId, spec.keySize, e.key, `${e.origin.path}.key`);
    const reference = resolveReference(host, map, e.value);
    if (reference === null) {
      report(
        "MAP_VALUE",
        `${host.name} has nothing named "${String(e.value)}" that ${spec.kind} ${spec.name} could hold`,
        e.origin,
      );
      return;
    }
    let value = encodeBytes(spec.btf, spec.valueTypeId, spec.valueSize, reference, `${e.origin.path}.value`);
    if (spec.kind.startsWith("percpu") || spec.kind === "lru_percpu_hash") value = onEveryCpu(value, map.numCpus);
    const rc = map.write(key, value, 0);
    if (rc < 0) {
      const fix = -rc === ERRNO.E2BIG ? `the map has ${spec.maxEntries} entries` : undefined;
      report("MAP_REFUSED", `map ${spec.name}: ${STRERROR[-rc] ?? `errno ${-rc}`}`, e.origin, fix);
    }
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    for (const d of error.diagnostics) findings.add(placed(d, e.origin));
  }
}

/** Computes a ring and writes it, entry by entry, as a control plane does. */
function fillRing(map: BpfMap, ring: RingSpec, origin: Origin, findings: Findings): void {
  const { spec } = map;
  if (spec.keySize !== 4 || spec.valueSize !== 4) {
    const sizes = `keys of ${spec.keySize} and values of ${spec.valueSize} bytes`;
    findings.add({ code: "MAP_VALUE", message: `map ${spec.name} has ${sizes}, a ring needs 4 and 4`, ...origin });
    return;
  }
  const key = new Uint8Array(4);
  const value = new Uint8Array(4);
  const keyWord = new DataView(key.buffer);
  const valueWord = new DataView(value.buffer);
  const slots = maglevRing(ring.backends, ring.size);
  for (let i = 0; i < slots.length; i++) {
    keyWord.setUint32(0, ring.offset + i, true);
    valueWord.setUint32(0, slots[i]!, true);
    const rc = map.write(key, value, 0);
    if (rc === 0) continue;
    const message = `map ${spec.name}: entry ${ring.offset + i} of the ring: ${STRERROR[-rc] ?? `errno ${-rc}`}`;
    findings.add({ code: "MAP_REFUSED", message, ...origin });
    return;
  }
}

/** A finding about a value, at the element's place. */
function placed(d: Diagnostic, origin: Origin): Diagnostic {
  return { ...d, place: origin.place, path: d.path ?? origin.path };
}

/** Values of all CPUs, each padded to 8 bytes, as user space writes per-CPU maps. */
function onEveryCpu(value: Uint8Array, cpus: number): Uint8Array {
  const stride = Math.ceil(value.length / 8) * 8;
  const out = new Uint8Array(stride * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) out.set(value, cpu * stride);
  return out;
}

/** Names in maps that hold references become ids. @returns null when there is nothing of that name */
function resolveReference(host: Host, map: BpfMap, value: unknown): unknown {
  const { kind } = map.spec;
  if (kind === "devmap" || kind === "devmap_hash") return resolveDevice(host, map, value);
  if (typeof value !== "string" || /^\d+$/.test(value)) return value;
  if (kind === "prog_array") return programId(host, value);
  if (kind === "array_of_maps" || kind === "hash_of_maps") return host.bpf.mapsNamed(value)[0]?.id ?? null;
  return value;
}

/** An interface's name, or `{dev: NAME, prog: NAME}`; struct bpf_devmap_val is ifindex, then a program. */
function resolveDevice(host: Host, map: BpfMap, value: unknown): unknown {
  const given =
    typeof value === "object" && value !== null ? (value as { dev?: unknown; prog?: unknown }) : { dev: value };
  if (given.dev === undefined) return value;
  const ifindex = typeof given.dev === "string" ? (host.devByName.get(given.dev)?.ifindex ?? null) : given.dev;
  if (ifindex === null || typeof ifindex !== "number") return null;
  const prog = typeof given.prog === "string" ? programId(host, given.prog) : 0;
  if (prog === null) return null;
  const bytes = new Uint8Array(map.spec.valueSize);
  const words = new DataView(bytes.buffer);
  words.setUint32(0, ifindex, true);
  if (bytes.length >= 8) words.setUint32(4, prog, true);
  return bytes;
}

function programId(host: Host, name: string): number | null {
  for (const p of host.bpf.programs.values()) if (p.spec.name === name) return p.id;
  return null;
}
