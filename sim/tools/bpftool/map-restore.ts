/**
 * Fills maps from JSON in the shape in which `bpftool -j map dump` prints them, one list of elements a map:
 *
 *     { "vips": [ { "key": ["0x0a","0x00"], "value": ["0x01"] },            bytes, as strings or numbers
 *                 { "key": { "ip": "10.0.0.1" }, "value": { "n": 1 } },     by BTF, as a dump without -j has them
 *                 { "formatted": { "key": ..., "value": ... } } ],         what stands in `formatted` holds for the element
 *       "hits": [ { "key": 0, "values": [ { "cpu": 0, "value": 7 } ] } ],   per CPU; `value` alone is that of every CPU
 *       "jmp":  [ { "key": 0, "value": "parse_tcp" } ] }                    a program (or map) of the object by its name
 */
import { encodeSized, encodeValue } from "../../bpf/btf/encode-value.ts";
import type { BpfMap } from "../../bpf/map.ts";
import { type Diagnostic, LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import type { LoadedObject } from "../../net/bpf-objects.ts";
import { STRERROR } from "../../net/netlink-error.ts";
import { cpuStride, isPerCpu } from "./map-words.ts";

const REFERENCES: readonly string[] = ["prog_array", "array_of_maps", "hash_of_maps"];

/**
 * Writes every element that the text names.
 * @param text JSON
 * @param file its name, for errors
 * @throws LabError MAPS_JSON, MAPS_UNKNOWN, MAPS_ELEMENT, MAPS_WRITE, with all that is wrong of one kind together
 */
export function restoreMaps(object: LoadedObject, text: string, file: string): void {
  const found: Diagnostic[] = [];
  const maps = parse(text, file);
  for (const [name, elements] of Object.entries(maps)) {
    const map = object.maps.get(name);
    const path = `${file}: ${name}`;
    if (map === undefined) {
      found.push({
        code: "MAPS_UNKNOWN",
        message: `${path}: the object has no map of this name`,
        fix: suggest(name, [...object.maps.keys()]),
      });
    } else if (!Array.isArray(elements)) {
      found.push({
        code: "MAPS_ELEMENT",
        message: `${path}: expected a list of elements, as bpftool -j map dump prints`,
      });
    } else for (const [i, e] of elements.entries()) writeElement(object, map, e, `${path}[${i}]`, found);
  }
  if (found.length > 0) throw new LabError(found);
}

function parse(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LabError([{ code: "MAPS_JSON", message: `${file}: this is no JSON: ${why}` }]);
  }
  if (isObject(value)) return value;
  const fix = 'write { "NAME": [ ... ] } with the output of `bpftool -j map dump name NAME` for each list';
  throw new LabError([{ code: "MAPS_JSON", message: `${file}: expected an object of maps by name`, fix }]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function writeElement(object: LoadedObject, map: BpfMap, given: unknown, path: string, found: Diagnostic[]): void {
  const element = isObject(given) && isObject(given.formatted) ? given.formatted : given;
  if (!isObject(element)) {
    found.push({ code: "MAPS_ELEMENT", message: `${path}: expected an object with a key and a value` });
    return;
  }
  try {
    const key = encode(map, map.spec.keyTypeId, map.spec.keySize, element.key, `${path}.key`);
    const err = map.write(key, valueBytes(object, map, element, path), 0);
    if (err !== 0) {
      const why = STRERROR[-err] ?? `errno ${-err}`;
      found.push({ code: "MAPS_WRITE", message: `${path}: the map refuses the element: ${why}` });
    }
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    found.push(...error.diagnostics);
  }
}

function valueBytes(object: LoadedObject, map: BpfMap, element: Record<string, unknown>, path: string): Uint8Array {
  const { kind, valueSize, valueTypeId } = map.spec;
  if (REFERENCES.includes(kind) && typeof element.value === "string")
    return reference(object, map, element.value, path);
  const one = (value: unknown, where: string): Uint8Array => encode(map, valueTypeId, valueSize, value, where);
  if (!isPerCpu(map)) return one(element.value, `${path}.value`);
  const stride = cpuStride(map);
  const all = new Uint8Array(stride * map.numCpus);
  if (element.values === undefined) {
    const value = one(element.value, `${path}.value`);
    for (let cpu = 0; cpu < map.numCpus; cpu++) all.set(value, cpu * stride);
    return all;
  }
  const values = Array.isArray(element.values) ? element.values : [element.values];
  values.forEach((v: unknown, i) => {
    const cpu = isObject(v) ? v.cpu : undefined;
    if (typeof cpu !== "number" || !isObject(v)) {
      throw new LabError([
        { code: "MAPS_ELEMENT", message: `${path}.values[${i}]: expected {"cpu": N, "value": ...}` },
      ]);
    }
    // a dump of a machine with more CPUs: what this host does not have is left out
    if (cpu < map.numCpus) all.set(one(v.value, `${path}.values[${i}].value`), cpu * stride);
  });
  return all;
}

/** A program or map of the object as user space writes it: its id. */
function reference(object: LoadedObject, map: BpfMap, name: string, path: string): Uint8Array {
  const known = map.spec.kind === "prog_array" ? object.programs : object.maps;
  const target = known.get(name);
  if (target === undefined) {
    const message = `${path}.value: no ${map.spec.kind === "prog_array" ? "program" : "map"} "${name}" is loaded`;
    throw new LabError([{ code: "MAPS_UNKNOWN", message, fix: suggest(name, [...known.keys()]) }]);
  }
  return encodeSized(4, target.id);
}

function encode(map: BpfMap, typeId: number, size: number, value: unknown, path: string): Uint8Array {
  const bytes = Array.isArray(value) && value.every((b) => typeof b === "string" || typeof b === "number");
  if (bytes && value.length === size) return encodeSized(size, value.map(Number), path);
  return map.spec.btf !== null && typeId !== 0
    ? encodeValue(map.spec.btf, typeId, value, path)
    : encodeSized(size, value, path);
}
