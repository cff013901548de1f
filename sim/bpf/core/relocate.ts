/**
 * CO-RE: a program compiled against one kernel's types is fitted to the types of the kernel that it is loaded into.
 * An instruction whose member, type or enumerator this kernel does not have becomes an invalid call, as libbpf does it; a program that
 * asks before (`bpf_core_field_exists`) never reaches it, any other ends there with a VerifierError.
 * @source libbpf src/libbpf.c bpf_object__relocate_core, bpf_core_find_cands; src/relo_core.c bpf_core_calc_relo_insn
 * @differs no module's BTF is searched: the simulated kernel has none
 */
import { ObjectError } from "../../engine/errors.ts";
import { typeOf } from "../btf/query.ts";
import type { Btf } from "../btf/types.ts";
import type { CoreRelocation, ProgramSpec } from "../spec.ts";
import { type AccessSpec, EINVAL, formatSpec, kindName, parseAccess } from "./access.ts";
import type { KernelTypes } from "./kernel-types.ts";
import { CORE_KINDS } from "./kinds.ts";
import { matchCandidate } from "./match.ts";
import { patchInsn } from "./patch.ts";
import { type CoreResult, resultOf, type ValueError } from "./values.ts";

const relocated: WeakMap<ProgramSpec, WeakMap<KernelTypes, ProgramSpec>> = new WeakMap();

/**
 * The program as a kernel would load it; one without relocations comes back as it is. The same spec and the same types give the same
 * answer, so that a program is compiled once however many hosts load it.
 * @throws ObjectError CORE_NO_KERNEL, CORE_FAILED with libbpf's words
 */
export function relocateCore(spec: ProgramSpec, kernel: KernelTypes | undefined): ProgramSpec {
  const { core, btf } = spec;
  if (core === undefined || core.length === 0 || btf === undefined || btf === null) return spec;
  if (kernel === undefined) {
    const message = `program "${spec.name}" has ${core.length} CO-RE relocations, and this machine has no kernel types`;
    throw new ObjectError({ code: "CORE_NO_KERNEL", message, fix: "load it on a host of a network" });
  }
  let byKernel = relocated.get(spec);
  if (byKernel === undefined) {
    byKernel = new WeakMap();
    relocated.set(spec, byKernel);
  }
  let out = byKernel.get(kernel);
  if (out === undefined) {
    out = relocate(spec, core, btf, kernel);
    byKernel.set(kernel, out);
  }
  return out;
}

function relocate(spec: ProgramSpec, core: readonly CoreRelocation[], btf: Btf, kernel: KernelTypes): ProgramSpec {
  const insns = spec.insns.slice();
  const view = new DataView(insns.buffer);
  const poisoned = new Map<number, string>();
  const results = new Map<string, Resolved>();
  for (const relocation of core) {
    const place = placeOf(spec, relocation);
    const key = `${relocation.kind} ${relocation.typeId} ${relocation.access}`;
    let found = results.get(key);
    if (found === undefined) {
      found = resolveRelocation(btf, relocation, kernel, place);
      results.set(key, found);
    }
    const { result, text } = found;
    const error = patchInsn(
      { insns: view, slot: relocation.insn, index: place.index, onPoison: (slot) => poisoned.set(slot, text) },
      result,
    );
    if (error !== null) {
      const why = error.why === undefined ? "" : `: ${error.why}`;
      const failed = `prog '${place.func}': relo #${relocation.index}`;
      throw coreError(
        spec,
        why === "" ? `${failed}: failed to patch insn #${place.index}: -${error.errno}` : failed + why,
      );
    }
  }
  return poisoned.size === 0 ? { ...spec, insns, core: [] } : { ...spec, insns, core: [], poisoned };
}

/** How libbpf's messages say where. */
interface Place {
  readonly spec: ProgramSpec;
  readonly func: string;
  /** Slot within the function. */
  readonly index: number;
}

function placeOf(spec: ProgramSpec, relocation: CoreRelocation): Place {
  let func = spec.funcs[0] ?? { insn: 0, name: spec.name };
  for (const f of spec.funcs) if (f.insn <= relocation.insn && f.insn >= func.insn) func = f;
  return { spec, func: func.name, index: relocation.insn - func.insn };
}

interface Resolved {
  readonly result: CoreResult;
  /** The relocation as libbpf writes it. */
  readonly text: string;
}

function resolveRelocation(btf: Btf, relocation: CoreRelocation, kernel: KernelTypes, place: Place): Resolved {
  const fail = (what: string): ObjectError =>
    coreError(place.spec, `prog '${place.func}': relo #${relocation.index}: ${what}`);
  const type = typeOf(btf, relocation.typeId);
  const name = "name" in type ? type.name : "";
  const kind = CORE_KINDS[relocation.kind];
  const parsed = kind === undefined ? { errno: EINVAL } : parseAccess(btf, kind, relocation.typeId, relocation.access);
  if ("errno" in parsed) {
    const shown = name === "" ? "<anon>" : name;
    const why = parsed.why === undefined ? "" : ` (${parsed.why})`;
    throw fail(
      `parsing [${relocation.typeId}] ${kindName(type)} ${shown} + ${relocation.access} failed: -${parsed.errno}${why}`,
    );
  }
  const local = parsed.spec;
  const text = formatSpec(local);
  if (local.kind === "local_type_id") {
    const id = BigInt(relocation.typeId);
    const fixed = { poison: false, validate: false, sizeBefore: 0, sizeAfter: 0, sizeMismatch: false };
    return { result: { before: id, after: id, ...fixed }, text };
  }
  if (name === "") throw fail(`<${local.kind}> (${relocation.kind}) relocation doesn't support anonymous types`);
  const value = (target: AccessSpec | null): CoreResult => {
    const result = resultOf(local, target);
    if ("errno" in result) throw valueError(fail, relocation, place, result);
    return result;
  };
  let best: { readonly result: CoreResult; readonly spec: AccessSpec } | null = null;
  let number = 0;
  for (const id of kernel.candidates(name)) {
    if (typeOf(kernel.btf(), id).kind !== type.kind) continue;
    const found = matchCandidate(local, kernel.btf(), id);
    const candidate = number++;
    if (found.result < 0) {
      throw fail(`error matching candidate #${candidate} ${formatSpec(found.spec)}: ${found.result}`);
    }
    if (found.result === 0) continue;
    const result = value(found.spec);
    if (best === null) best = { result, spec: found.spec };
    else if (found.spec.bitOffset !== best.spec.bitOffset) {
      throw fail(`field offset ambiguity: ${found.spec.bitOffset} != ${best.spec.bitOffset}`);
    } else if (result.poison !== best.result.poison || result.after !== best.result.after) {
      const decision = (r: CoreResult): string => `${r.poison ? "failure" : "success"} ${r.after}`;
      throw fail(`relocation decision ambiguity: ${decision(result)} != ${decision(best.result)}`);
    }
  }
  return { result: best === null ? value(null) : best.result, text };
}

function valueError(
  fail: (what: string) => ObjectError,
  relocation: CoreRelocation,
  place: Place,
  error: ValueError,
): ObjectError {
  if (error.why === undefined) return fail(`failed to relocate: -${error.errno}`);
  const what = error.why(`relo ${relocation.kind} at insn #${relocation.sectionInsn}`);
  return coreError(place.spec, `prog '${place.func}': ${what}`);
}

function coreError(spec: ProgramSpec, what: string): ObjectError {
  const message = `program "${spec.name}": failed to perform CO-RE relocations: libbpf: ${what}`;
  return new ObjectError({
    code: "CORE_FAILED",
    message,
    fix: "compile it against the types that `netsim btf dump format c` prints",
  });
}
