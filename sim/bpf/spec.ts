/**
 * Specs: plain readonly data made from an object file, the same on every machine, holding no state.
 * `parseObject` makes them; `loadObject` turns them into live maps and programs.
 */
import type { Diagnostic } from "../engine/errors.ts";
import type { AttachKind } from "./attach-kinds.ts";
import type { Btf } from "./btf/types.ts";
import type { ClassicProgram } from "./cbpf/insn.ts";
import type { MapKind } from "./map.ts";
import type { ProgKind } from "./prog-type.ts";

/** Everything an object file holds. */
export interface ObjectSpec {
  /** As the user wrote it, for messages. */
  readonly path: string;
  /** Contents of the `license` section, "" when there is none. */
  readonly license: string;
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
  readonly btf: Btf | null;
  /** KERNEL_VERSION of the `version` section, when there is one. */
  readonly version?: number;
  /** Every section of the file, for listings. */
  readonly sections?: readonly SectionSpec[];
  /** Maps of types that netsim does not have; programs that refer to one carry a `refusal`. */
  readonly unsupportedMaps?: readonly UnsupportedMapSpec[];
  /** What the parser passed over as libbpf does, one sentence each. */
  readonly notes?: readonly string[];
}

/** A section of the object file. */
export interface SectionSpec {
  readonly index: number;
  readonly name: string;
  /** `SHT_*` without the prefix: `PROGBITS`, `NOBITS`, `REL`, ... */
  readonly type: string;
  readonly sizeBytes: number;
  /** As readelf prints them: W write, A alloc, X execute. */
  readonly flags: string;
}

/** A map of a type that netsim does not have. */
export interface UnsupportedMapSpec {
  readonly name: string;
  /** As bpftool prints it, or `type 99`. */
  readonly kind: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

/** What an instruction of a program refers to, to be filled in when the maps live. */
export type Relocation =
  /** ld_imm64 becomes the map itself (BPF_PSEUDO_MAP_FD). */
  | { readonly kind: "map"; readonly insn: number; readonly map: string }
  /** ld_imm64 becomes the address of a byte of the map's only value (BPF_PSEUDO_MAP_VALUE): data sections. */
  | { readonly kind: "map-value"; readonly insn: number; readonly map: string; readonly offset: number }
  /** The call at `insn` (BPF_PSEUDO_KFUNC_CALL) is of a kernel function. A weak one that the kernel lacks is poisoned, not refused. */
  | { readonly kind: "kfunc"; readonly insn: number; readonly name: string; readonly weak: boolean }
  /**
   * ld_imm64 becomes the address of a kernel symbol: a variable, or a function asked for by bpf_ksym_exists. A weak one that the
   * kernel lacks is 0. Typed: by BTF (BPF_PSEUDO_BTF_ID); otherwise by /proc/kallsyms.
   */
  | {
      readonly kind: "ksym";
      readonly insn: number;
      readonly name: string;
      readonly weak: boolean;
      readonly typed: boolean;
    };

/** The relocations that name a map. */
export type MapRelocation = Extract<Relocation, { readonly map: string }>;

/** Whether a relocation names a map. */
export function isMapRelocation(r: Relocation): r is MapRelocation {
  return r.kind === "map" || r.kind === "map-value";
}

/** A place of a program that depends on the kernel's types (struct bpf_core_relo). */
export interface CoreRelocation {
  /** Instruction slot within the linked program. */
  readonly insn: number;
  /** Number among the relocations of its section, as libbpf's messages count (`relo #3`). */
  readonly index: number;
  /** Instruction slot within its section. */
  readonly sectionInsn: number;
  /** `enum bpf_core_relo_kind` */
  readonly kind: number;
  /** Root type within the object's BTF. */
  readonly typeId: number;
  /** Accessed member as indices, `0:1:2`, or the enumerator's index. */
  readonly access: string;
}

/** A source line that a run of instructions was compiled from. */
export interface LineInfo {
  /** Index of the first instruction (8-byte slots), within the linked program. */
  readonly insn: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line's text, as BTF has it. */
  readonly text: string;
}

/** A function of a linked program: the entry at instruction 0, then its subprograms. */
export interface FuncInfo {
  /** Index of the function's first instruction slot. */
  readonly insn: number;
  readonly name: string;
  /** BTF type id of the FUNC, 0 or absent when unknown. */
  readonly typeId?: number;
}

/** One program with all subprograms it calls appended behind it, as libbpf links it. */
export interface ProgramSpec {
  readonly name: string;
  readonly section: string;
  /** null: the section name says no type; the user must. */
  readonly kind: ProgKind | null;
  readonly attach: AttachKind | null;
  /** `xdp.frags`: may receive packets of several buffers. */
  readonly frags: boolean;
  /**
   * Little-endian instruction slots of 8 bytes: u8 opcode, u8 dst:4|src:4, s16 off, s32 imm. Calls to subprograms are resolved
   * (src_reg 1, imm = relative slot); ld_imm64 of maps still carry 0 and are listed in `relocations`.
   */
  readonly insns: Uint8Array;
  readonly relocations: readonly Relocation[];
  readonly funcs: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
  /** Slot of the function that answers when bpf_throw ends the program (tag `exception_callback:NAME`). Absent: bpf_throw's cookie is the answer. */
  readonly exceptionCallback?: number;
  /** What depends on the kernel's types, still as compiled; done when the program is loaded. Absent or empty: nothing. */
  readonly core?: readonly CoreRelocation[];
  /** The object's types, which `core` refers to. */
  readonly btf?: Btf | null;
  /** After relocation: slots that must not be reached, with the relocation that failed there in libbpf's words. */
  readonly poisoned?: ReadonlyMap<number, string>;
  /** The kernel's name of the type that the section name says, also of types that netsim does not run (`kprobe`). */
  readonly typeName?: string | null;
  /** `SEC("?xdp")`: not loaded unless asked for. Absent means true. */
  readonly autoload?: boolean;
  /** Why it can be listed but not loaded; loading throws `new ObjectError(refusal)`. Absent or null: nothing stands against it. */
  readonly refusal?: Diagnostic | null;
  /** The classic program it was translated from; objects have none. Such a program has no id on Linux and may call internal helpers. */
  readonly classic?: ClassicProgram;
}

/** An `extern ... __kconfig` variable: a part of the kernel's configuration. */
export interface KconfigVariable {
  readonly name: string;
  /** Without a value it is 0; a strong one keeps the object from being loaded. */
  readonly weak: boolean;
  /** Byte offset within the map's only value. */
  readonly offset: number;
  /** bytes */
  readonly size: number;
  readonly type: "bool" | "tristate" | "char" | "int" | "char array";
  readonly signed: boolean;
}

/** How a map shall be made. */
export interface MapSpec {
  readonly name: string;
  readonly kind: MapKind;
  /** bytes */
  readonly keySize: number;
  /** bytes */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of BPF_MAP_CREATE. */
  readonly flags: number;
  /** What BPF_MAP_CREATE takes as map_extra: the number of hashes of a bloom filter. Absent: 0. */
  readonly mapExtra?: number;
  /** The NUMA node that the definition asks for; absent: 0. Without BPF_F_NUMA_NODE in `flags` it means nothing, and here never more. */
  readonly numaNode?: number;
  /** LIBBPF_PIN_BY_NAME. */
  readonly pinByName: boolean;
  /** iproute2's PIN_OBJECT_NS (shared by the programs of one object file) and PIN_GLOBAL_NS, which only `ip` and `tc` obey. */
  readonly elfPin?: "object" | "global";
  /** BTF type ids of key and value within the object's BTF; 0 when unknown. */
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  readonly btf: Btf | null;
  /** Template of the inner maps, for maps of maps. */
  readonly inner: MapSpec | null;
  /** Section contents for data maps (`.rodata`, `.data`, `.bss`): the only value's bytes. */
  readonly data: Uint8Array | null;
  /** `.kconfig`: what stands in `data`, which is zero until the object is loaded. */
  readonly kconfig?: readonly KconfigVariable[];
  /** `.rodata`: frozen for programs and for user space. */
  readonly readonly: boolean;
  /** Static initialisers of prog arrays and maps of maps: slot -> program or map name. */
  readonly slots: readonly { readonly index: number; readonly target: string }[];
}
