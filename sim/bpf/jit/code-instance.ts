/**
 * WebAssembly of map types and helpers, made when the first map of a layout is: one module per layout, one instance of it per arena. The
 * functions' first argument is the address of a map's state, by which what they ask of JavaScript finds the map.
 */
import type { Arena } from "../../engine/arena.ts";
import { Wasm, type WasmModule } from "../../engine/wasm.ts";
import { type FuncType, IMPORT_MODULE, WasmModuleBuilder } from "./wasm-module.ts";

/** How a layout's code is made. `O`: what stands behind one state. */
export interface CodeDefinition<O> {
  /** What the code calls; its first argument is the state's address, `call` gets the others. */
  readonly imports: readonly CodeImport<O>[];
  /** Adds functions and exports to the module. */
  build(module: WasmModuleBuilder): void;
}

/** A function that the code asks of the map. */
export interface CodeImport<O> {
  readonly name: string;
  readonly type: FuncType;
  call(owner: O, ...args: number[]): number;
}

interface Instance {
  readonly owners: Map<number, unknown>;
  readonly exports: unknown;
}

const modules: Map<string, WasmModule> = new Map();
const instances: WeakMap<Arena, Map<string, Instance>> = new WeakMap();
/** Modules import a table whether they use one or not. */
const noTable: unknown = new Wasm.Table({ element: "anyfunc", initial: 0 });

/**
 * The functions of a layout.
 * @param key names the layout, and nothing else has this name
 * @param owner found by `state` from now on, in place of what was there before
 */
export function codeInstance<O, C>(
  arena: Arena,
  key: string,
  state: number,
  owner: O,
  define: () => CodeDefinition<O>,
): C {
  let ofArena = instances.get(arena);
  if (ofArena === undefined) {
    ofArena = new Map();
    instances.set(arena, ofArena);
  }
  let instance = ofArena.get(key);
  if (instance === undefined) {
    instance = instantiate(arena, key, define());
    ofArena.set(key, instance);
  }
  instance.owners.set(state, owner);
  return instance.exports as C;
}

/** Forgets what was found by a state, before its memory is given back. */
export function releaseState(arena: Arena, state: number): void {
  for (const instance of instances.get(arena)?.values() ?? []) instance.owners.delete(state);
}

function instantiate<O>(arena: Arena, key: string, definition: CodeDefinition<O>): Instance {
  let module = modules.get(key);
  if (module === undefined) {
    const builder = new WasmModuleBuilder();
    for (const i of definition.imports) builder.importFunction(i.name, i.type);
    definition.build(builder);
    module = new Wasm.Module(builder.finish());
    modules.set(key, module);
  }
  const owners = new Map<number, O>();
  const imports: Record<string, unknown> = { mem: arena.memory, tab: noTable };
  for (const i of definition.imports) {
    const call = i.call;
    imports[i.name] = (state: number, ...args: number[]): number => call(owners.get(state)!, ...args);
  }
  return { owners, exports: new Wasm.Instance(module, { [IMPORT_MODULE]: imports }).exports };
}
