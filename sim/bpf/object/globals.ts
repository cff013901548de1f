/**
 * Global variables of an object, as a skeleton of bpftool shows them (`skel->rodata->limit`): each has a name, a type and a place in a
 * data map, and can be given a value before the object is loaded.
 * @source tools/bpf/bpftool/gen.c codegen_datasec_def: static variables are not shown
 */
import { type Diagnostic, LabError } from "../../engine/errors.ts";
import { suggest } from "../../engine/nearest.ts";
import { encodeBytes } from "../btf/encode-bytes.ts";
import { declare, sizeOf, typeOf } from "../btf/query.ts";
import type { MapSpec, ObjectSpec } from "../spec.ts";

const VAR_STATIC = 0;

/** A variable of `.rodata*`, `.data*` or `.bss*`. */
export interface GlobalVariable {
  readonly name: string;
  /** Its section, `.rodata`. */
  readonly section: string;
  /** The data map that holds it. */
  readonly map: MapSpec;
  /** Byte offset within the map's only value. */
  readonly offset: number;
  /** bytes */
  readonly size: number;
  /** Type within the map's BTF. */
  readonly typeId: number;
}

/** The variables of an object, in the order of its sections; none where it has no BTF. */
export function globalVariables(spec: ObjectSpec): readonly GlobalVariable[] {
  return spec.maps.flatMap((map) => (map.data === null || map.kconfig !== undefined ? [] : variablesOf(map)));
}

function variablesOf(map: MapSpec): readonly GlobalVariable[] {
  const { btf } = map;
  if (btf === null) return [];
  const datasec = typeOf(btf, map.valueTypeId);
  if (datasec.kind !== "datasec") return [];
  const out: GlobalVariable[] = [];
  for (const v of datasec.vars) {
    const variable = typeOf(btf, v.type);
    const size = sizeOf(btf, v.type);
    if (variable.kind !== "var" || variable.linkage === VAR_STATIC || size === null) continue;
    // what lies outside its section is no variable that could be written
    if (v.offset + size > map.valueSize) continue;
    out.push({ name: variable.name, section: datasec.name, map, offset: v.offset, size, typeId: variable.type });
  }
  return out;
}

/**
 * The object with other values in its variables. The spec that was given stays as it is.
 * @param values by name: what `encodeBytes` takes
 * @throws LabError GLOBAL_UNKNOWN, VALUE_*; `path` of each finding begins with the variable's name
 */
export function withGlobals(spec: ObjectSpec, values: ReadonlyMap<string, unknown>): ObjectSpec {
  if (values.size === 0) return spec;
  const known = globalVariables(spec);
  const contents = new Map<MapSpec, Uint8Array>();
  const found: Diagnostic[] = [];
  for (const [name, value] of values) {
    const variable = known.find((v) => v.name === name);
    if (variable === undefined) {
      found.push(unknownGlobal(spec, name, known));
      continue;
    }
    const { map, offset, size, typeId } = variable;
    try {
      const data = contents.get(map) ?? map.data!.slice();
      data.set(encodeBytes(map.btf, typeId, size, value, name), offset);
      contents.set(map, data);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      const what = declare(map.btf!, typeId, name);
      found.push(...error.diagnostics.map((d) => ({ ...d, message: `${what} of ${spec.path}: ${d.message}` })));
    }
  }
  if (found.length > 0) throw new LabError(found);
  return {
    ...spec,
    maps: spec.maps.map((m) => {
      const data = contents.get(m);
      return data === undefined ? m : { ...m, data };
    }),
  };
}

function unknownGlobal(spec: ObjectSpec, name: string, known: readonly GlobalVariable[]): Diagnostic {
  const base = { code: "GLOBAL_UNKNOWN", message: `${spec.path} has no global variable "${name}"`, path: name };
  if (spec.btf === null) return { ...base, fix: "its variables have no names without BTF: compile with clang -g" };
  const names = known.map((v) => v.name);
  return { ...base, fix: suggest(name, names) };
}
