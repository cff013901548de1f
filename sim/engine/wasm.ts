/**
 * The part of the WebAssembly JavaScript interface that netsim uses, typed. Neither `lib: ES2023` nor Node's types declare
 * it, and the DOM library would bring a browser's globals along.
 */

/** WebAssembly.Memory. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** @returns the former size in pages. @throws RangeError when it cannot grow */
  grow(pages: number): number;
}

/** WebAssembly.Table of functions. */
export interface WasmTable {
  readonly length: number;
  grow(delta: number): number;
  get(index: number): unknown;
  set(index: number, value: unknown): void;
}

/** A compiled module; opaque. */
export interface WasmModule {
  readonly __wasmModule?: never;
}

/** WebAssembly.Instance. */
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** WebAssembly.Global. */
export interface WasmGlobal {
  value: number;
}

/** A global that holds a JavaScript value, so that compiled code can hand it to imported functions. */
export interface WasmRefGlobal {
  value: unknown;
}

/** Imports by module and name. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface WasmApi {
  readonly Memory: new (d: { initial: number; maximum: number }) => WasmMemory;
  readonly Table: new (d: { element: "anyfunc"; initial: number; maximum?: number }) => WasmTable;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports?: WasmImports) => WasmInstance;
  readonly Global: {
    new (d: { value: "i32"; mutable: boolean }, initial: number): WasmGlobal;
    new (d: { value: "externref"; mutable: boolean }, initial: unknown): WasmRefGlobal;
  };
  validate(bytes: Uint8Array): boolean;
}

/** `globalThis.WebAssembly`. */
export const Wasm: WasmApi = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;
