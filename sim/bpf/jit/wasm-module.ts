/**
 * A WebAssembly module under construction. Imports and types are numbered as they are asked for; functions by the order in
 * which they are added.
 *
 * @source WebAssembly core specification 2.0, section 5.5
 */
import { WasmCode } from "./wasm-code.ts";
import type { EXTERNREF, I32, I64 } from "./wasm-op.ts";

/** A type of WebAssembly values. */
export type ValueType = typeof I32 | typeof I64 | typeof EXTERNREF;

/** A function's parameters and results. */
export interface FuncType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** Name of the module that all imports come from. */
export const IMPORT_MODULE = "m";

const UTF8 = new TextEncoder();

interface FunctionBody {
  readonly type: number;
  /** Types of the locals behind the parameters. */
  readonly locals: readonly ValueType[];
  readonly code: WasmCode;
}

/** Puts types, imports, functions and code together to a module. */
export class WasmModuleBuilder {
  private readonly types: FuncType[] = [];
  private readonly typeOf: Map<string, number> = new Map();
  private readonly functionOf: Map<string, number> = new Map();
  private readonly globalOf: Map<string, number> = new Map();
  private readonly functionImports: { readonly name: string; readonly type: number }[] = [];
  private readonly globalImports: { readonly name: string; readonly type: ValueType; readonly mutable: boolean }[] = [];
  private readonly functions: (FunctionBody | undefined)[] = [];
  /** Types of the module's own exceptions: their parameters. */
  private readonly tags: number[] = [];
  private readonly exports: { readonly name: string; readonly fn: number }[] = [];

  /** Number of a function type. */
  type(t: FuncType): number {
    const key = `${t.params.join()}:${t.results.join()}`;
    let index = this.typeOf.get(key);
    if (index === undefined) {
      index = this.types.push(t) - 1;
      this.typeOf.set(key, index);
    }
    return index;
  }

  /** Index of an imported function; asked for twice, it is one import. */
  importFunction(name: string, t: FuncType): number {
    let index = this.functionOf.get(name);
    if (index === undefined) {
      index = this.functionImports.push({ name, type: this.type(t) }) - 1;
      this.functionOf.set(name, index);
    }
    return index;
  }

  /** Index of an imported global. */
  importGlobal(name: string, type: ValueType, mutable: boolean): number {
    let index = this.globalOf.get(name);
    if (index === undefined) {
      index = this.globalImports.push({ name, type, mutable }) - 1;
      this.globalOf.set(name, index);
    }
    return index;
  }

  /** Names of the imported functions, in the order of their indices. */
  functionImportNames(): string[] {
    return this.functionImports.map((f) => f.name);
  }

  /** Names of the imported globals, in the order of their indices. */
  globalImportNames(): string[] {
    return this.globalImports.map((g) => g.name);
  }

  /** Defines the function with this number among the module's own. */
  setFunction(fn: number, t: FuncType, locals: readonly ValueType[], code: WasmCode): void {
    this.functions[fn] = { type: this.type(t), locals, code };
  }

  /** Index of an exception that carries these values; asked for twice, it is one. */
  tag(params: readonly ValueType[]): number {
    const type = this.type({ params, results: [] });
    const found = this.tags.indexOf(type);
    if (found >= 0) return found;
    this.tags.push(type);
    return this.tags.length - 1;
  }

  export(name: string, fn: number): void {
    this.exports.push({ name, fn });
  }

  /** The module's bytes. Memory `mem` and function table `tab` are always imported. */
  finish(): Uint8Array {
    const out = new WasmCode();
    for (const b of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(b);
    const bodies = this.functions.map((f) => f!);
    section(out, 1, this.types, (s, t) => {
      s.byte(0x60);
      vector(s, t.params, (v, p) => v.byte(p));
      vector(s, t.results, (v, p) => v.byte(p));
    });
    this.importSection(out);
    section(out, 3, bodies, (s, f) => s.uleb(f.type));
    if (this.tags.length > 0) {
      section(out, 13, this.tags, (s, type) => {
        s.byte(0x00);
        s.uleb(type);
      });
    }
    section(out, 7, this.exports, (s, e) => {
      name(s, e.name);
      s.byte(0x00);
      s.uleb(this.functionImports.length + e.fn);
    });
    section(out, 10, bodies, (s, f) => {
      const begin = s.beginSized();
      vector(s, f.locals, (v, local) => {
        v.uleb(1);
        v.byte(local);
      });
      s.append(f.code);
      s.end();
      s.endSized(begin);
    });
    out.link(this.functionImports.length);
    return out.view().slice();
  }

  private importSection(out: WasmCode): void {
    const entries: ((s: WasmCode) => void)[] = [
      (s) => {
        name(s, "mem");
        s.byte(0x02);
        s.byte(0x00);
        s.uleb(1);
      },
      (s) => {
        name(s, "tab");
        s.byte(0x01);
        s.byte(0x70);
        s.byte(0x00);
        s.uleb(0);
      },
      ...this.functionImports.map((f) => (s: WasmCode): void => {
        name(s, f.name);
        s.byte(0x00);
        s.uleb(f.type);
      }),
      ...this.globalImports.map((g) => (s: WasmCode): void => {
        name(s, g.name);
        s.byte(0x03);
        s.byte(g.type);
        s.byte(g.mutable ? 1 : 0);
      }),
    ];
    section(out, 2, entries, (s, entry) => {
      name(s, IMPORT_MODULE);
      entry(s);
    });
  }
}

function name(out: WasmCode, text: string): void {
  const bytes = UTF8.encode(text);
  out.uleb(bytes.length);
  for (const b of bytes) out.byte(b);
}

function vector<T>(out: WasmCode, items: readonly T[], item: (s: WasmCode, t: T) => void): void {
  out.uleb(items.length);
  for (const t of items) item(out, t);
}

function section<T>(out: WasmCode, id: number, items: readonly T[], item: (s: WasmCode, t: T) => void): void {
  out.byte(id);
  const begin = out.beginSized();
  vector(out, items, item);
  out.endSized(begin);
}
