/** A sink that keeps what it gets, and readers of what observers write. */
import type { Sink } from "../../sim/observe/sink.ts";

export class MemorySink implements Sink {
  writes: number = 0;
  private readonly parts: Uint8Array[] = [];
  write(bytes: Uint8Array): void {
    this.writes++;
    this.parts.push(bytes.slice());
  }
  bytes(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.parts));
  }
}

/** A block of a pcapng file. */
export interface Block {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Takes a little-endian pcapng file apart and checks its frame: lengths at both ends, padding to four. */
export function blocksOf(file: Uint8Array): readonly Block[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const out: Block[] = [];
  for (let p = 0; p < file.length; ) {
    const total = view.getUint32(p + 4, true);
    if (total % 4 !== 0 || view.getUint32(p + total - 4, true) !== total) throw new Error(`bad block at byte ${p}`);
    out.push({ type: view.getUint32(p, true), body: file.slice(p + 8, p + total - 4) });
    p += total;
  }
  return out;
}

/** A packet of a pcapng file. */
export interface CapturedPacket {
  readonly atNs: number;
  readonly outgoing: boolean;
  readonly bytes: Uint8Array;
}

/** The enhanced packets of a file. */
export function packetsOf(file: Uint8Array): readonly CapturedPacket[] {
  return blocksOf(file)
    .filter((b) => b.type === 6)
    .map(({ body }) => {
      const v = new DataView(body.buffer);
      const length = v.getUint32(12, true);
      const options = 20 + Math.ceil(length / 4) * 4;
      if (v.getUint16(options, true) !== 2) throw new Error("no epb_flags");
      return {
        atNs: v.getUint32(4, true) * 2 ** 32 + v.getUint32(8, true),
        outgoing: v.getUint32(options + 4, true) === 2,
        bytes: body.slice(20, 20 + length),
      };
    });
}
