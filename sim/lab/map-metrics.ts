/**
 * Contents of maps as metrics of expectations.
 *
 *     NODE.map.NAME[KEY]            the value of an element: a number; of a per-CPU map the sum over the CPUs
 *     NODE.map.NAME[KEY].FIELD      a field of it, by BTF; `.FIELD.2` is an element of an array
 *     NODE.map.NAME.entries         elements that the map holds
 *     NODE.map.NAME.records         records that user space got from a ring buffer or perf event array
 *
 * KEY is a number, an address, a prefix, or `field=value` pairs with commas between: `flows[src=10.0.0.1,proto=17]`. An element that
 * is not there is 0. Values without BTF are 64-bit numbers (32-bit when they are 4 bytes), by position: `[0].1`. Where several maps
 * of a node have one name, they are added up. A host that is down has no maps, and 0 in all of them.
 */

import { type DecodedValue, decodeValue } from "../bpf/btf/decode-value.ts";
import { encodeBytes } from "../bpf/btf/encode-bytes.ts";
import type { BpfMap } from "../bpf/map.ts";
import { LabError } from "../engine/errors.ts";
import { suggest } from "../engine/nearest.ts";
import type { Host } from "../net/host.ts";
import type { Kernel } from "../net/kernel.ts";

/** What a name of this form comes to: its value, or why it has none. */
export type MapMetric = { readonly value: number } | { readonly problem: string; readonly fix?: string };

const NAME = /^([^.:[\]]+)\.map\.([^[\]]+?)(?:\[([^[\]]*)\]((?:\.\w+)*)|\.(entries|records))$/;

/** Reads a metric of a map. @returns null when the name is of another form */
export function mapMetric(kernel: Kernel, name: string): MapMetric | null {
  const m = NAME.exec(name);
  if (m === null) return null;
  const host = kernel.hostByName.get(m[1]!);
  if (host === undefined) {
    return { problem: `there is no node "${m[1]}"`, fix: suggest(m[1]!, [...kernel.hostByName.keys()]) };
  }
  if (!host.alive) return { value: 0 };
  const maps = host.bpf.mapsNamed(m[2]!);
  if (maps.length === 0) {
    const names = [...new Set([...host.bpf.maps.values()].map((map) => map.spec.name))];
    return { problem: `no program on ${host.name} has a map "${m[2]}"`, fix: suggest(m[2]!, names) };
  }
  let total = 0;
  for (const map of maps) {
    const value =
      m[5] === undefined ? elementValue(map, m[3]!, m[4]!.split(".").slice(1)) : { value: sizeOf(host, map, m[5]) };
    if ("problem" in value) return value;
    total += value.value;
  }
  return { value: total };
}

function sizeOf(host: Host, map: BpfMap, what: string): number {
  return what === "records" ? host.bpf.records.countOf(map.id) : map.count();
}

function elementValue(map: BpfMap, keyText: string, fields: readonly string[]): MapMetric {
  const { spec } = map;
  let key: Uint8Array;
  try {
    key = encodeBytes(spec.btf, spec.keyTypeId, spec.keySize, keyOf(keyText), "key");
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return { problem: `map ${spec.name}: key "${keyText}": ${error.diagnostics[0]!.message}` };
  }
  // what is not there is 0 in every field, as long as the field exists
  const stored = map.read(key);
  const bytes = stored ?? new Uint8Array(spec.valueSize);
  const stride = Math.ceil(spec.valueSize / 8) * 8;
  const copies = stored !== null && isPerCpu(spec.kind) ? bytes.length / stride : 1;
  let total = 0;
  for (let cpu = 0; cpu < copies; cpu++) {
    const value = numberAt(map, bytes.subarray(cpu * stride, cpu * stride + spec.valueSize), fields);
    if ("problem" in value) return value;
    total += value.value;
  }
  return { value: total };
}

function isPerCpu(kind: string): boolean {
  return kind.startsWith("percpu") || kind === "lru_percpu_hash";
}

/** `17`, `10.0.0.1`, `addr=10.0.0.1,port=80` */
function keyOf(text: string): unknown {
  if (!text.includes("=")) return text;
  return Object.fromEntries(
    text.split(",").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
}

function numberAt(map: BpfMap, bytes: Uint8Array, fields: readonly string[]): MapMetric {
  const { spec } = map;
  const typed = spec.btf !== null && spec.valueTypeId !== 0;
  let value: DecodedValue = typed ? decodeValue(spec.btf!, spec.valueTypeId, bytes) : plainWords(bytes);
  for (const field of fields) {
    if (typeof value !== "object" || value === null)
      return { problem: `map ${spec.name}: a number has no ".${field}"` };
    const names = Object.keys(value);
    const next: DecodedValue | undefined = Array.isArray(value) ? value[Number(field)] : value[field];
    if (next === undefined) {
      return { problem: `the values of map ${spec.name} have no ".${field}"`, fix: suggest(field, names) };
    }
    value = next;
  }
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return { value: Number(value) };
  const names = value === null || typeof value === "string" ? [] : Object.keys(value).map((n) => `.${n}`);
  const fix = names.length === 0 ? {} : { fix: `name a field: ${names.join(", ")}` };
  return { problem: `the values of map ${spec.name} are no numbers`, ...fix };
}

/** A value without a type: a number when it is one word, else its words. */
function plainWords(bytes: Uint8Array): DecodedValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return view.getUint32(0, true);
  const words: DecodedValue[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8) words.push(Number(view.getBigUint64(at, true)));
  return words.length === 1 ? words[0]! : words;
}
