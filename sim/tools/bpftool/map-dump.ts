/** Elements of maps, in bytes or by their BTF types. @source bpftool map.c print_entry_plain, print_entry_json, do_dump_btf; main.c fprint_hex */
import { formatValue } from "../../bpf/btf/format-value.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { layOutJson } from "../json.ts";
import { mapBtf } from "./map-facts.ts";
import { cpuStride, isPerCpu } from "./map-words.ts";
import { type BpftoolFlags, printBpftoolJson } from "./output.ts";

/** exit status of -ENOTSUPP, what the kernel answers to a walk over a ring buffer. */
const STATUS_NOTSUPP = 244;

/** Kinds whose empty slots a dump passes over. */
const REFERENCES: readonly string[] = ["prog_array", "array_of_maps", "hash_of_maps"];

/** `bpftool map dump`. @returns its output and exit status */
export function dumpMap(map: BpfMap, flags: BpftoolFlags): { readonly text: string; readonly status: number } {
  const status = map.spec.kind === "ringbuf" ? STATUS_NOTSUPP : 0;
  const plain = isTyped(map) && !flags.json;
  const parts: string[] = [];
  let found = 0;
  if (status === 0) {
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
      const value = map.read(key);
      if (value !== null) found++;
      else if (REFERENCES.includes(map.spec.kind)) continue;
      parts.push(
        plain
          ? typedEntry(map, key, value, true)
          : flags.json
            ? jsonEntry(map, key, value)
            : plainEntry(map, key, value),
      );
    }
  }
  if (plain) return { text: `${layOutJson(`[${parts.join(",")}]`, "bpftool")}\n`, status };
  if (flags.json) return { text: printBpftoolJson(`[${parts.join(",")}]`, flags), status };
  return { text: `${parts.join("")}Found ${found} element${found === 1 ? "" : "s"}\n`, status };
}

/** `bpftool map lookup` of an element that is there. */
export function printElement(map: BpfMap, key: Uint8Array, value: Uint8Array, flags: BpftoolFlags): string {
  if (flags.json) return printBpftoolJson(jsonEntry(map, key, value), flags);
  return isTyped(map) ? `${layOutJson(typedEntry(map, key, value, true), "bpftool")}\n` : plainEntry(map, key, value);
}

/** The types of key and value are known. */
function isTyped(map: BpfMap): boolean {
  return mapBtf(map) !== null && map.spec.keyTypeId !== 0 && map.spec.valueTypeId !== 0;
}

/** `["0x01","0x02"]` */
export function jsonBytes(bytes: Uint8Array): string {
  return JSON.stringify(Array.from(bytes, (b) => `0x${hex(b)}`));
}

function hex(b: number): string {
  return b.toString(16).padStart(2, "0");
}

/** Bytes apart by a blank, 8 by two, 16 in a line. */
export function plainBytes(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    if (i > 0) out += i % 16 === 0 ? "\n" : i % 8 === 0 ? "  " : " ";
    out += hex(bytes[i]!);
  }
  return out;
}

function perCpuValues(map: BpfMap, value: Uint8Array): readonly Uint8Array[] {
  const stride = cpuStride(map);
  return Array.from({ length: map.numCpus }, (_, cpu) =>
    value.subarray(cpu * stride, cpu * stride + map.spec.valueSize),
  );
}

function jsonEntry(map: BpfMap, key: Uint8Array, value: Uint8Array | null): string {
  const k = jsonBytes(key);
  if (value === null) return `{"key":${k},"value":{"error":"${whyNoValue(map)}"}}`;
  const values = isPerCpu(map)
    ? `"values":[${perCpuValues(map, value)
        .map((v, cpu) => `{"cpu":${cpu},"value":${jsonBytes(v)}}`)
        .join(",")}]`
    : `"value":${jsonBytes(value)}`;
  const formatted = isTyped(map) ? `,"formatted":${typedEntry(map, key, value, false)}` : "";
  return `{"key":${k},${values}${formatted}}`;
}

/** @param plain bpftool's plain form: hexadecimal without quotes */
function typedEntry(map: BpfMap, key: Uint8Array, value: Uint8Array | null, plain: boolean): string {
  const { keyTypeId, valueTypeId } = map.spec;
  const btf = map.spec.btf!;
  const k = formatValue(btf, keyTypeId, key, { plain });
  if (value === null) return `{"key":${k},"value":{"error":"No such file or directory"}}`;
  if (!isPerCpu(map)) return `{"key":${k},"value":${formatValue(btf, valueTypeId, value, { plain })}}`;
  const values = perCpuValues(map, value).map(
    (v, cpu) => `{"cpu":${cpu},"value":${formatValue(btf, valueTypeId, v, { plain })}}`,
  );
  return `{"key":${k},"values":[${values.join(",")}]}`;
}

function plainEntry(map: BpfMap, key: Uint8Array, value: Uint8Array | null): string {
  const { keySize, valueSize } = map.spec;
  if (value === null) return missingEntry(map, key);
  if (isPerCpu(map)) {
    const values = perCpuValues(map, value).map(
      (v, cpu) => `value (CPU ${String(cpu).padStart(2, "0")}):${gap(valueSize)}${plainBytes(v)}\n`,
    );
    return `key:\n${plainBytes(key)}\n${values.join("")}`;
  }
  const broken = keySize > 16 || valueSize > 16;
  const sep = broken ? "\n" : " ";
  const between = keySize + valueSize <= 24 && !broken ? "  " : "\n";
  const keyText = keySize > 0 ? `key:${sep}${plainBytes(key)}${between}` : "";
  return `${keyText}${valueSize > 0 ? `value:${sep}${plainBytes(value)}\n` : ""}`;
}

/** Why a slot has no value to show; the kernel keeps those of a perf event array to itself (ENOTSUPP). */
function whyNoValue(map: BpfMap): string {
  return map.spec.kind === "perf_event_array" ? "Unknown error 524" : "No such file or directory";
}

/** @source bpftool map.c print_entry_error */
function missingEntry(map: BpfMap, key: Uint8Array): string {
  const { keySize } = map.spec;
  const why = map.spec.kind === "perf_event_array" ? whyNoValue(map) : "<no entry>";
  const broken = keySize > 16 || why.length > 16;
  const sep = broken ? "\n" : " ";
  const between = keySize + why.length <= 24 && !broken ? "  " : "\n";
  const keyText = keySize > 0 ? `key:${sep}${plainBytes(key)}${between}` : "";
  return `${keyText}value:${sep}${why}\n`;
}

/** Values of more than 16 bytes begin on a line of their own. */
function gap(valueSize: number): string {
  return valueSize > 16 ? "\n" : " ";
}
