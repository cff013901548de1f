/** u32's handles, tables and nodes as tc prints them. @source iproute2 tc/f_u32.c u32_print_opt, print_ipv4, print_ipv6, get_u32_handle */
import { ETH_P_IP, ETH_P_IPV6 } from "../../../net/ether.ts";
import {
  TC_U32_EAT,
  TC_U32_OFFSET,
  TC_U32_TERMINAL,
  TC_U32_VAROFFSET,
  type U32Key,
  type U32Table,
  u32Hash,
  u32Htid,
  u32Node,
} from "../../../net/tc/cls/u32-tables.ts";
import { unsignedOf } from "../arguments.ts";
import { type FilterShow, printExts } from "../filter-kind.ts";
import { formatClassid } from "../handles.ts";
import type { PrintObject } from "../print.ts";

/** `800::800`, `1:`, `2:a:`, `0x80000800`. @returns null for anything else */
export function parseU32Handle(text: string): number | null {
  if (!text.includes(":")) return text.startsWith("0x") ? unsignedOf(text, 16) : null;
  const m = /^([0-9a-f]*):(?:([0-9a-f]*)(?::([0-9a-f]*))?)?$/i.exec(text);
  if (m === null) return null;
  const [htid, hash, node] = [m[1], m[2], m[3]].map((part) => Number.parseInt(part || "0", 16));
  if (htid! >= 0x1000 || hash! >= 0x100 || node! >= 0x1000) return null;
  return ((htid! << 20) | (hash! << 12) | node!) >>> 0;
}

/** The same way back; 0 is `none`. */
export function formatU32Handle(handle: number): string {
  if (handle === 0) return "none";
  const htid = u32Htid(handle) >>> 20;
  const hash = u32Hash(handle);
  const node = u32Node(handle);
  const head = htid === 0 ? "" : `${htid.toString(16)}:`;
  return `${head}${hash === 0 ? "" : hash.toString(16)}${node === 0 ? "" : `:${node.toString(16)}`}`;
}

/** A hash table. */
export function printU32Table(o: PrintObject, table: U32Table): void {
  const fh = formatU32Handle(table.handle);
  o.any("fh", fh, `fh ${fh} `).any("ht_divisor", table.divisor + 1, `ht divisor ${table.divisor + 1} `);
}

/** A node with its keys and actions. */
export function printU32Key(o: PrintObject, n: U32Key, show: FilterShow): void {
  const fh = formatU32Handle(n.handle);
  const order = u32Node(n.handle);
  const table = (u32Htid(n.handle) >>> 20).toString(16);
  const bucket = u32Hash(n.handle).toString(16);
  o.any("fh", fh, `fh ${fh} `).any("order", order, `order ${order} `);
  o.any("key_ht", table, `key ht ${table} `).any("bkt", bucket, `bkt ${bucket} `);
  const terminal = (n.flags & TC_U32_TERMINAL) !== 0;
  if (n.classid !== 0) {
    const flowid = formatClassid(n.classid);
    o.plain(terminal ? "*" : "").any("flowid", flowid, `flowid ${flowid} `);
  } else if (terminal) o.plain("terminal flowid ");
  if (n.link !== null) {
    const link = formatU32Handle(n.link.handle);
    o.any("link", link, `link ${link} `);
  }
  if (n.skipHw) o.any("skip_hw", true, "skip_hw ");
  if (n.skipSw) o.any("skip_sw", true, "skip_sw ");
  o.any("not_in_hw", true, "not_in_hw ");
  for (let k = 0; k < n.keys.length; k += 4) printKey(o, n.keys, k, show);
  printOffset(o, n);
  if (n.indevName !== "") {
    o.plain("\n").any("input_dev", n.indevName, `  input dev ${n.indevName}`).plain("\n");
  }
  printExts(o, n.exts, show);
}

function printOffset(o: PrintObject, n: U32Key): void {
  if ((n.flags & (TC_U32_VAROFFSET | TC_U32_OFFSET)) !== 0) {
    o.plain("\n").bare("    offset ");
    if ((n.flags & TC_U32_VAROFFSET) !== 0) {
      o.any("offset_mask", n.offmask.toString(16), n.offmask.toString(16).padStart(4, "0"));
      o.any("offset_shift", n.offshift, `>>${n.offshift} `).any("offset_off", n.offoff, `at ${n.offoff} `);
    }
    if (n.off !== 0) o.any("plus", n.off, `plus ${n.off} `);
  }
  if ((n.flags & TC_U32_EAT) !== 0) o.bare(" eat ");
  if (n.hmask !== 0) {
    o.plain("\n").any("hash_mask", hex(n.hmask), `    hash mask ${hex8(n.hmask)} `);
    o.any("hash_off", n.hoff, `at ${n.hoff} `);
  }
}

function printKey(o: PrintObject, keys: Int32Array, k: number, show: FilterShow): void {
  // iproute2 6.1 leaves JSON objects open with -p -j, and aborts
  if (show.flags.pretty && !show.flags.json) {
    const isIp = show.protocol === ETH_P_IP;
    if (isIp || show.protocol === ETH_P_IPV6) {
      o.plain(prettyKey(keys[k]!, keys[k + 1]!, keys[k + 2]!, isIp));
      return;
    }
  }
  const [value, mask, off, offmask] = [keys[k]!, keys[k + 1]!, keys[k + 2]!, keys[k + 3]!];
  const nexthdr = offmask !== 0 ? "nexthdr+" : "";
  o.object("match", (m) => {
    m.plain("\n")
      .any("value", hex(value), `  match ${hex8(value)}`)
      .any("mask", hex(mask), `/${hex8(mask)} `);
    m.any("offmask", nexthdr, `at ${nexthdr}`).any("off", off, `${off}`);
  });
}

/** print_ipv4, print_ipv6: both look for IPv4's fields, with the ports the other way round. Keys they do not know print nothing. */
function prettyKey(value: number, signedMask: number, off: number, isIp: boolean): string {
  const mask = signedMask >>> 0;
  if (off === 0 && mask === 0x0f000000) return `\n  match IP ihl ${value >>> 24}`;
  if (off === 0 && mask === 0x00ff0000) return `\n  match IP dsfield ${hexSharp(value >>> 16)}`;
  if (off === 8 && mask === 0x00ff0000) return `\n  match IP protocol ${value >>> 16}`;
  if (off === 12 || off === 16) {
    const bits = bitsOf(mask);
    if (bits < 0) return "";
    const address = [24, 16, 8, 0].map((s) => (value >>> s) & 0xff).join(".");
    return `\n  match IP ${off === 12 ? "src" : "dst"} ${address}/${bits}`;
  }
  if (off !== 20) return "";
  const high = value >>> 16;
  const low = value & 0xffff;
  if (mask === 0x0000ffff) return isIp ? `match dport ${low}` : `\n  match sport ${low}`;
  if (mask === 0xffff0000) return isIp ? `\n  match sport ${high}` : `match dport ${high}`;
  if (mask !== 0xffffffff) return "";
  return isIp ? `\n  match dport ${low}, match sport ${high}` : `\n  match sport ${low}, match dport ${high}`;
}

/** mask2bits. @returns -1 when the mask is no prefix */
function bitsOf(mask: number): number {
  const bits = mask === 0 ? 0 : 32 - (31 - Math.clz32(mask & -mask));
  const whole = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  return whole === mask ? bits : -1;
}

function hex(n: number): string {
  return (n >>> 0).toString(16);
}
function hex8(n: number): string {
  return hex(n).padStart(8, "0");
}
function hexSharp(n: number): string {
  return n === 0 ? "0" : `0x${n.toString(16)}`;
}
