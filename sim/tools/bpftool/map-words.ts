/** Keys and values as bytes in bpftool's words. @source bpftool map.c parse_bytes, parse_elem, fill_per_cpu_value */
import type { BpfMap } from "../../bpf/map.ts";
import type { Host } from "../../net/host.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { takeMap, takeProg } from "./handles.ts";
import { type BpftoolFlags, bpftoolError } from "./output.ts";

/** BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
const UPDATE_FLAGS: Readonly<Record<string, number>> = { any: 0, noexist: 1, exist: 2 };

/** What `key ... value ...` said; null: not said. */
export interface ElementWords {
  key: Uint8Array | null;
  value: Uint8Array | null;
  flags: number;
}

/** Which parts a command takes. */
export interface ElementParts {
  readonly value: boolean;
}

/** A map with one value for each CPU. */
export function isPerCpu(map: BpfMap): boolean {
  const { kind } = map.spec;
  return kind === "percpu_array" || kind === "percpu_hash" || kind === "lru_percpu_hash";
}

/** Bytes from one CPU's value to the next in what `BpfMap.read` answers. */
export function cpuStride(map: BpfMap): number {
  return Math.ceil(map.spec.valueSize / 8) * 8;
}

/** Reads `key DATA value DATA FLAG` in any order, to the end of the line. */
export function takeElement(
  host: Host,
  map: BpfMap,
  words: Words,
  flags: BpftoolFlags,
  parts: ElementParts,
): ElementWords {
  const e: ElementWords = { key: null, value: null, flags: 0 };
  while (!words.done) {
    const w = words.next();
    if (matches(w, "key") && e.key === null) {
      if (map.spec.keySize === 0) throw bpftoolError(flags, `unnecessary keyword '${w}'`);
      e.key = takeBytes(words, "key", map.spec.keySize, flags);
    } else if (parts.value && matches(w, "value") && e.value === null) e.value = takeValue(host, map, words, flags);
    else if (matches(w, "key") || matches(w, "value")) throw bpftoolError(flags, `${w} key found`);
    else if (parts.value && UPDATE_FLAGS[w] !== undefined) e.flags = UPDATE_FLAGS[w];
    else
      throw bpftoolError(
        flags,
        parts.value || e.key === null ? `expected key or value, got: ${w}` : `expected no more arguments, got: ${w}`,
      );
  }
  if (e.key === null && map.spec.keySize > 0) throw bpftoolError(flags, "did not find key");
  if (parts.value && e.value === null && map.spec.valueSize > 0) throw bpftoolError(flags, "did not find value");
  return e;
}

/** A value: bytes, or the map or program that it refers to. */
function takeValue(host: Host, map: BpfMap, words: Words, flags: BpftoolFlags): Uint8Array {
  const { kind, valueSize } = map.spec;
  if (kind === "array_of_maps" || kind === "hash_of_maps") return idBytes(takeMap(host, words, flags).id);
  if (kind === "prog_array") {
    const word = words.peek();
    const reference = word !== undefined && ["id", "tag", "name", "pinned"].some((k) => matches(word, k));
    if (reference) return idBytes(takeProg(host, words, flags).id);
  }
  const value = takeBytes(words, "value", valueSize, flags);
  if (!isPerCpu(map)) return value;
  const stride = cpuStride(map);
  const all = new Uint8Array(stride * map.numCpus);
  for (let cpu = 0; cpu < map.numCpus; cpu++) all.set(value, cpu * stride);
  return all;
}

function idBytes(id: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, id, true);
  return bytes;
}

/** As many numbers as there are bytes: decimal, 0x, octal with 0; hexadecimal behind `hex`. What is above 255 loses its upper bits. */
function takeBytes(words: Words, name: string, size: number, flags: BpftoolFlags): Uint8Array {
  let hex = false;
  const first = words.peek();
  if (first !== undefined && first.length > 1 && matches(first, "hex")) {
    words.next();
    hex = true;
  }
  const bytes = new Uint8Array(size);
  let n = 0;
  for (; n < size && !words.done; n++) {
    const word = words.next();
    const value = parseByte(word, hex);
    if (Number.isNaN(value)) throw bpftoolError(flags, `error parsing byte: ${word}`);
    bytes[n] = value;
  }
  if (n < size) throw bpftoolError(flags, `${name} expected ${size} bytes got ${n}`);
  return bytes;
}

function parseByte(word: string, hex: boolean): number {
  if (hex) return /^(0x)?[0-9a-f]+$/i.test(word) ? Number.parseInt(word, 16) : Number.NaN;
  if (/^0x[0-9a-f]+$/i.test(word)) return Number.parseInt(word, 16);
  if (/^0[0-7]+$/.test(word)) return Number.parseInt(word, 8);
  return /^(0|[1-9]\d*)$/.test(word) ? Number(word) : Number.NaN;
}
