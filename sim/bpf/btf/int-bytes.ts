/** Integers of any width in little- or big-endian bytes, and bit fields. Not for the hot path: they work on BigInt. */

/** Writes the low `size` bytes of an integer, negative ones as two's complement. */
export function writeInt(out: Uint8Array, at: number, size: number, value: bigint, bigEndian: boolean): void {
  let rest = BigInt.asUintN(size * 8, value);
  for (let i = 0; i < size; i++) {
    out[bigEndian ? at + size - 1 - i : at + i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

/** Reads an integer of `size` bytes. */
export function readInt(bytes: Uint8Array, at: number, size: number, signed: boolean, bigEndian: boolean): bigint {
  let value = 0n;
  for (let i = 0; i < size; i++) {
    value = (value << 8n) | BigInt(bytes[bigEndian ? at + i : at + size - 1 - i] ?? 0);
  }
  return signed ? BigInt.asIntN(size * 8, value) : value;
}

/** Writes a bit field; bits count from the least significant bit of byte 0, as BTF counts them on little-endian machines. */
export function writeBits(out: Uint8Array, startBit: number, bits: number, value: bigint): void {
  for (let i = 0; i < bits; i++) {
    const bit = startBit + i;
    const mask = 1 << (bit & 7);
    const set = ((value >> BigInt(i)) & 1n) === 1n;
    const old = out[bit >>> 3] ?? 0;
    out[bit >>> 3] = set ? old | mask : old & ~mask;
  }
}

/** Reads a bit field. */
export function readBits(bytes: Uint8Array, startBit: number, bits: number, signed: boolean): bigint {
  let value = 0n;
  for (let i = bits - 1; i >= 0; i--) {
    const bit = startBit + i;
    value = (value << 1n) | BigInt(((bytes[bit >>> 3] ?? 0) >>> (bit & 7)) & 1);
  }
  return signed ? BigInt.asIntN(bits, value) : value;
}
