/** Captures made by hand, and header sums that do not use the simulator's own. */

/** Ones' complement sum of 16-bit big-endian words, folded; 0xffff when what is summed holds its own good checksum. */
export function sum16(...parts: readonly (readonly number[] | Uint8Array)[]): number {
  const bytes = parts.flatMap((p) => [...p]);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return sum;
}

/** One frame of a capture file. */
export interface FileFrame {
  readonly seconds: number;
  /** In the file's unit. */
  readonly fraction: number;
  readonly bytes: Uint8Array;
  /** Length on the wire; that of bytes when absent. */
  readonly original?: number;
}

/** A pcap file. */
export function pcapFile(
  frames: readonly FileFrame[],
  o: { le?: boolean; ns?: boolean; linkType?: number } = {},
): Uint8Array {
  const le = o.le ?? true;
  const out: number[] = [];
  const u32 = (v: number): void => void out.push(...word(v, le));
  u32(o.ns === true ? 0xa1b23c4d : 0xa1b2c3d4);
  out.push(...half(2, le), ...half(4, le));
  u32(0);
  u32(0);
  u32(65535);
  u32(o.linkType ?? 1);
  for (const f of frames) {
    u32(f.seconds);
    u32(f.fraction);
    u32(f.bytes.length);
    u32(f.original ?? f.bytes.length);
    out.push(...f.bytes);
  }
  return Uint8Array.from(out);
}

/** A pcapng block. */
export function block(type: number, body: readonly number[], le: boolean = true): readonly number[] {
  const padded = [...body, ...new Array<number>((4 - (body.length % 4)) % 4).fill(0)];
  const total = padded.length + 12;
  return [...word(type, le), ...word(total, le), ...padded, ...word(total, le)];
}

/** Section header. */
export function section(le: boolean = true): readonly number[] {
  return block(
    0x0a0d0d0a,
    [...word(0x1a2b3c4d, le), ...half(1, le), ...half(0, le), ...new Array<number>(8).fill(0xff)],
    le,
  );
}

/** Interface description. @param options code and bytes */
export function interfaceBlock(
  linkType: number,
  options: readonly (readonly [number, readonly number[]])[] = [],
  le: boolean = true,
): readonly number[] {
  const opts = options.flatMap(([code, v]) => [
    ...half(code, le),
    ...half(v.length, le),
    ...v,
    ...new Array<number>((4 - (v.length % 4)) % 4).fill(0),
  ]);
  return block(1, [...half(linkType, le), 0, 0, ...word(0, le), ...opts], le);
}

/** Enhanced packet. */
export function packetBlock(
  iface: number,
  high: number,
  low: number,
  bytes: Uint8Array,
  original: number = bytes.length,
  le: boolean = true,
): readonly number[] {
  return block(
    6,
    [
      ...word(iface, le),
      ...word(high, le),
      ...word(low, le),
      ...word(bytes.length, le),
      ...word(original, le),
      ...bytes,
    ],
    le,
  );
}

export function word(v: number, le: boolean): readonly number[] {
  const b = [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255];
  return le ? b.reverse() : b;
}

export function half(v: number, le: boolean): readonly number[] {
  return le ? [v & 255, v >>> 8] : [v >>> 8, v & 255];
}
