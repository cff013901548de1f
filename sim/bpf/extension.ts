/**
 * BPF_PROG_TYPE_EXT: a program that takes the place of a global function of another program, its target (freplace). It is loaded for
 * one target and sees context and helpers as that does.
 *
 * @source kernel/bpf/verifier.c bpf_check_attach_target; kernel/bpf/btf.c btf_check_type_match, btf_check_func_type_match (their
 *         messages)
 */
import { ObjectError } from "../engine/errors.ts";
import type { Btf, BtfType } from "./btf/types.ts";
import type { Program } from "./program.ts";
import type { ProgramSpec } from "./spec.ts";

const BTF_FUNC_GLOBAL = 1;

/** Where an ext program goes. */
export interface ExtensionPlace {
  /** Slot of the function's first instruction within the target. */
  readonly slot: number;
  /** The function's first argument is the target's context. */
  readonly takesContext: boolean;
}

type FuncProto = Extract<BtfType, { kind: "func_proto" }>;

interface Func {
  readonly btf: Btf;
  readonly name: string;
  readonly linkage: number;
  readonly proto: FuncProto;
}

/**
 * Looks the function up and compares the prototypes.
 * @throws ObjectError EXT_TARGET, EXT_PROTOTYPE in the verifier's words
 */
export function placeExtension(ext: ProgramSpec, target: Program, functionName: string): ExtensionPlace {
  if (target.kind === "ext") throw refusal(ext, "EXT_TARGET", "Cannot recursively attach");
  const at = target.spec.funcs.find((f) => f.name === functionName);
  if (at === undefined) {
    const known = target.spec.funcs.map((f) => f.name).join(", ");
    const message = `Subprog ${functionName} doesn't exist in program "${target.spec.name}"`;
    throw refusal(ext, "EXT_TARGET", message, `its functions: ${known}`);
  }
  const ours = funcOf(ext, ext.funcs[0]?.typeId);
  const theirs = funcOf(target.spec, at.typeId);
  if (ours === null || theirs === null) {
    const which = ours === null ? ext.name : target.spec.name;
    const fix = "compile it with -g";
    throw refusal(ext, "EXT_TARGET", `there is no BTF that says the functions of program "${which}"`, fix);
  }
  const differs = compare(ours, theirs);
  if (differs !== null) throw refusal(ext, "EXT_PROTOTYPE", differs);
  const first = theirs.proto.params[0];
  const takesContext = first !== undefined && plain(theirs.btf, first.type).kind === "ptr";
  return { slot: at.insn, takesContext };
}

function refusal(ext: ProgramSpec, code: string, what: string, fix?: string): ObjectError {
  const message = `program "${ext.name}": ${what} (errno 22)`;
  return new ObjectError({ code, message, ...(fix === undefined ? {} : { fix }) });
}

function funcOf(spec: ProgramSpec, typeId: number | undefined): Func | null {
  const { btf } = spec;
  if (btf === undefined || btf === null || typeId === undefined) return null;
  const func = btf.types[typeId];
  if (func?.kind !== "func") return null;
  const proto = btf.types[func.type];
  return proto?.kind === "func_proto" ? { btf, name: func.name, linkage: func.linkage, proto } : null;
}

/** Why the first may not stand in the second's place, or null. */
function compare(a: Func, b: Func): string | null {
  for (const f of [a, b]) if (f.linkage !== BTF_FUNC_GLOBAL) return `${f.name}() is not a global function`;
  const [argsA, argsB] = [a.proto.params, b.proto.params];
  if (argsA.length !== argsB.length) {
    return `${a.name}() has ${argsA.length} args while ${b.name}() has ${argsB.length} args`;
  }
  const [retA, retB] = [plain(a.btf, a.proto.ret), plain(b.btf, b.proto.ret)];
  if (retA.kind !== retB.kind) {
    return `Return type ${kindName(retA)} of ${a.name}() doesn't match type ${kindName(retB)} of ${b.name}()`;
  }
  for (let i = 0; i < argsA.length; i++) {
    const differs = compareArgument(a, plain(a.btf, argsA[i]!.type), b, plain(b.btf, argsB[i]!.type), i);
    if (differs !== null) return differs;
  }
  return null;
}

function compareArgument(a: Func, typeA: BtfType, b: Func, typeB: BtfType, i: number): string | null {
  if (typeA.kind !== typeB.kind) {
    return `arg${i} in ${a.name}() is ${kindName(typeA)} while ${b.name}() has ${kindName(typeB)}`;
  }
  if (typeA.kind === "int" || typeA.kind === "enum") {
    const sizeB = (typeB as typeof typeA).size;
    if (typeA.size === sizeB) return null;
    return `arg${i} in ${a.name}() has size ${typeA.size} while ${b.name}() has size ${sizeB}`;
  }
  if (typeA.kind !== "ptr") return `arg${i} in ${a.name}() has unrecognized type`;
  const [toA, toB] = [plain(a.btf, typeA.type), plain(b.btf, (typeB as typeof typeA).type)];
  if (toA.kind !== "struct") return `arg${i} in ${a.name}() is not a pointer to context`;
  if (toB.kind !== "struct") return `arg${i} in ${b.name}() is not a pointer to context`;
  if (toA.name === toB.name) return null;
  return `arg${i} ${a.name}(struct ${toA.name} *) doesn't match ${b.name}(struct ${toB.name} *)`;
}

/** A type without typedefs and qualifiers. */
function plain(btf: Btf, id: number): BtfType {
  let type = btf.types[id]!;
  for (;;) {
    switch (type.kind) {
      case "typedef":
      case "const":
      case "volatile":
      case "restrict":
      case "type_tag":
        type = btf.types[type.type]!;
        break;
      default:
        return type;
    }
  }
}

/** The kernel's name of a kind. @source kernel/bpf/btf.c btf_kind_str */
function kindName(type: BtfType): string {
  return type.kind === "void" ? "UNKNOWN" : type.kind.toUpperCase();
}
