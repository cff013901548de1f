/**
 * Reads a packet template: header fields by name, `payload` and `hex` in hexadecimal, `size`. The headers that a frame has are those
 * whose fields are named; what is not said has sensible values: the interface's own addresses as source, the MAC address at the other
 * end of the link as destination.
 */
import { type Diagnostic, LabError } from "../engine/errors.ts";
import { suggest } from "../engine/nearest.ts";
import { AF_INET, AF_INET6 } from "../net/ip/address.ts";
import { listAddresses } from "../net/ip/addresses.ts";
import type { Netdev } from "../net/netdev.ts";
import type { FrameSpec, VaryingField } from "./frame-template.ts";
import { DEFAULTS, type FieldDef, HEADER_BYTES, type HeaderName, TEMPLATE_FIELDS } from "./template-fields.ts";
import { expected, type FieldValue, parseFieldValue, parseHex, parseNumber } from "./template-value.ts";

const ORDER: readonly HeaderName[] = ["eth", "vlan", "arp", "ip", "ip6", "udp", "tcp", "icmp", "icmp6"];
const L3: readonly HeaderName[] = ["arp", "ip", "ip6"];
const L4: readonly HeaderName[] = ["udp", "tcp", "icmp", "icmp6"];
const ETHERTYPE: Readonly<Record<string, number>> = { arp: 0x0806, ip: 0x0800, ip6: 0x86dd };
const PROTO: Readonly<Record<string, number>> = { udp: 17, tcp: 6, icmp: 1, icmp6: 58 };
const OTHER_KEYS = ["payload", "hex", "size"];
const ETH_ZLEN = 60;
const MIN_FRAME = 14;
const MAX_FRAME = 65549;

interface NamedValue {
  readonly def: FieldDef;
  readonly value: FieldValue;
}

/**
 * Resolves a template for an interface.
 * @param sizeBytes whole frame; null: what the headers need, at least 60
 * @throws LabError TEMPLATE_FIELD, TEMPLATE_VALUE, TEMPLATE_HEADERS, TEMPLATE_SIZE, each with all findings of its kind
 */
export function parseTemplate(
  template: Readonly<Record<string, string | number>>,
  dev: Netdev,
  sizeBytes: number | null,
  who: string,
): FrameSpec {
  const findings: Diagnostic[] = [];
  const report = (code: string, message: string, fix?: string): void => {
    findings.push({ code, message: `traffic ${who}: ${message}`, ...(fix === undefined ? {} : { fix }) });
  };
  const named: NamedValue[] = [];
  for (const [key, raw] of Object.entries(template)) {
    if (OTHER_KEYS.includes(key)) continue;
    const def = TEMPLATE_FIELDS.find((f) => `${f.header}.${f.field}` === key);
    if (def === undefined) {
      const known = [...TEMPLATE_FIELDS.map((f) => `${f.header}.${f.field}`), ...OTHER_KEYS];
      report("TEMPLATE_FIELD", `there is no header field ${key}`, suggest(key, known));
      continue;
    }
    const value = parseFieldValue(def, String(raw));
    if (value === null) report("TEMPLATE_VALUE", `${key}: ${String(raw)}: expected ${expected(def)}`);
    else named.push({ def, value });
  }
  const size = parseSize(template.size, sizeBytes, report);
  const payload = parseBytes("payload", template.payload, report);
  const hex = parseBytes("hex", template.hex, report);
  if (template.hex !== undefined && (named.length > 0 || template.payload !== undefined)) {
    report("TEMPLATE_HEADERS", "hex is the whole frame; fields and payload cannot be named with it");
  }
  const headers = headersOf(named, report);
  if (findings.length > 0) throw new LabError(findings);
  const spec = template.hex === undefined ? layOut(named, headers, payload, dev, report) : bare(hex);
  checkSize(spec, size, report);
  if (findings.length > 0) throw new LabError(findings);
  const least = Math.max(spec.base.length, ETH_ZLEN);
  const order = Object.keys(template).indexOf("size");
  const before = named.filter(({ def, value }) => {
    return value.count > 1 && Object.keys(template).indexOf(`${def.header}.${def.field}`) < order;
  });
  return { ...spec, size: size ?? { first: least, count: 1 }, sizeOrder: order < 0 ? 0 : before.length };
}

type Report = (code: string, message: string, fix?: string) => void;

function parseSize(
  raw: string | number | undefined,
  sizeBytes: number | null,
  report: Report,
): FrameSpec["size"] | null {
  if (raw === undefined) return sizeBytes === null ? null : { first: sizeBytes, count: 1 };
  const [from, to] = String(raw).split("-");
  const first = parseNumber(from!.trim());
  const last = to === undefined ? first : parseNumber(to.trim());
  if (first === null || last === null || first < MIN_FRAME || last < first || last > MAX_FRAME) {
    report(
      "TEMPLATE_VALUE",
      `size: ${raw}: expected a frame's bytes from ${MIN_FRAME} to ${MAX_FRAME}, or a range of them`,
    );
    return null;
  }
  return { first, count: last - first + 1 };
}

function parseBytes(key: string, raw: string | number | undefined, report: Report): Uint8Array {
  if (raw === undefined) return new Uint8Array(0);
  const bytes = parseHex(String(raw));
  if (bytes === null) report("TEMPLATE_VALUE", `${key}: expected bytes in hexadecimal`, "quote it in YAML");
  return bytes ?? new Uint8Array(0);
}

/** The headers of the frame, in order. */
function headersOf(named: readonly NamedValue[], report: Report): readonly HeaderName[] {
  const used = new Set<HeaderName>(["eth", ...named.map((n) => n.def.header)]);
  const l3 = L3.filter((h) => used.has(h));
  const l4 = L4.filter((h) => used.has(h));
  if (l3.length > 1) report("TEMPLATE_HEADERS", `a frame has one of ${l3.join(" and ")}, not both`);
  if (l4.length > 1) report("TEMPLATE_HEADERS", `a frame has one of ${l4.join(" and ")}, not both`);
  if (l4.length > 0 && l3[0] === "arp") report("TEMPLATE_HEADERS", `arp carries no ${l4[0]}`);
  if (l4.length > 0 && l3.length === 0) {
    const family = l4[0] === "icmp6" ? "ip6.dst" : "ip.dst";
    report("TEMPLATE_HEADERS", `${l4[0]} needs an IP header around it`, `name ${family}`);
  }
  if ((l4[0] === "icmp6" && l3[0] === "ip") || (l4[0] === "icmp" && l3[0] === "ip6")) {
    report("TEMPLATE_HEADERS", `${l3[0]} carries no ${l4[0]}`);
  }
  return ORDER.filter((h) => used.has(h));
}

/** A frame of bytes only. */
function bare(bytes: Uint8Array): FrameSpec {
  return {
    base: bytes,
    varying: [],
    size: { first: bytes.length, count: 1 },
    sizeOrder: 0,
    ip4: -1,
    ip6: -1,
    l4: -1,
    proto: 0,
    keep: { ipLen: false, ipCsum: false, l4Len: false, l4Csum: false },
  };
}

function layOut(
  named: readonly NamedValue[],
  headers: readonly HeaderName[],
  payload: Uint8Array,
  dev: Netdev,
  report: Report,
): FrameSpec {
  const at = new Map<HeaderName, number>();
  let length = 0;
  for (const h of headers) {
    at.set(h, length);
    length += HEADER_BYTES[h];
  }
  const base = new Uint8Array(length + payload.length);
  const view = new DataView(base.buffer);
  base.set(payload, length);
  // the ethertype stands behind a tag when there is one
  const startOf = (def: FieldDef): number | undefined => {
    const tag = at.get("vlan");
    return tag !== undefined && def.header === "eth" && def.field === "type"
      ? tag + 2 - def.offset
      : at.get(def.header);
  };
  const set = (key: string, value: number | Uint8Array): void => {
    const def = TEMPLATE_FIELDS.find((f) => `${f.header}.${f.field}` === key)!;
    const start = startOf(def);
    if (start !== undefined) setField(view, start, def, value);
  };
  const has = (key: string): boolean => named.some((n) => `${n.def.header}.${n.def.field}` === key);
  const l3 = L3.find((h) => at.has(h));
  const l4 = L4.find((h) => at.has(h));
  setConstants(view, at, l3, l4);
  for (const [key, value] of Object.entries(DEFAULTS)) set(key, value);
  set("eth.src", dev.mac);
  set("arp.sha", dev.mac);
  set("eth.dst", dev.ops.peer?.(dev)?.mac ?? new Uint8Array(6).fill(0xff));
  if (l3 === "arp") set("eth.dst", new Uint8Array(6).fill(0xff));
  setSource(dev, l3, has, set, report);
  const varying: VaryingField[] = [];
  for (const { def, value } of named) {
    const start = startOf(def)!;
    setField(view, start, def, value.first);
    if (value.count > 1) varying.push(varyingField(start, def, value));
  }
  if (l3 !== undefined && !has("eth.type")) set("eth.type", ETHERTYPE[l3]!);
  return {
    base,
    varying,
    size: { first: base.length, count: 1 },
    sizeOrder: 0,
    ip4: at.get("ip") ?? -1,
    ip6: at.get("ip6") ?? -1,
    l4: l4 === undefined ? length : at.get(l4)!,
    proto: l4 === undefined ? 0 : PROTO[l4]!,
    keep: {
      ipLen: has("ip.len") || has("ip6.len"),
      ipCsum: has("ip.csum"),
      l4Len: has("udp.len"),
      l4Csum: l4 !== undefined && has(`${l4}.csum`),
    },
  };
}

/** Versions, header lengths, protocol numbers and the like, which no field names or which follow from the headers. */
function setConstants(
  view: DataView,
  at: ReadonlyMap<HeaderName, number>,
  l3: HeaderName | undefined,
  l4: HeaderName | undefined,
): void {
  const start = l3 === undefined ? 0 : at.get(l3)!;
  if (l3 === "ip") {
    view.setUint8(start, 0x45);
    if (l4 !== undefined) view.setUint8(start + 9, PROTO[l4]!);
  } else if (l3 === "ip6") {
    view.setUint8(start, 0x60);
    // no next header: RFC 8200 4.7
    view.setUint8(start + 6, l4 === undefined ? 59 : PROTO[l4]!);
  } else if (l3 === "arp") {
    view.setUint16(start, 1);
    view.setUint16(start + 2, 0x0800);
    view.setUint16(start + 4, 0x0604);
  }
  if (l4 === "tcp") view.setUint8(at.get("tcp")! + 12, 0x50);
}

/** The interface's own address where the template names none. */
function setSource(
  dev: Netdev,
  l3: HeaderName | undefined,
  has: (key: string) => boolean,
  set: (key: string, value: Uint8Array) => void,
  report: Report,
): void {
  const key = l3 === "ip" ? "ip.src" : l3 === "ip6" ? "ip6.src" : l3 === "arp" ? "arp.spa" : "";
  if (key === "" || has(key)) return;
  const list = listAddresses(dev, l3 === "ip6" ? AF_INET6 : AF_INET);
  const addr = list[0]?.addr;
  if (addr === undefined) {
    report("TEMPLATE_HEADERS", `${dev.label} has no address for ${key}`, `name ${key}`);
    return;
  }
  const words = l3 === "ip6" ? [addr.a, addr.b, addr.c, addr.d] : [addr.a];
  set(key, Uint8Array.from(words.flatMap((w) => [w >>> 24, w >>> 16, w >>> 8, w])));
}

function setField(view: DataView, start: number, def: FieldDef, value: number | Uint8Array): void {
  const at = start + def.offset;
  if (typeof value !== "number") {
    for (let i = 0; i < value.length; i++) view.setUint8(at + i, value[i]!);
    return;
  }
  const shift = def.shift ?? 0;
  const mask = maskOf(def);
  const placed = (value << shift) & mask;
  if (def.bytes === 1) view.setUint8(at, (view.getUint8(at) & ~mask) | placed);
  else if (def.bytes === 2) view.setUint16(at, (view.getUint16(at) & ~mask) | placed);
  else view.setUint32(at, (view.getUint32(at) & ~mask) | placed);
}

/** The field's bits within its word. */
function maskOf(def: FieldDef): number {
  const width = def.bits ?? def.bytes * 8;
  return width >= 32 ? -1 : (2 ** width - 1) << (def.shift ?? 0);
}

function varyingField(start: number, def: FieldDef, value: FieldValue): VaryingField {
  const { first, count } = value;
  if (typeof first === "number") {
    const { offset, bytes } = def;
    return { offset: start + offset, bytes, mask: maskOf(def), shift: def.shift ?? 0, first, count };
  }
  const low = first.length - 4;
  const word = new DataView(first.buffer, first.byteOffset, first.byteLength).getUint32(low);
  return { offset: start + def.offset + low, bytes: 4, mask: -1, shift: 0, first: word, count };
}

function checkSize(spec: FrameSpec, size: FrameSpec["size"] | null, report: Report): void {
  if (spec.base.length < MIN_FRAME || spec.base.length > MAX_FRAME) {
    report("TEMPLATE_SIZE", `a frame has ${MIN_FRAME} to ${MAX_FRAME} bytes, not ${spec.base.length}`);
  } else if (size !== null && size.first < spec.base.length) {
    report("TEMPLATE_SIZE", `the headers and payload take ${spec.base.length} bytes, the size is ${size.first}`);
  }
}
