/**
 * Reads capture files, pcap and pcapng, of either byte order.
 *
 *     pcap     u32 magic (a1b2c3d4 µs, a1b23c4d ns), u16 2, u16 4, u32, u32, u32 snap length, u32 link type (low 16 bits)
 *              per packet: u32 seconds, u32 fraction, u32 captured, u32 original, bytes
 *     pcapng   blocks: u32 type, u32 length, body, u32 length; section 0a0d0d0a, interface 1, packet 2 (old), simple 3, enhanced 6
 *
 * @source draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng
 */
import { LabError } from "../engine/errors.ts";

/** One captured frame. */
export interface CapturedFrame {
  /** Since the first frame; ns, never below that of the frame before. */
  readonly atNs: number;
  /** As long as the original: what the capture cut off is zero. */
  readonly bytes: Uint8Array;
}

const LINKTYPE_ETHERNET = 1;
/** Names of link types that people have and that cannot go out of an Ethernet interface. */
const LINKTYPE_NAMES: Readonly<Record<number, string>> = {
  0: "null (BSD loopback)",
  101: "raw IP",
  105: "802.11",
  113: "Linux cooked (tcpdump -i any)",
  127: "802.11 radiotap",
  276: "Linux cooked v2 (tcpdump -i any)",
};
const MAX_FRAME = 65549;

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_OLD_PACKET = 2;
const BLOCK_SIMPLE = 3;
const BLOCK_ENHANCED = 6;
const BYTE_ORDER = 0x1a2b3c4d;
const OPT_TSRESOL = 9;
const OPT_TSOFFSET = 14;

interface Reader {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Frames as they are in the file: time in whole ns, as seconds and ns. */
interface RawFrame {
  readonly seconds: number;
  readonly ns: number;
  readonly at: number;
  readonly captured: number;
  readonly original: number;
}

/**
 * Reads all frames of a file. An Ethernet capture is needed.
 * @param file its name, for errors
 * @throws LabError CAPTURE_FORMAT, CAPTURE_TRUNCATED, CAPTURE_LINK_TYPE, CAPTURE_EMPTY
 */
export function readCapture(bytes: Uint8Array, file: string): readonly CapturedFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const r: Reader = { file, bytes, view };
  const magic = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  const raw = magic === BLOCK_SECTION ? readPcapng(r) : readPcap(r, magic);
  if (raw.length === 0) throw fail(r, "CAPTURE_EMPTY", "there is no packet in it");
  const first = raw[0]!;
  let last = 0;
  return raw.map((f) => {
    last = Math.max(last, (f.seconds - first.seconds) * 1e9 + (f.ns - first.ns));
    const frame = new Uint8Array(f.original);
    frame.set(bytes.subarray(f.at, f.at + f.captured));
    return { atNs: last, bytes: frame };
  });
}

function fail(r: Reader, code: string, what: string, fix?: string): LabError {
  return new LabError([{ code, message: `${r.file}: ${what}`, ...(fix === undefined ? {} : { fix }) }]);
}

function readPcap(r: Reader, magicLe: number): RawFrame[] {
  const { bytes, view } = r;
  const magicBe = bytes.length >= 4 ? view.getUint32(0, false) : 0;
  const le = magicLe === 0xa1b2c3d4 || magicLe === 0xa1b23c4d;
  const magic = le ? magicLe : magicBe;
  if (magic !== 0xa1b2c3d4 && magic !== 0xa1b23c4d) {
    const gzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    throw fail(r, "CAPTURE_FORMAT", "not a pcap or pcapng file", gzip ? "it is compressed: gunzip it" : undefined);
  }
  if (bytes.length < 24) throw truncated(r, 0);
  checkLinkType(r, view.getUint32(20, le) & 0xffff);
  const unit = magic === 0xa1b23c4d ? 1 : 1000;
  const out: RawFrame[] = [];
  for (let p = 24; p < bytes.length; ) {
    if (p + 16 > bytes.length) throw truncated(r, p);
    const captured = view.getUint32(p + 8, le);
    const original = view.getUint32(p + 12, le);
    const frame = { seconds: view.getUint32(p, le), ns: view.getUint32(p + 4, le) * unit, at: p + 16 };
    p += 16 + captured;
    if (p > bytes.length) throw truncated(r, frame.at);
    out.push(frameOf(r, frame.seconds, frame.ns, frame.at, captured, original));
  }
  return out;
}

interface Interface {
  readonly linkType: number;
  /** Time units per second. */
  readonly unitsPerSecond: number;
  readonly offsetSeconds: number;
}

function readPcapng(r: Reader): RawFrame[] {
  const { bytes, view } = r;
  const out: RawFrame[] = [];
  let interfaces: Interface[] = [];
  let le = true;
  for (let p = 0; p < bytes.length; ) {
    if (p + 12 > bytes.length) throw truncated(r, p);
    if (view.getUint32(p, true) === BLOCK_SECTION) {
      le = view.getUint32(p + 8, true) === BYTE_ORDER;
      if (!le && view.getUint32(p + 8, false) !== BYTE_ORDER) throw fail(r, "CAPTURE_FORMAT", "not a pcapng section");
      interfaces = [];
    }
    const type = view.getUint32(p, le);
    const total = view.getUint32(p + 4, le);
    if (total < 12 || total % 4 !== 0) throw fail(r, "CAPTURE_FORMAT", `a block of ${total} bytes at byte ${p}`);
    if (p + total > bytes.length) throw truncated(r, p);
    const body = p + 8;
    const end = p + total - 4;
    if (type === BLOCK_INTERFACE) interfaces.push(readInterface(r, body, end, le));
    else if (type === BLOCK_ENHANCED || type === BLOCK_OLD_PACKET) {
      if (body + 20 > end) throw truncated(r, p);
      const index = type === BLOCK_ENHANCED ? view.getUint32(body, le) : view.getUint16(body, le);
      out.push(timedFrame(r, body, end, le, interfaceOf(r, interfaces, index)));
    } else if (type === BLOCK_SIMPLE) {
      if (body + 4 > end) throw truncated(r, p);
      interfaceOf(r, interfaces, 0);
      const original = view.getUint32(body, le);
      const before = out[out.length - 1];
      const captured = Math.min(original, end - body - 4);
      out.push(frameOf(r, before?.seconds ?? 0, before?.ns ?? 0, body + 4, captured, original));
    }
    p += total;
  }
  return out;
}

function interfaceOf(r: Reader, interfaces: readonly Interface[], index: number): Interface {
  const found = interfaces[index];
  if (found === undefined) throw fail(r, "CAPTURE_FORMAT", `a packet of interface ${index}, which is not described`);
  checkLinkType(r, found.linkType);
  return found;
}

function readInterface(r: Reader, body: number, end: number, le: boolean): Interface {
  const { bytes, view } = r;
  if (body + 8 > end) throw truncated(r, body);
  let unitsPerSecond = 1e6;
  let offsetSeconds = 0;
  for (let p = body + 8; p + 4 <= end; ) {
    const code = view.getUint16(p, le);
    const length = view.getUint16(p + 2, le);
    if (code === 0 || p + 4 + length > end) break;
    if (code === OPT_TSRESOL && length === 1) {
      const v = bytes[p + 4]!;
      unitsPerSecond = (v & 0x80) !== 0 ? 2 ** (v & 0x7f) : 10 ** v;
    } else if (code === OPT_TSOFFSET && length === 8) offsetSeconds = Number(view.getBigInt64(p + 4, le));
    p += 4 + ((length + 3) & ~3);
  }
  return { linkType: view.getUint16(body, le), unitsPerSecond, offsetSeconds };
}

function timedFrame(r: Reader, body: number, end: number, le: boolean, from: Interface): RawFrame {
  const { view } = r;
  const units = (BigInt(view.getUint32(body + 4, le)) << 32n) | BigInt(view.getUint32(body + 8, le));
  const perSecond = BigInt(Math.round(from.unitsPerSecond));
  const seconds = Number(units / perSecond) + from.offsetSeconds;
  const ns = Number(((units % perSecond) * 1_000_000_000n) / perSecond);
  const captured = view.getUint32(body + 12, le);
  if (body + 20 + captured > end) throw truncated(r, body);
  return frameOf(r, seconds, ns, body + 20, captured, view.getUint32(body + 16, le));
}

function frameOf(r: Reader, seconds: number, ns: number, at: number, captured: number, original: number): RawFrame {
  if (original > MAX_FRAME || captured > MAX_FRAME) {
    throw fail(r, "CAPTURE_FORMAT", `a frame of ${Math.max(original, captured)} bytes at byte ${at}`);
  }
  return { seconds, ns, at, captured, original: Math.max(original, captured) };
}

function checkLinkType(r: Reader, linkType: number): void {
  if (linkType === LINKTYPE_ETHERNET) return;
  const name = LINKTYPE_NAMES[linkType] ?? "not Ethernet";
  const fix = "capture on one Ethernet interface, or rewrite the file with an Ethernet header";
  throw fail(r, "CAPTURE_LINK_TYPE", `its link type is ${linkType}, ${name}; Ethernet (1) is needed`, fix);
}

function truncated(r: Reader, at: number): LabError {
  return fail(r, "CAPTURE_TRUNCATED", `the file ends within the packet at byte ${at}`);
}
