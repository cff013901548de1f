/** Bytes of one WebAssembly function body, appended instruction by instruction. */
import { VOID, W, type WasmOp } from "./wasm-op.ts";

/** Width of a padded index that is filled in later. */
const PADDED_BYTES = 5;

/** memory.copy and memory.fill, of memory 0. @source WebAssembly core specification 2.0, section 5.4.6 */
const MEMORY_COPY = [0xfc, 0x0a, 0x00, 0x00] as const;
const MEMORY_FILL = [0xfc, 0x0b, 0x00] as const;

const INITIAL_BYTES = 256;

/** A growing body. Calls of functions of the same module are patched when the number of imports is known. */
export class WasmCode {
  private bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  private length: number = 0;
  private openScopes: number = 0;
  /** Positions of padded function indices, and the local function each means. */
  readonly patches: { readonly at: number; readonly fn: number }[] = [];

  /** Scopes that are open: what a branch out of all of them names. */
  get depth(): number {
    return this.openScopes;
  }

  /** The bytes so far; a view. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  byte(b: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = b;
  }

  /** Instructions without immediates; up to five, so that no list of them is made. */
  op(a: WasmOp, b?: WasmOp, c?: WasmOp, d?: WasmOp, e?: WasmOp): void {
    this.byte(a);
    if (b === undefined) return;
    this.byte(b);
    if (c === undefined) return;
    this.byte(c);
    if (d === undefined) return;
    this.byte(d);
    if (e !== undefined) this.byte(e);
  }

  /** Unsigned LEB128. */
  uleb(n: number): void {
    let v = n >>> 0;
    while (v >= 0x80) {
      this.byte((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    this.byte(v);
  }

  /** Pushes a 32-bit constant; given signed or unsigned. */
  i32(n: number): void {
    this.byte(W.i32_const);
    let v = n | 0;
    for (;;) {
      const b = v & 0x7f;
      v >>= 7;
      if ((v === 0 && (b & 0x40) === 0) || (v === -1 && (b & 0x40) !== 0)) {
        this.byte(b);
        return;
      }
      this.byte(b | 0x80);
    }
  }

  /** Pushes a 64-bit constant. @param n an integer, exact */
  i64(n: number | bigint): void {
    this.byte(W.i64_const);
    if (Number.isSafeInteger(n)) {
      this.sleb(n as number);
      return;
    }
    let v = BigInt.asIntN(64, BigInt(n));
    for (;;) {
      const b = Number(v & 0x7fn);
      v >>= 7n;
      if ((v === 0n && (b & 0x40) === 0) || (v === -1n && (b & 0x40) !== 0)) {
        this.byte(b);
        return;
      }
      this.byte(b | 0x80);
    }
  }

  /** Signed LEB128 of an integer that a number holds exactly. */
  private sleb(n: number): void {
    let v = n;
    for (;;) {
      const rest = Math.floor(v / 128);
      const b = v - rest * 128;
      v = rest;
      if ((v === 0 && b < 0x40) || (v === -1 && b >= 0x40)) {
        this.byte(b);
        return;
      }
      this.byte(b | 0x80);
    }
  }

  get(local: number): void {
    this.byte(W.local_get);
    this.uleb(local);
  }

  set(local: number): void {
    this.byte(W.local_set);
    this.uleb(local);
  }

  tee(local: number): void {
    this.byte(W.local_tee);
    this.uleb(local);
  }

  global(index: number): void {
    this.byte(W.global_get);
    this.uleb(index);
  }

  /** A load or store; no alignment is promised. */
  memory(op: WasmOp, offset: number): void {
    this.byte(op);
    this.byte(0);
    this.uleb(offset);
  }

  /** Copies within the memory as memmove does: to, from and bytes are on the stack. */
  memoryCopy(): void {
    for (const b of MEMORY_COPY) this.byte(b);
  }

  /** Fills memory: address, byte and number of bytes are on the stack. */
  memoryFill(): void {
    for (const b of MEMORY_FILL) this.byte(b);
  }

  /** Opens a block, loop, if or try. @param result type of what it leaves on the stack */
  open(op: typeof W.block | typeof W.loop | typeof W.if | typeof W.try, result: number = VOID): void {
    this.byte(op);
    this.byte(result);
    this.openScopes++;
  }

  end(): void {
    this.byte(W.end);
    this.openScopes--;
  }

  br(depth: number): void {
    this.byte(W.br);
    this.uleb(depth);
  }

  brIf(depth: number): void {
    this.byte(W.br_if);
    this.uleb(depth);
  }

  callImport(index: number): void {
    this.byte(W.call);
    this.uleb(index);
  }

  /** Calls a function of the same module. @param fn its number among those */
  callLocal(fn: number): void {
    this.byte(W.call);
    this.patches.push({ at: this.length, fn });
    for (let i = 0; i < PADDED_BYTES; i++) this.byte(0);
  }

  /** Fills the function indices in. @param imports number of imported functions */
  link(imports: number): void {
    for (const { at, fn } of this.patches) this.patch(at, imports + fn);
  }

  /** Leaves room for the size of what follows. @returns what `endSized` wants to know */
  beginSized(): number {
    for (let i = 0; i < PADDED_BYTES; i++) this.byte(0);
    return this.length;
  }

  /** Fills in the size of what was appended since. */
  endSized(begin: number): void {
    this.patch(begin - PADDED_BYTES, this.length - begin);
  }

  /** Begins anew in the same memory. */
  restart(): this {
    this.length = 0;
    this.openScopes = 0;
    this.patches.length = 0;
    return this;
  }

  private patch(at: number, value: number): void {
    let v = value;
    for (let i = 0; i < PADDED_BYTES; i++) {
      this.bytes[at + i] = (v & 0x7f) | (i < PADDED_BYTES - 1 ? 0x80 : 0);
      v >>>= 7;
    }
  }

  /** Appends another body, its patches with it. */
  append(other: WasmCode): void {
    for (const { at, fn } of other.patches) this.patches.push({ at: this.length + at, fn });
    this.reserve(other.length);
    this.bytes.set(other.view(), this.length);
    this.length += other.length;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    grown.set(this.bytes);
    this.bytes = grown;
  }
}
