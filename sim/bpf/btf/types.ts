/**
 * BTF as plain data. Type ids are indices into `types`; id 0 is void.
 * @source Documentation/bpf/btf.rst
 */

/** A member of a struct or union. */
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0: no bit field. */
  readonly bitSize: number;
}

/** A type; ids of other types index `Btf.types`. */
export type BtfType =
  | { readonly kind: "void" }
  | {
      readonly kind: "int";
      readonly name: string;
      readonly size: number;
      readonly bits: number;
      readonly signed: boolean;
      readonly bool: boolean;
      readonly char: boolean;
      /** Where the value begins within its bytes; absent means 0, and compilers write nothing else any more. */
      readonly bitOffset?: number;
    }
  | { readonly kind: "ptr"; readonly type: number }
  | { readonly kind: "array"; readonly type: number; readonly indexType: number; readonly count: number }
  | {
      readonly kind: "struct" | "union";
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: "enum";
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      /** ENUM64: values of 64 bits. Absent means 32. */
      readonly wide?: true;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: "fwd"; readonly name: string; readonly union: boolean }
  | { readonly kind: "typedef"; readonly name: string; readonly type: number }
  | {
      readonly kind: "type_tag";
      readonly name: string;
      readonly type: number;
      /** The name is an attribute of the compiler's, `address_space(1)`; absent: it is a tag of the program's. */
      readonly attribute?: true;
    }
  | { readonly kind: "volatile" | "const" | "restrict"; readonly type: number }
  | { readonly kind: "func"; readonly name: string; readonly type: number; readonly linkage: number }
  | {
      readonly kind: "func_proto";
      readonly ret: number;
      readonly params: readonly { readonly name: string; readonly type: number }[];
    }
  | { readonly kind: "var"; readonly name: string; readonly type: number; readonly linkage: number }
  | {
      readonly kind: "datasec";
      readonly name: string;
      readonly size: number;
      readonly vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
    }
  | { readonly kind: "float"; readonly name: string; readonly size: number }
  | { readonly kind: "decl_tag"; readonly name: string; readonly type: number; readonly component: number };

/** A parsed .BTF section. */
export interface Btf {
  readonly types: readonly BtfType[];
  /** Of the section that it was read from, header and strings included, bytes; absent where it was not read. */
  readonly sizeBytes?: number;
}
