/**
 * pcapng as Wireshark reads it: one section, one interface, nanosecond timestamps, directions.
 *
 *     block: u32 type, u32 total length, body padded to 4, u32 total length; little-endian throughout
 *     section header 0x0a0d0d0a: u32 magic 0x1a2b3c4d, u16 1, u16 0, i64 -1, options
 *     interface description 1:   u16 link type, u16 0, u32 snap length (0: none), options if_name 2, if_tsresol 9
 *     enhanced packet 6:         u32 interface, u32 time high, u32 time low, u32 captured, u32 original, bytes, option epb_flags 2
 *
 * @source draft-ietf-opsawg-pcapng
 */
import type { Sink } from "./sink.ts";

/** LINKTYPE_ETHERNET. */
export const LINKTYPE_ETHERNET = 1;
/** LINKTYPE_RAW: begins with an IPv4 or IPv6 header. */
export const LINKTYPE_RAW = 101;

const OPT_USERAPPL = 4;
const OPT_IF_NAME = 2;
const OPT_IF_TSRESOL = 9;
const OPT_EPB_FLAGS = 2;
const TSRESOL_NS = 9;
const FLAG_INBOUND = 1;
const FLAG_OUTBOUND = 2;

/** One capture file. */
export class PcapngWriter {
  private readonly sink: Sink;
  private scratch: Uint8Array = new Uint8Array(2048);
  private view: DataView = new DataView(this.scratch.buffer);

  /**
   * Writes the headers.
   * @param interfaceName as Wireshark shows it: `lb:eth0`
   * @param linkType LINKTYPE_*
   */
  constructor(sink: Sink, interfaceName: string, linkType: number) {
    this.sink = sink;
    const app = option(OPT_USERAPPL, new TextEncoder().encode("netsim"));
    const shb = new Uint8Array(28 + app.length + 4);
    const s = new DataView(shb.buffer);
    s.setUint32(0, 0x0a0d0d0a, true);
    s.setUint32(4, shb.length, true);
    s.setUint32(8, 0x1a2b3c4d, true);
    s.setUint16(12, 1, true);
    s.setBigInt64(16, -1n, true);
    shb.set(app, 24);
    s.setUint32(shb.length - 4, shb.length, true);
    sink.write(shb);

    const name = option(OPT_IF_NAME, new TextEncoder().encode(interfaceName));
    const resolution = option(OPT_IF_TSRESOL, Uint8Array.of(TSRESOL_NS));
    const idb = new Uint8Array(16 + name.length + resolution.length + 8);
    const i = new DataView(idb.buffer);
    i.setUint32(0, 1, true);
    i.setUint32(4, idb.length, true);
    i.setUint16(8, linkType, true);
    idb.set(name, 16);
    idb.set(resolution, 16 + name.length);
    i.setUint32(idb.length - 4, idb.length, true);
    sink.write(idb);
  }

  /**
   * Appends one packet.
   * @param memory and address, length: where its bytes are
   * @param vlan tag (TPID in the upper half, TCI in the lower) to put behind the MAC addresses, 0 for none
   * @unit timeNs: ns since the simulation began
   */
  packet(timeNs: number, memory: Uint8Array, address: number, length: number, outgoing: boolean, vlan: number): void {
    const bytes = length + (vlan === 0 ? 0 : 4);
    const padded = (bytes + 3) & ~3;
    const total = 28 + padded + 12 + 4;
    if (total > this.scratch.length) {
      this.scratch = new Uint8Array(total * 2);
      this.view = new DataView(this.scratch.buffer);
    }
    const out = this.scratch;
    const v = this.view;
    v.setUint32(0, 6, true);
    v.setUint32(4, total, true);
    v.setUint32(8, 0, true);
    v.setUint32(12, Math.floor(timeNs / 4294967296), true);
    v.setUint32(16, timeNs % 4294967296, true);
    v.setUint32(20, bytes, true);
    v.setUint32(24, bytes, true);
    if (vlan === 0) out.set(memory.subarray(address, address + length), 28);
    else {
      out.set(memory.subarray(address, address + 12), 28);
      v.setUint32(40, vlan >>> 0, false);
      out.set(memory.subarray(address + 12, address + length), 44);
    }
    out.fill(0, 28 + bytes, 28 + padded);
    const o = 28 + padded;
    v.setUint16(o, OPT_EPB_FLAGS, true);
    v.setUint16(o + 2, 4, true);
    v.setUint32(o + 4, outgoing ? FLAG_OUTBOUND : FLAG_INBOUND, true);
    v.setUint32(o + 8, 0, true);
    v.setUint32(total - 4, total, true);
    this.sink.write(out.subarray(0, total));
  }
}

/** One option, padded to 4 bytes. */
function option(code: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + ((value.length + 3) & ~3));
  const v = new DataView(out.buffer);
  v.setUint16(0, code, true);
  v.setUint16(2, value.length, true);
  out.set(value, 4);
  return out;
}
