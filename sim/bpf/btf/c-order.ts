/**
 * In which order C needs type definitions: what a struct holds by value must stand before it, what it points to need only be declared.
 * @source libbpf src/btf_dump.c btf_dump_order_type, btf_dump_mark_referenced
 */
import { ObjectError } from "../../engine/errors.ts";
import { typeOf } from "./query.ts";
import type { Btf } from "./types.ts";

/** Deeper than any real chain of types; beyond it is a loop that C cannot write. */
const MAX_CHAIN = 2000;
/** Prototypes within prototypes are visited once for each way that leads to them. */
const MAX_VISITS = 1 << 23;

/** Orders the types of one BTF; each is handed out once. */
export class DefinitionOrder {
  private readonly btf: Btf;
  /** 0 not ordered, 1 in the making, 2 done. */
  private readonly state: Uint8Array;
  private readonly referenced: Uint8Array;
  private queue: number[] = [];
  private visits: number = 0;

  constructor(btf: Btf) {
    this.btf = btf;
    this.state = new Uint8Array(btf.types.length);
    this.state[0] = 2;
    this.referenced = markReferenced(btf);
  }

  /**
   * The definitions that a type needs and that were not handed out before, the type itself last.
   * @throws ObjectError BTF_LOOP when a type holds itself
   */
  take(id: number): readonly number[] {
    this.queue = [];
    this.visit(id, false, 0);
    return this.queue;
  }

  /** @returns whether the definition must come first (it is embedded, or has no name to be declared by) */
  private visit(id: number, throughPointer: boolean, depth: number): boolean {
    if (this.state[id] === 2) return true;
    if (++this.visits > MAX_VISITS) {
      throw new ObjectError({ code: "BTF_TOO_LARGE", message: `more than ${MAX_VISITS} steps from type to type` });
    }
    const type = typeOf(this.btf, id);
    const composite = type.kind === "struct" || type.kind === "union";
    if (this.state[id] === 1 || depth > MAX_CHAIN) {
      if (composite && throughPointer && type.name !== "" && depth <= MAX_CHAIN) return false;
      throw new ObjectError({ code: "BTF_LOOP", message: `unsatisfiable type cycle, id:[${id}]` });
    }
    const next = depth + 1;
    switch (type.kind) {
      case "int":
      case "float":
      case "func":
      case "var":
      case "datasec":
      case "decl_tag":
        this.state[id] = 2;
        return false;
      case "ptr": {
        const strong = this.visit(type.type, true, next);
        this.state[id] = 2;
        return strong;
      }
      case "array":
        return this.visit(type.type, false, next);
      case "struct":
      case "union":
        if (throughPointer && type.name !== "") return false;
        this.state[id] = 1;
        for (const m of type.members) this.visit(m.type, false, next);
        if (type.name !== "") this.queue.push(id);
        this.state[id] = 2;
        return true;
      case "enum":
      case "fwd":
        if (type.name !== "" || this.referenced[id] === 0) this.queue.push(id);
        this.state[id] = 2;
        return true;
      case "typedef":
        if (!this.visit(type.type, throughPointer, next) && throughPointer) return false;
        this.queue.push(id);
        this.state[id] = 2;
        return true;
      case "volatile":
      case "const":
      case "restrict":
      case "type_tag":
        return this.visit(type.type, throughPointer, next);
      case "func_proto": {
        let strong = this.visit(type.ret, throughPointer, next);
        for (const p of type.params) if (this.visit(p.type, throughPointer, next)) strong = true;
        return strong;
      }
      case "void":
        return true;
    }
  }
}

/** Anonymous enums that nothing refers to are constants of their own; the others are written where they are used. */
function markReferenced(btf: Btf): Uint8Array {
  const out = new Uint8Array(btf.types.length);
  for (const type of btf.types) {
    switch (type.kind) {
      case "struct":
      case "union":
        for (const m of type.members) out[m.type] = 1;
        break;
      case "func_proto":
        for (const p of type.params) out[p.type] = 1;
        break;
      case "datasec":
        for (const v of type.vars) out[v.type] = 1;
        break;
      case "array":
        out[type.indexType] = 1;
        out[type.type] = 1;
        break;
      default:
        if ("type" in type) out[type.type] = 1;
    }
  }
  return out;
}
